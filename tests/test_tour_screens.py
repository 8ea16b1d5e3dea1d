# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.tests import HttpCase, tagged

from .common import MarketplaceCase, storable

OTP = "246810"


@tagged("post_install", "-at_install")
class TestTourScreens(MarketplaceCase, HttpCase):
    """What people do with held orders, deliveries and products, in a browser."""

    def prepare(self):
        super().prepare()
        self.stock_products()

    def walk(self, name, address):
        self.env.flush_all()
        self.start_tour(f"/web#{address}", f"cartona_integration_{name}", login="admin", timeout=120)
        self.env.invalidate_all()

    def form(self, record):
        return f"id={record.id}&model={record._name}&view_type=form"

    def pulled(self, *lines, **values):
        document = self.box_order(*lines, status="pending", delivered_by="delivered_by_supplier", **values)
        self.pull()
        return self.order_of(document)

    def test_a_product_is_matched_and_the_order_that_waited_for_it_goes_on(self):
        self.env["product.product"].create(storable({"name": "Juice of the tour", "taxes_id": False}))
        self.box.add_product(id="tour-1", name="عصير برتقال")
        lines = [{"supplier_product_id": "tour-1", "product_name": "عصير برتقال", "amount": 2, "selling_price": 5}]
        document = self.box.add_order(order_details=lines, status="pending")
        self.pull()
        order = self.order_of(document)
        self.assertTrue(order.marketplace_hold)
        action = self.env.ref("cartona_integration.marketplace_unmatched_action")
        self.walk("match", f"action={action.id}&model=marketplace.unmatched&view_type=list")
        self.commit()
        listing = self.account.listing_ids.filtered(lambda listing: listing.external_id == "tour-1")
        self.assertEqual(listing.product_id.name, "Juice of the tour")
        self.assertEqual(order.state, "sale")
        self.assertFalse(order.marketplace_hold)

    def test_a_held_order_is_accepted_and_goes_on(self):
        order = self.pulled((self.products[0], 1, 10.0), total_price=99)
        self.assertIn("The total is", order.marketplace_hold)
        self.walk("held", self.form(order))
        self.commit()
        self.assertEqual(order.state, "sale")

    def test_a_delivery_with_an_otp(self):
        self.account.status_rule_ids.filtered(lambda rule: rule.event == "left").status = "delivered"
        order = self.pulled((self.products[0], 1, 10.0), installment_cost=10)
        self.box.state.orders[order.cartona_id].retailer_otp = OTP
        picking = order.picking_ids
        self.walk("otp", self.form(picking))
        self.assertEqual(picking.state, "done")
        self.assertEqual(self.box.order(order.cartona_id)["status"], "delivered")

    def test_a_product_is_sent_again_from_its_form(self):
        product = self.products[0]
        gone = self.box.state.products.pop(self.external_id(product))
        product.list_price += 1
        self.commit()
        self.assertEqual(product.marketplace_state, "failed")
        self.box.state.products[self.external_id(product)] = gone
        self.walk("manual_sync", self.form(product.product_tmpl_id))
        self.commit()
        self.assertEqual(product.marketplace_state, "synced")
        self.assertEqual(self.at_box(product)["selling_price"], product.list_price)
