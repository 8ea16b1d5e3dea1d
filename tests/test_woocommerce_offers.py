# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from ..schemas import UNLIMITED
from ..transport import errors
from .common import MarketplaceCase
from .contract_tools import AdapterTools
from .test_contract_woocommerce import PAGE, WoocommerceBase


class TestWoocommerceOffers(WoocommerceBase, AdapterTools, MarketplaceCase):
    # ------------------------------------------------------------------ products

    def test_the_catalogue_is_read_with_all_variations(self):
        parent = self.box.add_product(name="Trousers", type="variable")
        for n in range(PAGE + 1):
            attributes = [{"name": "Size", "option": f"{n} &amp; more"}]
            self.box.add_product(f"T-{n}", "Trousers", parent=parent, attributes=attributes)
        self.box.add_product("SET", "Set", type="grouped")
        for n in range(PAGE):
            self.box.add_product(f"P-{n}", "Piece", manage_stock=True, stock_quantity=n, price="12.50")
        found = self.catalogue()
        self.assertEqual(len(found), len(self.products) + PAGE + 1 + PAGE)
        self.assertEqual(len({product.external_id for product in found}), len(found))
        by_sku = {product.sku: product for product in found}
        self.assertNotIn("SET", by_sku)
        shirt, piece = by_sku[self.products[-1].default_code], by_sku["P-7"]
        self.assertEqual(shirt.remote, {"parent": self.there[self.products[-1]]["parent_id"]})
        self.assertEqual(by_sku["T-3"].name, "Trousers (3 & more)")
        self.assertEqual(
            (piece.price, piece.quantity, piece.published, piece.remote), (12.5, 7, True, {"parent": None})
        )

    def catalogue(self):
        found, cursor = [], None
        while True:
            page, cursor = self.api._list_products(self.account, cursor)
            found += page
            if not cursor:
                return found

    def test_variations_entered_by_hand_are_found_under_their_products(self):
        for count in (3, 30):
            with self.subTest(count=count):
                parent = self.box.add_product(name="Trousers", type="variable")
                ids = [str(self.box.add_product(parent=parent)["id"]) for _n in range(count)]
                self.box.clear_journal()
                located = self.api._locate_products(self.account, [*ids, self.external_id(self.products[0]), "77", "x"])
                expected = dict.fromkeys(ids, {"parent": parent["id"]})
                self.assertEqual(located, {**expected, self.external_id(self.products[0]): {"parent": None}})
                self.assertLess(len(self.box.calls()), 10)

    def test_a_hundred_go_in_one_call_and_one_more_in_another(self):
        wanted = [self.row(self.box.add_product()) for _n in range(101)]
        with self.assertRaisesRegex(errors.InvalidResponse, "each row"):
            self.box.fail("batch", body={"update": []}, status=200)
            self.api._push_offers(self.account, wanted[:2])
        self.box.clear_journal()
        results = self.api._push_offers(self.account, wanted)
        self.assertEqual({result.outcome for result in results}, {"accepted"})
        self.assertEqual([len(call.body["update"]) for call in self.box.calls("batch")], [101, 50, 51])

    def row(self, product, **wire):
        wire = {"id": product["id"], "regular_price": "5.00", **wire}
        return {"listing_id": product["id"], "remote": {"parent": product["parent_id"] or None}, "wire": wire}

    def test_variations_of_several_products_go_by_product_and_an_outage_in_between_forgets_none(self):
        parents = [self.box.add_product(name=str(n)) for n in range(3)]
        rows = [self.row(self.box.add_product(parent=parent)) for parent in (*parents, *parents)]
        self.box.fail(f"{parents[1]['id']}/variations", status=503, retry_after="7")
        results = self.api._push_offers(self.account, rows)
        self.assertEqual([result.outcome for result in results], ["accepted", "retry", "wait"] * 2)
        self.assertEqual((results[1].after, results[2].after), (7, 7))
        self.box.fail(f"{parents[1]['id']}/variations", status=429, retry_after="7")
        results = self.api._push_offers(self.account, rows)
        self.assertEqual([result.outcome for result in results], ["accepted", "wait", "wait"] * 2)
        results = self.api._push_offers(self.account, rows)
        self.assertEqual({result.outcome for result in results}, {"accepted"})

    def test_a_variable_product_whose_call_keeps_failing_holds_back_no_other_and_fails_in_the_end(self):
        parent = self.box.add_product(name="Coat")
        product = self.products[1]
        there = self.box.add_product(product.default_code, product.name, parent=parent)
        self.there[product] = there
        listings = self.list_products()
        self.settle()
        self.box.fail(f"products/{parent['id']}/variations/batch", status=500, times=None)
        for one in self.products:
            self.change_offer(one)
        self.commit()
        self.assertEqual((listings[1].attempts, bool(listings[1].next_attempt)), (1, True))
        (listings - listings[1]).next_attempt = False
        self.sweep()
        for one in self.products[0], self.products[2], self.products[3]:
            self.assert_there(one)
        for cents in range(12):
            self.products[0].list_price = 80 + cents  # so the shop answers for others
            self.settle()
        self.assertEqual(listings[1].state, "failed")
        self.assertIn("500", listings[1].last_error)
        self.assertEqual(self.running().failures, 0)

    def test_a_product_that_became_a_variation_is_found_again(self):
        listings = self.list_products()
        self.settle()
        parent = self.box.add_product(name="Coat", type="variable")
        there = self.there[self.products[0]]
        there.update(parent_id=parent["id"], type="variation")
        parent["variations"].append(there["id"])
        self.change_offer(self.products[0])
        self.settle()
        self.assert_there(self.products[0])
        self.assertEqual(listings[0].remote, {"parent": parent["id"]})

    def test_a_shop_that_keeps_no_stock_is_told_instead_of_selling_what_is_not_there(self):
        self.box.keeps_stock = False
        self.list_products()
        self.change_offer(self.products[0])
        self.settle()
        listing = self.account.listing_ids.filtered(lambda one: one.product_id == self.products[0])
        self.assertEqual(listing.state, "failed")
        self.assertIn("stock management", listing.last_error)

    def test_what_the_shop_sells_without_end_is_told_and_found_by_the_audit(self):
        listing = self.list_products()[0]
        for word in ("yes", "notify"):
            self.there[self.products[0]]["backorders"] = word
            self.change_offer(self.products[0], 70 + len(word), len(word))
            self.settle()
            self.assertEqual(listing.state, "failed")
            self.assertIn("backorders", listing.last_error)
            self.assert_there(self.products[0], 70 + len(word), len(word))
            found = {product.external_id: product for product in self.catalogue()}
            self.assertEqual(found[listing.external_id].quantity, UNLIMITED)
        self.there[self.products[0]]["backorders"] = "no"
        listing.action_sync()
        self.settle()
        self.assertEqual(listing.state, "synced")

    def test_what_was_refused_as_sold_without_end_is_no_difference_any_more(self):
        listing = self.list_products()[0]
        self.settle()
        self.account.heal_limit = 0
        self.there[self.products[0]]["backorders"] = "notify"
        audit = self.audit()
        self.assertEqual((audit.state, audit.drift_ids.listing_id), ("approval", listing))
        audit.action_heal()
        self.settle()
        self.assertEqual(listing.state, "failed")
        self.assertEqual(self.audit().state, "clean", "a person was told, and sending it again heals nothing")

    def audit(self):
        self.env["marketplace.audit"]._start(self.account)
        self.settle()
        return self.env["marketplace.audit"].search([("config_id", "=", self.account.id)], limit=1)

    def test_what_is_oversold_on_purpose_is_taken_and_is_no_difference(self):
        listing = self.list_products()[0]
        self.there[self.products[0]]["backorders"] = "notify"
        self.change_offer(self.products[0], 71, 3)
        self.settle()
        self.assertEqual(listing.state, "failed")
        self.account.oversell = True
        self.settle()
        self.assertEqual((listing.state, listing.last_error), ("synced", False))
        self.change_offer(self.products[0], 72, 4)
        self.settle()
        self.assert_there(self.products[0], 72, 4)
        self.assertEqual((listing.state, self.audit().state), ("synced", "clean"))

    def test_what_is_off_sale_is_taken_however_it_was_sold(self):
        listing = self.list_products()[0]
        self.settle()
        self.there[self.products[0]]["backorders"] = "yes"
        listing.active = False
        self.settle()
        self.assertEqual((listing.state, listing.pushed_publication), ("synced", "off"))
        self.assertEqual(self.audit().state, "clean")

    def test_a_variable_product_has_no_price_of_its_own(self):
        parent = self.box.add_product(name="Coat", type="variable", price="")
        results = self.api._push_offers(self.account, [self.row(parent)])
        self.assertEqual((results[0].outcome, results[0].code), ("rejected", "price"))

    def test_prices_are_texts_with_the_decimals_of_the_currency(self):
        for currency, price in (("JPY", "1235"), ("USD", "1234.50"), ("KWD", "1234.500")):
            with self.subTest(currency=currency):
                self.account.pricelist_id = self.pricelist(currency)
                wire = self.api._serialize_product(self.account, {"external_id": "5", "price": 1234.5})
                self.assertEqual(wire["regular_price"], price if currency != "JPY" else f"{1234.5:.0f}")

    def pricelist(self, name):
        currency = self.env["res.currency"].with_context(active_test=False).search([("name", "=", name)])
        currency.active = True
        return self.env["product.pricelist"].create({"name": name, "currency_id": currency.id})

    def test_the_sale_price_is_left_alone_and_what_odoo_keeps_no_stock_of_is_not_managed(self):
        wire = self.api._serialize_product(
            self.account, {"external_id": "5", "price": 3.0, "quantity": UNLIMITED, "published": False}
        )
        self.assertEqual(
            wire,
            {"id": 5, "regular_price": "3.00", "manage_stock": False, "stock_status": "instock", "status": "private"},
        )
