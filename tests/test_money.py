# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command
from odoo.exceptions import UserError, ValidationError

from .common import MarketplaceCase
from .test_order_changes import OrderChangesCase


class MoneyCase(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.stock_products()

    def take(self, *lines, **values):
        document = self.box_order(*lines, **{"status": "pending", **values})
        self.pull()
        return self.order_of(document)

    def add_tax(self, *products, **values):
        tax = self.env["account.tax"].create({"name": "VAT 14", "amount": 14.0, "type_tax_use": "sale", **values})
        for product in products:
            product.taxes_id = tax
        return tax

    def finding(self, words):
        found = self.env["marketplace.config"].get_doctor_findings()
        return next((one for one in found if one["account"] == self.account.id and words in one["title"]), None)


class TestCharges(MoneyCase):
    def prepare(self):
        super().prepare()
        self.charge = self.env.ref("cartona_integration.product_delivery")

    def charged(self):
        order = self.take((self.products[0], 10, 20.0))
        charge = {"product_id": self.charge.id, "price_unit": 30.0, "cartona_line_id": "delivery"}
        order.order_line = [Command.create(charge)]
        return order

    def test_they_are_made_to_be_invoiced_as_ordered(self):
        self.assertEqual(self.charge.invoice_policy, "order")

    def test_they_are_invoiced_where_the_company_invoices_what_is_delivered(self):
        self.charge.invoice_policy = self.products[0].invoice_policy = "delivery"
        self.account.invoice_policy = "posted"
        order = self.charged()
        picking = order.picking_ids
        picking.move_ids.write({"quantity": 10, "picked": True})
        picking.button_validate()
        self.commit()
        self.assertEqual(order.invoice_ids.invoice_line_ids.mapped("quantity"), [10, 1])
        self.assertEqual(order.order_line.mapped("qty_to_invoice"), [0, 0])

    def test_what_else_is_sold_there_is_invoiced_as_it_says(self):
        self.charge.invoice_policy = "delivery"
        order = self.charged()
        order.order_line[1].cartona_product_sku = "ADVICE"
        order.order_line.invalidate_recordset()
        self.env.add_to_compute(order.order_line._fields["qty_to_invoice"], order.order_line)
        self.assertEqual(order.order_line[1].qty_to_invoice, 0)

    def test_one_without_a_tax_is_told_where_products_have_taxes(self):
        self.account.tax_policy = "included"
        self.charged()
        self.assertFalse(self.finding("Marketplace Delivery"), "a house without taxes")
        tax = self.add_tax(self.products[0])
        self.assertIn("has no tax", self.finding("Marketplace Delivery")["title"])
        self.charge.taxes_id = tax
        self.assertFalse(self.finding("Marketplace Delivery"))


class TestMoneyOfOrders(MoneyCase):
    # ------------------------------------------------------------------ cash to collect

    def test_where_no_total_is_told_it_is_reckoned_by_the_lines(self):
        order = self.take((self.products[0], 10, 20.0), total_price=None, installment_cost=50, cartona_credit=30)
        self.assertFalse(order.marketplace_total_known)
        self.assertEqual(order.marketplace_to_collect, 200 - 50 - 30 + order.marketplace_top_up)

    def test_what_was_given_back_is_not_collected(self):
        order = self.take((self.products[0], 10, 20.0), installment_cost=0, cartona_credit=0, wallet_top_up=0)
        self.assertEqual(order.marketplace_to_collect, 200)
        order.marketplace_refunded = 40
        self.assertEqual((order.marketplace_to_collect, order.marketplace_owes), (160, 0))

    def test_nobody_pays_what_was_cancelled(self):
        order = self.take((self.products[0], 10, 20.0), installment_cost=50)
        self.assertTrue(order.marketplace_owes)
        self.box.cancel_order(order.cartona_id)
        self.pull()
        self.assertEqual(order.marketplace_status, "cancelled")
        self.assertEqual((order.marketplace_to_collect, order.marketplace_balance), (0, 0))

    def test_nor_what_comes_back(self):
        order = self.take((self.products[0], 10, 20.0), installment_cost=50)
        self.box.edit_order(order.cartona_id, by="admin", status="returned")
        self.pull()
        self.assertEqual(order.marketplace_status, "returned")
        self.assertEqual((order.marketplace_to_collect, order.marketplace_owes, order.marketplace_balance), (0, 0, 0))

    def test_of_what_comes_back_counts_what_was_not_refunded_where_that_is_told(self):
        order = self.take((self.products[0], 10, 20.0), installment_cost=0, cartona_credit=0, wallet_top_up=0)
        order.write({"marketplace_status": "returned", "marketplace_refunded": 180})
        self.assertEqual(order.marketplace_to_collect, 20)

    # ------------------------------------------------------------------ taxes of branches

    def test_a_branch_has_its_own_taxes_else_those_of_its_company(self):
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": self.env.company.id})
        tax = self.add_tax(self.products[0])
        self.account.price_tax = "included"
        taxed = self.account.new({"company_id": branch.id, "price_tax": "included"})
        currency = self.env.company.currency_id
        self.assertEqual(taxed._taxed(self.products[0], 10.0, currency, 1.0), 11.4)
        self.products[0].taxes_id = tax | tax.copy({"name": "VAT 5", "amount": 5.0, "company_id": branch.id})
        self.assertEqual(taxed._taxed(self.products[0], 10.0, currency, 1.0), 10.5)
        self.assertEqual(self.account._taxed(self.products[0], 10.0, currency, 1.0), 11.4)

    # ------------------------------------------------------------------ fine decimals

    def test_prices_of_more_decimals_than_odoo_keeps_come_to_the_total(self):
        order = self.take((self.products[0], 100, 10.005), total_price=1000.5)
        self.assertFalse(order.marketplace_hold)
        self.assertEqual((order.state, round(order.amount_total, 2)), ("sale", 1000.5))
        self.pull()
        self.assertFalse(self.sent_rows_of_orders())

    def test_the_line_of_what_rounding_lost_is_our_own_and_never_told(self):
        self.account.confirm_policy = "never"
        order = self.take((self.products[0], 12, 41.6667), (self.products[1], 2, 10.0), total_price=520.0)
        rounding = order.order_line.filtered(lambda line: line.cartona_line_id == "rounding")
        self.assertEqual(round(order.amount_total, 2), 520.0)
        rounding.product_uom_qty = 0
        self.commit()
        rounding.unlink()
        order.order_line[1].product_uom_qty = 1
        self.commit()
        (sent,) = self.sent_rows_of_orders()
        self.assertNotIn("rounding", str(sent))
        self.assertFalse(order.order_line.filtered(lambda line: line.cartona_line_id == "rounding"))

    def sent_rows_of_orders(self):
        return [entry.body for entry in self.box.calls("update-order-details")]


class TestMoneyOfDrafts(OrderChangesCase):
    confirm_policy = "never"

    # ------------------------------------------------------------------ prices of added lines

    def added(self, tax_policy, price_tax, **tax):
        self.account.write({"tax_policy": tax_policy, "price_tax": price_tax})
        self.products[2].taxes_id = self.env["account.tax"].create(
            {"name": "VAT 14", "amount": 14.0, "type_tax_use": "sale", **tax}
        )
        self.order.order_line = [Command.create({"product_id": self.products[2].id, "product_uom_qty": 3})]
        self.commit()
        return self.order.order_line[-1]

    def test_prices_of_added_lines_are_those_that_are_sent_where_these_hold_the_taxes(self):
        line = self.added("included", "included")
        self.assertEqual(self.at_box(self.products[2])["selling_price"], 34.2)
        self.assertEqual((line.price_unit, line.price_total), (34.2, 102.6))
        self.assertEqual(self.there()[-1], self.sold(2, 3, 34.2))
        line.product_uom_qty = 4
        self.assertEqual(line.price_unit, 34.2)

    def test_prices_of_added_lines_hold_the_taxes_where_the_orders_have_none(self):
        self.assertEqual(self.added("none", "included").price_unit, 34.2)

    def test_prices_of_added_lines_are_the_pricelists_where_it_is_so_that_they_are_sent(self):
        self.assertEqual(self.added("included", "as_is").price_unit, 30.0)

    def test_prices_of_added_lines_are_without_the_taxes_where_odoo_adds_these(self):
        line = self.added("product", "included")
        self.assertEqual((line.price_unit, line.price_total), (30.0, 102.6))

    # ------------------------------------------------------------------ removed lines

    def test_what_the_marketplace_paid_of_a_line_is_not_that_of_the_next_one(self):
        self.first.write({"marketplace_discount": 3.0, "marketplace_supplier_discount": 2.0})
        self.first.product_uom_qty = 0
        self.commit()
        self.assertFalse(self.first.cartona_line_id)
        self.assertEqual((self.first.marketplace_discount, self.first.marketplace_supplier_discount), (0.0, 0.0))
        self.first.product_uom_qty = 2
        self.commit()
        self.assertEqual(self.order.marketplace_owes, 0.0)


class TestWrongCurrency(MoneyCase):
    def prepare(self):
        super().prepare()
        ours = self.env.company.currency_id
        self.foreign = self.env["res.currency"].with_context(active_test=False).search([("id", "!=", ours.id)], limit=1)
        self.env["product.pricelist"].search([("currency_id", "=", self.foreign.id)]).active = False
        self.foreign.active = True
        self.account.connected_currency = self.foreign.name

    def foreign_pricelist(self):
        return self.env["product.pricelist"].create({"name": "There", "currency_id": self.foreign.id})

    def test_it_is_not_accepted_and_goes_on_with_a_pricelist(self):
        order = self.take((self.products[0], 2, 10.0))
        self.assertEqual((order.state, order.marketplace_currency), ("draft", self.foreign.name))
        self.assertIn("no pricelist in that currency", order.marketplace_hold)
        self.assertFalse(order.marketplace_hold_acceptable)
        with self.assertRaisesRegex(UserError, f"at the marketplace. Choose a pricelist in {self.foreign.name}"):
            order.action_marketplace_accept()
        self.foreign_pricelist()
        order.action_marketplace_retry()
        self.commit()
        self.assertEqual((order.state, order.currency_id), ("sale", self.foreign))
        self.assertEqual(order.order_line.price_unit, 10.0)

    def test_a_code_is_known_in_small_letters_too(self):
        self.account._keep_connection({"name": "Shop", "currency": f" {self.foreign.name.lower()} "}, [])
        self.assertEqual(self.account.connected_currency, self.foreign.name)

    def test_a_word_that_is_no_currency_holds_and_can_be_accepted(self):
        self.account.connected_currency = "L.E."
        self.assertFalse(self.account._currency_problem("L.E."))
        order = self.take((self.products[0], 2, 10.0))
        self.assertTrue(order.marketplace_hold_acceptable)
        order.action_marketplace_accept()
        self.commit()
        self.assertEqual(order.state, "sale")

    def test_what_was_accepted_before_is_held_all_the_same(self):
        order = self.take((self.products[0], 2, 10.0))
        order.write({"marketplace_hold_accepted": order.marketplace_hold_key, "marketplace_hold": False})
        order.marketplace_hold_key = False
        self.env["marketplace.order.processor"]._hold_orders(order)
        self.assertTrue(order.marketplace_hold)

    def test_it_comes_with_no_other_pricelist_unseen(self):
        self.account.confirm_policy = "never"
        pricelist = self.foreign_pricelist()
        order = self.take((self.products[0], 2, 10.0))
        self.assertEqual(order.currency_id, self.foreign)
        order.partner_id = self.env["res.partner"].create({"name": "Another"})
        self.assertEqual((order.pricelist_id, order.currency_id), (pricelist, self.foreign))
        order.pricelist_id = False
        with self.assertRaisesRegex(UserError, f"in {self.foreign.name} at the marketplace"):
            order.action_confirm()
        order.pricelist_id = pricelist
        order.action_confirm()
        self.assertEqual(order.state, "sale")

    def test_prices_are_not_sent_in_it_and_stock_is(self):
        product, listing = self.products[0], self.account.env["marketplace.listing"].search([], limit=1)
        listing = listing.search([("config_id", "=", self.account.id), ("product_id", "=", product.id)])
        before = self.at_box(product)["selling_price"]
        product.list_price = 77
        self.set_stock(product, 55)
        self.commit()
        there = self.at_box(product)
        self.assertEqual((there["selling_price"], there["available_stock_quantity"]), (before, 55))
        self.assertEqual(listing.state, "failed")
        self.assertIn(f"choose a pricelist in {self.foreign.name}", listing.last_error)
        self.assertEqual(self.finding(self.foreign.name)["level"], "error")
        pricelist = self.foreign_pricelist()
        pricelist.item_ids = [Command.create({"compute_price": "fixed", "fixed_price": 5.5})]
        self.account.pricelist_id = pricelist
        self.commit()
        self.assertEqual(self.at_box(product)["selling_price"], 5.5)
        self.assertEqual(listing.state, "synced")
        self.assertFalse(self.finding(self.foreign.name))


class TestIncludedTwins(MoneyCase):
    def prepare(self):
        super().prepare()
        self.tax = self.add_tax()
        self.twin = self.tax._marketplace_included()

    def test_it_is_called_as_its_tax_is_and_leaves_the_name_to_another(self):
        self.tax.name = "VAT of old"
        self.assertEqual(self.twin.name, "VAT of old, included")
        self.assertEqual(self.add_tax()._marketplace_included().name, "VAT 14, included")

    def test_of_a_tax_that_is_deleted_none_is_left_that_counts(self):
        self.tax.unlink()
        self.assertFalse(self.twin.active)
        self.assertEqual(self.add_tax()._marketplace_included().name, "VAT 14, included")

    def test_a_name_that_another_tax_has_is_left_to_it(self):
        other = self.add_tax(name="VAT 5, included")
        tax = self.add_tax(name="VAT 5")
        self.assertEqual(tax._marketplace_included().name, "VAT 5, included (2)")
        with self.assertRaises(ValidationError):
            self.add_tax(name=other.name)

    def test_it_is_archived_and_brought_back_with_its_tax(self):
        self.tax.active = False
        self.assertFalse(self.twin.active)
        self.tax.active = True
        self.assertTrue(self.twin.active)
        self.assertEqual(self.tax._marketplace_included(), self.twin)

    def test_its_amounts_are_booked_where_those_of_its_tax_are(self):
        accounts = self.env["account.account"]
        account = accounts.search([*accounts._check_company_domain(self.env.company)], limit=1)
        group = self.tax.tax_group_id.copy({"name": "VAT"})
        lines = self.tax.repartition_line_ids.filtered(lambda line: line.repartition_type == "tax")
        self.tax.write(
            {
                "tax_group_id": group.id,
                "repartition_line_ids": [Command.update(line.id, {"account_id": account.id}) for line in lines],
            }
        )
        theirs = self.twin.repartition_line_ids.filtered(lambda line: line.repartition_type == "tax")
        self.assertEqual((theirs.account_id, self.twin.tax_group_id), (account, group))

    def test_one_whose_amounts_are_split_otherwise_is_replaced(self):
        half = {"repartition_type": "tax", "factor_percent": 50}
        lines = self.tax.repartition_line_ids.filtered(lambda line: line.repartition_type == "tax")
        self.tax.repartition_line_ids = [
            *(Command.update(line.id, {"factor_percent": 50}) for line in lines),
            *(Command.create({"document_type": kind, **half}) for kind in ("invoice", "refund")),
        ]
        self.assertFalse(self.twin.active)
        again = self.tax._marketplace_included()
        self.assertEqual(len(again.repartition_line_ids), 6)
        self.assertEqual(again.name, "VAT 14, included")


class TestNetPrices(MoneyCase):
    WORDS = "without the taxes that come on top"

    def prepare(self):
        super().prepare()
        self.account.tax_policy = "included"

    def test_they_are_told_where_orders_take_them_for_gross(self):
        self.assertFalse(self.finding(self.WORDS), "no product has taxes")
        tax = self.add_tax(self.products[0])
        self.assertEqual(self.finding(self.WORDS)["level"], "warning")
        for names, value in (("price_tax", "included"), ("tax_policy", "product"), ("sync_price", False)):
            before = self.account[names]
            self.account[names] = value
            self.assertFalse(self.finding(self.WORDS), names)
            self.account[names] = before
        self.products[0].taxes_id = tax._marketplace_included()
        self.assertFalse(self.finding(self.WORDS), "they hold it")

    def test_prices_that_somebody_has_entered_for_the_marketplace_are_what_they_are(self):
        self.add_tax(self.products[0])
        pricelist = self.env["product.pricelist"].create({"name": "There"})
        self.account.pricelist_id = pricelist
        self.assertTrue(self.finding(self.WORDS))
        pricelist.item_ids = [Command.create({"compute_price": "fixed", "fixed_price": 5.5})]
        self.assertFalse(self.finding(self.WORDS))

        pricelist.item_ids = [Command.create({"compute_price": "percentage", "percent_price": 5})]
        self.assertTrue(self.finding(self.WORDS))

    def test_of_a_long_pricelist_no_rule_is_read(self):
        self.add_tax(self.products[0])
        rule = {"compute_price": "fixed", "fixed_price": 5.5}
        values = {"name": "There", "item_ids": [Command.create(rule), Command.create(rule)]}
        self.account.pricelist_id = self.env["product.pricelist"].create(values)
        self.env.flush_all()
        self.env.invalidate_all()
        read = []
        self.patch(self.registry["product.pricelist.item"], "_fetch_query", lambda *args: read.append(args))
        self.assertFalse(self.account._net_prices_hint())
        self.assertFalse(read)

    def test_who_sets_an_account_up_reads_it_before_going_live(self):
        self.add_tax(self.products[0])
        self.account.write({"state": "draft", "tested_at": "2026-01-01 00:00:00"})
        self.assertEqual(self.account.setup_step, "policies")
        self.assertIn(self.WORDS, self.account.net_prices_hint)
        self.account.price_tax = "included"
        self.account.invalidate_recordset()
        self.assertFalse(self.account.net_prices_hint)


class TestLessThanInvoiced(OrderChangesCase):
    def invoice(self):
        self.products[:2].invoice_policy = "order"
        self.env.add_to_compute(self.first._fields["qty_to_invoice"], self.order.order_line)
        invoice = self.order._create_invoices()
        invoice.action_post()
        return invoice

    def asked(self):
        return self.order.activity_ids.filtered(lambda activity: activity.marketplace_cause == "reduced-invoiced")

    def test_a_person_is_asked_to_credit_what_is_not_wanted_any_more(self):
        self.invoice()
        self.edit_there({self.first_id: 4, self.second_id: 1})
        self.assertEqual((self.first.product_uom_qty, self.second.product_uom_qty), (4, 1))
        self.assertIn("10 are invoiced, 4 are wanted", self.asked().note)
        self.assertIn("5 are invoiced, 1 are wanted", self.asked().note)

    def test_nobody_is_asked_where_nothing_was_invoiced(self):
        self.edit_there({self.first_id: 4})
        self.assertEqual(self.first.product_uom_qty, 4)
        self.assertFalse(self.asked())
