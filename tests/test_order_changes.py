# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command
from odoo.tests import new_test_user

from ..compat import included_tax_values
from .test_order_lines_out import OrderOutCase


class OrderChangesCase(OrderOutCase):
    def prepare(self):
        super().prepare()
        self.first_id, self.second_id = (line["id"] for line in self.document["order_details"])

    def edit_there(self, amounts=None, **values):
        """Let the order be changed at the marketplace, and take that over."""
        self.box.edit_order(self.hashed_id, amounts, by="admin", **values)
        self.pull()


class TestChangesOfConfirmedOrders(OrderChangesCase):
    def test_a_document_that_is_not_the_newest_any_more_when_it_is_followed_up_reduces_nothing(self):
        lane, changed_again = type(self.env["marketplace.lane.inbox"]), []
        follow_all = lane._follow_all

        def change_again_before(lane_, row_ids):
            if row_ids and not changed_again:
                self.box.edit_order(self.hashed_id, {self.first_id: 10}, by="admin")
                newest = self.box.order(self.hashed_id)
                changed_again.append(
                    self.env["marketplace.inbox"]._store([(self.account, "order", self.hashed_id, newest)], "webhook")
                )
            return follow_all(lane_, row_ids)

        self.patch(lane, "_follow_all", change_again_before)
        self.edit_there({self.first_id: 4})
        self.assertTrue(changed_again)
        self.assertEqual(self.first.product_uom_qty, 10)
        self.assertFalse(self.order.activity_ids)


