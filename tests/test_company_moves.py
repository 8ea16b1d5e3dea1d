# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import UserError

from .common import TOKEN, MarketplaceCase


class TestCompanyMoves(MarketplaceCase):
    """An account stays with the company whose orders, listings and customers it has."""

    def prepare(self):
        super().prepare()
        self.other = self.env["res.company"].create({"name": "Our company"})
        self.fresh = self._create_account(name="Fresh", warehouse_ids=False, base_url=self.box.url, auth_token=TOKEN)

    def assert_stays(self):
        former = self.fresh.company_id
        with self.assertRaisesRegex(UserError, "Fresh.*create an account"):
            self.fresh.company_id = self.other
        self.env.invalidate_all()
        self.assertEqual(self.fresh.company_id, former)

    def test_an_account_of_which_nothing_is_there_moves_to_another_company(self):
        self.fresh.company_id = self.other
        self.assertEqual(self.fresh.company_id, self.other)

    def test_an_account_with_listings_stays_with_its_company(self):
        listing = {"config_id": self.fresh.id, "product_id": self.products[0].id, "external_id": "moved"}
        self.env["marketplace.listing"].create({**listing, "active": False})
        self.assert_stays()

    def test_an_account_with_orders_stays_with_its_company(self):
        partner = self.env["res.partner"].create({"name": "Customer"})
        self.env["sale.order"].create({"partner_id": partner.id, "marketplace_config_id": self.fresh.id})
        self.assert_stays()

    def test_an_account_with_customers_stays_with_its_company(self):
        partner = self.env["res.partner"].create({"name": "Customer"})
        code = {"config_id": self.fresh.id, "code": "c1", "partner_id": partner.id}
        self.env["marketplace.customer.code"].create(code)
        self.assert_stays()

    def test_an_account_whose_documents_wait_stays_with_its_company(self):
        order = {"hashed_id": "first", "status": "pending"}
        row, _new = self.env["marketplace.inbox"]._store([(self.fresh, "order", "first", order)], "webhook")
        for state in ("waiting", "failed", "imported"):
            row.state = state
            self.assert_stays()

    def test_an_account_moves_whose_documents_have_nothing_to_do_any_more(self):
        order = {"hashed_id": "first", "status": "pending"}
        row, _new = self.env["marketplace.inbox"]._store([(self.fresh, "order", "first", order)], "webhook")
        row.state = "done"  # a person has deleted the order that it became
        self.fresh.company_id = self.other
        self.assertEqual(self.fresh.company_id, self.other)

    def test_saving_the_same_company_again_is_no_move(self):
        listing = {"config_id": self.fresh.id, "product_id": self.products[0].id, "external_id": "moved"}
        listing, company = self.env["marketplace.listing"].create(listing), self.fresh.company_id
        self.fresh.write({"company_id": company.id})
        self.assertEqual((self.fresh.company_id, self.fresh.listing_ids), (company, listing))
        self.assertEqual((listing.product_id, listing.external_id), (self.products[0], "moved"))

    def test_an_account_moves_with_no_warehouse_of_the_former_company(self):
        self.fresh.warehouse_ids = self.env["stock.warehouse"].search(
            [("company_id", "=", self.fresh.company_id.id)], limit=1
        )
        with self.assertRaises(UserError):
            self.fresh.company_id = self.other
