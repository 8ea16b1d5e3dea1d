# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import re

from odoo import fields
from odoo.tools import mute_logger

from .common import MarketplaceCase
from .contract_tools import AdapterTools
from .test_contract_woocommerce import WoocommerceBase

ANY_ORDER = r"orders/\d+$"
SENDER = "odoo.addons.cartona_integration.models.marketplace_sender"


class TestNotices(WoocommerceBase, AdapterTools, MarketplaceCase):
    """A notice says that there is news of an order, which is fetched then: by one call, that may fail."""

    def prepare(self):
        super().prepare()
        self.list_products()
        self.settle()
        self.box.clear_journal()

    def notice(self):
        """Place an order and have its marketplace say so; return the notice."""
        external_id = self.place_order((self.products[0], 1, 10.0))
        rows, _new = self.env["marketplace.inbox"]._store([(self.account, "notice", external_id, {})], "webhook")
        return rows

    def tries(self, count):
        """Let the time come for the next try, so often."""
        for _try in range(count):
            self.running().write(self.over())
            self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)]).next_attempt = False
            self.sweep()

    def over(self):
        """Return the running state's values once every wait is over; what was noted of failures stays."""
        lanes = (self.running().limited or {}).items()
        limited = {lane: {**limit, "until": "2020-01-01 00:00:00"} for lane, limit in lanes}
        return {"blocked_until": fields.Datetime.now(), "limited": limited or False}

    def assert_order_comes(self, notice):
        self.box.clear_faults()
        self.tries(3)
        self.assertEqual((notice.state, notice.last_error), ("done", False))
        self.assertTrue(self.order_here(notice.external_id))

    def test_a_long_outage_is_no_fault_of_the_order(self):
        notice = self.notice()
        self.box.fail(".", status=503, times=None)
        self.commit()
        self.tries(15)
        self.assertEqual((notice.state, notice.attempts), ("waiting", 1))
        self.assertTrue(notice.last_error)
        self.assert_order_comes(notice)

    def test_a_limit_of_calls_is_no_fault_of_the_order(self):
        notice = self.notice()
        self.box.fail(ANY_ORDER, status=429, retry_after="60", times=None)
        self.commit()
        self.assertEqual(notice.next_attempt, self.running()._blocked_until("pull"))
        self.tries(15)
        self.assertEqual((notice.state, notice.attempts), ("waiting", 0))
        self.assert_order_comes(notice)

    def test_a_pull_that_has_waited_goes_before_notices_and_is_what_they_are_about(self):
        notices = self.notice() | self.notice()
        new = self.place_order((self.products[0], 1, 10.0))
        self.running()._request_pull()
        ago = fields.Datetime.subtract(fields.Datetime.now(), minutes=2)
        self.env.cr.execute("UPDATE marketplace_config_state SET pull_requested_at = %s", [ago])
        self.env.invalidate_all()
        self.commit()
        self.assertEqual(notices.mapped("state"), ["done", "done"])
        self.assertTrue(self.order_here(new))
        self.assertFalse([call for call in self.box.journal if re.search(ANY_ORDER, call.path)])

    def test_a_notice_that_comes_during_the_call_is_fetched_all_the_same(self):
        external_id = self.place_order((self.products[0], 1, 10.0))
        pull = type(self.env["marketplace.api.woocommerce"])._pull_orders

        def meanwhile(api, config, cursor):
            answer = pull(api, config, cursor)
            if not self.env["marketplace.inbox"].search([("kind", "=", "notice")]):
                self.env["marketplace.inbox"]._store([(self.account, "notice", external_id, {})], "webhook")
            return answer

        self.patch(type(self.env["marketplace.api.woocommerce"]), "_pull_orders", meanwhile)
        self.pull()
        self.sweep()
        self.assertEqual(len([call for call in self.box.journal if re.search(ANY_ORDER, call.path)]), 1)

    def test_notices_go_on_where_a_pull_that_has_waited_can_not_be_made(self):
        ago = fields.Datetime.subtract(fields.Datetime.now(), minutes=2)
        for status in (404, 429):
            with self.subTest(status):
                notice = self.notice()
                self.box.clear_faults()
                self.box.fail("orders$", status=status, times=None)
                self.running()._request_pull()
                self.env.cr.execute("UPDATE marketplace_config_state SET pull_requested_at = %s", [ago])
                self.env.invalidate_all()
                self.commit()
                self.tries(3)
                self.assertEqual(notice.state, "done")

    def test_wrong_credentials_are_no_fault_of_the_order(self):
        notice = self.notice()
        self.box.fail(ANY_ORDER, status=401, times=None)
        self.commit()
        self.assertEqual(self.account.state, "paused")
        self.assertEqual((notice.state, notice.attempts, notice.next_attempt), ("waiting", 0, False))
        self.box.clear_faults()
        self.account.action_go_live()
        self.assert_order_comes(notice)

    def test_an_order_that_alone_can_not_be_fetched_waits_for_a_person_in_the_end(self):
        notice = self.notice()
        self.box.fail(ANY_ORDER, status=500, times=None)
        self.commit()
        for number in range(1, 10):
            self.assertEqual((notice.state, notice.attempts), ("waiting", number))
            self.running()._note_success("pull")  # other orders come in
            self.tries(1)
        self.assertEqual(notice.state, "failed")
        self.assertTrue(self.account.activity_ids)

    def test_an_order_that_alone_can_not_be_fetched_keeps_no_other_from_coming(self):
        bad, good = self.notice(), self.notice()
        self.box.fail(f"orders/{bad.external_id}$", status=500, times=None)
        self.commit()
        for _try in range(2):
            self.running().blocked_until = False
            self.sweep()
        self.assertEqual(good.state, "done")
        self.assertEqual(bad.state, "waiting")

    def test_a_bug_whose_words_no_database_takes_counts_as_a_try(self):
        def stumbling(_api, _config, external_id):
            raise ValueError(f"not \x00 {external_id}")

        self.patch(type(self.env["marketplace.api.woocommerce"]), "_fetch_order", stumbling)
        notice = self.notice()
        with mute_logger(SENDER):
            self.commit()
        self.assertEqual((notice.state, notice.attempts), ("waiting", 1))
        self.assertIn(notice.external_id, notice.last_error)

    def test_while_the_marketplace_fails_a_pull_is_what_it_is_tried_with(self):
        notice = self.notice()
        self.box.fail(ANY_ORDER, status=429, retry_after="60", times=None)
        self.commit()
        self.box.clear_journal()
        self.account.action_pull_orders()
        self.tries(1)
        self.assertRegex(self.box.journal[0].path, "orders$")
        self.assertTrue(self.order_here(notice.external_id), "the pull brings it, whatever its own call says")
        self.assertEqual(notice.state, "done")

    def test_an_answer_that_is_no_list_is_told_as_such(self):
        self.box.fail("orders$", status=200, body={"code": "maintenance"}, times=None)
        self.pull()
        self.assertIn("should answer with a list", self.running().last_error)

    def test_a_pull_that_alone_fails_keeps_no_order_from_being_fetched(self):
        self.box.fail("orders$", status=500, times=None)
        self.pull()
        self.assertEqual(self.running().failures, 1)
        notice = self.notice()
        self.tries(3)
        self.assertEqual(notice.state, "done")
        self.assertTrue(self.order_here(notice.external_id))

    def test_an_acknowledgement_that_is_lost_in_an_outage_is_no_fault_of_the_order(self):
        notice = self.notice()
        self.running().failing = {"pull": {"times": 1}}
        pull = self.env["marketplace.lane.pull"]
        for _try in range(12):
            self.running()._note_failure(self.outage(), "pull")
            pull._postpone_notice(notice, "It did not take it.")
        self.assertEqual((notice.state, notice.attempts), ("waiting", 0))

    def outage(self):
        from ..transport.errors import TemporaryFailure

        return TemporaryFailure("It is away.", seconds=60)
