# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from . import models
from . import marketplaces
from . import controllers
from . import wizards
from .controllers.away import answer_while_away
from .hooks import uninstall_hook
