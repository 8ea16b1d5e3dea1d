# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""A marketplace in a box: a server on this machine that speaks Cartona's API, with state, faults and a journal.

For tests, benchmarks and ``make run``. It knows nothing of the addon, and the addon never imports it.

>>> with Sandbox(products=10, orders=2) as box:
...     requests.get(box.url + "supplier-product", headers={"AuthorizationToken": box.token}).json()
"""

from .box import Sandbox
from .options import Options
from .state import Refused

__all__ = ["Options", "Refused", "Sandbox"]
