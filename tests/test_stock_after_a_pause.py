# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tools import mute_logger

from .common import MarketplaceCase
from .stock_sending import StockSending

PULL = "pull-orders"


class TestStockAfterAPause(StockSending, MarketplaceCase):
    """While an account is paused the marketplace goes on selling: what is true here is more than it may offer, until
    the orders of that time are known."""

    def pause(self):
        self.account.action_pause()
        self.commit()

    def resumed(self, quantity=99):
        """Resume after a pause in which 60 were ordered there, and the stock was counted anew here."""
        self.pause()
        self.box_order((self.product, 60, 10.0))
        self.set_stock(self.product, quantity)
        self.account.action_go_live()

    def hours_pass(self, hours):
        running, passed = self.running(), timedelta(hours=hours)
        for name in ("stock_waits_since", "pull_requested_at", "last_pull_at"):
            if running[name]:
                running[name] -= passed

    def told(self):
        return self.account.activity_ids.filtered(lambda activity: "stock is sent" in activity.summary)

    # ------------------------------------------------------------------ until the orders are here

    def test_no_stock_is_sent_before_the_orders_of_the_pause_are_known(self):
        self.resumed()
        self.push()
        self.assertEqual(self.quantities(), [])
        self.commit()
        self.assertEqual(set(self.quantities()), {39})
        self.assertFalse(self.running().stock_waits_since)

    def test_what_is_sold_out_is_told_at_once(self):
        self.resumed(quantity=0)
        self.push()
        self.assertEqual(self.quantities(), [0])

    def test_prices_do_not_wait_and_the_stock_beside_them_is_not_forgotten(self):
        self.product.list_price = 77.0
        self.resumed()
        self.push()
        self.assertEqual(self.at_box(self.product)["selling_price"], 77.0)
        self.assertEqual(self.quantities(), [])
        self.commit()
        self.assertEqual(set(self.quantities()), {39})

    def test_what_was_to_be_sent_again_although_it_is_the_same_is_sent_once_the_orders_are_known(self):
        self.pause()
        self.account.action_go_live()
        self.listings.action_sync()
        self.push()
        self.commit()
        self.assertEqual(self.quantities(), [100])

    def test_a_first_start_waits_for_the_orders_too(self):
        self.account.state = "draft"
        self.box_order((self.product, 60, 10.0))
        self.account.action_go_live()
        self.set_stock(self.product, 99)
        self.push()
        self.assertEqual(self.quantities(), [])
        self.commit()
        self.assertEqual(set(self.quantities()), {39})

    def test_a_pull_that_was_asked_for_before_does_not_count(self):
        before = fields.Datetime.now() - timedelta(minutes=1)
        self.resumed()
        self.env["marketplace.lane.pull"]._finish(self.account.id, before)
        self.push()
        self.assertEqual(self.quantities(), [])

    def test_a_pull_that_ended_early_does_not_count(self):
        self.resumed()
        moment = fields.Datetime.now() + timedelta(minutes=1)
        self.env["marketplace.lane.pull"]._finish(self.account.id, moment, complete=False)
        self.push()
        self.assertEqual(self.quantities(), [])

    # ------------------------------------------------------------------ after the server was off

    def off(self, hours=3, quantity=99):
        """Let the server have been off for so long, in which 60 were ordered there; the stock was counted anew."""
        self.box_order((self.product, 60, 10.0))
        self.set_stock(self.product, quantity)
        self.running().write({"last_pull_at": self.ago(hours), "pull_requested_at": False})
        self.env.flush_all()  # a pull that is asked for now is stored by a transaction of its own

    def ago(self, hours):
        return fields.Datetime.now() - timedelta(hours=hours)

    def test_no_stock_is_sent_after_the_server_was_off_before_the_orders_of_that_time_are_known(self):
        self.off()
        self.push()
        self.assertEqual(self.quantities(), [])
        self.commit()
        self.assertEqual(set(self.quantities()), {39})
        self.assertFalse(self.running().stock_waits_since)

    def test_no_stock_is_sent_where_the_clock_is_the_first_to_ask_for_those_orders(self):
        self.off()
        self.env["marketplace.config"]._cron_pull_orders()
        self.push()
        self.assertEqual(self.quantities(), [])
        self.commit()
        self.assertEqual(set(self.quantities()), {39})

    def test_a_request_that_nobody_took_up_before_the_server_went_off_does_not_count(self):
        self.off()
        self.running().pull_requested_at = self.ago(3)
        self.push()
        self.assertEqual(self.quantities(), [])

    def test_a_pull_that_fails_for_hours_while_the_server_is_on_holds_no_stock_back(self):
        self.off()
        self.running().pull_requested_at = self.ago(0.25)
        self.push()
        self.assertEqual(self.quantities(), [99])

    def test_a_server_that_was_off_for_moments_holds_no_stock_back(self):
        self.off(hours=0.9)
        self.push()
        self.assertEqual(self.quantities(), [99])

    def test_orders_that_can_not_be_pulled_after_that_are_waited_for_once_and_for_an_hour(self):
        self.box.fail(PULL, status=503, times=None)
        self.off()
        self.push()
        self.hours_pass(1.1)
        self.sweep()
        self.running().write({"blocked_until": False, "failing": False})
        self.push()
        self.assertEqual(self.quantities(), [99])
        self.assertIn("orders", self.told().note)

    def test_an_account_whose_orders_are_pulled_no_more_waits_for_none(self):
        self.account.pull_orders = False
        self.off()
        self.push()
        self.assertEqual(self.quantities(), [99])
        self.assertFalse(self.running().pull_requested_at)

    def test_an_account_waits_for_the_one_that_pulls_its_orders_though_that_takes_none_itself(self):
        self.account.write({"supplier_code": "1", "pull_orders": False})
        second = self._create_account(name="Second", credentials_id=self.account.id, supplier_code="2")
        self.off()
        self.env["marketplace.config"]._cron_pull_orders()
        self.env.invalidate_all()
        self.assertTrue(second.state_ids.stock_waits_since)
        self.assertFalse(self.running().stock_waits_since)

    # ------------------------------------------------------------------ where none come

    def test_a_pull_that_fails_holds_stock_back_for_an_hour_and_no_longer(self):
        self.box.fail(PULL, status=503, times=None)
        self.resumed()
        self.commit()
        self.hours_pass(0.9)
        self.running().write({"blocked_until": False, "failing": False})
        self.sweep()
        self.assertEqual((self.quantities(), self.told()), ([], self.account.activity_ids.browse()))
        self.hours_pass(1.1)
        self.sweep()
        self.running().write({"blocked_until": False, "failing": False})
        self.push()
        self.assertEqual(self.quantities(), [99])
        self.assertIn("orders", self.told().note)

    @mute_logger("odoo.addons.cartona_integration.models.marketplace_wake")
    def test_stock_waits_until_somebody_could_be_told_and_other_accounts_do_not_wait_for_that(self):
        second = self._create_account(name="Second")
        self.commit()
        both = self.account | second
        both.state_ids.stock_waits_since = fields.Datetime.now() - timedelta(hours=2)
        schedule = self.registry["marketplace.config"]._schedule_activity

        def fail_for_the_first(config, *arguments):
            return 1 / 0 if config == self.account else schedule(config, *arguments)

        with patch.object(self.registry["marketplace.config"], "_schedule_activity", fail_for_the_first):
            self.sweep()
        self.assertTrue(self.running().stock_waits_since and not self.told())
        self.assertFalse(second.state_ids.stock_waits_since)
        self.assertIn("stock is sent", second.activity_ids.summary)
        self.sweep()
        self.assertFalse(self.running().stock_waits_since)
        self.assertTrue(self.told())

    def test_a_wait_is_seen_in_the_check_up_when_it_is_no_matter_of_moments(self):
        def found():
            findings = self.env["marketplace.config"].get_doctor_findings()
            return [one for one in findings if "no stock is sent" in one["title"]]

        self.resumed()
        self.assertFalse(found())
        self.hours_pass(0.5)
        self.assertEqual([one["level"] for one in found()], ["warning"])
        self.commit()
        self.assertFalse(found())

    def test_an_account_whose_orders_are_not_pulled_waits_for_none(self):
        self.account.pull_orders = False
        self.resumed()
        self.push()
        self.assertEqual(self.quantities(), [99])
        self.assertFalse(self.running().pull_requested_at)

    def test_an_account_whose_orders_another_one_pulls_waits_for_that_one(self):
        self.account.supplier_code = "1"
        second = self._create_account(name="Second", credentials_id=self.account.id, supplier_code="2")
        second.action_pause()
        second.action_go_live()
        self.assertTrue(second.state_ids.stock_waits_since)
        self.assertFalse(self.running().stock_waits_since)
        self.commit()
        self.assertFalse(second.state_ids.stock_waits_since)
        self.pause()
        self.account.action_go_live()
        self.assertTrue(second.state_ids.stock_waits_since and self.running().stock_waits_since)
        self.pause()
        second.state_ids.stock_waits_since = False
        second.action_pause()
        second.action_go_live()
        self.assertFalse(second.state_ids.stock_waits_since, "nobody pulls its orders now")

    def test_an_account_that_only_tries_again_waits_for_nothing(self):
        self.account.action_go_live()
        self.set_stock(self.product, 99)
        self.push()
        self.assertEqual(self.quantities(), [99])
