# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .common import TOKEN, MarketplaceCase

MANAGER = "cartona_integration.group_marketplace_manager"


class TestSetAside(MarketplaceCase):
    """What failed and can never succeed leaves the screen by a person's word."""

    def prepare(self):
        super().prepare()
        self.stock_products()
        self.account.supplier_code = "1"
        self.box.options.supplier_codes = ("1", "77")
        self.commit()
        self.document = self.box_order((self.products[0], 30, 200.0), supplier_code="77")
        self.pull()
        self.row = self.env["marketplace.inbox"].search([("external_id", "=", self.document["hashed_id"])])
        self.assertEqual(self.row.state, "failed")
        self.commit()

    def test_a_document_that_is_set_aside_counts_no_more_and_says_who_did_it(self):
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 70)
        failed = self.account.failed_count
        manager = new_test_user(self.env, "tidier", groups=MANAGER)
        self.row.with_user(manager).action_set_aside()
        self.commit()
        self.assertEqual((self.row.state, self.row.set_aside_by), ("aside", manager))
        self.assertTrue(self.row.set_aside_at and self.row.last_error)
        self.assertEqual(self.account.failed_count, failed - 1)
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 100, "nobody is to get it")

    def test_it_stays_so_when_the_same_comes_again(self):
        self.row.action_set_aside()
        self.pull()
        found = self.env["marketplace.inbox"].search([("external_id", "=", self.document["hashed_id"])])
        self.assertEqual((found, found.state), (self.row, "aside"))

    def test_it_can_be_replayed(self):
        self.row.action_set_aside()
        self.account.supplier_code = "77"
        self.row.action_replay()
        self.commit()
        self.assertEqual(self.row.state, "done")
        self.assertFalse(self.row.set_aside_by or self.row.set_aside_at)
        self.assertTrue(self.order_of(self.document))
        with self.assertRaisesRegex(UserError, "Only what failed"):
            self.row.action_set_aside()

    def test_who_only_looks_sets_nothing_aside(self):
        user = new_test_user(self.env, "onlooker", groups="cartona_integration.group_marketplace_user")
        with self.assertRaises(AccessError):
            self.row.with_user(user).action_set_aside()

    def test_what_it_says_of_the_customer_goes_with_time(self):
        self.row.action_set_aside()
        self.env.flush_all()
        long_ago = fields.Datetime.now() - timedelta(days=self.account.inbox_days + 1)
        self.env.cr.execute("UPDATE marketplace_inbox SET create_date = %s WHERE id = %s", [long_ago, self.row.id])
        self.env["marketplace.inbox"]._gc_old_documents()
        self.env.invalidate_all()
        self.assertTrue(self.row.redacted_at)

    def test_a_task_that_failed_is_dismissed(self):
        self.env["marketplace.task"]._start(self.account, "match")
        task = self.env["marketplace.task"].search([("config_id", "=", self.account.id)], limit=1)
        task._finish("failed", message="404")
        user = new_test_user(self.env, "onlooker", groups="cartona_integration.group_marketplace_user")
        with self.assertRaises(AccessError):
            task.with_user(user).action_dismiss()
        manager = new_test_user(self.env, "tidier", groups=MANAGER)
        task.with_user(manager).action_dismiss()
        self.assertEqual(task.message, f"Dismissed by {manager.name}: 404")
        data = self.env["marketplace.config"].get_dashboard_data()["accounts"]
        self.assertFalse(next(one for one in data if one["id"] == self.account.id)["tasks"])


class TestArchivedAccounts(MarketplaceCase):
    """What came for an account that was archived becomes no order, so it takes nothing off what others sell."""

    def prepare(self):
        super().prepare()
        self.stock_products()
        self.other = self._create_account(name="Other", auth_token=TOKEN)
        listing = {"config_id": self.other.id, "product_id": self.products[0].id, "external_id": "1"}
        self.env["marketplace.listing"].create(listing)
        self.other.action_pause()
        document = self.box_order((self.products[0], 30, 200.0), status="pending")
        order = {**document, "supplier_product_id": "1"}
        order["order_details"] = [{**line, "supplier_product_id": "1"} for line in document["order_details"]]
        stored = [(self.other, "order", document["hashed_id"], order)]
        self.row, _new = self.env["marketplace.inbox"]._store(stored, "webhook")
        self.row._mark_demand()
        self.commit()

    def offered(self):
        self.commit()
        return self.at_box(self.products[0])["available_stock_quantity"]

    def test_it_counts_no_more_until_the_account_is_back(self):
        self.assertEqual((self.row.state, self.offered()), ("waiting", 70))
        self.other.active = False
        self.assertEqual(self.offered(), 100)
        self.other.active = True
        self.assertEqual(self.offered(), 70, "it may become an order again")

    def test_nor_when_the_account_is_deleted(self):
        self.assertEqual(self.offered(), 70)
        self.other.unlink()
        self.assertEqual(self.offered(), 100)

    def test_what_it_says_of_the_customer_goes_with_time(self):
        self.other.active = False
        self.env.flush_all()
        long_ago = fields.Datetime.now() - timedelta(days=self.other.inbox_days + 1)
        self.env.cr.execute("UPDATE marketplace_inbox SET create_date = %s WHERE id = %s", [long_ago, self.row.id])
        self.env["marketplace.inbox"]._gc_old_documents()
        self.env.invalidate_all()
        self.assertEqual((self.row.state, bool(self.row.redacted_at)), ("aside", True))
