# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta
from unittest import mock

from freezegun import freeze_time

from odoo import Command, fields
from odoo.exceptions import UserError, ValidationError

from ..models import marketplace_lane_tasks
from .common import MarketplaceCase, storable


class TestOfferValues(MarketplaceCase):
    """What a listing shows follows whatever it depends on: settings, rules, taxes, rates, places, dates."""

    def prepare(self):
        super().prepare()
        self.listings = self.list_products()

    # ------------------------------------------------------------------ whatever changes a price or a stock

    def test_going_live_sends_what_was_listed_before(self):
        self.account.state = "draft"
        self.env["marketplace.listing"].search([]).unlink()
        self.list_products()
        self.assertFalse(self.sent_rows())
        self.account.action_go_live()
        self.commit()
        self.assertEqual(len(self.sent_rows()), len(self.products))

    def test_resuming_sends_only_what_changed_meanwhile(self):
        self.account.action_pause()
        self.products[2].list_price = 99
        self.commit()
        self.account.action_go_live()
        self.commit()
        self.assertEqual([row["selling_price"] for row in self.sent_rows()], [99])

    def test_a_new_setting_of_the_account_reaches_every_listing_and_leaves_one_row(self):
        for product in self.products:
            self.set_stock(product, 10)
        self.commit()
        self.box.clear_journal()
        self.account.safety_quantity = 4
        self.env.cr.flush()
        self.assertEqual(len(self.env["marketplace.outbox"].search([])), 1)
        self.commit()
        self.assertEqual([row["available_stock_quantity"] for row in self.sent_rows()], [6, 6, 6, 6])
        pricelist = self.env["product.pricelist"].create(
            {"name": "Half", "item_ids": [Command.create({"compute_price": "percentage", "percent_price": 50})]}
        )
        self.account.pricelist_id = pricelist
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 5.0)

    def test_sync_all_sends_everything_again(self):
        self.account.action_sync_all()
        self.commit()
        self.assertEqual(len(self.sent_rows()), len(self.products))

    def test_a_pricelist_that_is_based_on_another_follows_it(self):
        base = self.env["product.pricelist"].create({"name": "Base"})
        middle = self.env["product.pricelist"].create(
            {
                "name": "Middle",
                "item_ids": [
                    Command.create({"compute_price": "formula", "base": "pricelist", "base_pricelist_id": base.id})
                ],
            }
        )
        self.account.pricelist_id = self.env["product.pricelist"].create(
            {
                "name": "Top",
                "item_ids": [
                    Command.create({"compute_price": "formula", "base": "pricelist", "base_pricelist_id": middle.id})
                ],
            }
        )
        self.commit()
        base.item_ids = [Command.create({"compute_price": "percentage", "percent_price": 50})]
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 5.0)

    def test_a_currency_rate_changes_prices_in_that_currency(self):
        currency = (
            self.env["res.currency"]
            .with_context(active_test=False)
            .search([("id", "!=", self.env.company.currency_id.id)], limit=1)
        )
        currency.active = True
        self.account.pricelist_id = self.env["product.pricelist"].create({"name": "Abroad", "currency_id": currency.id})
        rates = self.env["res.currency.rate"]
        rates.search([("currency_id", "=", currency.id)]).unlink()
        rate = rates.create({"currency_id": currency.id, "name": "2020-01-01", "rate": 2.0})
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 20.0)
        rate.rate = 3.0
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 30.0)

    def test_a_price_extra_of_a_variant_reaches_the_marketplace(self):
        attribute = self.env["product.attribute"].create(
            {"name": "Size", "value_ids": [Command.create({"name": "S"}), Command.create({"name": "L"})]}
        )
        template = self.env["product.template"].create(
            {
                "name": "Sized",
                "list_price": 10,
                "attribute_line_ids": [
                    Command.create({"attribute_id": attribute.id, "value_ids": [Command.set(attribute.value_ids.ids)]})
                ],
            }
        )
        large = template.product_variant_ids[1]
        self.box.add_product(id=str(1000 + large.id))
        self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": large.id, "external_id": str(1000 + large.id)}
        )
        self.commit()
        large.product_template_attribute_value_ids.price_extra = 5
        self.commit()
        self.assertEqual(self.at_box(large)["selling_price"], 15.0)

    def test_a_location_that_leaves_the_warehouse_takes_its_stock_along(self):
        shelf = self.env["stock.location"].create({"name": "Shelf", "location_id": self.warehouse.lot_stock_id.id})
        self.env["stock.quant"]._update_available_quantity(self.products[0], shelf, 5)
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 5)
        shelf.location_id = self.env.ref("stock.stock_location_customers")
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 0)

    def test_only_what_is_due_is_computed(self):
        listing, computed = self.registry["marketplace.listing"], {}
        for name in ("_prices", "_quantities"):
            computed[name] = mock.Mock(wraps=getattr(listing, name))
            self.patch(listing, name, lambda listings, config, noted=computed[name]: noted(listings, config))
        self.products[0].list_price = 90
        self.set_stock(self.products[1], 7)
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 90)
        self.assertEqual(self.at_box(self.products[1])["available_stock_quantity"], 7)
        computed["_prices"].assert_called_once_with(self.listings[0], self.account)
        computed["_quantities"].assert_called_once_with(self.listings[1], self.account)

    # ------------------------------------------------------------------ how much is offered

    def test_each_stock_basis_counts_what_it_says(self):
        """10 on hand, 3 of them reserved, 2 more on their way out without a reservation, 4 on their way in."""
        self.set_stock(self.products[0], 10)
        customers = self.env.ref("stock.stock_location_customers")
        suppliers = self.env.ref("stock.stock_location_suppliers")
        stock = self.warehouse.lot_stock_id
        named = {"name": "Basis"} if "name" in self.env["stock.move"]._fields else {}  # gone in 19.0
        for source, destination, quantity, assign in (
            (stock, customers, 3, True),
            (stock, customers, 2, False),
            (suppliers, stock, 4, False),
        ):
            move = self.env["stock.move"].create(
                {
                    "product_id": self.products[0].id,
                    "product_uom_qty": quantity,
                    "location_id": source.id,
                    "location_dest_id": destination.id,
                    **named,
                }
            )
            move._action_confirm()
            if assign:
                move._action_assign()
        for basis, expected in (("free", 7), ("outgoing", 5), ("forecast", 9)):
            with self.subTest(basis=basis):
                self.account.stock_basis = basis
                self.commit()
                self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], expected)

    def test_the_nearest_stock_rule_wins(self):
        parent = self.env["product.category"].create({"name": "Drinks"})
        child = self.env["product.category"].create({"name": "Juice", "parent_id": parent.id})
        self.products[0].categ_id = child
        self.products[1].categ_id = child
        self.products[2].categ_id = parent
        for product in self.products:
            self.set_stock(product, 100)
        self.account.safety_quantity = 1
        self.account.stock_rule_ids = [
            Command.create({"product_tmpl_id": self.products[0].product_tmpl_id.id, "maximum": 7}),
            Command.create({"categ_id": parent.id, "safety_quantity": 30}),
        ]
        self.commit()
        offered = [self.at_box(product)["available_stock_quantity"] for product in self.products]
        self.assertEqual(offered, [7, 70, 70, 99])

    def test_a_rule_may_sell_out_early_or_never(self):
        self.account.stock_rule_ids = [
            Command.create({"product_tmpl_id": self.products[0].product_tmpl_id.id, "threshold": 5}),
            Command.create({"product_tmpl_id": self.products[1].product_tmpl_id.id, "unlimited": True}),
        ]
        self.set_stock(self.products[0], 5)
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 0)
        self.assertTrue(self.at_box(self.products[1])["is_unlimited_stock"])
        self.set_stock(self.products[0], 6)
        self.account.stock_rule_ids[1].unlimited = False
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 6)
        self.assertFalse(self.at_box(self.products[1])["is_unlimited_stock"])

    def test_a_quantity_that_nobody_can_mean_is_offered_as_very_many_and_holds_back_no_other(self):
        self.set_stock(self.products[0], 6_281_000_000_000)  # a barcode that was scanned into the counted quantity
        self.set_stock(self.products[1], 7)
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 10**9)
        self.assertFalse(self.at_box(self.products[0])["is_unlimited_stock"])
        self.assertEqual(self.at_box(self.products[1])["available_stock_quantity"], 7)
        self.assertEqual(self.listings.mapped("state"), ["synced"] * 4)

    def test_two_rules_for_the_same_are_refused(self):
        rule = {"product_tmpl_id": self.products[0].product_tmpl_id.id}
        with self.assertRaises(ValidationError):
            self.account.stock_rule_ids = [Command.create(rule), Command.create(rule)]
        category = self.env["product.category"].create({"name": "Drinks"}).id
        with self.assertRaises(ValidationError):
            self.account.stock_rule_ids = [Command.create({**rule, "categ_id": category})]

    def test_what_has_no_stock_is_always_available_unless_the_account_says_otherwise(self):
        service = self.env["product.product"].create({"name": "Delivery", "type": "service", "list_price": 3})
        self.box.add_product(id=str(1000 + service.id))
        self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": service.id, "external_id": str(1000 + service.id)}
        )
        self.commit()
        self.assertTrue(self.at_box(service)["is_unlimited_stock"])
        self.account.untracked_policy = "zero"
        self.commit()
        self.assertFalse(self.at_box(service)["is_unlimited_stock"])
        self.assertEqual(self.at_box(service)["available_stock_quantity"], 0)

    def test_exceptions_are_for_what_has_no_stock_too(self):
        goods, scarce, service = self.env["product.product"].create(
            [{"name": name, "type": "consu", "list_price": 3} for name in ("Any", "Scarce", "Course")]
        )
        for product in (goods, scarce, service):
            self.box.add_product(id=self.external_id(product))
            self.env["marketplace.listing"].create(
                {"config_id": self.account.id, "product_id": product.id, "external_id": self.external_id(product)}
            )
        course = self.env["product.category"].create({"name": "Courses"})
        service.categ_id = course
        self.account.stock_rule_ids = [
            Command.create({"product_tmpl_id": scarce.product_tmpl_id.id, "maximum": 20, "threshold": 5}),
            Command.create({"categ_id": course.id, "unlimited": True}),
        ]
        self.commit()
        self.assertEqual(self.on_offer(goods, scarce, service), ["unlimited", 20, "unlimited"])
        self.account.untracked_policy = "zero"
        self.commit()
        self.assertEqual(self.on_offer(goods, scarce, service), [0, 0, "unlimited"])
        # A rule for everything says nothing of what the policy is about.
        self.account.stock_rule_ids = [Command.create({"unlimited": True, "maximum": 9})]
        self.commit()
        self.assertEqual(self.on_offer(goods, self.products[0]), [0, "unlimited"])
        self.account.stock_rule_ids.filtered(lambda rule: rule.maximum == 9).unlimited = False
        self.account.untracked_policy = "unlimited"
        self.commit()
        self.assertEqual(self.on_offer(goods), [9])

    def on_offer(self, *products):
        there = [self.at_box(product) for product in products]
        return ["unlimited" if one["is_unlimited_stock"] else one["available_stock_quantity"] for one in there]

    def test_a_product_of_which_a_stock_is_kept_from_now_on_is_no_longer_sold_without_end(self):
        product = self.env["product.product"].create({"name": "Case", "type": "consu", "list_price": 3})
        self.box.add_product(id=str(1000 + product.id))
        self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": product.id, "external_id": str(1000 + product.id)}
        )
        self.commit()
        self.assertTrue(self.at_box(product)["is_unlimited_stock"])
        product.write(storable({}))
        self.commit()
        self.assertFalse(self.at_box(product)["is_unlimited_stock"])
        self.assertEqual(self.at_box(product)["available_stock_quantity"], 0)

    def test_prices_are_sent_with_or_without_taxes_as_the_account_says(self):
        tax = self.env["account.tax"].create({"name": "VAT 14", "amount": 14, "type_tax_use": "sale"})
        self.products[0].taxes_id = tax
        self.account.price_tax = "included"
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 11.4)
        tax.amount = 10
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 11.0)
        self.account.price_tax = "excluded"
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 10.0)

    def test_prices_follow_what_the_company_says_of_taxes(self):
        self.commit()
        self.env.company.tax_calculation_rounding_method = "round_globally"
        self.env.cr.flush()
        looks = self.env["marketplace.outbox"].search([("config_id", "=", self.account.id), ("price", "=", True)])
        self.assertEqual(looks.mapped("listing_id"), [0])

    def test_a_price_of_zero_is_sent_where_the_account_allows_it(self):
        self.account.allow_zero_price = True
        self.products[0].list_price = 0
        self.commit()
        self.assertEqual([row["selling_price"] for row in self.sent_rows()], [0])

    # ------------------------------------------------------------------ off sale

    def test_what_is_no_longer_sold_is_taken_off_once_and_comes_back(self):
        self.set_stock(self.products[0], 9)
        self.commit()
        ways = [
            (lambda: self.products[0].action_archive(), lambda: self.products[0].action_unarchive()),
            (
                lambda: self.products[0].write({"marketplace_sync_enabled": False}),
                lambda: self.products[0].write({"marketplace_sync_enabled": True}),
            ),
            (lambda: self.listings[0].action_archive(), lambda: self.listings[0].action_unarchive()),
        ]
        for number, (leave, come_back) in enumerate(ways):
            with self.subTest(way=number):
                self.box.clear_journal()
                leave()
                self.commit()
                self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 0)
                self.assertFalse(self.at_box(self.products[0])["is_published"])
                self.set_stock(self.products[0], 10 + number)
                self.products[0].list_price += 1
                self.commit()
                self.assertEqual(len(self.sent_rows()), 1, "once")
                come_back()
                self.commit()
                self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 10 + number)
                self.assertTrue(self.at_box(self.products[0])["is_published"])
                self.assertEqual(self.at_box(self.products[0])["selling_price"], self.products[0].list_price)

    def test_a_deleted_product_is_taken_off(self):
        for model in ("product.product", "product.template"):
            with self.subTest(model=model):
                product = self.env["product.product"].create(storable({"name": "Short-lived", "list_price": 4}))
                external_id = str(1000 + product.id)
                self.box.add_product(id=external_id)
                self.env["marketplace.listing"].create(
                    {"config_id": self.account.id, "product_id": product.id, "external_id": external_id}
                )
                self.commit()
                self.assertTrue(self.box.product(external_id)["is_published"])
                (product if model == "product.product" else product.product_tmpl_id).unlink()
                self.commit()
                self.assertFalse(self.box.product(external_id)["is_published"])

    def test_a_listing_that_is_on_sale_can_not_be_deleted_unsaid(self):
        self.set_stock(self.products[0], 9)
        self.commit()
        with self.assertRaises(UserError):
            self.listings[0].unlink()
        self.listings[0].action_archive()
        self.commit()
        self.listings[0].unlink()
        self.assertFalse(self.listings[0].exists())

    def test_what_a_person_hid_at_the_marketplace_stays_hidden(self):
        self.box.state.products[self.listings[0].external_id].offers["1"]["is_published"] = False
        self.products[0].list_price = 71
        self.commit()
        self.box.clear_journal()
        self.listings[0].action_sync()
        self.commit()
        self.assertEqual([row["selling_price"] for row in self.sent_rows()], [71])
        self.assertFalse(self.at_box(self.products[0])["is_published"])

    # ------------------------------------------------------------------ time goes by

    def test_a_rule_takes_effect_when_its_date_comes_and_ends_when_it_is_over(self):
        now = fields.Datetime.now()
        pricelist = self.env["product.pricelist"].create({"name": "Ramadan"})
        self.account.pricelist_id = pricelist
        self.env["product.pricelist.item"].create(
            {
                "pricelist_id": pricelist.id,
                "compute_price": "percentage",
                "percent_price": 50,
                "date_start": now + timedelta(hours=1),
                "date_end": now + timedelta(hours=3),
            }
        )
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 10.0)
        for hours, price in ((2, 5.0), (4, 10.0)):
            with freeze_time(now + timedelta(hours=hours)):
                lastcall = {"lastcall": now + timedelta(hours=hours - 1.5)}
                self.env["marketplace.wake"].with_context(**lastcall)._cron_sweep()
                self.commit()
                self.assertEqual(self.at_box(self.products[0])["selling_price"], price)

    def test_products_that_had_an_id_before_the_account_are_listed_when_it_goes_live(self):
        self.products[0].write({"cartona_id": "early-1", "marketplace_sync_enabled": True})
        self.commit()
        self.box.add_product(id="early-1")
        self.patch(marketplace_lane_tasks, "LIST_PRODUCTS", 1)  # in several steps
        account = self._create_account(name="Later", use_cartona_id=True)
        self.commit()
        self.assertTrue(account.listing_ids.filtered(lambda listing: listing.external_id == "early-1"))
        self.assertEqual(self.box.product("early-1")["selling_price"], 10.0)
