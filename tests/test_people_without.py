# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from collections import Counter

from odoo.tests import new_test_user

from .common import MarketplaceCase

OURS = ("marketplace_", "cartona_")
PEOPLE = {
    "seller": "sales_team.group_sale_salesman",
    "seller with a store": "sales_team.group_sale_salesman,stock.group_stock_user",
    "seller of accounts": "sales_team.group_sale_salesman,cartona_integration.group_marketplace_user",
    "storeman": "stock.group_stock_user",
    "storeman of accounts": "stock.group_stock_user,cartona_integration.group_marketplace_user",
    "bookkeeper": "account.group_account_invoice",
    "bookkeeper of accounts": "account.group_account_invoice,cartona_integration.group_marketplace_user",
    "buyer": "purchase.group_purchase_user",
    "buyer with a store": "purchase.group_purchase_user,stock.group_stock_user",
    "storekeeper": "stock.group_stock_manager",
    "nobody": "base.group_user",
}


class TestPeopleWithout(MarketplaceCase):
    """People who may see a record of Odoo's see it with our fields on it, whatever else they may not see."""

    def prepare(self):
        super().prepare()
        self.list_products()
        self.set_stock(self.products[0], 100)
        self.document = self.box_order((self.products[0], 10, 20.0), status="pending")
        self.pull()
        self.order = self.order_of(self.document)
        self.order.user_id = self.env.user
        self.order.picking_ids.button_validate()
        self.invoice = self.order._create_invoices()
        self.own = self.env["sale.order"].create(
            {
                "partner_id": self.env["res.partner"].create({"name": "Customer"}).id,
                "user_id": self.env.user.id,
                "order_line": [(0, 0, {"product_id": self.products[0].id, "product_uom_qty": 1})],
            }
        )
        self.own.action_confirm()
        self.commit()

    def everybody(self):
        for name, groups in PEOPLE.items():
            if all(self.env.ref(group, raise_if_not_found=False) for group in groups.split(",")):
                yield name, new_test_user(self.env, name.replace(" ", "-"), groups=groups)

    def records(self):
        orders = self.order + self.own
        yield from (orders, orders.order_line, orders.picking_ids, orders.picking_ids.move_ids, self.invoice)
        yield from (orders.partner_id, self.products[0], self.products[0].product_tmpl_id, self.order.warehouse_id)

    def readable(self, records, user):
        rights = self.env["ir.model.access"].with_user(user)
        if not rights.check(records._name, "read", raise_exception=False):
            return records.with_user(user).browse()
        return records.with_user(user)._filter_access_rules("read")

    def test_whoever_sees_a_record_sees_what_is_ours_on_it(self):
        read = Counter()
        for name, user in self.everybody():
            (self.order + self.own).user_id = user  # who sells sees own orders alone
            for records in self.records():
                seen = self.readable(records, user)
                fields = [field for field in seen.fields_get() if field.startswith(OURS)] if seen else []
                for field in fields:
                    with self.subTest(person=name, model=seen._name, field=field):
                        self.env.invalidate_all()
                        seen.read([field])
                        read[name, seen._name] += 1
        for name, model in (("seller", "sale.order"), ("storeman", "stock.picking"), ("bookkeeper", "sale.order")):
            self.assertGreater(read[name, model], 0, name)
        self.assertGreater(sum(read.values()), 50)

    def test_who_sells_and_who_keeps_the_books_find_the_settlement(self):
        action = self.env.ref("cartona_integration.marketplace_settlement_action")
        ours = {self.env.ref(f"cartona_integration.menu_marketplace_settlement{of}").id for of in ("", "_invoicing")}
        found = {}
        for name, user in self.everybody():
            menus = self.env["ir.ui.menu"].with_user(user).load_menus(False)
            reached = {child for menu in menus.values() for child in menu["children"]}
            found[name] = bool(reached & ours)
            if found[name]:
                arch = self.env["sale.order"].with_user(user).get_view(action.search_view_id.id, "search")["arch"]
                with self.subTest(person=name):
                    self.assertEqual('<field name="marketplace_config_id"' in arch, "of accounts" in name)
        self.assertTrue(found["seller"] and found["bookkeeper"])
        self.assertFalse(found["storeman"] or found["nobody"])

    def test_who_sells_own_orders_alone_delivers_what_others_sold(self):
        self.add_shipping()
        order = self.own.copy()
        order.action_confirm()
        delivery = order.picking_ids
        user = new_test_user(self.env, "packer", groups=PEOPLE["seller with a store"])
        self.assertNotIn(order, order.with_user(user).search([]))
        delivery.with_user(user).button_validate()
        self.assertEqual(delivery.state, "done")
        again = self.order.picking_ids.with_user(user)
        self.assertTrue(again.marketplace_ships)
        again.write({"marketplace_carrier": "Aramex", "marketplace_tracking": "A-1"})

    def add_shipping(self):
        """Have a marketplace that wants to know of each delivery."""
        capabilities = self.registry["marketplace.api.cartona"]._capabilities
        self.patch(
            self.registry["marketplace.api.cartona"], "_capabilities", lambda api: {**capabilities(api), "ships": True}
        )
