# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tools import mute_logger

from ..marketplaces import amazon_forms
from ..marketplaces.amazon_marketplaces import BY_ID
from ..schemas import UNLIMITED, RowResult
from ..transport.errors import MappingError
from .common import MarketplaceCase
from .test_contract_amazon import EG, AmazonTools

MINE, AMAZONS = {"fulfilled_by": "MERCHANT"}, {"fulfilled_by": "AMAZON"}
QUIET = "odoo.addons.cartona_integration.models.marketplace_sender"


class TestAmazonOffers(AmazonTools, MarketplaceCase):
    def unseen(self):
        """Return the listings of all products, as they are when Amazon was never asked who stores them."""
        listings = self.listed()
        listings.remote = False
        return listings

    # ------------------------------------------------------------------ one by one

    def test_ids_travel_percent_encoded(self):
        self.listed()
        self.products[0].list_price = 20.0
        self.commit()
        self.assertIn("%D9%82%D9%87%D9%88%D8%A9%2FSKU%20", self.logged("push_offers")[0].url)

    def test_what_the_budget_does_not_take_waits_and_is_no_failure(self):
        listings = self.listed()
        self.box.limits = True
        self.box.budgets.clear()
        self.reprice()
        self.commit()
        self.assertEqual(sum(price == 21.5 for price in self.prices_there()), 5)
        waiting = listings.filtered(lambda listing: listing.state == "waiting")
        self.assertEqual((len(waiting), set(waiting.mapped("attempts"))), (3, {0}))
        self.assertTrue(all(waiting.mapped("next_attempt")))
        self.box.budgets.clear()
        self.time_passes()
        self.assertEqual(set(self.prices_there()), {21.5})
        self.assertEqual(set(listings.mapped("state")), {"synced"})

    def test_a_refusal_of_calls_in_the_middle_keeps_what_was_sent_before(self):
        listings = self.listed()
        self.box.fail(self.push_path, status=429, skip=2)
        self.reprice()
        self.commit()
        self.assertEqual(listings.mapped("state").count("synced"), 2)
        self.assertEqual(set(listings.mapped("attempts")), {0})
        self.assertFalse(self.running().blocked_until, "each operation has a budget of its own")
        self.time_passes()
        self.time_passes()
        self.assertEqual(set(self.prices_there()), {21.5})

    def test_where_no_token_is_given_nothing_is_doubtful_of_what_it_was_for(self):
        listings = self.listed()
        self.assertTrue(all(listings.mapped("price_pushed_at")))
        for fault in ({"status": 500}, {"kind": "html"}):
            with self.subTest(fault=fault):
                self.running()._note_success()
                self.env["marketplace.token"].search([]).unlink()
                self.box.fail("auth/o2/token", **fault)
                self.products[0].list_price += 1
                self.commit()
                self.assertTrue(self.running()._is_blocked())
                self.assertTrue(all(listings.mapped("price_pushed_at")))

    def test_an_outage_in_the_middle_keeps_what_was_sent_before(self):
        listings = self.listed()
        self.box.fail(self.push_path, status=500, skip=3, times=None)
        self.reprice()
        self.commit()
        self.assertEqual(listings.mapped("state").count("synced"), 3)
        self.time_passes()
        self.assertTrue(self.running().blocked_until)
        self.assertEqual(set(listings.mapped("attempts")), {0})
        self.box.clear_faults()
        for _try in range(2):
            self.time_passes()
        self.assertEqual(set(self.prices_there()), {21.5})

    def test_a_token_that_is_withdrawn_in_the_middle_is_renewed_once(self):
        self.listed()
        given = self.box.given
        self.box.fail(self.push_path, status=403, skip=2)
        self.reprice()
        self.commit()
        self.time_passes()
        self.assertEqual(self.box.given, given + 1)
        self.assertEqual(set(self.prices_there()), {21.5})
        self.assertEqual(self.account.state, "live")

    def test_a_refusal_within_a_good_answer_says_why(self):
        listings = self.listed()
        self.box.refused_skus[self.external_id(self.products[0])] = "The price is too low."
        self.products[0].list_price = 0.5
        self.settle()
        self.assertEqual((listings[0].state, listings[0].error_code), ("failed", "90220"))
        self.assertEqual(listings[0].last_error, "The price is too low.")

    @mute_logger(QUIET)
    def test_an_answer_that_makes_no_sense_blames_no_row(self):
        listings = self.listed()
        self.box.fail(self.push_path, status=200, body=["surprise"], times=None)
        self.reprice()
        self.commit()
        self.assertTrue(self.running().blocked_until)
        self.assertEqual((set(listings.mapped("attempts")), self.account.state), ({0}, "live"))
        self.assertEqual(len(self.box.calls(self.push_path)), 1)

    def test_a_price_in_another_currency_is_not_sent_and_pauses_the_account(self):
        self.listed()
        euros = self.env.ref("base.EUR")
        euros.active = True
        self.pricelist.copy({"name": "Euros", "currency_id": euros.id})
        self.account.pricelist_id = self.pricelist.search([("name", "=", "Euros")])
        self.reprice()
        self.settle()
        self.assertEqual(self.account.state, "paused")
        self.assertIn("USD", self.account.pause_reason)
        self.assertFalse(self.box.calls(self.push_path))
        with self.assertRaisesRegex(UserError, "EUR"):
            self.account.action_test_connection()

    def test_what_amazon_stores_itself_is_not_given_a_stock_of_ours(self):
        listings = self.listed()
        listings[0].remote = AMAZONS
        self.box.listings[self.external_id(self.products[0])]["channel"] = "AMAZON_NA"
        self.set_stock(self.products[0], 9)
        self.products[0].list_price = 33.0
        self.settle()
        there = self.box.listings[self.external_id(self.products[0])]
        self.assertEqual((there["channel"], there["quantity"], there["price"]), ("AMAZON_NA", 0, 33.0))
        self.set_stock(self.products[0], 11)
        self.settle()
        self.assertEqual((there["channel"], listings[0].state), ("AMAZON_NA", "synced"))

    def test_stock_in_amazons_warehouses_stays_theirs_although_matching_never_saw_it(self):
        there = self.box.listings[self.external_id(self.products[0])]
        there["channel"] = "AMAZON_NA"
        listings = self.unseen()
        self.set_stock(self.products[0], 7)
        self.reprice()
        self.settle()
        self.assertEqual((there["channel"], there["quantity"]), ("AMAZON_NA", 0))
        self.assertEqual([listing.remote for listing in listings], [AMAZONS] + [MINE] * 7)
        self.assertEqual(len(self.box.calls(self.search_path)), 1, "all are asked for in one call")

    def test_the_nightly_audit_sees_who_stores_a_product_by_now(self):
        listings = self.listed()
        theirs, ours = (self.box.listings[self.external_id(product)] for product in self.products[:2])
        theirs.update(channel="AMAZON_NA", quantity=40)
        listings[1].remote = AMAZONS
        self.env["marketplace.audit"]._start(self.account)
        self.settle()
        self.assertEqual([listing.remote for listing in listings[:2]], [AMAZONS, MINE])
        for product in self.products[:2]:
            self.set_stock(product, 9)
        self.settle()
        self.assertEqual((theirs["channel"], theirs["quantity"]), ("AMAZON_NA", 40))
        self.assertEqual((ours["channel"], ours["quantity"]), ("DEFAULT", 9))

    def test_skus_are_looked_up_by_the_twenty_and_those_with_a_comma_alone(self):
        skus = [f"MORE-{n}" for n in range(25)] + ["A,B", "A,C"]
        self.box.listings.update({sku: {"price": 5, "quantity": 1, "channel": "DEFAULT"} for sku in skus[:-1]})
        rows = [{"listing_id": 0, "external_id": sku, "remote": {}} for sku in skus]
        found = self.account._api()._locate_products(self.account, skus[-3:])
        self.assertEqual(found, {"MORE-24": MINE, "A,B": MINE})
        listing = self.list_products()[0]
        for row in rows:
            row["listing_id"] = listing.id
        self.box.clear_journal()
        sendable, located = self.env["marketplace.lane.offers"]._locate(self.account.id, rows)
        self.assertEqual((len(sendable), located), (26, True))
        self.assertEqual(len(self.box.calls(self.search_path)), 2)
        self.assertEqual(listing.error_code, "unknown")

    @mute_logger(QUIET)
    def test_a_lookup_that_is_refused_blames_the_row_it_is_refused_for(self):
        listings = self.unseen()
        self.box.fail(self.search_path, status=400, times=4)  # all of them, a half, a quarter, one
        self.reprice()
        self.settle()
        self.assertEqual(listings.mapped("state").count("failed"), 1)
        failed = listings.filtered(lambda listing: listing.state == "failed")
        self.assertTrue(failed.last_error)
        self.assertEqual(set((listings - failed).mapped("state")), {"synced"})
        self.assertEqual(self.prices_there().count(21.5), 7)
        self.assertEqual(self.account.state, "live")

    def test_prices_have_the_decimals_of_the_currency(self):
        for currency, price in (("EGP", 129.56), ("JPY", 130.0), ("KWD", 129.556)):
            marketplace = BY_ID[EG]._replace(currency=currency)
            wire = amazon_forms.patch_of({"price": 129.5556}, marketplace, "PRODUCT")
            value = wire["patches"][0]["value"][0]
            self.assertEqual(
                (value["currency"], value["our_price"][0]["schedule"][0]["value_with_tax"]), (currency, price)
            )

    def test_a_quantity_without_end_is_a_large_one(self):
        wire = amazon_forms.patch_of({"quantity": UNLIMITED}, BY_ID[EG], "PRODUCT")
        self.assertEqual(wire["patches"][0]["value"][0]["quantity"], amazon_forms.MOST)

    def test_the_catalogue_is_read_page_by_page(self):
        self.box.listings.update({f"MORE-{n}": {"price": 5, "quantity": 1, "channel": "DEFAULT"} for n in range(33)})
        self.box.listings["MORE-0"]["channel"] = "AMAZON_EU"
        api, found, cursor = self.account._api(), [], None
        while not found or cursor:
            page, cursor = api._list_products(self.account, cursor)
            self.assertLessEqual(len(page), 20)
            found += page
        self.assertEqual([product.external_id for product in found], list(self.box.listings))
        by_id = {product.external_id: product for product in found}
        self.assertEqual((by_id["MORE-1"].price, by_id["MORE-1"].quantity, by_id["MORE-1"].remote), (5.0, 1.0, MINE))
        self.assertEqual((by_id["MORE-0"].quantity, by_id["MORE-0"].remote), (None, AMAZONS))

    def add_listings(self, count, created):
        """Add products to the catalogue; ``created`` tells the second in which the one of a number was created."""
        for number in range(count):
            at = f"2025-03-01T{created(number) // 3600:02}:{created(number) // 60 % 60:02}:{created(number) % 60:02}Z"
            listing = {"price": 5, "quantity": 1, "channel": "DEFAULT", "created": at}
            self.box.listings[f"MORE-{number:04}"] = listing

    def read_catalogue(self):
        """Return the SKUs of all pages."""
        found, cursor = [], None
        while not found or cursor:
            page, cursor = self.account._api()._list_products(self.account, cursor)
            found += [product.external_id for product in page]
        return found

    def test_a_catalogue_beyond_what_one_search_shows_is_read_to_its_end_and_each_product_once(self):
        self.add_listings(2100, lambda number: number // 7)  # seven each in one second, across each search's end
        found = self.read_catalogue()
        self.assertEqual(len(found), 2100 + len(self.products))
        self.assertEqual(set(found), set(self.box.listings))

    def test_a_catalogue_of_exactly_what_one_search_shows_ends(self):
        self.add_listings(1000 - len(self.products), lambda number: number)
        found = self.read_catalogue()
        self.assertEqual(sorted(found), sorted(self.box.listings))

    def test_what_no_search_can_show_is_said(self):
        self.add_listings(1030, lambda number: 60)
        with self.assertRaisesRegex(MappingError, "1,000"):
            self.read_catalogue()

    # ------------------------------------------------------------------ feeds

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
