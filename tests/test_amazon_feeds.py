# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta
from unittest.mock import patch

from odoo.tools import mute_logger

from ..marketplaces import amazon_forms
from ..schemas import RowResult
from .common import MarketplaceCase
from .test_contract_amazon import AmazonTools

QUIET = "odoo.addons.cartona_integration.models.marketplace_sender"


class TestAmazonFeeds(AmazonTools, MarketplaceCase):
    """Many offers at once, which Amazon takes as a file and judges later."""

    def test_many_offers_go_as_one_feed_and_are_judged_later(self):
        listings = self.listed()
        self.as_feed()
        self.box.refused_skus[self.external_id(self.products[2])] = "'[batteries_required]' is missing."
        self.box.feed_polls = 2
        self.reprice()
        self.commit()
        self.assertEqual(len(self.box.feeds), 1)
        self.assertFalse(self.box.calls(self.push_path))
        self.assertEqual(len(listings.push_id), 1)
        self.assertNotIn(21.5, self.prices_there(), "accepted is not applied")
        self.assertNotIn(21.5, listings.mapped("pushed_price"))
        self.settle()
        self.assertFalse(listings.push_id)
        self.assertEqual(listings[2].state, "failed")
        self.assertEqual(
            (listings[2].error_code, listings[2].last_error), ("90220", "'[batteries_required]' is missing.")
        )
        others = listings - listings[2]
        self.assertEqual((set(others.mapped("state")), set(others.mapped("pushed_price"))), ({"synced"}, {21.5}))

    def test_a_feed_of_which_amazon_says_no_more_for_a_day_is_sent_again(self):
        listings = self.listed()
        self.as_feed()
        self.box.feed_polls = 1000
        self.reprice()
        self.commit()
        push = listings.push_id
        self.time_passes()
        self.assertEqual((push.exists(), push.polls), (push, 1))
        push.created_at -= timedelta(hours=23)
        self.time_passes()
        self.assertTrue(push.exists())
        push.created_at -= timedelta(hours=2)
        self.box.feed_polls = 1
        self.time_passes()
        self.assertFalse(push.exists())
        self.assertEqual(set(listings.mapped("state")), {"waiting"})
        self.assertIn("never said more", listings[0].last_error)
        self.time_passes()
        self.settle()
        self.assertEqual(len(self.box.feeds), 2)
        self.assertEqual((set(self.prices_there()), set(listings.mapped("state"))), ({21.5}, {"synced"}))

    def test_the_file_store_sees_nothing_of_our_token(self):
        self.listed()
        self.as_feed()
        self.reprice()
        self.settle()
        self.assertEqual(len(self.box.headers_seen), 2)
        for headers in self.box.headers_seen:
            self.assertNotIn("x-amz-access-token", {name.lower() for name in headers})
        shown = " ".join(str(row.url) for row in self.logged("push_offers") | self.logged("poll_push"))
        self.assertIn("store/", shown)
        self.assertNotIn("signed-", shown, "who has the address may read the document")

    def test_a_report_that_is_not_packed_is_read_as_well(self):
        listings = self.listed()
        self.as_feed()
        self.box.gzip = False
        self.reprice()
        self.settle()
        self.assertEqual(set(listings.mapped("state")), {"synced"})

    def test_a_price_that_can_not_be_sent_is_said_though_the_stock_goes_by_feed(self):
        listings = self.list_products()
        self.settle()
        self.as_feed()
        for product, price, quantity in ((self.products[0], 0.0, 7), (self.products[1], 12.5, 3)):
            product.list_price = price
            self.set_stock(product, quantity)
        self.settle()
        self.assertEqual(self.box.listings[self.external_id(self.products[0])]["quantity"], 7)
        self.assertEqual(listings[0].state, "failed")
        self.assertIn("price", listings[0].last_error)
        self.assertEqual(listings[1].state, "synced")

    def test_a_feed_that_ends_badly_is_sent_again_with_the_reason(self):
        listings = self.listed()
        self.as_feed()
        for end in ("FATAL", "CANCELLED"):
            self.box.feed_end = end
            self.reprice(31.5 + len(self.box.feeds))
            self.commit()
            for _try in range(2):
                self.time_passes()
            self.assertEqual(set(listings.mapped("state")), {"waiting"})
            self.assertIn(end, listings[0].last_error)
            self.assertEqual(self.account.state, "live")
            self.box.feed_end = "DONE"
            self.settle()
            self.assertEqual(set(listings.mapped("state")), {"synced"})

    def test_a_report_that_can_not_be_read_has_the_rows_sent_again_and_fails_them_in_the_end(self):
        listings = self.listed()
        self.as_feed()
        for answer in ({"kind": "broken_json"}, {"status": 200, "body": ["surprise"]}):
            self.box.fail("store/", method="GET", times=None, **answer)
            self.reprice(self.products[0].list_price + 1)
            self.commit()
            for _poll in range(2):
                self.time_passes()
            self.assertEqual((set(listings.mapped("state")), set(listings.mapped("attempts"))), ({"waiting"}, {1}))
            self.assertIn("report", listings[0].last_error)
            self.assertFalse(self.running()._is_blocked(), "orders go on")
            for _try in range(40):
                self.time_passes()
                if set(listings.mapped("state")) == {"failed"}:
                    break
            self.assertEqual((set(listings.mapped("state")), self.account.state), ({"failed"}, "live"))
            self.assertIn("report", listings[0].last_error)
            self.box.clear_faults()
        self.account.action_retry_failed()
        self.settle()
        self.assertEqual(set(listings.mapped("state")), {"synced"})

    @mute_logger(QUIET)
    def test_an_address_that_has_run_out_is_asked_for_anew(self):
        listings = self.listed()
        self.as_feed()
        self.box.address_expired = 1  # at the upload
        self.reprice()
        self.commit()
        self.assertEqual((self.account.state, len(self.box.feeds)), ("live", 0))
        self.time_passes()
        self.assertEqual(len(self.box.feeds), 1)
        self.box.address_expired = 1  # at the download
        self.settle()
        self.assertEqual(len(self.box.feeds), 1, "the report is asked for again, nothing is sent again")
        self.assertEqual((self.account.state, set(listings.mapped("state"))), ("live", {"synced"}))

    def test_feeds_beyond_the_budget_wait_and_block_nothing_else(self):
        listings = self.listed()
        self.as_feed()
        self.box.fail("feeds/2021-06-30/feeds", status=429, method="POST")
        self.reprice()
        self.commit()
        self.assertEqual((set(listings.mapped("attempts")), set(listings.mapped("state"))), ({0}, {"waiting"}))
        self.assertFalse(self.running().blocked_until)
        self.settle()
        self.assertEqual(set(self.prices_there()), {21.5})

    def test_a_feed_that_can_not_be_asked_about_for_now_is_asked_about_later_and_sent_once(self):
        listings = self.listed()
        self.as_feed()
        self.reprice()
        self.commit()
        push = listings.push_id
        self.box.fail("feeds/2021-06-30/feeds/", status=429, retry_after="60")
        external_id = self.place_order((self.products[0], 1, 10.0))
        self.time_passes()
        self.assertEqual((push.exists(), listings.push_id, push.polls), (push, push, 1))
        self.pull()
        self.assertTrue(self.order_here(external_id))
        self.settle()
        self.assertEqual((len(self.box.feeds), set(self.prices_there())), (1, {21.5}))
        self.assertEqual((set(listings.mapped("state")), set(listings.mapped("attempts"))), ({"synced"}, {0}))

    def test_an_answer_that_does_not_tell_of_each_row_tells_of_none(self):
        listings = self.listed()
        self.as_feed()
        self.reprice()
        self.commit()
        for answer in ([], [RowResult.accepted()]):
            with (
                self.subTest(answer),
                patch.object(
                    self.registry["marketplace.api.amazon"], "_poll_push", lambda *_args, answer=answer: answer
                ),
            ):
                self.time_passes()
            self.assertFalse(listings.push_id)
            self.assertTrue(all(listings.mapped("price_due")))
            self.assertNotIn(21.5, listings.mapped("pushed_price"))
            self.assertIn("did not answer for each row", listings[0].last_error)
            self.time_passes()
            self.assertTrue(all(listings.mapped("push_id")), "they are sent again")
        self.settle()
        self.assertEqual(set(listings.mapped("state")), {"synced"})

    def test_a_feed_without_a_report_is_not_taken_for_accepted(self):
        listings = self.listed()
        self.as_feed()
        self.box.refused_skus[self.external_id(self.products[2])] = "'[batteries_required]' is missing."
        self.reprice()
        self.commit()
        self.box.fail("feeds/2021-06-30/feeds/", status=200, body={"feedId": "1", "processingStatus": "DONE"})
        self.time_passes()
        self.assertEqual(set(listings.mapped("state")), {"waiting"})
        self.assertNotIn(21.5, listings.mapped("pushed_price"))
        self.assertIn("no report", listings[0].last_error)
        self.settle()
        self.assertEqual((len(self.box.feeds), listings[2].state), (2, "failed"))
        self.assertEqual(set((listings - listings[2]).mapped("state")), {"synced"})

    def test_what_is_to_be_sent_again_is_sent_though_an_older_feed_is_accepted_meanwhile(self):
        self.listed()
        self.as_feed()
        self.reprice()
        self.commit()
        self.account.action_sync_all()
        self.settle()
        self.assertEqual(len(self.box.feeds), 2)

    def test_an_id_that_changes_while_its_feed_is_judged_gets_the_offer(self):
        listings = self.listed()
        self.as_feed()
        self.reprice()
        self.commit()
        self.box.listings["NEW-ID"] = {"price": 1, "quantity": 0, "channel": "DEFAULT"}
        listings[0].external_id = "NEW-ID"
        self.settle()
        self.assertEqual(self.box.listings["NEW-ID"]["price"], 21.5)

    def test_a_first_offer_whose_id_changes_while_it_is_judged_does_not_stay_on_sale_under_the_former(self):
        listings = self.listed()
        self.as_feed()
        for product in self.products:
            self.set_stock(product, 7)
        self.commit()
        self.assertTrue(listings[0].push_id)
        self.box.listings["NEW-ID"] = {"price": 1, "quantity": 0, "channel": "DEFAULT"}
        listings[0].external_id = "NEW-ID"
        self.settle()
        self.settle()
        self.assertEqual(self.box.listings["NEW-ID"]["quantity"], 7)
        self.assertEqual(self.box.listings[self.external_id(self.products[0])]["quantity"], 0)

    def test_what_a_feed_left_open_is_sent_even_if_it_is_what_was_there_before(self):
        self.listed()
        self.as_feed()
        before = {product: product.list_price for product in self.products}
        self.reprice()
        self.commit()
        for product, price in before.items():
            product.list_price = price
        self.commit()
        self.box.feed_end = "FATAL"
        self.time_passes()
        self.box.feed_end = "DONE"
        self.settle()
        self.assertEqual(len(self.box.feeds), 2, "nobody knows which price the marketplace shows")

    @mute_logger(QUIET)
    def test_a_token_that_is_refused_while_a_feed_is_asked_about_forgets_no_feed(self):
        listings = self.listed()
        self.as_feed()
        self.reprice()
        self.commit()
        self.box.fail("feeds/2021-06-30/feeds/", status=401, times=None)
        self.time_passes()
        self.assertEqual(self.account.state, "paused")
        self.assertTrue(listings.push_id)

    def test_issues_are_known_by_sku_or_by_place_and_else_are_everybodys(self):
        def report(*issues, invalid=0):
            rows = [{"code": "1", "message": "no", "severity": "ERROR", **issue} for issue in issues]
            return {"issues": rows, "summary": {"messagesInvalid": invalid}}

        judged = amazon_forms.judged
        self.assertEqual(judged(["a", "b"], report({"sku": "b", "messageId": 1})), ({2: ("1", "no")}, None))
        self.assertEqual(judged(["a", "b"], report({"messageId": 1})), ({1: ("1", "no")}, None))
        self.assertEqual(judged(["a", "b"], report({})), ({}, ("1", "no")))
        self.assertEqual(judged(["a", "b"], report({"sku": "a", "severity": "WARNING"})), ({}, None))
        self.assertEqual(judged(["a", "b"], {}), ({}, None))
        self.assertTrue(judged(["a", "b"], report(invalid=1))[1], "refused, and it is not said which")
