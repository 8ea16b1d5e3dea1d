# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .common import MarketplaceCase


class TestOffers(MarketplaceCase):
    def test_a_new_price_reaches_the_marketplace(self):
        self.list_products()
        self.products[0].list_price = 77.5
        self.commit()
        self.assertEqual(self.box.product(1000 + self.products[0].id)["selling_price"], 77.5)
        self.assertEqual(len(self.box.calls("bulk-update")), 1)

    def test_new_stock_reaches_the_marketplace(self):
        self.list_products()
        self.set_stock(self.products[1], 42)
        self.commit()
        self.assertEqual(self.box.product(1000 + self.products[1].id)["available_stock_quantity"], 42)
