# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from psycopg2 import IntegrityError

from odoo.exceptions import UserError, ValidationError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from .common import MarketplaceCase, storable


class TestAccountNeighbours(MarketplaceCase):
    """What an account means for others beside it: copies, those that share its credentials, and what it leaves."""

    def shown(self, account):
        data = self.env["marketplace.config"].get_dashboard_data()
        return next(one for one in data["accounts"] if one["id"] == account.id)

    # ------------------------------------------------------------------ copies

    def test_a_copy_does_not_go_by_the_ids_of_the_shop_it_is_a_copy_of(self):
        self.assertTrue(self.account.use_cartona_id)
        copy = self.account.copy()
        self.assertFalse(copy.use_cartona_id)

    def test_who_has_two_shops_of_one_marketplace_go_by_one_field_is_warned(self):
        other = self._create_account(name="Another token")
        self.assertFalse(other.use_cartona_id or other._warn_of_shared_ids())
        other.use_cartona_id = True
        self.assertIn("Cartona Test", other._onchange_use_cartona_id()["warning"]["message"])
        self.account.use_cartona_id = False
        self.assertFalse(other._warn_of_shared_ids())

    def test_the_warning_names_no_account_of_a_company_that_one_does_not_see(self):
        company = self.env["res.company"].create({"name": "Other"})
        groups = "cartona_integration.group_marketplace_manager"
        manager = new_test_user(self.env, "other-manager", groups, company_id=company.id, company_ids=company.ids)
        other = self._create_account(name="Theirs", company_id=company.id, warehouse_ids=False, use_cartona_id=True)
        self._create_account(name="Near", company_id=company.id, warehouse_ids=False, use_cartona_id=True)
        words = other.with_user(manager)._warn_of_shared_ids()
        self.assertNotIn("Cartona Test", words)
        self.assertRegex(words, "^Near, an account of another company goes by")
        manager.company_ids |= self.account.company_id
        both = other.with_user(manager).with_context(allowed_company_ids=manager.company_ids.ids)
        self.assertRegex(both._warn_of_shared_ids(), "Cartona Test")

    def test_accounts_that_share_a_token_are_no_reason_for_a_warning(self):
        self.account.supplier_code = "1"
        other = self._create_account(name="Second", credentials_id=self.account.id, supplier_code="2")
        self.assertFalse(other._warn_of_shared_ids())

    # ------------------------------------------------------------------ archiving

    def test_an_account_that_shows_something_is_not_archived_before_that_is_taken_off(self):
        self.stock_products()
        with self.assertRaisesRegex(UserError, "shows: 4.*Archive its listings"):
            self.account.action_archive()
        self.account.listing_ids.active = False
        with self.assertRaisesRegex(UserError, "shows: 4"):
            self.account.active = False
        self.commit()
        self.account.active = False
        self.assertFalse(self.account.active)

    def test_nor_as_long_as_something_is_to_be_told_of_its_orders(self):
        document = self.box_order((self.listed_alone(), 1, 20.0), status="pending")
        self.pull()
        self.box.fail(path="update-order-status", status=503, times=99)
        self.order_of(document)._action_cancel()
        self.run_hooks()
        with self.assertRaisesRegex(UserError, "know yet: 1"):
            self.account.active = False

    def test_a_paused_account_is_archived_as_it_is(self):
        self.stock_products()
        self.account.action_pause()
        self.account.active = False
        self.assertIn("archived", self.account._trouble())

    # ------------------------------------------------------------------ deleting

    def test_nor_is_one_that_shows_something_deleted(self):
        self.stock_products()
        with self.assertRaisesRegex(UserError, "shows: 4.*Archive its listings"):
            self.account.unlink()
        self.account.action_pause()
        self.account.unlink()
        self.assertFalse(self.account.exists())

    def test_an_account_whose_credentials_others_use_is_deleted_with_them_alone(self):
        self.account.supplier_code = "1"
        other = self._create_account(name="Second", credentials_id=self.account.id, supplier_code="2")
        other.active = False
        with self.assertRaisesRegex(ValidationError, "orders of Second"):
            self.account.unlink()
        (self.account | other).unlink()
        self.assertFalse((self.account | other).exists())

    # ------------------------------------------------------------------ the company and its warehouses

    def company_with_account(self, parent=None):
        company = self.env["res.company"].create({"name": "Closing down", "parent_id": parent and parent.id})
        account = self._create_account(
            name="Sells on", company_id=company.id, warehouse_ids=False, base_url=self.box.url, auth_token="any"
        )
        return company, account

    def test_a_company_whose_account_is_live_is_not_archived(self):
        company, account = self.company_with_account()
        with self.assertRaisesRegex(UserError, "Closing down.*Sells on"):
            company.active = False
        account.action_pause()
        company.active = False
        self.assertFalse(company.active)

    def test_nor_is_one_of_whose_branches_an_account_is_live(self):
        company = self.env["res.company"].create({"name": "Above"})
        self.company_with_account(company)
        with self.assertRaisesRegex(UserError, "Sells on"):
            company.active = False

    def test_a_warehouse_that_an_account_names_is_archived_and_not_deleted(self):
        for field in ("warehouse_ids", "sale_warehouse_id"):
            with self.subTest(field):
                warehouse = self.env["stock.warehouse"].create({"name": field, "code": field[:3]})
                rules = self.env["stock.rule"].with_context(active_test=False)
                rules.search([("picking_type_id.warehouse_id", "=", warehouse.id)]).unlink()  # they hold it, too
                self.account[field] = warehouse
                with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                    warehouse.unlink()
                self.env.invalidate_all()
                self.account[field] = False
                warehouse.unlink()
                self.assertFalse(warehouse.exists())

    def listed_alone(self):
        self.env["marketplace.listing"].create(
            {
                "config_id": self.account.id,
                "product_id": self.products[0].id,
                "external_id": self.external_id(self.products[0]),
            }
        )
        self.commit()
        return self.products[0]

    # ------------------------------------------------------------------ shared credentials

    def test_an_account_whose_orders_wait_for_another_that_is_paused_says_so_at_once(self):
        self.account.supplier_code = "1"
        other = self._create_account(name="Second", credentials_id=self.account.id, supplier_code="2")
        self.assertEqual((other.condition_reason, self.shown(other)["alarms"]), (False, []))
        self.account.action_pause()
        self.assertIn("pulled by Cartona Test", other.condition_reason)
        self.assertEqual(self.shown(other)["alarms"], [other.condition_reason])
        other.pull_orders = False
        self.assertFalse(other.condition_reason)

    # ------------------------------------------------------------------ kinds of calls that fail

    def test_a_kind_of_calls_that_does_not_get_through_is_an_alarm_on_the_card(self):
        running = self.running()
        for times in (4, 5):
            running.failing = {"offers": {"times": times, "others": True, "error": "500 all day"}}
            self.assertEqual(len(self.shown(self.account)["alarms"]), times == 5)
        self.assertIn("500 all day", self.shown(self.account)["alarms"][0])


