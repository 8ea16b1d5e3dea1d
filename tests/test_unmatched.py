# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta
from unittest import mock

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from ..models import marketplace_suggestion, marketplace_unmatched
from ..schemas import RemoteProduct
from .common import MarketplaceCase, storable


class UnmatchedCase(MarketplaceCase):
    def refuse(self, *products, reason="unknown", units=6):
        """Leave what matching leaves of ``(external id, name)``, as the last page of a catalogue would."""
        nothing = self.env["product.product"]
        self.env["marketplace.unmatched"]._store(
            self.account,
            [
                (
                    RemoteProduct(external_id, name, sku=f"S-{external_id}", unit="box", unit_count=units),
                    reason,
                    nothing,
                )
                for external_id, name in products
            ],
        )
        self.env["marketplace.matching"]._finish_catalogue(self.account, fields.Datetime.now())
        self.commit()
        return self.rows()

    def rows(self):
        return self.env["marketplace.unmatched"].search([("config_id", "=", self.account.id)], order="id")

    def listings(self):
        return self.env["marketplace.listing"].search([("config_id", "=", self.account.id)])

    def create_product(self, name, **values):
        return self.env["product.product"].create(storable({"name": name, **values}))


class TestUnmatched(UnmatchedCase):
    # ------------------------------------------------------------------ what a person does

    def test_a_product_that_was_chosen_is_listed_as_the_row_says(self):
        self.box.add_product(id="77", name="صندوق")
        row = self.refuse(("77", "صندوق"))
        row.write({"product_id": self.products[1].id, "pack_size": 6})
        row.action_link()
        self.commit()
        listing = self.listings()
        self.assertEqual(
            (listing.external_id, listing.product_id, listing.name, listing.unit, listing.pack_size),
            ("77", self.products[1], "صندوق", "box", 6),
        )
        self.assertEqual(self.products[1].cartona_id, "77")
        self.assertFalse(self.rows())
        self.assertEqual(self.box.product("77")["selling_price"], 120.0)

    def test_a_small_part_of_a_unit_is_listed_as_it_was_entered(self):
        row = self.refuse(("77", "eighth"))
        row.write({"product_id": self.products[1].id, "pack_size": 0.125})
        row.action_link()
        self.assertEqual(self.listings().pack_size, 0.125)

    def test_several_are_listed_at_once(self):
        rows = self.refuse(("77", "a"), ("78", "b"))
        for row, product in zip(rows, self.products, strict=False):
            row.product_id = product
        rows.action_link()
        self.assertEqual(self.listings().product_id, self.products[:2])
        self.assertFalse(self.rows())

    def test_without_a_choice_nothing_is_listed_and_the_rows_are_named(self):
        rows = self.refuse(("77", "منتج 1"), ("78", "b"))
        self.assertTrue(rows[0].suggestion_id, "a suggestion is no choice")
        rows[1].product_id = self.products[0]
        with self.assertRaisesRegex(UserError, r"\[77\] منتج 1") as caught:
            rows.action_link()
        self.assertNotIn("78", str(caught.exception))
        self.assertFalse(self.listings())

    def test_a_person_may_list_the_box_and_the_piece(self):
        self.list_products()
        row = self.refuse(("box", "x"))
        row.write({"product_id": self.products[0].id, "pack_size": 12})
        row.action_link()
        self.assertEqual(self.products[0].marketplace_listing_ids.mapped("pack_size"), [1, 12])

    def test_a_company_that_is_not_the_accounts_is_refused(self):
        company = self.env["res.company"].create({"name": "Other"})
        row = self.refuse(("77", "x"))
        with self.assertRaises(UserError):
            row.product_id = self.create_product("Theirs", company_id=company.id)

    def test_suggestions_are_taken_for_the_person_who_has_looked(self):
        rows = self.refuse(("77", "منتج 1"), ("78", "منتج 2"))
        rows.action_accept_suggestion()
        self.assertEqual(self.listings().mapped("product_id"), self.products[:2])
        self.assertFalse(self.rows())

    def test_what_was_chosen_goes_before_the_suggestion(self):
        row = self.refuse(("77", "منتج 1"))
        row.product_id = self.products[2]
        row.action_accept_suggestion()
        self.assertEqual(self.listings().product_id, self.products[2])

    def test_a_row_without_a_suggestion_is_refused_by_name(self):
        rows = self.refuse(("77", "منتج 1"), ("78", "Something else"))
        with self.assertRaisesRegex(UserError, r"\[78\] Something else"):
            rows.action_accept_suggestion()
        self.assertFalse(self.listings())

    def test_one_suggestion_for_two_rows_is_refused(self):
        rows = self.refuse(("77", "منتج 1"), ("78", "منتج  1"))
        self.assertEqual(len(rows.suggestion_id), 1)
        with self.assertRaisesRegex(UserError, "77.*78"):
            rows.action_accept_suggestion()
        rows[0].product_id = rows.suggestion_id
        with self.assertRaisesRegex(UserError, "78"):
            rows.action_accept_suggestion()

    def test_a_suggestion_that_was_listed_or_archived_meanwhile_is_refused(self):
        row = self.refuse(("77", "منتج 1"))
        listing = self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": row.suggestion_id.id, "external_id": "other"}
        )
        with self.assertRaisesRegex(UserError, "taken"):
            row.action_accept_suggestion()
        listing.active = False
        row.suggestion_id.active = False
        with self.assertRaisesRegex(UserError, "taken"):
            row.action_accept_suggestion()
        row.suggestion_id.active = True
        row.action_accept_suggestion()
        self.assertEqual(self.listings().external_id, "77")

    def test_looking_is_for_users_and_linking_for_managers(self):
        row = self.refuse(("77", "منتج 1"))
        row.product_id = self.products[0]
        looker = new_test_user(self.env, "looker", groups="cartona_integration.group_marketplace_user")
        manager = new_test_user(self.env, "keeper", groups="cartona_integration.group_marketplace_manager")
        self.assertTrue(row.with_user(looker).explanation)
        for action in ("action_link", "action_accept_suggestion"):
            with self.assertRaises(AccessError):
                getattr(row.with_user(looker), action)()
        row.with_user(manager).action_link()
        self.assertEqual(self.listings().product_id, self.products[0])
        self.assertEqual(self.products[0].cartona_id, "77")

    def test_another_companys_people_see_nothing(self):
        self.refuse(("77", "x"))
        company = self.env["res.company"].create({"name": "Other"})
        user = new_test_user(
            self.env,
            "stranger",
            groups="cartona_integration.group_marketplace_manager",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )
        self.assertFalse(self.env["marketplace.unmatched"].with_user(user).search([]))

    def test_the_account_counts_and_opens_them(self):
        self.refuse(("77", "a"), ("78", "b"))
        self.assertEqual(self.account.unmatched_count, 2)
        action = self.account.action_open_unmatched()
        self.assertEqual(self.env[action["res_model"]].search_count(action["domain"]), 2)

    def test_they_are_found_by_id_name_and_reference(self):
        rows = self.refuse(("77", "شاي"), ("78", "Coffee"))
        search = self.env["marketplace.unmatched"].name_search
        self.assertEqual([search(word)[0][0] for word in ("77", "شاي", "S-77")], [rows[0].id] * 3)

    # ------------------------------------------------------------------ what removes a row

    def test_listing_a_product_by_hand_removes_its_row_alone(self):
        other = self._create_account(name="Another token")
        rows = self.refuse(("77", "a"), ("78", "b"))
        self.env["marketplace.listing"].create(
            [
                {"config_id": other.id, "product_id": self.products[0].id, "external_id": "78"},
                {"config_id": self.account.id, "product_id": self.products[0].id, "external_id": "77"},
            ]
        )
        self.assertEqual(self.rows(), rows[1])

    def test_giving_a_listing_the_id_removes_the_row(self):
        self.refuse(("77", "a"))
        self.list_products()[0].external_id = "77"
        self.assertFalse(self.rows())

    def test_a_product_that_gets_the_id_removes_the_row_whoever_gives_it(self):
        self.refuse(("77", "a"), units=1)
        may_create = self.env.ref("product.group_product_manager", False)  # since 18.0
        groups = "product.group_product_manager,base.group_user" if may_create else "sales_team.group_sale_manager"
        editor = new_test_user(self.env, "editor", groups=groups)
        self.products[0].with_user(editor).write({"cartona_id": "77", "marketplace_sync_enabled": True})
        self.assertEqual(self.listings().external_id, "77")
        self.assertFalse(self.rows())

    def test_removing_costs_one_query_for_many_listings(self):
        def create(count, prefix):
            values = [
                {"config_id": self.account.id, "product_id": self.products[0].id, "external_id": f"{prefix}{n}"}
                for n in range(count)
            ]
            with mock.patch.object(
                type(self.env.cr), "execute", autospec=True, side_effect=type(self.env.cr).execute
            ) as run:
                self.env["marketplace.listing"].create(values)
            return sum("marketplace_unmatched" in str(call.args[1]) for call in run.call_args_list)

        self.assertEqual(create(1, "a"), create(50, "b"))

    # ------------------------------------------------------------------ suggestions

    def suggest(self, *names):
        found = self.env["marketplace.matching"]._suggest(self.account, list(enumerate(names)))
        return [found[number] for number in range(len(names))]

    def test_names_are_found_in_any_language_however_they_are_written(self):
        self.env["res.lang"]._activate_lang("ar_001")
        milk = self.create_product("Juhayna Full Cream Milk 1 L")
        milk.with_context(lang="ar_001").name = "جهينة حليب كامل الدسم ١ لتر"
        self.create_product("Juhayna Orange Juice 235 ml")
        english, arabic = self.suggest("JUHAYNA milk, full-cream 1L", "حَليب جهينه كامِل الدسم 1لتر")
        self.assertEqual(english[:1], milk)
        self.assertEqual(arabic[:1], milk)

    def test_up_to_three_are_suggested_the_best_first(self):
        products = [self.create_product(f"Shampoo {what} 200 ml") for what in ("care", "care", "care", "care plus")]
        (found,) = self.suggest("shampoo care plus 200ml")
        self.assertEqual(len(found), 3)
        self.assertEqual(found[0], products[3])

    def test_another_size_comes_after_the_right_one(self):
        small, large = self.create_product("Pepsi can 250 ml"), self.create_product("Pepsi can 330 ml")
        (found,) = self.suggest("Pepsi can 330ml")
        self.assertEqual(found.ids, [large.id, small.id])

    def test_a_variant_is_found_by_its_attributes(self):
        names = [
            "mango",
            "apple",
            "grape",
            "peach",
            "lemon",
            "orange",
            "cherry",
            "banana",
            "carrot",
            "pear",
            "plum",
            "kiwi",
            "lime",
            "melon",
            "guava",
        ]
        tastes = [Command.create({"name": f"{name} from fresh fruit"}) for name in names]
        attribute = self.env["product.attribute"].create({"name": "Taste", "value_ids": tastes})
        line = {"attribute_id": attribute.id, "value_ids": [Command.set(attribute.value_ids.ids)]}
        template = self.env["product.template"].create({"name": "Nectar", "attribute_line_ids": [Command.create(line)]})
        (found,) = self.suggest("nectar guava from fresh fruit")
        self.assertEqual(found[0].product_template_attribute_value_ids.name, "guava from fresh fruit")
        self.assertEqual(found[0].product_tmpl_id, template)

    def test_what_is_listed_archived_or_not_for_sale_is_no_suggestion(self):
        free = self.create_product("Zebra biscuit")
        listed, archived, unsold, theirs = [self.create_product(f"Zebra biscuit {n}") for n in range(1, 5)]
        self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": listed.id, "external_id": "z"}
        )
        archived.active = False
        unsold.sale_ok = False
        theirs.company_id = self.env["res.company"].create({"name": "Other"})
        (found,) = self.suggest("zebra biscuit")
        self.assertEqual(found, free)

    def test_what_another_account_lists_may_be_suggested(self):
        other = self._create_account(name="Another token")
        product = self.create_product("Zebra biscuit")
        self.env["marketplace.listing"].create({"config_id": other.id, "product_id": product.id, "external_id": "z"})
        self.assertEqual(self.suggest("zebra biscuit"), [product])

    def test_a_name_that_says_nothing_gets_no_suggestion(self):
        nothing = self.env["product.product"]
        self.assertEqual(self.suggest("", "؟!", "qwertz", "a % b {} '\\"), [nothing] * 4)

    def test_words_that_too_many_products_have_find_none(self):
        for n in range(3):
            self.create_product(f"Zebra biscuit {n}")
        self.create_product("Zebra wafer")
        self.patch(marketplace_suggestion, "REACH", 4)
        (biscuit,) = self.suggest("zebra biscuit")
        self.assertEqual(len(biscuit), 3)
        self.patch(marketplace_suggestion, "REACH", 2)
        self.assertFalse(self.suggest("zebra biscuit")[0])

    def test_the_products_are_read_once_for_all_names(self):
        def count(*names):
            cursor_class = type(self.env.cr)
            with mock.patch.object(cursor_class, "execute", autospec=True, side_effect=cursor_class.execute) as run:
                self.suggest(*names)
            return len(run.call_args_list)

        self.create_product("Zebra biscuit")
        count("zebra biscuit")
        self.assertEqual(count("zebra biscuit"), count(*["zebra biscuit"] * 50))

    def test_short_steps_go_on_until_every_row_has_had_its_turn_and_tell_how_far_they_are(self):
        self.patch(marketplace_unmatched, "SUGGEST_ROWS", 2)
        rows = self.refuse(*[(str(n), f"منتج {n}") for n in range(1, 5)], ("77", "qwertz"))
        task = self.env["marketplace.task"].search([("config_id", "=", self.account.id), ("kind", "=", "suggest")])
        self.assertEqual((task.state, task.done, task.summary), ("done", 5, "5 of 5"))
        self.assertEqual(rows.mapped("suggestion_id"), self.products)
        self.assertEqual(rows[0].candidate_ids & rows[0].suggestion_id, rows[0].suggestion_id)
        self.assertFalse(rows[4].suggestion_id)

    def test_a_row_that_goes_while_names_are_compared_fails_nobody(self):
        rows = self.refuse(("77", "منتج 1"), ("78", "منتج 2"))
        gone = rows[0].id
        rows[0].unlink()
        rows[1].reason = "ambiguous"
        rows.flush_model()
        rows._store_suggestions({gone: self.products[:1].ids, rows[1].id: self.products[:1].ids})
        self.assertEqual(rows[1].suggestion_id, self.products[1])

    def test_suggestions_are_renewed(self):
        row = self.refuse(("77", "منتج 1"))
        self.assertEqual(row.suggestion_id, self.products[0])
        self.products[0].active = False
        self.refuse(("77", "منتج 1"))
        self.assertNotEqual(row.suggestion_id, self.products[0])
        self.products.active = False
        self.refuse(("77", "منتج 1"))
        self.assertFalse(row.suggestion_id or row.candidate_ids)

    # ------------------------------------------------------------------ what is ordered
    # What an order asks for and nobody knows stands beside what matching has left.

    def order(self, external_id, name, sku="", **values):
        line = {"supplier_product_id": external_id, "product_name": name, "internal_product_id": sku, **values}
        self.box.add_order(status="pending", order_details=[{**line, "amount": 1, "selling_price": 5}])
        self.pull()

    def test_an_order_that_comes_long_after_matching_removes_nothing(self):
        row = self.refuse(("77", "x"))
        row.write({"product_id": self.products[0].id, "seen_at": fields.Datetime.now() - timedelta(days=30)})
        self.order("99", "منتج 2")
        self.assertEqual(self.rows().mapped("external_id"), ["77", "99"])
        self.assertEqual(row.product_id, self.products[0])

    def test_only_what_was_ordered_is_looked_for(self):
        self.refuse(("77", "x"), ("78", "y"))
        self.order("99", "منتج 2")
        self.assertEqual(self.rows()[-1].suggestion_id, self.products[1])
        task = self.env["marketplace.task"].search([("config_id", "=", self.account.id), ("kind", "=", "suggest")])[0]
        self.assertEqual((task.total, task.done), (1, 1))

    def test_what_comes_while_names_are_compared_has_its_turn(self):
        find = self.registry["marketplace.unmatched"]._find_suggestions

        def meanwhile(rows, config, after):
            found = find(rows, config, after)
            if not after:
                product = RemoteProduct("78", "منتج 2")
                rows._store(config, [(product, "unknown", self.env["product.product"])])
            return found

        self.patch(self.registry["marketplace.unmatched"], "_find_suggestions", meanwhile)
        self.assertEqual(self.refuse(("77", "منتج 1")).mapped("suggestion_id"), self.products[:2])

    def test_two_that_have_the_reference_are_both_named(self):
        twins = self.create_product("Twin one", default_code="TWIN") | self.create_product("2", default_code="TWIN")
        self.order("99", "منتج 2", "TWIN")
        row = self.rows()
        self.assertEqual((row.reason, row.candidate_ids), ("ambiguous", twins))
        self.assertEqual(row.explanation, "These have its ID, reference or barcode.")
        self.assertFalse(row.suggestion_id)

    def test_one_that_has_the_reference_and_is_listed_already_is_named(self):
        self.list_products()
        self.order("99", "منتج 2", "CI-002")
        row = self.rows()
        self.assertEqual((row.reason, row.candidate_ids), ("double", self.products[1]))
        self.assertIn(str(1000 + self.products[1].id), row.explanation)

    def test_one_that_has_the_reference_is_named_and_suggested(self):
        self.order("99", "qwertz", "CI-002")
        row = self.rows()
        self.assertEqual((row.reason, row.suggestion_id), ("unknown", self.products[1]))
        self.assertIn("[CI-002]", row.explanation)
        self.products[1].default_code = False
        row.invalidate_recordset()
        self.assertEqual(row.explanation, "Nothing has its ID, reference or barcode.")

    def test_how_many_are_in_one_is_what_the_order_says(self):
        self.order("98", "qwertz", unit="box", unit_count=12)
        self.order("99", "qwertz", "CI-002", unit="box", unit_count="24")
        unknown, fits = self.rows()
        self.assertEqual((unknown.reason, unknown.unit_count, unknown.pack_size), ("unknown", 12, 12))
        self.assertEqual((fits.reason, fits.suggestion_id, fits.pack_size), ("pack", self.products[1], 24))
        fits.action_accept_suggestion()
        self.commit()
        self.assertEqual(self.listings().pack_size, 24)
        order = self.env["sale.order.line"].search([("cartona_product_id", "=", "99")]).order_id
        self.assertFalse(order.marketplace_hold)
        self.assertEqual(order.order_line.product_uom_qty * order.order_line.marketplace_pack_size, 24)

    def test_an_order_that_does_not_say_how_many_are_in_one_means_one(self):
        for external_id, said in (("96", {}), ("97", {"unit_count": None}), ("98", {"unit_count": "a dozen"})):
            self.order(external_id, "qwertz", **said)
        self.assertEqual(self.rows().mapped("pack_size"), [1, 1, 1])
        self.assertEqual(self.rows().mapped("reason"), ["unknown"] * 3)
