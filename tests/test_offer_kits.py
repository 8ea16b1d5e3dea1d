# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from collections import Counter

from odoo import Command
from odoo.exceptions import UserError

from ..schemas import UNLIMITED
from .common import MarketplaceCase


class TestOfferKits(MarketplaceCase):
    """A kit is sold out of the stock of its components: what one of them has promised, none of the others has."""

    def prepare(self):
        super().prepare()
        self.list_products()
        self.part, self.other_part = self.products[:2]

    def setUp(self):
        super().setUp()
        if "mrp.bom" not in self.env:
            self.skipTest("kits need mrp, which is not installed here")

    def create_kit(self, name, **values):
        """List a kit; components are given as ``components={product: quantity}``."""
        components = values.pop("components")
        kit = self.env["product.product"].create({"name": name, "type": "consu", "list_price": 50, "taxes_id": False})
        lines = [
            Command.create({"product_id": product.id, "product_qty": quantity})
            for product, quantity in components.items()
        ]
        self.env["mrp.bom"].create(
            {"product_tmpl_id": kit.product_tmpl_id.id, "type": "phantom", "bom_line_ids": lines, **values}
        )
        self.box.add_product(id=self.external_id(kit))
        self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": kit.id, "external_id": self.external_id(kit)}
        )
        return kit

    def offered(self, *products):
        return [self.at_box(product)["available_stock_quantity"] for product in products]

    def stock(self, *quantities):
        for product, quantity in zip(self.products, quantities, strict=False):
            self.set_stock(product, quantity)
        self.commit()

    # ------------------------------------------------------------------ stock

    def test_a_kit_follows_its_components(self):
        kit = self.create_kit("Kit", components={self.part: 2})
        outer = self.create_kit("Kit of kits", components={kit: 3})
        self.commit()
        self.assertEqual(self.offered(kit), [0])
        self.stock(13)
        self.assertEqual(self.offered(kit, outer), [6, 2])
        self.assertFalse(self.at_box(kit)["is_unlimited_stock"])

    def test_what_goes_out_of_one_component_leaves_no_kit_to_another_that_has_plenty(self):
        kit = self.create_kit("Kit", components={self.part: 1, self.other_part: 1})
        self.account.stock_basis = "outgoing"
        self.stock(10, 100)
        self.assertEqual(self.offered(kit), [10])
        order = self.env["sale.order"].create(
            {
                "partner_id": self.env["res.partner"].create({"name": "Somebody"}).id,
                "order_line": [Command.create({"product_id": self.part.id, "product_uom_qty": 8})],
            }
        )
        order.action_confirm()
        self.commit()
        self.assertEqual(self.offered(self.part, kit), [2, 2])

    def test_a_place_that_leaves_the_warehouse_takes_its_kits_along(self):
        kit = self.create_kit("Kit", components={self.part: 2})
        shelf = self.env["stock.location"].create({"name": "Shelf", "location_id": self.warehouse.lot_stock_id.id})
        self.env["stock.quant"]._update_available_quantity(self.part, shelf, 10)
        self.commit()
        self.assertEqual(self.offered(kit), [5])
        shelf.location_id = self.env.ref("stock.stock_location_customers")
        self.commit()
        self.assertEqual(self.offered(kit), [0])

    # ------------------------------------------------------------------ what is asked for and not reserved

    def kits(self):
        """Return a kit, one that shares a component with it, and one that holds it; of 20 and 100 pieces."""
        kit = self.create_kit("Kit", components={self.part: 2, self.other_part: 1})
        sibling = self.create_kit("Sibling", components={self.part: 1})
        outer = self.create_kit("Kit of kits", components={kit: 2})
        self.stock(20, 100)
        self.assertEqual(self.offered(self.part, self.other_part, kit, sibling, outer), [20, 100, 10, 20, 5])
        return kit, sibling, outer

    def ask(self, product, quantity):
        """Have an order come in that stays a draft; return it."""
        self.account.confirm_policy = "never"
        document = self.box_order((product, quantity, 10.0), status="pending")
        self.pull()
        return self.order_of(document)

    def test_a_draft_of_a_kit_takes_its_components_from_whatever_else_is_made_of_them(self):
        kit, sibling, outer = self.kits()
        order = self.ask(kit, 3)
        self.assertEqual(order.state, "draft")
        self.assertEqual(self.offered(self.part, self.other_part, kit, sibling, outer), [14, 97, 7, 14, 3])
        order.action_cancel()
        self.commit()
        self.assertEqual(self.offered(self.part, self.other_part, kit, sibling, outer), [20, 100, 10, 20, 5])

    def test_a_draft_of_a_component_takes_it_from_all_kits(self):
        kit, sibling, outer = self.kits()
        self.ask(self.part, 6)
        self.assertEqual(self.offered(self.part, self.other_part, kit, sibling, outer), [14, 100, 7, 14, 3])

    def test_a_draft_of_a_kit_of_kits_is_taken_apart_to_the_end(self):
        kit, sibling, outer = self.kits()
        self.ask(outer, 1)
        self.assertEqual(self.offered(self.part, self.other_part, kit, sibling, outer), [16, 98, 8, 16, 4])

    def test_what_is_always_there_ties_no_kits_together(self):
        values = {"name": "Box", "type": "consu", "taxes_id": False}
        box = self.env["product.product"].create(values)
        first = self.create_kit("First", components={self.part: 1, box: 1})
        second = self.create_kit("Second", components={self.other_part: 1, box: 1})
        above = self.create_kit("Above", components={first: 2})
        self.env.flush_all()
        parts, kin = first._marketplace_kin()
        self.assertEqual(parts, first + self.part + box)
        self.assertIn(above, kin)
        self.assertNotIn(second, kin)

    def test_a_kit_that_is_made_by_the_dozen_takes_what_its_delivery_takes(self):
        dozen = self.env.ref("uom.product_uom_dozen")
        kit = self.create_kit("By the dozen", components={self.part: 24}, product_qty=1, product_uom_id=dozen.id)
        self.stock(48)
        order = self.ask(kit, 6)
        self.assertEqual(self.offered(self.part), [36])
        order.action_confirm()
        self.assertEqual(order.picking_ids.move_ids.product_uom_qty, 12)

    def test_a_confirmed_kit_that_is_not_reserved_takes_its_components(self):
        kit, sibling, outer = self.kits()
        self.warehouse.out_type_id.reservation_method = "manual"
        document = self.box_order((kit, 3, 10.0), status="pending")
        self.pull()
        order = self.order_of(document)
        self.assertEqual(order.state, "sale")
        self.assertEqual(self.offered(self.part, self.other_part, kit, sibling, outer), [14, 97, 7, 14, 3])
        order.picking_ids.action_assign()
        self.commit()
        self.assertEqual(self.offered(self.part, self.other_part, kit, sibling, outer), [14, 97, 7, 14, 3])

    def test_a_document_that_failed_takes_the_components_of_its_kits_also_at_other_accounts(self):
        kit, sibling, outer = self.kits()
        elsewhere = self._create_account(name="Elsewhere")
        listing = self.env["marketplace.listing"].create(
            {"config_id": elsewhere.id, "product_id": kit.id, "external_id": "elsewhere"}
        )
        self.box.add_product(id="elsewhere")
        self.commit()
        self.assertEqual(listing.pushed_quantity, 10)
        document = self.box_order((kit, 3, 10.0), status="pending")
        row, _new = self.env["marketplace.inbox"]._store(
            [(self.account, "order", document["hashed_id"], document)], "webhook"
        )
        row._fail(UserError("It makes no sense."))
        self.commit()
        self.assertEqual(self.offered(self.part, self.other_part, kit, sibling, outer), [14, 97, 7, 14, 3])
        self.assertEqual(listing.pushed_quantity, 7)

    # ------------------------------------------------------------------ companies

    def test_a_kit_is_counted_by_the_bill_of_materials_of_the_accounts_company(self):
        abroad = self.env["res.company"].create({"name": "Abroad"})
        kit = self.create_kit("Kit", components={self.part: 2}, company_id=self.account.company_id.id)
        self.env["mrp.bom"].create(
            {
                "product_tmpl_id": kit.product_tmpl_id.id,
                "type": "phantom",
                "company_id": abroad.id,
                "sequence": -1,
                "bom_line_ids": [Command.create({"product_id": self.part.id, "product_qty": 10})],
            }
        )
        self.stock(20)
        self.assertEqual(self.offered(kit), [10])
        self.ask(kit, 2)
        self.assertEqual(self.offered(kit, self.part), [8, 16])

    def test_what_is_a_kit_in_one_company_alone_is_one_at_its_accounts_alone(self):
        abroad = self.env["res.company"].create({"name": "Abroad"})
        elsewhere = self._create_account(name="Elsewhere", company_id=abroad.id, warehouse_ids=False)
        self.env["stock.quant"]._update_available_quantity(self.part, elsewhere._warehouses()[0].lot_stock_id, 10)
        self.stock(20)
        companies = {self.account.company_id: (10, UNLIMITED), abroad: (UNLIMITED, 5)}
        for company, offered in companies.items():
            with self.subTest(company=company.name):
                kit = self.create_kit("Kit", components={self.part: 2}, company_id=company.id)
                here = kit.marketplace_listing_ids
                there = here.create({"config_id": elsewhere.id, "product_id": kit.id, "external_id": f"there {kit.id}"})
                quantities = {**here._quantities(self.account), **there._quantities(elsewhere)}
                self.assertEqual((quantities[here.id], quantities[there.id]), offered)

    # ------------------------------------------------------------------ bills of materials that change

    def bom_of(self, kit):
        return self.env["mrp.bom"].search([("product_tmpl_id", "=", kit.product_tmpl_id.id)])

    def test_a_changed_bill_of_materials_changes_what_is_offered(self):
        kit, _sibling, outer = self.kits()
        bom = self.bom_of(kit)
        line = bom.bom_line_ids[0]
        third = self.products[2]
        self.set_stock(third, 9)
        for change, offered in (
            (lambda: line.write({"product_qty": 4}), (5, 2)),
            (lambda: bom.write({"bom_line_ids": [Command.create({"product_id": third.id, "product_qty": 3})]}), (3, 1)),
            (lambda: line.unlink(), (3, 1)),
            (lambda: bom.write({"bom_line_ids": [Command.update(bom.bom_line_ids[1].id, {"product_qty": 9})]}), (1, 0)),
            (lambda: bom.write({"product_qty": 10}), (10, 5)),
        ):
            change()
            self.commit()
            self.assertEqual(tuple(self.offered(kit, outer)), offered)

    def test_a_component_that_is_replaced_is_given_back_what_drafts_of_the_kit_ask_for(self):
        kit, sibling, outer = self.kits()
        third = self.products[2]
        self.set_stock(third, 30)
        self.ask(kit, 3)
        self.assertEqual(self.offered(self.part, sibling, third), [14, 14, 30])
        self.bom_of(kit).bom_line_ids[0].product_id = third
        self.commit()
        self.assertEqual(self.offered(self.part, sibling, third, kit, outer), [20, 20, 24, 12, 6])

    def test_what_becomes_a_kit_or_is_one_no_more_is_offered_as_what_it_is(self):
        kit = self.create_kit("Kit", components={self.part: 2})
        outer = self.create_kit("Kit of kits", components={kit: 2})
        self.stock(20)
        bom, made_of = self.bom_of(kit), self.bom_of(kit).copy_data()[0]
        kept = [Command.create({"product_id": self.part.id, "product_qty": 2})]
        for change, units in (
            (lambda: bom.write({"active": False}), None),
            (lambda: bom.write({"active": True}), 10),
            (lambda: bom.write({"type": "normal"}), None),
            (lambda: bom.write({"type": "phantom"}), 10),
            (lambda: bom.unlink(), None),
            (lambda: bom.create({**made_of, "bom_line_ids": kept}), 10),
        ):
            change()
            self.commit()
            self.assertEqual(self.at_box(kit)["is_unlimited_stock"], units is None)
            if units:
                self.assertEqual(self.offered(kit), [units])
            self.assertEqual(self.offered(outer), [5 if units else 0])

    # ------------------------------------------------------------------ as Odoo does

    def exploded(self, product, quantity):
        """Return what Odoo takes for a quantity of a kit, in the components' units."""
        bom = self.env["mrp.bom"]._bom_find(product, bom_type="phantom")[product]
        times = product.uom_id._compute_quantity(quantity, bom.product_uom_id) / bom.product_qty
        takes = Counter()
        for line, values in bom.explode(product, times)[1]:
            takes[line.product_id] += line.product_uom_id._compute_quantity(values["qty"], line.product_id.uom_id)
        return takes

    def test_a_kit_is_taken_apart_as_odoo_takes_it_apart(self):
        dozen, unit = self.env.ref("uom.product_uom_dozen"), self.env.ref("uom.product_uom_unit")
        unit.rounding = 1.0  # a whole one has to be opened
        sizes = [Command.create({"name": name}) for name in ("S", "L")]
        attribute = self.env["product.attribute"].create({"name": "Size", "value_ids": sizes})
        sized = [Command.create({"attribute_id": attribute.id, "value_ids": [Command.set(attribute.value_ids.ids)]})]
        inner = self.create_kit("Inner", components={self.part: 5, self.other_part: 3}, product_qty=2)
        template = self.env["product.template"].create({"name": "Sized", "type": "consu", "attribute_line_ids": sized})
        large = template.product_variant_ids[1].product_template_attribute_value_ids
        lines = [
            {"product_id": inner.id, "product_qty": 2},
            {"product_id": self.part.id, "product_qty": 2, "product_uom_id": dozen.id},
            {"product_id": self.products[2].id, "bom_product_template_attribute_value_ids": large.ids},
        ]
        self.env["mrp.bom"].create(
            {
                "product_tmpl_id": template.id,
                "type": "phantom",
                "product_uom_id": dozen.id,
                "bom_line_ids": list(map(Command.create, lines)),
            }
        )
        small, large = template.product_variant_ids
        boms = (small | large | inner)._marketplace_boms()
        for product, quantity in ((small, 12), (small, 36), (large, 24), (inner, 1), (inner, 6)):
            with self.subTest(product=product.display_name, quantity=quantity):
                takes = product._marketplace_takes(quantity, boms)
                self.assertTrue(takes)
                self.assertEqual(takes, self.exploded(product, quantity))
        self.assertNotIn(self.products[2], small._marketplace_takes(12, boms))

    def test_any_number_of_kits_is_counted_by_the_same_number_of_queries(self):
        self.stock(20, 100)
        counts = []
        for names in ("abc", "defghijklmnopqrstuvwxyz"):
            kits = [self.create_kit(name, components={self.part: 1, self.other_part: 2}) for name in names]
            lines = [Command.create({"product_id": kit.id, "product_uom_qty": 0.1, "price_unit": 1}) for kit in kits]
            order = {"marketplace_config_id": self.account.id, "warehouse_id": self.warehouse.id, "order_line": lines}
            order["partner_id"] = self.env["res.partner"].create({"name": "Somebody"}).id
            self.env["sale.order"].create({**order, "marketplace_status": "pending"})
            self.commit()
            counts.append([self.queries(kits[0].union(*kits)), self.queries(self.part)])
        self.assertEqual(*counts)
        self.assertAlmostEqual(self.part._marketplace_available(self.account)[self.part.id], 20 - 26 * 0.1)

    def queries(self, products):
        """Return how many queries tell what is available of the products."""
        for _time in range(2):  # what a server remembers for good is there by the second
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertEqual(products._marketplace_available(self.account).keys(), set(products.ids))
        return self.env.cr.sql_log_count - before