class TestListedAgain(MarketplaceCase):
    """A product that was deleted here leaves a listing without one, and its ID can be listed again."""

    def prepare(self):
        super().prepare()
        self.old = self.env["product.product"].create(storable({"name": "Old", "default_code": "AGAIN-1"}))
        self.box.add_product(id="again-1", internal_product_id="AGAIN-1", suppler_prodcut_name="Again")
        self.listing = self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": self.old.id, "external_id": "again-1"}
        )
        self.commit()
        self.old.product_tmpl_id.unlink()
        self.commit()
        self.assertFalse(self.listing.product_id or self.listing.active)

    def make_new(self):
        new = self.env["product.product"].create(storable({"name": "New", "default_code": "AGAIN-1"}))
        self.set_stock(new, 5)
        return new

    def assert_listed_as(self, product):
        found = self.env["marketplace.listing"].search(
            [("config_id", "=", self.account.id), ("external_id", "=", "again-1")]
        )
        self.assertEqual((found, found.product_id), (self.listing, product))
        self.assertTrue(product.marketplace_sync_enabled)
        self.assertEqual(self.box.product("again-1")["available_stock_quantity"], 5)
        self.assertFalse(self.unmatched())

    def unmatched(self):
        return self.env["marketplace.unmatched"].search([("external_id", "=", "again-1")])

    def test_matching_finds_the_product_that_was_made_in_its_place(self):
        new = self.make_new()
        self.account.action_match_products()
        self.commit()
        self.assert_listed_as(new)

    def test_without_one_it_is_unmatched_and_a_person_links_it(self):
        self.account.action_match_products()
        self.commit()
        row = self.unmatched()
        self.assertEqual(row.reason, "unknown")
        row.product_id = new = self.make_new()
        row.action_link()
        self.commit()
        self.assert_listed_as(new)

    def test_an_order_that_waits_for_it_goes_on_when_it_is_linked(self):
        line = {"supplier_product_id": "again-1", "amount": 1, "selling_price": 5.0, "product_name": "Again"}
        document = self.box.add_order(order_details=[line], status="pending")
        self.pull()
        order = self.order_of(document)
        self.assertTrue(order.marketplace_hold)
        row = self.unmatched()
        row.product_id = new = self.make_new()
        row.action_link()
        self.commit()
        self.assertEqual((order.state, order.order_line.product_id), ("sale", new))
