# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields
from odoo.exceptions import ValidationError

from ..marketplaces import cartona
from .common import MarketplaceCase, storable


class TestMatching(MarketplaceCase):
    def match(self):
        self.account.action_match_products()
        self.commit()
        return self.env["marketplace.listing"].search([("config_id", "=", self.account.id)])

    def test_products_are_matched_by_their_reference_and_pushed(self):
        listings = self.match()
        self.assertEqual(listings.product_id, self.products)
        self.assertEqual(self.products.mapped("cartona_id"), [str(1000 + product.id) for product in self.products])
        self.assertEqual(self.at_box(self.products[3])["selling_price"], 40.0)

    def test_the_external_id_goes_before_the_reference(self):
        other = self.env["product.product"].create(
            storable({"name": "Other", "cartona_id": str(1000 + self.products[0].id), "list_price": 3})
        )
        listings = self.match()
        self.assertIn(other, listings.product_id)
        self.assertNotIn(self.products[0], listings.product_id)

    def test_a_reference_that_two_products_have_is_refused_and_named(self):
        self.env["product.product"].create(storable({"name": "Twin", "default_code": "CI-001"}))
        listings = self.match()
        self.assertNotIn(self.products[0], listings.product_id)
        self.assertEqual(len(listings), 3)
        log = self.logged("match_products")[0]
        self.assertEqual((log.status, log.failed_count), ("partial", 1))
        self.assertIn("CI-001", log.message)

    def test_all_pages_of_the_catalogue_are_read(self):
        self.patch(cartona, "CATALOGUE_PAGE", 3)
        self.assertEqual(len(self.match()), 4)
        self.assertEqual(len(self.box.calls("supplier-product$", method="GET")), 2)

    def test_matching_again_lists_nothing_twice(self):
        self.assertEqual(self.match(), self.match())

    def test_a_marketplace_that_fails_tells_the_responsible_person(self):
        self.box.fail(path="supplier-product$", kind="html")
        self.assertFalse(self.match())
        self.assertIn("could not be matched", self.account.activity_ids.summary)

    def test_what_is_matched_at_one_account_is_not_listed_at_another(self):
        other = self._create_account(name="Another token")
        self.commit()
        self.assertEqual(self.match(), self.account.listing_ids)
        self.assertEqual(self.account.listing_ids.product_id, self.products)
        self.assertFalse(other.listing_ids)

    def test_what_is_matched_or_listed_at_another_marketplace_is_not_put_on_sale_where_its_id_is_known(self):
        elsewhere = self._create_account(name="Elsewhere", code=self.add_marketplace())
        for product in self.products:
            product.cartona_id = self.external_id(product)
        self.commit()
        elsewhere.action_match_products()
        self.commit()
        self.assertEqual(elsewhere.listing_ids.product_id, self.products)
        self.assertTrue(all(self.products.mapped("marketplace_sync_enabled")))
        late = self.env["product.product"].create(storable({"name": "Late", "cartona_id": "late"}))
        self.env["marketplace.listing"].create(
            {"config_id": elsewhere.id, "product_id": late.id, "external_id": "there"}
        )
        self.assertTrue(late.marketplace_sync_enabled)
        self.assertFalse(self.account.listing_ids)

    def test_a_branch_sells_what_its_company_has(self):
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": self.env.company.id})
        matched, given, early, alike = self.products
        self.products.company_id = self.env.company
        alike.write({"name": "Zebra biscuit", "default_code": "ELSE"})
        early.write({"cartona_id": "early", "default_code": "EARLY", "marketplace_sync_enabled": True})
        given.default_code = "GIVEN"
        self.account.active = False
        self.box.add_product(id="77", name="Zebra biscuit", internal_product_id="NONE")
        account = self._create_account(name="Branch", company_id=branch.id, warehouse_ids=False)
        self.commit()
        self.assertEqual(account.listing_ids.product_id, early)
        given.write({"cartona_id": "given", "marketplace_sync_enabled": True})
        account.action_match_products()
        self.commit()
        self.assertEqual(account.listing_ids.product_id, matched | given | early)
        rows = self.env["marketplace.unmatched"].search([("config_id", "=", account.id), ("external_id", "=", "77")])
        self.assertEqual(rows.suggestion_id, alike)
        given.cartona_id = False
        given.cartona_id = "given"
        self.assertIn(given, account.listing_ids.product_id)

    # ------------------------------------------------------------------ whose ids the products have

    def switch_sync(self):
        self.products.marketplace_sync_enabled = False
        self.products.marketplace_sync_enabled = True
        self.commit()

    def test_ids_of_one_account_are_never_another_accounts_when_sync_is_switched_on_again(self):
        other = self._create_account(name="Another token", use_cartona_id=True)
        self.match()
        self.switch_sync()
        self.assertFalse(other.listing_ids)
        self.assertFalse(any(self.products.mapped("cartona_id")), "both accounts would take them for theirs")

    def test_a_new_account_with_a_token_of_its_own_does_not_take_the_ids_of_another(self):
        self.match()
        self.assertEqual(self.account.listing_ids.product_id, self.products)
        other = self._create_account(name="Another token")
        self.switch_sync()
        self.assertFalse(other.use_cartona_id or other.listing_ids)

    def test_accounts_that_share_a_token_share_the_ids(self):
        self.account.supplier_code = "1"
        other = self._create_account(name="Second", credentials_id=self.account.id, supplier_code="2")
        self.assertTrue(other.use_cartona_id)
        self.match()
        self.switch_sync()
        self.assertEqual(other.listing_ids.product_id, self.products)

    def test_another_marketplace_never_goes_by_the_ids_of_cartona(self):
        code = self.add_marketplace()
        self.match()
        other = self._create_account(name="Elsewhere", code=code)
        self.switch_sync()
        self.assertFalse(other.use_cartona_id or other.listing_ids)
        with self.assertRaisesRegex(ValidationError, "Cartona already"):
            other.use_cartona_id = True
        self.account.active = False
        other.use_cartona_id = True
        with self.assertRaises(ValidationError):
            self.account.active = True

    def test_what_a_person_decided_of_the_ids_stays_when_other_settings_change(self):
        self.account.use_cartona_id = False
        self.account.write({"credentials_id": False, "code": "cartona", "supplier_code": "1"})
        self.assertFalse(self.account.use_cartona_id)

    def test_an_id_that_is_anothers_finds_nothing_in_a_catalogue(self):
        other = self.env["product.product"].create(storable({"name": "Other", "cartona_id": "77"}))
        self.box.add_product(id="77", name="x", internal_product_id="NONE")
        elsewhere = self._create_account(name="Elsewhere", code=self.add_marketplace())
        elsewhere.action_match_products()
        self.commit()
        self.assertEqual(elsewhere.listing_ids.product_id, self.products)
        self.assertFalse(other.marketplace_listing_ids)

    def test_a_row_that_makes_no_sense_hides_no_other(self):
        product = self.box.state.products[str(1000 + self.products[0].id)]
        product.card["unit_count"] = "a dozen"
        listings = self.match()
        self.assertEqual(listings.product_id, self.products[1:])
        log = self.logged("list_products")[0]
        self.assertEqual((log.status, log.failed_count), ("partial", 1))
        self.assertFalse(self.running()._is_blocked())

    def test_a_catalogue_that_names_a_product_twice_lists_it_once(self):
        lister = type(self.env["marketplace.api.cartona"])
        original = lister._list_products
        self.patch(lister, "_list_products", lambda *args: (lambda page: (page[0] * 2, page[1]))(original(*args)))
        self.assertEqual(len(self.match()), 4)

    # ------------------------------------------------------------------ what is refused

    def refused(self):
        rows = self.env["marketplace.unmatched"].search([("config_id", "=", self.account.id)])
        return {row.external_id: row for row in rows}

    def add_twin(self, external_id, product=None):
        """Have the marketplace sell another product with the reference of one of ours."""
        product = product or self.products[0]
        return self.box.add_product(id=external_id, internal_product_id=product.default_code, name="توأم")

    def test_what_nothing_fits_is_kept_as_the_marketplace_has_it(self):
        self.box.add_product(
            id="77", internal_product_id="NONE", name="شاي أخضر", unit="box", unit_count=12, selling_price=5
        )
        self.assertEqual(len(self.match()), 4)
        row = self.refused()["77"]
        self.assertEqual(
            (row.reason, row.name, row.sku, row.unit, row.unit_count), ("unknown", "شاي أخضر", "NONE", "box", 12)
        )
        self.assertEqual((row.company_id, row.candidate_ids), (self.account.company_id, self.env["product.product"]))
        self.assertIn("Nothing has", row.explanation)

    def test_what_fits_several_names_them(self):
        twin = self.env["product.product"].create(storable({"name": "Twin", "default_code": "CI-001"}))
        self.match()
        (row,) = self.refused().values()
        self.assertEqual((row.reason, row.candidate_ids), ("ambiguous", self.products[0] | twin))
        self.assertIn("These have", row.explanation)

    def test_a_reference_that_very_many_have_names_a_few(self):
        self.env["product.product"].create([{"name": f"T{n}", "default_code": "CI-001"} for n in range(40)])
        self.match()
        (row,) = self.refused().values()
        self.assertEqual(len(row.candidate_ids), 20)

    def test_two_in_one_page_that_fit_the_same_are_both_refused(self):
        self.add_twin("77")
        listings = self.match()
        self.assertEqual(listings.product_id, self.products[1:])
        first = str(1000 + self.products[0].id)
        refused = self.refused()
        self.assertEqual(set(refused), {"77", first})
        self.assertEqual(refused["77"].reason, "double")
        self.assertEqual(refused["77"].candidate_ids, self.products[0])
        self.assertIn(first, refused["77"].explanation)
        self.assertIn("77", refused[first].explanation)

    def test_of_two_in_different_pages_the_later_is_refused_and_names_the_first(self):
        self.patch(cartona, "CATALOGUE_PAGE", 4)
        self.add_twin("77")
        listings = self.match()
        self.assertEqual(listings.product_id, self.products)
        (row,) = self.refused().values()
        self.assertEqual((row.external_id, row.reason, row.candidate_ids), ("77", "double", self.products[0]))
        self.assertIn(str(1000 + self.products[0].id), row.explanation)

    def test_the_order_in_which_two_come_again_decides_nothing(self):
        self.add_twin("77")
        self.match()
        refused = set(self.refused())
        self.patch(cartona, "CATALOGUE_PAGE", 2)  # now they are pages apart
        self.match()
        self.assertEqual(set(self.refused()), refused)
        self.box.state.rows.reverse()
        self.match()
        self.assertEqual(set(self.refused()), refused)

    def test_what_came_to_fit_something_else_stands_in_nobodys_way(self):
        self.add_twin("77")
        self.match()
        other = self.env["product.product"].create(storable({"name": "Other", "default_code": "OTHER"}))
        self.box.state.products["77"].card["internal_product_id"] = "OTHER"
        self.assertEqual(self.match().product_id, self.products | other)
        self.assertFalse(self.refused())

    def test_a_product_that_a_person_listed_under_another_id_is_not_listed_again(self):
        self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": self.products[0].id, "external_id": "piece"}
        )
        self.match()
        (row,) = self.refused().values()
        self.assertEqual(row.reason, "double")
        self.assertIn("piece", row.explanation)

    def test_a_listing_that_is_archived_stands_in_nobodys_way(self):
        old = self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": self.products[0].id, "external_id": "old", "active": False}
        )
        self.assertEqual(self.match().product_id, self.products)
        self.assertFalse(old.active)

    def test_matching_again_changes_nothing(self):
        self.add_twin("77")
        self.add_twin("78", self.products[1])
        self.box.add_product(id="79", internal_product_id="NONE", name="منتج 1 جديد")
        listings, refused = self.match(), self.refused()
        suggestion = refused["79"].suggestion_id
        self.assertTrue(suggestion)
        self.assertEqual(self.match(), listings)
        self.assertEqual(self.refused(), refused)
        self.assertEqual(refused["79"].suggestion_id, suggestion)

    def test_suggestions_stay_until_there_are_new_ones(self):
        product = self.env["product.product"].create(storable({"name": "شاي أخضر"}))
        self.box.add_product(id="77", internal_product_id="NONE", name="شاى اخضر")
        self.match()
        self.assertEqual(self.refused()["77"].suggestion_id, product)
        self.patch(self.registry["marketplace.unmatched"], "_find_suggestions", lambda *_args: {})
        self.match()
        row = self.refused()["77"]
        self.assertEqual((row.suggestion_id, row.candidate_ids), (product, product))

    def test_what_a_person_chose_outlives_the_next_run(self):
        self.box.add_product(id="77", internal_product_id="NONE", name="x")
        self.match()
        self.refused()["77"].write({"product_id": self.products[0].id, "pack_size": 6})
        self.match()
        row = self.refused()["77"]
        self.assertEqual((row.product_id, row.pack_size), (self.products[0], 6))

    def test_what_is_found_at_last_stands_there_no_more(self):
        self.box.add_product(id="77", internal_product_id="LATER", name="x")
        self.match()
        self.env["product.product"].create(storable({"name": "Late", "default_code": "LATER"}))
        self.assertEqual(len(self.match()), 5)
        self.assertFalse(self.refused())

    def test_what_fits_several_and_then_none_names_none(self):
        twin = self.env["product.product"].create(storable({"name": "Twin", "default_code": "CI-001"}))
        self.match()
        (twin | self.products[0]).default_code = False
        self.patch(self.registry["marketplace.unmatched"], "_find_suggestions", lambda *_args: {})
        self.match()
        (row,) = self.refused().values()
        self.assertEqual((row.reason, row.candidate_ids), ("unknown", self.env["product.product"]))

    def test_what_the_marketplace_has_no_more_goes_a_day_later(self):
        self.box.add_product(id="77", internal_product_id="NONE", name="x")
        self.box.add_product(id="78", internal_product_id="NONE", name="x")
        self.match()
        self.box.state.rows.pop()
        self.match()
        self.assertEqual(set(self.refused()), {"77", "78"}, "a run may take hours")
        self.refused()["78"].seen_at = fields.Datetime.now() - timedelta(days=2)
        self.refused()["77"].seen_at = fields.Datetime.now() - timedelta(days=2)
        self.match()
        self.assertEqual(set(self.refused()), {"77"})

    def test_a_run_that_took_days_keeps_what_its_first_pages_saw(self):
        self.box.add_product(id="77", internal_product_id="NONE", name="x")
        page = type(self.env["marketplace.api.cartona"])._list_products

        def days_later(*args):
            self.env["marketplace.task"].search([("kind", "=", "match")], limit=1).flush_recordset()
            self.env.cr.execute("UPDATE marketplace_task SET create_date = create_date - interval '3 days'")
            self.env.cr.execute("UPDATE marketplace_unmatched SET seen_at = seen_at - interval '2 days'")
            return page(*args)

        self.match()
        self.box.state.rows.pop()  # "77" was on a page that was read before the pause
        self.patch(type(self.env["marketplace.api.cartona"]), "_list_products", days_later)
        self.match()
        self.assertEqual(set(self.refused()), {"77"})

    def test_what_was_listed_while_matching_looked_at_it_goes(self):
        self.box.add_product(id="77", internal_product_id="NONE", name="x")
        store = self.registry["marketplace.unmatched"]._store

        def listed_first(rows, config, refused):
            rows.env["marketplace.listing"].create(
                {"config_id": config.id, "product_id": self.products[0].id, "external_id": "77"}
            )
            return store(rows, config, refused)

        self.patch(self.registry["marketplace.unmatched"], "_store", listed_first)
        self.match()
        self.assertFalse(self.refused())

    # ------------------------------------------------------------------ several units in one

    def make_box(self, product=None, count=12):
        """Have the marketplace sell one of our products in boxes."""
        row = self.box.state.products[self.external_id(product or self.products[0])]
        row.card.update(unit="box", unit_count=count)

    def test_a_box_is_not_sold_at_the_price_of_a_piece(self):
        self.make_box()
        self.assertEqual(self.match().product_id, self.products[1:])
        (row,) = self.refused().values()
        self.assertEqual((row.reason, row.candidate_ids, row.pack_size), ("pack", self.products[0], 12))
        self.assertIn("holds 12 of it", row.explanation)
        row.action_accept_suggestion()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 120.0)
        self.assertFalse(self.refused())

    def test_who_sells_whole_boxes_says_so_for_all_of_them_at_once(self):
        self.make_box()
        self.make_box(self.products[1], 6)
        self.match()
        rows = self.env["marketplace.unmatched"].union(*self.refused().values())
        rows.pack_size = 1
        self.match()
        self.assertEqual(rows.mapped("pack_size"), [1, 1], "what a person says stays")
        rows.action_accept_suggestion()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 10.0)
        self.assertEqual(self.at_box(self.products[1])["selling_price"], 20.0)

    def test_the_size_of_a_pack_follows_the_marketplace_until_a_person_has_chosen(self):
        self.make_box()
        self.match()
        self.make_box(count=24)
        self.match()
        (row,) = self.refused().values()
        self.assertEqual(row.pack_size, 24)
        row.product_id = self.products[0]
        self.make_box(count=6)
        self.match()
        self.assertEqual((row.pack_size, row.unit_count), (24, 6))

    def test_a_box_and_the_piece_in_it_are_both_refused_in_whatever_order_they_come(self):
        self.patch(cartona, "CATALOGUE_PAGE", 4)
        self.make_box()
        self.add_twin("77")
        self.assertEqual(self.match().product_id, self.products[1:])
        refused = self.refused()
        box = refused[self.external_id(self.products[0])]
        self.assertEqual((box.reason, refused["77"].reason), ("pack", "double"))
        self.assertIn(box.external_id, refused["77"].explanation)
        self.box.state.rows.reverse()
        self.assertEqual(self.match().product_id, self.products[1:])

    def test_a_box_whose_id_a_product_is_given_waits_for_a_person(self):
        self.box.add_product(id="77", internal_product_id="NONE", name="x", unit="box", unit_count=12)
        self.match()
        late = self.env["product.product"].create(storable({"name": "Late", "list_price": 2}))
        late.write({"cartona_id": "77", "marketplace_sync_enabled": True})
        self.assertFalse(late.marketplace_listing_ids)
        row = self.refused()["77"]
        self.assertIn("Late", row.explanation)
        row.product_id = late
        row.action_link()
        self.commit()
        self.assertEqual(self.box.product("77")["selling_price"], 24.0)

    def test_the_log_counts_what_was_refused(self):
        self.add_twin("77")
        self.match()
        log = self.logged("match_products")[0]
        self.assertEqual((log.status, log.row_count, log.failed_count), ("partial", 3, 2))
        self.match()
        self.assertEqual(self.logged("match_products")[0].failed_count, 2)
