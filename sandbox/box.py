# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The sandbox as an object: start it, look into it, act as the retailer, break it."""

from .app import ADMIN, API, App
from .base import BaseBox
from .options import Options
from .state import State


class Sandbox(BaseBox):
    """A running Cartona, as a context manager or with ``start()`` and ``stop()``.

    ``products`` and ``orders`` are a number to make up or a list of explicit rows; ``options`` are those of
    ``Options``. ``url`` is the API's base URL, ``admin_url`` the admin's, ``token`` what the API wants in its header.
    """

    def __init__(self, products=0, orders=0, token="sandbox-token", seed=1, host="127.0.0.1", port=0, **options):
        self.options = Options(token=token, **options)
        self.state = State(self.options, products, orders, seed)
        super().__init__(host, port, seed)
        self.url, self.admin_url = self.root + API, self.root + ADMIN

    def make_app(self):
        return App(self.state, self.faults, self.log)

    @property
    def token(self) -> str:
        return self.options.token

    # === looking ===

    def product(self, external_id, supplier_code=None) -> dict:
        """A product as an account has it (the first account without a code); ``KeyError`` when there is none."""
        return self.state.product(external_id, supplier_code)

    def order(self, hashed_id) -> dict:
        return self.state.order(hashed_id)

    def otp(self, hashed_id) -> str:
        """The OTP that the retailer would tell the driver."""
        return self.state.inside(hashed_id)["retailer_otp"]

    def queued(self) -> list[str]:
        """Ids of the orders that wait to be acknowledged, in the order they are handed out."""
        with self.state.lock:
            return [order.document["hashed_id"] for order in self.state.queue()]

    # === acting as the retailer or the marketplace ===

    def add_product(self, **row) -> dict:
        return self.state.add_product(row)

    def add_order(self, **values) -> dict:
        """Place an order; what is not given is made up, also in ``order_details=[{"supplier_product_id": …}]``."""
        return self.state.add_order(values)

    def edit_order(self, hashed_id, amounts=None, by="retailer", **values) -> dict:
        """Edit as the retailer, or ``by="admin"``; ``amounts`` is ``{line id: amount}``. Raises ``Refused``."""
        return self.state.edit_order(hashed_id, values, amounts, by)

    def cancel_order(self, hashed_id) -> dict:
        """Cancel as the retailer. Raises ``Refused`` when it is too late for that."""
        return self.state.cancel_order(hashed_id)
