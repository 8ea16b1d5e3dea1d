# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .common import MarketplaceCase


class TestDropshipping(MarketplaceCase):
    """Goods that a vendor brings straight to the customer have left as those of a warehouse have."""

    def prepare(self):
        super().prepare()
        self.list_products()
        self.set_stock(self.products[0], 100)
        self.document = self.box_order((self.products[0], 10, 20.0), status="pending")
        self.pull()
        self.order = self.order_of(self.document)
        self.delivery = self.order.picking_ids

    def setUp(self):
        super().setUp()
        self.make_dropship(self.delivery.picking_type_id)
        self.assertEqual(self.delivery.picking_type_code, "dropship")

    def make_dropship(self, kind):
        """Make the operation type of the kind that the module stock_dropshipping brings, which need not be here."""
        code = self.env["stock.picking.type"]._fields["code"]
        if "dropship" not in code.get_values(self.env):
            choices = [*code.selection, ("dropship", "Dropship")]
            self.patch(code, "selection", choices)
            if hasattr(code, "_selection"):  # newer series look a value up here
                self.patch(code, "_selection", dict(choices))
        kind.code = "dropship"

    def sent(self):
        return [entry.body["status"] for entry in self.box.calls(f"update-order-status/{self.document['hashed_id']}")]

    def test_the_marketplace_is_told_that_they_have_left(self):
        self.assertTrue(self.delivery._is_to_go_out())
        self.delivery.button_validate()
        self.commit()
        self.assertEqual(self.sent(), ["approved", "assigned_to_salesman"])
        self.assertEqual(self.order.marketplace_status, "shipped")

    def test_what_goes_back_to_the_vendor_has_not_left(self):
        self.delivery.location_dest_id = self.env.ref("stock.stock_location_suppliers")
        self.assertFalse(self.delivery._marketplace_outgoing())
        self.assertFalse(self.delivery.marketplace_ships)
        self.assertFalse(self.order._has_all_left())

    def test_what_the_customer_sends_back_is_prepared(self):
        self.delivery.button_validate()
        self.commit()
        self.env["marketplace.order.processor"]._take_back(self.order)
        self.assertEqual(len(self.delivery.return_ids), 1)
