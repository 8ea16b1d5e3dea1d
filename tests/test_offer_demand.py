# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from freezegun import freeze_time

from odoo import Command, fields

from ..compat import unit_field
from .common import MarketplaceCase, storable


class TestOfferDemand(MarketplaceCase):
    """What others take, move or rename changes what is on offer, although nobody touched the listing."""

    def prepare(self):
        super().prepare()
        self.listings = self.list_products()

    def test_a_listing_with_a_limit_is_filled_up_after_each_order(self):
        self.account.stock_rule_ids = [Command.create({"maximum": 5})]
        self.set_stock(self.products[0], 10)
        self.commit()
        self.tamper(self.products[0], available_stock_quantity=2)  # the marketplace's own decrement
        self.box_order((self.products[0], 3, 10.0), status="pending")
        self.pull()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 5)

    def test_a_document_that_names_only_references_takes_its_goods_too(self):
        self.set_stock(self.products[0], 10)
        lines = [
            {"supplier_product_id": "", "internal_product_id": "CI-001", "amount": 3, "selling_price": 10.0},
            {"supplier_product_id": "", "internal_product_id": "NONE", "amount": 1, "selling_price": 10.0},
            {"supplier_product_id": "", "internal_product_id": "CI-001", "amount": 1, "cancelled": True},
        ]
        document = self.box.add_order(status="pending", order_details=lines)
        row, _new = self.env["marketplace.inbox"]._store(
            [(self.account, "order", document["hashed_id"], document)], "webhook"
        )
        self.assertEqual(row.demand, {self.listings[0].external_id: 3.0})
        self.assertEqual(self.products[0]._marketplace_available(self.account), {self.products[0].id: 7.0})

    def tamper(self, product, **values):
        self.box.state.products[str(1000 + product.id)].offers["1"].update(values)

    def test_a_confirmed_order_that_is_not_reserved_lowers_what_is_on_offer(self):
        self.warehouse.out_type_id.reservation_method = "manual"
        self.set_stock(self.products[0], 10)
        self.commit()
        document = self.box_order((self.products[0], 4, 10.0), status="pending")
        self.pull()
        self.assertEqual(self.order_of(document).state, "sale")
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 6)
        self.order_of(document).picking_ids.action_assign()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 6)

    def test_an_order_that_leaves_in_steps_counts_once_at_each_of_them(self):
        self.warehouse.delivery_steps = "pick_pack_ship"
        for kind in (self.warehouse.pick_type_id, self.warehouse.pack_type_id, self.warehouse.out_type_id):
            kind.reservation_method = "manual"
        self.set_stock(self.products[0], 10)
        self.commit()
        document = self.box_order((self.products[0], 4, 10.0), status="pending")
        self.pull()
        order = self.order_of(document)
        self.assertEqual(order.state, "sale")
        self.assertEqual(self.available(), 6, "nothing is reserved")
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 6)
        for _step in ("pick", "pack"):
            (picking,) = order.picking_ids.filtered(lambda one: one.state in ("confirmed", "assigned"))
            picking.action_assign()
            self.assertEqual(self.available(), 6, picking.name)
            picking.button_validate()
            self.assertEqual(self.available(), 6, picking.name)
            picking.move_ids.move_dest_ids._do_unreserve()
            self.assertEqual(self.available(), 6, f"{picking.name}: what was brought waits, unreserved")
            picking.move_ids.move_dest_ids._action_assign()
        order.picking_ids.filtered(lambda one: one.picking_type_code == "outgoing").button_validate()
        self.assertEqual(self.available(), 6, "it has left")

    def available(self):
        self.env.flush_all()
        return self.products[0]._marketplace_available(self.account)[self.products[0].id]

    def test_warehouses_that_are_gone_are_not_all_warehouses(self):
        other = self.env["stock.warehouse"].create({"name": "Second", "code": "SEC"})
        self.account.warehouse_ids = other
        self.set_stock(self.products[0], 10)
        self.commit()
        other.active = False
        self.listings[0].action_sync()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 0)

    def test_an_id_that_comes_back_is_listed_again(self):
        for external_id in ("id-5", "id-6"):
            self.box.add_product(id=external_id)
        first, second = self.env["product.product"].create(
            [storable({"name": name, "marketplace_sync_enabled": True, "list_price": 7}) for name in "ab"]
        )
        for external_id in ("id-5", "id-6", "id-5"):
            first.cartona_id = external_id
            self.commit()
        self.assertTrue(self.box.product("id-5")["is_published"])
        self.assertFalse(self.box.product("id-6")["is_published"])
        first.cartona_id = False
        second.cartona_id = "id-5"
        self.commit()
        listing = second.marketplace_listing_ids
        self.assertEqual((listing.external_id, listing.active), ("id-5", True))
        second.unlink()
        third = self.env["product.product"].create(
            storable({"name": "c", "cartona_id": "id-5", "marketplace_sync_enabled": True, "list_price": 9})
        )
        self.commit()
        self.assertEqual(third.marketplace_listing_ids.external_id, "id-5")
        self.assertEqual(self.box.product("id-5")["selling_price"], 9)

    def test_listing_a_product_elsewhere_does_not_put_it_back_on_sale_here(self):
        self.set_stock(self.products[0], 10)
        self.commit()
        self.products[0].marketplace_sync_enabled = False
        self.commit()
        other = self._create_account(name="Another")
        other.action_match_products()
        self.commit()
        self.assertFalse(self.at_box(self.products[0])["is_published"])

    def test_a_listing_that_gets_another_id_leaves_nothing_on_sale_under_the_old_one(self):
        self.set_stock(self.products[0], 10)
        self.commit()
        old = self.listings[0].external_id
        self.box.add_product(id="moved-1")
        self.listings[0].external_id = "moved-1"
        self.commit()
        self.assertFalse(self.box.product(old)["is_published"])
        self.assertEqual(self.box.product(old)["available_stock_quantity"], 0)
        self.assertEqual(self.box.product("moved-1")["available_stock_quantity"], 10)

    def test_drafts_count_in_their_unit_and_at_their_warehouse(self):
        self.account.confirm_policy = "never"
        self.set_stock(self.products[0], 30)
        self.commit()
        document = self.box_order((self.products[0], 2, 10.0), status="pending")
        self.pull()
        line = self.order_of(document).order_line
        line[unit_field(line)] = self.env.ref("uom.product_uom_dozen")
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 6)
        other = self.env["stock.warehouse"].create({"name": "Second", "code": "SEC"})
        line.order_id.warehouse_id = other
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 30)

    def test_newer_versions_that_fail_are_not_counted_beside_the_order(self):
        self.set_stock(self.products[0], 10)
        document = self.box_order((self.products[0], 4, 10.0), status="pending")
        self.pull()
        for note in ("first", "second"):
            lines = [
                {**document["order_details"][0]},
                {"id": 1, "supplier_product_id": "?", "amount": 1, "selling_price": 1},
            ]
            self.env["marketplace.inbox"]._store(
                [
                    (
                        self.account,
                        "order",
                        document["hashed_id"],
                        {**document, "note_message": note, "order_details": lines},
                    )
                ],
                "webhook",
            )
            self.commit()
        self.listings[0].action_sync()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 6)

    def sell_by_a_rate(self):
        """Sell at 100 of another currency, of which two are worth one of ours; return its rate."""
        currency = (
            self.env["res.currency"]
            .with_context(active_test=False)
            .search([("id", "!=", self.env.company.currency_id.id)], limit=1)
        )
        currency.active = True
        rates = self.env["res.currency.rate"]
        rates.search([("currency_id", "=", currency.id)]).unlink()
        rate = rates.create({"currency_id": currency.id, "name": "2020-01-01", "rate": 2.0})
        base = self.env["product.pricelist"].create(
            {
                "name": "Abroad",
                "currency_id": currency.id,
                "item_ids": [Command.create({"compute_price": "fixed", "fixed_price": 100, "applied_on": "3_global"})],
            }
        )
        item = {"compute_price": "formula", "base": "pricelist", "base_pricelist_id": base.id}
        self.account.pricelist_id = self.env["product.pricelist"].create(
            {"name": "Home", "item_ids": [Command.create(item)]}
        )
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 50)
        return rate

    def test_a_rate_moves_a_pricelist_that_is_based_on_one_in_that_currency(self):
        rate = self.sell_by_a_rate()
        rate.rate = 4.0
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 25)

    def test_a_rate_of_a_later_day_is_sent_when_its_day_has_come(self):
        rate = self.sell_by_a_rate()
        midnight = fields.Datetime.end_of(fields.Datetime.now(), "day") + timedelta(microseconds=1)
        rate.copy({"name": midnight.date(), "rate": 4.0})
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 50)
        for seconds, price in ((-30, 50), (30, 25)):
            with freeze_time(midnight + timedelta(seconds=seconds)):
                lastcall = {"lastcall": midnight + timedelta(seconds=seconds - 60)}
                self.env["marketplace.wake"].with_context(**lastcall)._cron_sweep()
                self.commit()
                self.assertEqual(self.at_box(self.products[0])["selling_price"], price)

    def test_taxes_of_a_group_of_a_pack_and_deleted_ones(self):
        tax = self.env["account.tax"].create(
            {"name": "One each", "amount": 1, "amount_type": "fixed", "type_tax_use": "sale"}
        )
        group = self.env["account.tax"].create(
            {
                "name": "Group",
                "amount_type": "group",
                "type_tax_use": "sale",
                "children_tax_ids": [Command.link(tax.id)],
            }
        )
        self.products[0].taxes_id = group
        self.listings[0].pack_size = 12
        self.account.price_tax = "included"
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 132)
        tax.amount = 2
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 144)
        group.unlink()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 120)
