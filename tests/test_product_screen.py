# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user

from .common import MarketplaceCase, storable

USER = "cartona_integration.group_marketplace_user"
MANAGER = "cartona_integration.group_marketplace_manager"


class TestProductScreen(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.listings = self.list_products()
        self.product, self.other = self.products[0], self.products[1]

    def break_first(self):
        """Have the marketplace refuse the first product."""
        self.box.state.products.pop(self.listings[0].external_id)
        self.product.list_price += 1
        self.commit()

    def found(self, *domain, model="product.product"):
        ours = ("id", "in", (self.products if model == "product.product" else self.products.product_tmpl_id).ids)
        return self.env[model].search([ours, *domain])

    # ------------------------------------------------------------------ what is shown

    def test_a_product_tells_what_its_marketplaces_have_of_it(self):
        self.assertEqual(self.product.marketplace_state, "synced")
        self.assertEqual(self.product.marketplace_external_id, self.listings[0].external_id)
        self.assertTrue(self.product.marketplace_pushed_at)
        self.assertFalse(self.product.marketplace_problem)
        self.assertEqual(self.product.product_tmpl_id.marketplace_state, "synced")

    def test_the_worst_of_its_accounts_is_what_a_product_is_shown_as(self):
        second = self._create_account(name="Second", use_cartona_id=False)
        self.env["marketplace.listing"].create(
            {"config_id": second.id, "product_id": self.product.id, "external_id": "gone"}
        )
        self.commit()
        self.assertEqual(self.product.marketplace_listing_ids.mapped("state"), ["synced", "failed"])
        self.assertEqual(self.product.marketplace_state, "failed")
        self.assertIn("gone", self.product.marketplace_external_id)
        self.assertTrue(self.product.marketplace_problem)

    def test_a_product_that_is_to_be_sold_and_listed_nowhere_says_what_is_missing(self):
        self.listings[0].active = False
        self.env.invalidate_all()
        for record in (self.product, self.product.product_tmpl_id):
            self.assertEqual(record.marketplace_state, "missing")
            self.assertRegex(record.marketplace_problem, "^Missing external ID.*Enter its external product ID")
        self.product.marketplace_sync_enabled = False
        self.env.invalidate_all()
        self.assertFalse(self.product.marketplace_state)

    def test_a_template_is_missing_where_any_of_its_variants_is(self):
        size = self.env["product.attribute"].create(
            {"name": "Size", "value_ids": [(0, 0, {"name": "S"}), (0, 0, {"name": "L"})]}
        )
        template = self.env["product.template"].create(
            storable(
                {
                    "name": "Shirt",
                    "marketplace_sync_enabled": True,
                    "attribute_line_ids": [
                        (0, 0, {"attribute_id": size.id, "value_ids": [(6, 0, size.value_ids.ids)]}),
                    ],
                }
            )
        )
        template.product_variant_ids[0].cartona_id = "shirt-s"
        self.env.invalidate_all()
        self.assertEqual(template.marketplace_state, "missing")
        self.assertIn(template, self.env["product.template"].search([("marketplace_state", "=", "missing")]))
        template.product_variant_ids[1].cartona_id = "shirt-l"
        self.env.invalidate_all()
        self.assertEqual(template.marketplace_state, "waiting")
        self.assertNotIn(template, self.env["product.template"].search([("marketplace_state", "=", "missing")]))

    def test_a_listing_that_waits_says_what_keeps_its_account(self):
        self.box.options.token = "a new one"
        self.product.list_price += 1
        self.commit()
        self.assertEqual(self.product.marketplace_state, "waiting")
        self.assertRegex(self.product.marketplace_problem, "^Invalid token.*Enter the current token")
        self.assertFalse(self.other.marketplace_problem, "the marketplace has what is true of it")

    def test_the_marketplaces_own_code_stands_with_the_words(self):
        self.box.fail(path="bulk-update$", status=422, body={"error": "too cheap", "code": "P-17"})
        self.product.list_price += 1
        self.commit()
        self.assertRegex(self.listings[0].problem, r"too cheap.*\(code P-17\)")
        self.listings[0].write({"error_code": "stale", "last_error": "Asked anew."})
        self.env.invalidate_all()
        self.assertEqual(self.listings[0].problem, "Asked anew.")

    # ------------------------------------------------------------------ finding

    def test_products_are_found_by_what_became_of_them(self):
        self.break_first()
        self.other.list_price += 1
        self.run_hooks()
        self.env["marketplace.lane.offers"]._fold(self.account)
        self.listings[2].active = False
        self.env.flush_all()
        for state, expected in (
            ("failed", self.products[0]),
            ("waiting", self.products[1]),
            ("missing", self.products[2]),
            ("synced", self.products[3]),
        ):
            with self.subTest(state=state):
                domain = ("marketplace_state", "=", state)
                self.assertEqual(self.found(domain), expected)
                self.assertEqual(self.found(domain, model="product.template"), expected.product_tmpl_id)
        out_of_sync = ("marketplace_state", "in", ("waiting", "failed"))
        self.assertEqual(self.found(out_of_sync), self.products[:2])
        self.assertEqual(self.found(("marketplace_state", "!=", "synced")), self.products[:3])
        self.assertEqual(self.found(("marketplace_state", "=", False)), self.env["product.product"])

    def test_products_are_found_by_the_id_they_have_anywhere(self):
        self.products[3].product_tmpl_id.marketplace_sync_enabled = False
        self.products[3].cartona_id = "kept-back"
        for text, expected in (
            (f" {self.listings[0].external_id} ", self.products[0]),
            ("kept-back", self.products[3]),
            (self.listings[0].external_id[:2], self.env["product.product"]),
        ):
            with self.subTest(text=text):
                domain = ("marketplace_external_id", "=", text)
                self.assertEqual(self.found(domain), expected)
                self.assertEqual(self.found(domain, model="product.template"), expected.product_tmpl_id)

    def test_another_companys_listings_are_neither_shown_nor_found(self):
        company = self.env["res.company"].create({"name": "Theirs"})
        user = new_test_user(
            self.env, "their-user", f"base.group_user,{USER}", company_id=company.id, company_ids=company.ids
        )
        product = self.product.with_user(user)
        self.assertFalse(product.marketplace_listing_ids)
        self.assertFalse(product.search([("id", "=", product.id), ("marketplace_state", "=", "synced")]))

    def test_what_another_company_has_archived_is_not_said_to_be_off(self):
        company = self.env["res.company"].create({"name": "Theirs"})
        user = new_test_user(
            self.env, "their-user", f"base.group_user,{USER}", company_id=company.id, company_ids=company.ids
        )
        product = self.listings[0].product_id
        self.account.use_cartona_id = False
        self.listings[0].active = False
        self.assertIn("Off:", product.marketplace_problem)
        self.assertIn("Missing external ID", product.with_user(user).marketplace_problem)

    def test_an_id_that_lists_nothing_says_why(self):
        taken = self.listings[0].external_id
        product = self.env["product.product"].create(
            storable({"name": "Late comer", "cartona_id": taken, "marketplace_sync_enabled": True})
        )
        self.assertRegex(product.marketplace_problem, f"{taken} is listed at Cartona Test already, as .*CI-001")
        product.with_context(marketplace_matching=True).cartona_id = "nobody-knows-it"
        product.invalidate_recordset()
        self.assertIn("nobody-knows-it", product.marketplace_problem)
        self.assertNotIn("Enter", product.marketplace_problem)
        self.account.use_cartona_id = False
        product.invalidate_recordset()
        self.assertIn("No account goes by", product.marketplace_problem)
        self.assertEqual(product.product_tmpl_id.marketplace_problem, product.marketplace_problem)

    # ------------------------------------------------------------------ doing

    def test_manual_sync_tells_what_happens_and_what_it_waits_for(self):
        told = self.product.product_tmpl_id.action_marketplace_sync()["params"]
        self.assertEqual(told["type"], "info")
        self.account.action_pause()
        told = self.product.action_marketplace_sync()["params"]
        self.assertEqual(told["type"], "warning")
        self.assertIn("Paused by", told["message"])

    def switch(self, products, sync, accounts=None):
        context = {"active_model": products._name, "active_ids": products.ids}
        wizard = self.env["marketplace.product.sync"].with_context(**context).create({"sync": sync})
        if accounts:
            wizard.config_ids = accounts
        told = wizard.action_apply()["params"]
        self.commit()
        return told

    def test_products_are_switched_off_and_on_at_one_account(self):
        second = self._create_account(name="Second", use_cartona_id=False)
        for product in self.products:
            self.env["marketplace.listing"].create(
                {"config_id": second.id, "product_id": product.id, "external_id": f"2-{product.id}"}
            )
        templates = self.products[:2].product_tmpl_id
        self.switch(templates, "off", self.account)
        self.assertEqual(self.listings.filtered("active"), self.listings[2:])
        self.assertEqual(len(templates.marketplace_listing_ids), 2, "on sale elsewhere")
        self.switch(templates, "on", self.account)
        self.assertTrue(all(self.listings.mapped("active")))

    def test_what_is_switched_on_by_its_id_is_listed_at_the_chosen_account_alone(self):
        second = self._create_account(name="Second")
        new = self.env["product.product"].create([{"name": "New", "cartona_id": "new-1"}, {"name": "Nameless"}])
        told = self.switch(new, "on", self.account)
        self.assertEqual(new[0].marketplace_listing_ids.config_id, self.account)
        self.assertFalse(second.listing_ids.filtered(lambda listing: listing.external_id == "new-1"))
        self.assertEqual(told["type"], "warning")
        self.assertRegex(told["message"], "^Missing external ID: 1 of.*Nameless")

    # ------------------------------------------------------------------ who sees it, what it costs

    def test_those_without_a_marketplace_group_see_none_of_it_and_work_as_ever(self):
        groups = "stock.group_stock_manager,sales_team.group_sale_manager"
        if self.env.ref("product.group_product_manager", raise_if_not_found=False):
            groups += ",product.group_product_manager"
        for login, group in (("plain-stock", "stock.group_stock_user"), ("plain-boss", groups)):
            user = new_test_user(self.env, login, f"base.group_user,{group}")
            template = self.product.product_tmpl_id.with_user(user)
            for record in (template, self.product.with_user(user)):
                arch = record.get_view(view_type="form")["arch"] + record.get_view(view_type="search")["arch"]
                self.assertNotIn("marketplace", arch)
                self.assertNotIn("marketplace", record.get_view(view_type="tree")["arch"])
                self.assertNotIn("marketplace_state", record.fields_get())
                with self.assertRaises(AccessError):
                    record.read(["marketplace_state"])
        with Form(template) as form:
            form.name = "Renamed"
        self.assertEqual(self.product.name, "Renamed")

    def test_marketplace_users_see_it_and_managers_push(self):
        user = new_test_user(self.env, "looks", f"base.group_user,{USER}")
        manager = new_test_user(self.env, "pushes", f"base.group_user,{MANAGER}")
        arch = self.product.with_user(user).get_view(view_type="form")["arch"]
        self.assertIn('name="marketplace_listing_ids"', arch)
        self.assertEqual(self.product.with_user(user).read(["marketplace_state"])[0]["marketplace_state"], "synced")
        self.listings[0].with_user(manager).action_sync()
        with self.assertRaises(AccessError):
            self.listings[0].with_user(user).action_sync()

    def test_a_list_of_products_costs_the_same_however_long_it_is(self):
        def read(products):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            products.browse(products.ids).read(["marketplace_state", "marketplace_problem", "marketplace_external_id"])
            return self.env.cr.sql_log_count - before

        for records in (self.products, self.products.product_tmpl_id):
            read(records)
            self.assertEqual(read(records), read(records[:1]))
        plain = self.env["product.product"].create([{"name": f"Plain {n}"} for n in range(3)])
        self.assertLessEqual(read(plain), 3, "the products, their templates, and that no listing is theirs")
