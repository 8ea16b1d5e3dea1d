# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .common import MarketplaceCase, storable


class TestProductsOffSale(MarketplaceCase):
    """Odoo's own switches: what can't be sold is not sold at marketplaces; what is archived keeps its id."""

    def prepare(self):
        super().prepare()
        self.listings = self.stock_products()

    # ------------------------------------------------------------------ Can be Sold

    def test_what_can_not_be_sold_any_more_is_taken_off_and_put_back(self):
        product = self.products[0]
        product.sale_ok = False
        self.commit()
        there = self.at_box(product)
        self.assertEqual((there["available_stock_quantity"], there["is_published"]), (0, False))
        product.product_tmpl_id.sale_ok = True
        self.commit()
        there = self.at_box(product)
        self.assertEqual((there["available_stock_quantity"], there["is_published"]), (100, True))

    # ------------------------------------------------------------------ products of another company

    def test_what_is_given_to_another_company_is_taken_off_and_put_back(self):
        shown = self.products[0]
        product = self.env["product.product"].create({"name": "Advice", "type": "service", "list_price": 5})
        product.marketplace_sync_enabled = True
        self.listings.filtered(lambda listing: listing.product_id == shown).product_id = product
        self.commit()
        self.assertTrue(self.at_box(shown)["is_unlimited_stock"])
        other = self.env["res.company"].create({"name": "Other"})
        for company, on_sale in ((other, False), (self.account.company_id, True)):
            with self.subTest(company=company.name):
                product.company_id = company
                self.commit()
                there = self.at_box(shown)
                self.assertEqual((there["is_unlimited_stock"], there["is_published"]), (on_sale, on_sale))

    def test_a_branch_sells_what_is_of_the_company_it_belongs_to(self):
        company = self.account.company_id
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": company.id})
        account = self._create_account(name="Branch", company_id=branch.id, warehouse_ids=False)
        product = self.products[0]
        values = {"config_id": account.id, "product_id": product.id, "external_id": "branch"}
        listing = self.env["marketplace.listing"].create(values)
        product.company_id = company
        self.assertTrue(listing._is_on_sale())

    # ------------------------------------------------------------------ archived products

    def archived(self, **values):
        product = self.env["product.template"].create(storable({"name": "Winter tea", "list_price": 7, **values}))
        product.action_archive()
        return product

    def test_an_id_that_is_entered_on_an_archived_product_stays(self):
        product = self.archived()
        product.cartona_id = "tea-1"
        self.env.invalidate_all()
        self.assertEqual(product.cartona_id, "tea-1")
        product.action_unarchive()
        self.assertEqual((product.product_variant_id.cartona_id, product.cartona_id), ("tea-1", "tea-1"))

    def test_a_product_that_is_made_archived_keeps_its_id(self):
        values = storable({"name": "Spring tea", "active": False, "cartona_id": "tea-2"})
        product = self.env["product.template"].create(values)
        self.env.invalidate_all()
        self.assertEqual(product.cartona_id, "tea-2")

    def test_archived_products_are_found_by_their_id_among_archived_ones(self):
        product = self.archived(cartona_id="tea-3")
        templates = self.env["product.template"]
        self.assertFalse(templates.search([("cartona_id", "=", "tea-3")]))
        self.assertEqual(templates.search([("cartona_id", "=", "tea-3"), ("active", "=", False)]), product)
        self.assertEqual(templates.with_context(active_test=False).search([("cartona_id", "=", "tea-3")]), product)

    def test_of_two_products_with_one_id_the_one_that_is_sold_has_the_listing(self):
        old = self.archived(cartona_id="tea-4").with_context(active_test=False).product_variant_id
        listings = self.env["marketplace.listing"].with_context(active_test=False)
        listings.search([("external_id", "=", "tea-4")]).unlink()
        new = self.env["product.product"].create(storable({"name": "Tea", "default_code": "tea-new"}))
        both = old | new
        both.cartona_id = "tea-4"
        both.marketplace_sync_enabled = True
        listings.search([("external_id", "=", "tea-4")]).unlink()
        self.assertLess(old.id, new.id)
        made = self.env["marketplace.listing"]._ensure_for_products(both)
        self.assertEqual(made.product_id, new)

    def test_a_listing_of_an_archived_product_goes_over_to_the_one_that_is_sold(self):
        old = self.archived(cartona_id="tea-5").with_context(active_test=False).product_variant_id
        old.marketplace_sync_enabled = True
        new = self.env["product.product"].create(storable({"name": "Tea", "cartona_id": "tea-5"}))
        new.marketplace_sync_enabled = True
        rows = self.env["marketplace.listing"].with_context(active_test=False).search([("external_id", "=", "tea-5")])
        self.assertEqual((rows.product_id, rows.active), (new, True))
        self.env["marketplace.listing"]._ensure_for_products(old | new)
        self.assertEqual(rows.product_id, new)

    def test_a_product_is_not_found_by_the_id_of_a_variant_it_had_once(self):
        attribute = self.env["product.attribute"].create(
            {"name": "Size", "value_ids": [(0, 0, {"name": "S"}), (0, 0, {"name": "L"})]}
        )
        line = {"attribute_id": attribute.id, "value_ids": [(6, 0, attribute.value_ids.ids)]}
        product = self.env["product.template"].create(storable({"name": "Tea", "attribute_line_ids": [(0, 0, line)]}))
        small, large = product.product_variant_ids
        small.cartona_id, large.cartona_id = "tea-s", "tea-l"
        small.active = False
        self.env.flush_all()
        templates = self.env["product.template"]
        self.assertFalse(templates.search([("cartona_id", "=", "tea-s")]))
        self.assertEqual(templates.search([("cartona_id", "=", "tea-l")]), product)
        self.assertEqual(product.cartona_id, "tea-l")
        large.active = False
        self.env.invalidate_all()
        self.assertFalse(product.cartona_id, "each has its own")
