# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from . import models
from . import marketplaces
from . import controllers
from . import wizards
from .hooks import uninstall_hook
