# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What tests share that watch stock go out while orders are still at the marketplace."""


class StockSending:
    """Products that are listed and in stock, and one of them whose quantities are looked at."""

    def prepare(self):
        super().prepare()
        self.listings = self.stock_products()
        self.product = self.products[0]

    def push(self, account=None):
        """Have prices and stock sent, and nothing else done."""
        self.run_hooks()
        self.env["marketplace.sender"]._drain((account or self.account).id, "offers")
        self.env.invalidate_all()

    def quantities(self):
        """Return what was sent of the product's stock, in order."""
        there = self.external_id(self.product)
        rows = [row for row in self.sent_rows() if str(row["supplier_product_id"]) == there]
        return [row["available_stock_quantity"] for row in rows if "available_stock_quantity" in row]
