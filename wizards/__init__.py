# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from . import marketplace_otp
from . import marketplace_product_sync
from . import marketplace_rest
from . import sale_order_cancel
