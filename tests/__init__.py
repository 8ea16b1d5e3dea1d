# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from . import test_account
from . import test_audit
from . import test_cartona
from . import test_concurrency
from . import test_house_rules
from . import test_matching
from . import test_offer_demand
from . import test_offer_failures
from . import test_offer_values
from . import test_offers
from . import test_orders_in
from . import test_orders_out
from . import test_scale
from . import test_sweeper
from . import test_tasks
from . import test_webhook
from . import test_tour
