# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import UserError
from odoo.tools import mute_logger

from .common import MarketplaceCase


class TestOrderCurrency(MarketplaceCase):
    """Orders are in the marketplace's currency, whatever their customer's pricelist is in."""

    def prepare(self):
        super().prepare()
        self.stock_products()
        ours = self.env.company.currency_id
        self.foreign = self.env["res.currency"].with_context(active_test=False).search([("id", "!=", ours.id)], limit=1)
        self.foreign.active = True

    def order(self, **values):
        shop = {"retailer_name": "Shop", "retailer_code": "EX1", "retailer_number": "+201055500055"}
        document = self.box_order((self.products[0], 2, 10.0), retailer=shop, **values)
        self.pull()
        return self.order_of(document)

    def foreign_pricelist(self):
        return self.env["product.pricelist"].create({"name": "Export", "currency_id": self.foreign.id})

    def have_customer_of_foreign_pricelist(self):
        self.order().partner_id.property_product_pricelist = self.foreign_pricelist()

    def test_a_customers_pricelist_in_another_currency_is_not_the_orders(self):
        self.have_customer_of_foreign_pricelist()
        order = self.order()
        self.assertEqual(order.partner_id.property_product_pricelist.currency_id, self.foreign)
        self.assertEqual((order.currency_id, order.amount_total), (self.env.company.currency_id, 20.0))
        self.assertEqual(order.state, "sale")

    def test_the_accounts_pricelist_is_the_orders(self):
        self.have_customer_of_foreign_pricelist()
        ours = self.env["product.pricelist"].create({"name": "Marketplace"})
        self.account.pricelist_id = ours
        self.assertEqual(self.order().pricelist_id, ours)

    def test_a_branch_has_pricelists_of_its_own(self):
        """Odoo refuses those of its company to its orders."""
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": self.env.company.id})
        processor, pricelists = self.env["marketplace.order.processor"], self.env["product.pricelist"]
        pricelists.search([("currency_id", "=", self.foreign.id)]).active = False
        account = self._create_account(name="Branch", company_id=branch.id, warehouse_ids=False)
        theirs = self.foreign_pricelist()
        self.assertEqual(theirs.company_id, self.env.company)
        self.assertFalse(processor._pricelist_in(account, self.foreign.name))
        partner = self.env["res.partner"].create({"name": "Customer"})
        with self.assertRaises(UserError):
            self.env["sale.order"].create(
                {"partner_id": partner.id, "company_id": branch.id, "pricelist_id": theirs.id}
            )
        for company in (False, branch.id):
            ours = pricelists.create({"name": "Ours", "currency_id": self.foreign.id, "company_id": company})
            self.assertEqual(processor._pricelist_in(account, self.foreign.name), ours)
            ours.active = False

    def test_an_order_that_lacked_a_pricelist_goes_on_with_it_once_there_is_one(self):
        self.env["product.pricelist"].search([("currency_id", "=", self.foreign.id)]).active = False
        order = self.order()
        order = order.copy({"marketplace_config_id": order.marketplace_config_id.id, "cartona_id": "another"})
        order.write({"marketplace_status": "approved", "marketplace_currency": self.foreign.name})
        processor = self.env["marketplace.order.processor"]
        processor._hold_orders(order)
        self.assertIn("there is no pricelist in that currency", order.marketplace_hold)
        pricelist = self.foreign_pricelist()
        processor._hold_orders(order)
        self.assertFalse(order.marketplace_hold)
        self.assertEqual((order.pricelist_id, order.currency_id), (pricelist, self.foreign))
        self.assertEqual(order.order_line.price_unit, 10.0)


class TestFollowUpFails(MarketplaceCase):
    @mute_logger("odoo.addons.cartona_integration.models.marketplace_lane_inbox")
    def test_an_order_that_can_not_be_confirmed_is_told_to_a_person_in_the_end(self):
        self.stock_products()

        def refuse(order):
            raise UserError(order.name)

        self.patch(self.registry["sale.order"], "action_confirm", refuse)
        document = self.box_order((self.products[0], 1, 10.0))
        self.pull()
        order = self.order_of(document)
        row = order._marketplace_document()
        for attempt in range(1, 5):
            self.assertEqual((row.state, row.attempts), ("imported", attempt))
            self.assertFalse(self.account.activity_ids)
            row.next_attempt = False
            self.sweep()
        self.assertEqual((row.state, row.attempts), ("failed", 5))
        self.assertIn("could not be processed", self.account.activity_ids.summary)
        self.assertIn(order.name, self.account.activity_ids.note)
