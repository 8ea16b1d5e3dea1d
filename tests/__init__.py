# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from . import test_offers
