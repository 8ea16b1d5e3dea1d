# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from . import marketplace_otp
from . import sale_order_cancel