class TestChangesOfDrafts(OrderChangesCase):
    confirm_policy = "never"

    # ------------------------------------------------------------------ taxes of lines

    def add_taxed(self, policy):
        self.account.tax_policy = policy
        self.products[2].taxes_id = self.env["account.tax"].create({"name": "VAT 14", "amount": 14.0})
        self.order.order_line = [Command.create({"product_id": self.products[2].id, "product_uom_qty": 3})]
        return self.order.order_line[-1]

    def assert_same_sums(self):
        self.commit()
        there = self.box.order(self.hashed_id)["total_price"]
        self.assertEqual(there, 400.0 + 3 * 30.0)
        self.assertEqual((self.order.amount_total, self.order.marketplace_total), (there, there))

    def test_taxes_of_lines_added_here_are_in_the_price_where_the_marketplaces_prices_hold_them(self):
        line = self.add_taxed("included")
        self.assertTrue(line.tax_id.price_include)
        self.assert_same_sums()
        self.order.action_update_taxes()
        self.assert_same_sums()
        self.assertGreater(self.order.amount_tax, 0)

    def test_lines_added_here_have_no_taxes_where_the_account_says_so(self):
        self.assertFalse(self.add_taxed("none").tax_id)
        self.assert_same_sums()

    def test_lines_of_other_orders_have_their_taxes_as_always(self):
        tax = self.add_taxed("included").product_id.taxes_id
        order = self.env["sale.order"].create(
            {
                "partner_id": self.order.partner_id.id,
                "order_line": [Command.create({"product_id": self.products[2].id})],
            }
        )
        self.assertEqual(order.order_line.tax_id, tax)

    def test_a_duplicate_is_taxed_as_any_order_and_comes_to_the_same_sum(self):
        line = self.add_taxed("included")
        line.price_unit = 34.2
        copy = self.order.copy({"client_order_ref": "once more"})
        added = copy.order_line[-1]
        self.assertEqual(added.tax_id, line.product_id.taxes_id)
        self.assertAlmostEqual(added.price_unit, 30.0)
        self.assertAlmostEqual(copy.amount_total, self.order.amount_total)
        added.product_uom_qty = 4
        self.assertEqual((added.price_unit, added.price_total), (30.0, 136.8))
        self.assertEqual((line.price_unit, line.tax_id.price_include), (34.2, True), "the order itself stays")

    def test_a_duplicate_keeps_taxes_that_are_in_the_products_own_prices(self):
        line = self.add_taxed("included")
        own = self.env["account.tax"].create({"name": "5 within", "amount": 5.0, **included_tax_values(line.tax_id)})
        line.write({"tax_id": [Command.link(own.id)], "price_unit": 119.0})
        copied = self.order.copy().order_line[-1]
        self.assertEqual(copied.tax_id, line.product_id.taxes_id | own)
        self.assertEqual(copied.price_unit, 105.0)

    def test_a_salesperson_without_rights_on_accounts_duplicates_an_order(self):
        line = self.add_taxed("included")
        seller = new_test_user(self.env, "copy-seller", groups="sales_team.group_sale_salesman_all_leads")
        copied = self.order.with_user(seller).copy().order_line[-1]
        self.assertEqual(copied.tax_id, line.product_id.taxes_id)

    def test_a_salesperson_without_rights_on_accounts_updates_the_taxes(self):
        taxes = self.env["account.tax"]
        tax = taxes.create({"name": "14 within", "amount": 14.0, **included_tax_values(taxes)})
        self.products[0].taxes_id = tax
        self.account.tax_policy = "included"
        seller = new_test_user(self.env, "tax-seller", groups="sales_team.group_sale_salesman_all_leads")
        self.order.with_user(seller).action_update_taxes()
        self.assertEqual(self.first.tax_id, tax)
        self.account.tax_policy = "none"
        self.env.invalidate_all()
        self.order.with_user(seller).action_update_taxes()
        self.assertFalse(self.first.tax_id)

    # ------------------------------------------------------------------ changed here, and there
    # A person has changed an order here, and the marketplace does not know it yet when its next document comes.

    def untold(self):
        """Let the message about what was changed here fail for a while."""
        self.box.fail(path="update-order-details", status=503)
        self.commit()
        self.assertEqual(self.commands().state, "waiting")
        self.running()._note_success()

    def told(self):
        self.commands().next_attempt = False  # it waited for the document
        self.sweep()
        self.assertFalse(self.commands())

    def test_what_was_changed_here_is_kept_and_told_where_the_marketplace_did_not_change_it_too(self):
        self.first.write({"product_uom_qty": 6, "price_unit": 18.0})
        self.untold()
        self.edit_there({self.second_id: 3}, note_message="x")
        self.assertEqual((self.first.product_uom_qty, self.first.price_unit), (6, 18.0))
        self.assertEqual(self.second.product_uom_qty, 3)
        self.assertFalse(self.order.marketplace_hold, "it is a matter of time until the sums agree")
        self.told()
        self.assertEqual(self.there(), [self.sold(0, 6, 18.0), self.sold(1, 3, 40.0)])
        self.assertEqual(self.order.marketplace_total, self.order.amount_total)
        self.assertFalse(self.order.activity_ids)

    def test_what_both_have_changed_is_the_marketplaces_and_a_person_is_told_what_it_was_here(self):
        self.first.product_uom_qty = 6
        self.untold()
        self.edit_there({self.first_id: 3})
        self.assertEqual(self.first.product_uom_qty, 3)
        self.assertRegex(self.order.activity_ids.summary, "Changed here and at the marketplace")
        self.assertIn("6 at 20", "".join(self.order.message_ids.mapped("body")))
        self.commands().next_attempt = False
        self.sweep()
        self.assertEqual(self.there()[0], self.sold(0, 3, 20.0))

    def test_what_was_removed_here_stays_removed(self):
        self.second.unlink()
        self.untold()
        self.edit_there(note_message="x")
        self.assertEqual(self.order.order_line, self.first)
        self.assertFalse(self.order.marketplace_hold)
        self.told()
        self.assertEqual(self.there(), [self.sold(0, 10, 20.0)])

    def test_another_product_chosen_here_stays(self):
        self.first.write({"product_id": self.products[2].id, "price_unit": 30.0})
        self.untold()
        self.edit_there(note_message="x")
        self.assertEqual(self.first.product_id, self.products[2])
        self.assertFalse(self.order.marketplace_hold)
        self.told()
        self.assertEqual(sorted(self.there()), sorted([self.sold(1, 5, 40.0), self.sold(2, 10, 30.0)]))

    def test_what_the_account_does_not_tell_is_kept_and_the_sums_show_it(self):
        self.account.push_lines = False
        self.first.product_uom_qty = 6
        self.edit_there(note_message="x")
        self.assertEqual(self.first.product_uom_qty, 6)
        self.assertIn("320.00 here and 400.00", self.order.marketplace_hold)

    def test_a_held_order_whose_price_was_mended_by_hand_is_looked_at_as_it_stands(self):
        document = self.place(total_price=390.0)
        self.pull()
        order = self.order_of(document)
        self.assertTrue(order.marketplace_hold)
        self.account.push_lines = False
        order.order_line[0].price_unit = 19.0
        order.action_marketplace_retry()
        self.commit()
        self.assertEqual(order.order_line[0].price_unit, 19.0)
        self.assertFalse(order.marketplace_hold)

    def test_a_product_that_was_matched_anew_is_taken_over(self):
        self.first.marketplace_listing_id.product_id = self.products[2]
        self.commit()
        self.edit_there(note_message="x")
        self.assertEqual(self.first.product_id, self.products[2])
