# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
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
        from ..marketplaces import cartona

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
        self.match()
        self.assertFalse(other.listing_ids)

    def test_a_catalogue_that_names_a_product_twice_lists_it_once(self):
        lister = type(self.env["marketplace.api.cartona"])
        original = lister._list_products
        self.patch(lister, "_list_products", lambda *args: (lambda page: (page[0] * 2, page[1]))(original(*args)))
        self.assertEqual(len(self.match()), 4)
