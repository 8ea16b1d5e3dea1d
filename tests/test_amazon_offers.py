# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).

from odoo.exceptions import UserError
from odoo.tools import mute_logger

from ..marketplaces import amazon_forms
from ..marketplaces.amazon_marketplaces import BY_ID
from ..schemas import UNLIMITED
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
