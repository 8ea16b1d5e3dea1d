# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from unittest import mock

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user

from ..models import marketplace_lane_offers
from .common import MarketplaceCase, storable


class TestOffers(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.listings = self.list_products()

    # ------------------------------------------------------------------ what leaves

    def test_a_listing_that_moves_to_another_account_is_taken_off_the_first_and_sent_to_the_second(self):
        listing = self.listings[0]
        self.set_stock(self.products[0], 7)
        self.commit()
        second = self._create_account(name="Second")
        self.commit()
        self.box.clear_journal()
        listing.config_id = second
        self.commit()
        former = self.account.with_context(active_test=False).listing_ids - self.account.listing_ids
        self.assertEqual((former.external_id, former.pushed_quantity), (listing.external_id, 0))
        self.assertEqual(sorted(row["available_stock_quantity"] for row in self.sent_rows()), [0, 7])

    def test_an_id_that_another_company_had_listed_fails_nobody_who_enters_it(self):
        listing = self.listings[0]
        listing.active = False
        company = self.env["res.company"].create({"name": "Theirs"})
        self.env["product.product"].create(
            storable({"name": "Theirs", "company_id": company.id, "cartona_id": listing.external_id})
        )
        self.assertEqual((listing.product_id, listing.active), (self.products[0], False))

    def test_a_new_price_reaches_the_marketplace(self):
        self.products[0].list_price = 77.5
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 77.5)
        self.assertEqual(len(self.sent_rows()), 1)
        self.assertEqual(self.listings[0].state, "synced")

    def test_new_stock_reaches_the_marketplace(self):
        self.set_stock(self.products[1], 42)
        self.commit()
        self.assertEqual(self.at_box(self.products[1])["available_stock_quantity"], 42)

    def test_a_reservation_lowers_what_is_on_offer(self):
        self.set_stock(self.products[0], 10)
        self.commit()
        order = self.env["sale.order"].create(
            {
                "partner_id": self.env["res.partner"].create({"name": "Shop"}).id,
                "order_line": [Command.create({"product_id": self.products[0].id, "product_uom_qty": 3})],
            }
        )
        order.action_confirm()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 7)

    def test_a_marketplace_order_that_is_not_confirmed_lowers_what_is_on_offer(self):
        self.set_stock(self.products[0], 10)
        self.account.confirm_policy = "never"
        self.commit()
        self.box_order((self.products[0], 4, 10.0), status="pending")
        self.pull()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 6)

    def test_quantities_are_whole_selling_units_less_the_safety_and_never_negative(self):
        self.account.safety_quantity = 5
        self.listings[0].pack_size = 12
        self.set_stock(self.products[0], 40)
        self.set_stock(self.products[1], -3)
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 2)
        self.assertEqual(self.at_box(self.products[1])["available_stock_quantity"], 0)

    def test_a_selling_unit_may_be_a_small_part_of_a_unit(self):
        self.listings[0].pack_size = 0.125
        self.set_stock(self.products[0], 10)
        self.commit()
        there = self.at_box(self.products[0])
        self.assertEqual((there["selling_price"], there["available_stock_quantity"]), (1.25, 80))

    def test_only_the_accounts_warehouses_count(self):
        other = self.env["stock.warehouse"].create({"name": "Far away", "code": "FAR"})
        self.env["stock.quant"]._update_available_quantity(self.products[0], other.lot_stock_id, 50)
        self.set_stock(self.products[0], 8)
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 8)

    def test_the_price_is_that_of_the_accounts_pricelist(self):
        pricelist = self.env["product.pricelist"].create({"name": "Cartona"})
        self.account.pricelist_id = pricelist
        item = self.env["product.pricelist.item"].create(
            {
                "pricelist_id": pricelist.id,
                "applied_on": "1_product",
                "product_tmpl_id": self.products[0].product_tmpl_id.id,
                "compute_price": "fixed",
                "fixed_price": 55.0,
            }
        )
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 55.0)
        item.fixed_price = 56.0
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 56.0)
        item.unlink()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], self.products[0].list_price)

    def test_a_rule_for_all_products_reaches_every_listing_of_its_pricelist(self):
        pricelist = self.env["product.pricelist"].create({"name": "Cartona"})
        self.account.pricelist_id = pricelist
        self.env["product.pricelist.item"].create(
            {"pricelist_id": pricelist.id, "applied_on": "3_global", "compute_price": "percentage", "percent_price": 50}
        )
        self.commit()
        for product in self.products:
            self.assertEqual(self.at_box(product)["selling_price"], product.list_price / 2)

    def test_a_price_of_zero_is_not_sent_and_does_not_hold_back_the_stock(self):
        self.products[0].list_price = 0
        self.set_stock(self.products[0], 9)
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 10.0)
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 9)
        self.assertEqual(self.listings[0].state, "failed")
        self.assertIn("above 0", self.listings[0].last_error)
        self.products[0].list_price = 12
        self.commit()
        self.assertEqual((self.listings[0].state, self.listings[0].last_error), ("synced", False))

    def test_the_supplier_code_goes_with_every_row(self):
        self.account.supplier_code = "1"  # another shop, as far as we know: it is sent everything
        self.commit()
        self.box.clear_journal()
        self.products[0].list_price = 31
        self.commit()
        self.assertEqual([row["supplier_code"] for row in self.sent_rows()], ["1"])

    def test_what_the_account_does_not_sync_is_not_sent(self):
        self.account.sync_price = False
        self.products[0].list_price = 99
        self.set_stock(self.products[0], 3)
        self.commit()
        self.assertEqual(
            [sorted(row) for row in self.sent_rows()],
            [["available_stock_quantity", "in_stock", "is_unlimited_stock", "supplier_product_id"]],
        )

    # ------------------------------------------------------------------ once, and in few calls

    def test_many_changes_of_one_transaction_make_one_call(self):
        for product in self.products:
            product.list_price += 1
            self.set_stock(product, 5)
        self.products[0].list_price = 500
        self.commit()
        self.assertEqual(len(self.box.calls("bulk-update$")), 1)
        self.assertEqual(len(self.sent_rows()), len(self.products))
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 500)

    def test_a_value_that_the_marketplace_has_is_not_sent_again(self):
        self.products[0].list_price = 20
        self.products[0].list_price = 10  # what it was
        self.commit()
        self.assertFalse(self.sent_rows())
        self.assertEqual(self.listings[0].state, "synced")

    def test_manual_sync_sends_what_has_not_changed(self):
        self.listings[0].action_sync()
        self.commit()
        self.assertEqual(len(self.sent_rows()), 1)
        self.assertEqual(self.sent_rows()[0]["selling_price"], 10.0)

    def test_a_transaction_leaves_one_row_for_each_listing_and_one_wake(self):
        outbox = self.env["marketplace.outbox"]
        jobs = self.env["queue.job"].search_count([])
        self.products[0].list_price = 21
        self.products[0].list_price = 22
        self.set_stock(self.products[0], 5)
        self.products[1].list_price = 23
        self.env.cr.flush()
        self.assertEqual(outbox.search_count([]), 2)
        self.run_hooks()
        self.assertEqual(self.env["queue.job"].search_count([]), jobs + 1)

    def test_a_second_transaction_adds_no_wake_while_one_waits(self):
        self.products[0].list_price = 21
        self.run_hooks()
        jobs = self.env["queue.job"].search_count([])
        self.products[0].list_price = 22
        self.run_hooks()
        self.assertEqual(self.env["queue.job"].search_count([]), jobs)

    def test_a_wake_that_waits_for_its_time_does_not_swallow_an_immediate_one(self):
        self.products[0].list_price = 21
        self.run_hooks()
        waiting = self.env["queue.job"].search([("identity_key", "=", "marketplace:dispatch")], limit=1)
        waiting.eta = "2999-01-01 00:00:00"
        self.products[0].list_price = 22
        self.run_hooks()
        self.assertTrue(self.env["queue.job"].search([("identity_key", "=", "marketplace:dispatch:again")]))

    def test_a_product_that_is_sold_nowhere_leaves_nothing(self):
        other = self.env["product.product"].create({"name": "Not on sale"})
        other.list_price = 5
        self.env.cr.flush()
        self.assertFalse(self.env["marketplace.outbox"].search([]))

    # ------------------------------------------------------------------ no marketplace in the way of people

    def test_nothing_is_sent_within_the_transaction(self):
        self.products[0].list_price = 50
        self.set_stock(self.products[0], 5)
        self.env.cr.flush()
        self.assertFalse(self.box.journal)

    def test_a_user_without_marketplace_rights_changes_prices_and_stock(self):
        user = (
            new_test_user(
                self.env, "plain", groups="product.group_product_manager,stock.group_stock_manager,base.group_user"
            )
            if self.env.ref("product.group_product_manager", False)
            else new_test_user(self.env, "plain", groups="sales_team.group_sale_manager,stock.group_stock_manager")
        )
        product = self.products[0].with_user(user)
        product.list_price = 70
        product.product_tmpl_id.marketplace_sync_enabled = True
        product.cartona_id = "mine-1"
        quant = (
            self.env["stock.quant"]
            .with_user(user)
            .with_context(inventory_mode=True)
            .create({"product_id": product.id, "location_id": self.warehouse.lot_stock_id.id, "inventory_quantity": 6})
        )
        quant.action_apply_inventory()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 70)
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 6)

    # ------------------------------------------------------------------ listings

    def test_a_product_with_an_id_and_sync_is_listed_by_itself(self):
        self.box.add_product(id="fresh-1", internal_product_id="F-1")
        with Form(self.env["product.template"]) as form:
            form.name = "Fresh"
            form.list_price = 12
            form.marketplace_sync_enabled = True
            form.cartona_id = "fresh-1"
        self.commit()
        self.assertEqual(self.box.product("fresh-1")["selling_price"], 12)

    def test_an_id_alone_does_not_list_a_product(self):
        product = self.env["product.product"].create({"name": "Quiet", "cartona_id": "quiet-1"})
        self.assertFalse(product.marketplace_listing_ids)
        product.marketplace_sync_enabled = True
        self.assertEqual(product.marketplace_listing_ids.external_id, "quiet-1")

    def test_a_contact_or_product_without_an_id_is_no_trouble(self):
        self.env["product.product"].create({"name": "No id", "cartona_id": False}).write({"cartona_id": False})
        self.env["res.partner"].create({"name": "No id", "cartona_id": False}).write({"cartona_id": False})
        template = self.env["product.template"].create({"name": "None", "cartona_id": False})
        template.write({"marketplace_sync_enabled": False, "cartona_id": None})
        self.assertFalse(template.cartona_id)

    # ------------------------------------------------------------------ ids

    def test_two_products_with_one_id_are_no_error_for_whoever_enters_it(self):
        first, second = self.env["product.product"].create(
            [storable({"name": name, "cartona_id": "same-1", "marketplace_sync_enabled": True}) for name in "ab"]
        )
        self.assertEqual(len((first | second).marketplace_listing_ids), 1)

    def test_a_product_that_gets_another_id_leaves_the_old_one(self):
        self.box.add_product(id="old-1")
        self.box.add_product(id="new-1")
        product = self.env["product.product"].create(
            storable({"name": "Moves", "cartona_id": "old-1", "marketplace_sync_enabled": True, "list_price": 6})
        )
        self.commit()
        product.cartona_id = "new-1"
        self.commit()
        self.assertFalse(self.box.product("old-1")["is_published"])
        self.assertEqual(self.box.product("new-1")["selling_price"], 6)

    def test_a_draft_order_that_is_deleted_gives_its_goods_back(self):
        self.account.confirm_policy = "never"
        self.set_stock(self.products[0], 10)
        document = self.box_order((self.products[0], 4, 10.0), status="pending")
        self.pull()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 6)
        self.order_of(document).marketplace_status = "delivered"  # else it could not be deleted
        self.order_of(document).unlink()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 10)

    def test_an_order_that_can_not_be_imported_still_lowers_what_is_on_offer(self):
        self.set_stock(self.products[0], 10)
        self.commit()
        document = self.box_order((self.products[0], 4, 10.0), status="pending")
        processor = type(self.env["marketplace.order.processor"])
        with mock.patch.object(processor, "_prepare_order_values", side_effect=UserError("no such thing")):
            self.pull()
        row = self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])])
        self.assertEqual(row.state, "failed")
        self.listings[0].action_sync()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 6)
        self.box.edit_order(document["hashed_id"], by="admin", note_message="again")
        self.pull()
        self.assertEqual(self.order_of(document).state, "sale")
        self.assertEqual(row.state, "superseded")
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 6, "reserved now, counted once")

    def test_an_order_that_is_held_lowers_what_is_on_offer(self):
        self.set_stock(self.products[0], 10)
        self.commit()
        lines = [
            {"supplier_product_id": str(1000 + self.products[0].id), "amount": 4, "selling_price": 10},
            {"supplier_product_id": "unknown-1", "amount": 1, "selling_price": 10},
        ]
        document = self.box.add_order(order_details=lines, status="pending")
        self.pull()
        self.assertTrue(self.order_of(document).marketplace_hold)
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 6)
        self.box.edit_order(document["hashed_id"], amounts={document["order_details"][1]["id"]: 0})
        self.pull()
        self.assertEqual(self.order_of(document).state, "sale")
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 6, "reserved now, counted once")

    def test_manual_sync_of_products(self):
        user = new_test_user(self.env, "syncer", groups="base.group_user,cartona_integration.group_marketplace_user")
        templates = (self.products[0] | self.products[1]).product_tmpl_id
        templates.with_user(user).action_marketplace_sync()
        self.commit()
        self.assertEqual(len(self.sent_rows()), 2)
        other = self.env["product.product"].create({"name": "Unlisted"})
        with self.assertRaises(UserError) as caught:
            other.action_marketplace_sync()
        self.assertIn("Missing external ID", str(caught.exception))
        plain = new_test_user(self.env, "plain-syncer", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.products[0].with_user(plain).action_marketplace_sync()

    def test_what_changed_by_itself_goes_before_a_change_of_the_whole_account(self):
        self.patch(marketplace_lane_offers, "CLAIM_ROWS", 1)
        self.account.batch_size = 1
        self.account.price_tax = "included"
        self.products[-1].list_price = 99
        self.products[0].list_price = 98
        self.commit()
        self.assertEqual([row["selling_price"] for row in self.sent_rows()][:2], [98, 99])
        self.box.clear_journal()
        self.account.action_pause()
        self.products[-1].list_price = 97  # waits for a reason of its own ...
        self.commit()
        self.account.action_sync_all()  # ... when everything is asked for
        self.commit()
        self.account.action_go_live()
        self.commit()
        sent = [row["selling_price"] for row in self.sent_rows()]
        self.assertEqual((sent[0], len(sent)), (97, 4))
