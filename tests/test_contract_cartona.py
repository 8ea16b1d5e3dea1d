# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from ..marketplaces import cartona
from .common import SECRET, TOKEN, MarketplaceCase
from .contract import AdapterContract


class TestContractCartona(AdapterContract, MarketplaceCase):
    """Cartona stands what every marketplace has to stand."""

    code = "cartona"
    push_path = "bulk-update"
    pull_path = "pull-orders"
    secrets = (TOKEN, SECRET)

    def _make_box(self):
        return MarketplaceCase._make_box(self)

    def _account_values(self):
        return {"base_url": self.box.url, "auth_token": TOKEN, "webhook_secret": SECRET}

    def external_id(self, product):
        return MarketplaceCase.external_id(self, product)

    def price_there(self, product):
        return self.at_box(product)["selling_price"]

    def quantity_there(self, product):
        return self.at_box(product)["available_stock_quantity"]

    def refuse_product(self, product):
        with self.box.state.lock:
            kept = self.box.state.products.pop(self.external_id(product))
            self.box.state.rows.remove(kept)

    def place_order(self, *lines, **values):
        return self.box_order(*lines, **values)["hashed_id"]

    def place_strange_order(self):
        return self.box_order((self.products[0], 1, 10.0), status=self.unknown_status)["hashed_id"]

    def page_size(self):
        self.patch(cartona, "PULL_LIMIT", 5)
        return 5

    def cancel_there(self, external_id):
        self.box.cancel_order(external_id)
