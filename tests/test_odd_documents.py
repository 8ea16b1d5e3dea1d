# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields
from odoo.tools import mute_logger

from .common import MarketplaceCase

PULL = "odoo.addons.cartona_integration.models.marketplace_lane_pull"
INBOX = "odoo.addons.cartona_integration.models.marketplace_inbox"


class TestOddDocuments(MarketplaceCase):
    """What an adapter stumbles over in one document holds back no other, and is seen."""

    def prepare(self):
        super().prepare()
        self.listings = self.stock_products()
        self.bad = self.place()
        self.good = self.place()

    def place(self, amount=1, lines=1):
        return self.box_order(*[(self.products[0], amount, 5.0)] * lines, status="pending")

    def stumble(self, name):
        """Have a method of the adapter fail, as a bug does, at the bad order."""
        adapter, bad = type(self.env["marketplace.api.cartona"]), self.bad["hashed_id"]
        original = getattr(adapter, name)

        def stumbling(api, config, raw, *args):
            if raw.get("hashed_id") == bad:
                raise KeyError("no such key")
            return original(api, config, raw, *args)

        self.patch(adapter, name, stumbling)

    def inbox(self):
        return self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)])

    def pull_quietly(self):
        with mute_logger(PULL, INBOX, "odoo.addons.cartona_integration.models.marketplace_lane_inbox"):
            self.pull()
        self.assertTrue(self.order_of(self.good))

    def test_an_order_that_can_not_be_understood_for_a_bug_holds_back_no_other(self):
        self.stumble("_parse_order")
        self.pull_quietly()
        failed = self.inbox().filtered(lambda row: row.state == "failed")
        self.assertEqual(len(failed), 1)
        self.assertTrue(failed.last_error)
        self.assertTrue(self.account.activity_ids)

    def test_an_order_whose_version_can_not_be_read_for_a_bug_comes_in_all_the_same(self):
        self.stumble("_version")
        self.pull_quietly()
        self.assertTrue(self.order_of(self.bad))

    def test_an_order_whose_id_can_not_be_read_for_a_bug_holds_back_no_other(self):
        self.stumble("_identify")
        self.pull_quietly()
        self.pull_quietly()
        self.assertTrue(self.order_of(self.bad), "the document itself can be read")
        self.assertEqual(len(set(self.inbox().mapped("digest"))), len(self.inbox()), "each of its versions once")
        self.assertFalse(self.running().last_error)

    def test_an_order_that_can_not_be_understood_for_a_bug_is_forgotten_with_its_customer(self):
        line, who = (self.products[0], 1, 5.0), {"retailer_name": "Somebody Unique", "retailer_code": "KV00777"}
        self.good, self.bad = (self.box_order(line, retailer=who, status="pending") for _number in range(2))
        self.stumble("_parse_order")
        self.pull_quietly()
        failed = self.inbox().filtered(lambda row: row.state == "failed")
        customer = self.order_of(self.good).partner_id
        with mute_logger("odoo.addons.cartona_integration.models.marketplace_inbox_retention"):
            customer.action_marketplace_forget()
        self.assertEqual(customer.name, "Forgotten customer")
        self.assertEqual((failed.external_id, failed.state), (self.bad["hashed_id"], "closed"))
        self.assertNotIn("Somebody", failed.payload)

    def test_what_sums_up_to_no_number_asks_for_nothing(self):
        raw = {**self.bad, "order_details": [{**self.bad["order_details"][0], "amount": 1e308}] * 2}
        self.assertEqual(self.env["marketplace.inbox"]._demand_of(self.account, "order", raw), {})

    def test_what_fails_while_orders_are_stored_stands_on_the_account(self):
        self.patch(type(self.env["marketplace.inbox"]), "_store_locked", lambda *args, **kwargs: 1 / 0)
        with mute_logger(PULL):
            self.pull()
        self.assertIn("division by zero", self.running().last_error)
        self.assertTrue(self.running()._is_blocked("pull"))

    def test_what_fails_in_one_lane_keeps_the_sweeper_from_no_other(self):
        self.products[0].list_price = 72
        self.account.action_pull_orders()
        self.run_hooks()
        jobs = self.env["queue.job"].search([("identity_key", "=like", "marketplace:%"), ("state", "=", "pending")])
        old = fields.Datetime.now() - timedelta(minutes=5)
        self.env.cr.execute("UPDATE queue_job SET date_created = %s WHERE id = ANY(%s)", [old, jobs.ids])
        sender = type(self.env["marketplace.sender"])
        drain = sender._drain

        def fail_at_first(sender, config_id, lane, **kwargs):
            if lane == "offers":
                return 1 / 0
            return drain(sender, config_id, lane, **kwargs)

        self.patch(sender, "_drain", fail_at_first)
        with mute_logger("odoo.addons.cartona_integration.models.marketplace_wake"):
            self.env["marketplace.wake"]._cron_sweep()
        self.assertTrue(self.inbox(), "the pull came after it")
