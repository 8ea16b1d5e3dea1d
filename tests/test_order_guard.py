# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .common import MarketplaceCase

SALES = "sales_team.group_sale_salesman_all_leads"


class TestOrderGuard(MarketplaceCase):
    """What a marketplace has told of an order is written by nobody else, whatever is called."""

    def prepare(self):
        super().prepare()
        self.stock_products()
        self.seller = new_test_user(self.env, "seller", groups=SALES)
        self.storeman = new_test_user(self.env, "storeman", groups="stock.group_stock_user")

    def values(self, **values):
        line = {"product_id": self.products[0].id, "product_uom_qty": 1}
        partner = self.env["res.partner"].create({"name": "Somebody"})
        return {"partner_id": partner.id, "order_line": [(0, 0, line)], **values}

    def test_nobody_makes_an_order_up(self):
        orders = self.env["sale.order"].with_user(self.seller)
        forged = {"marketplace_config_id": self.account.id, "cartona_id": "other", "marketplace_status": "pending"}
        with self.assertRaisesRegex(AccessError, "cartona_id"):
            orders.create(self.values(**forged))
        with self.assertRaisesRegex(AccessError, "marketplace_config_id"):
            orders.with_context(default_marketplace_config_id=self.account.id).create(self.values())
        line = {"product_id": self.products[0].id, "cartona_line_id": "7"}
        with self.assertRaisesRegex(AccessError, "cartona_line_id"):
            orders.create(self.values(order_line=[(0, 0, line)]))

    def test_an_order_of_ones_own_is_made_duplicated_and_changed_as_before(self):
        order = self.env["sale.order"].with_user(self.seller).create(self.values())
        order.copy().action_confirm()
        order.order_line.product_uom_qty = 2
        order.action_confirm()
        self.assertEqual(order.state, "sale")

    def test_nobody_writes_what_keeps_an_order_from_going_on(self):
        document = self.box_order((self.products[0], 1, 10.0), installment_cost=100)
        self.pull()
        order = self.order_of(document)
        self.assertTrue(order.marketplace_otp_required)
        for user in (self.seller, self.storeman):
            for name in ("marketplace_otp_required", "marketplace_hold", "cartona_id", "marketplace_status"):
                with self.assertRaises(AccessError):
                    order.with_user(user).write({name: False})
        with self.assertRaises(AccessError):
            order.order_line.with_user(self.seller).write({"marketplace_quantity": 5})
        for name in ("marketplace_to_collect", "marketplace_owes", "marketplace_owed", "marketplace_balance"):
            with self.assertRaisesRegex(AccessError, name):
                order.with_user(self.seller).write({name: 0})
        order.with_user(self.seller).write({"client_order_ref": "Theirs", "marketplace_cancel_reason": False})
        administrator = new_test_user(self.env, "administrator", groups=f"{SALES},base.group_system")
        order.with_user(administrator).write({"marketplace_hold": False})

    def test_a_seller_accepts_what_an_order_is_held_for(self):
        document = self.box_order((self.products[0], 1, 10.0), total_price=99.0)
        self.pull()
        order = self.order_of(document)
        self.assertTrue(order.marketplace_hold)
        order.with_user(self.seller).action_marketplace_accept()
        self.commit()
        self.assertEqual(order.state, "sale")
        self.assertIn("Accepted", str(order.message_ids.mapped("body")))
