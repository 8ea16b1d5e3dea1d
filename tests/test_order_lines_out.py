# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command
from odoo.exceptions import ValidationError
from odoo.tests import new_test_user

from ..compat import pack_unit, unit_field
from .common import MarketplaceCase


class OrderOutCase(MarketplaceCase):
    """An order of two lines that was pulled: 10 of the first product at 20, 5 of the second at 40."""

    confirm_policy = "always"
    order_values = {}

    def prepare(self):
        super().prepare()
        self.list_products()
        for product in self.products:
            self.set_stock(product, 100)
        self.account.confirm_policy = self.confirm_policy
        self.document = self.place()
        self.hashed_id = self.document["hashed_id"]
        self.pull()
        self.order = self.order_of(self.document)
        self.first, self.second = self.order.order_line
        self.box.clear_journal()

    def deliver_quantities(self, *quantities):
        """Deliver so much of each line, and keep the rest as a backorder."""
        picking = self.order.picking_ids
        for move, quantity in zip(picking.move_ids, quantities, strict=True):
            move.quantity = quantity
        picking.move_ids.picked = True
        picking.with_context(skip_backorder=True, picking_ids_not_to_backorder=[]).button_validate()
        self.commit()
        return picking

    def place(self, **values):
        """Place an order that we deliver, without money to collect for the marketplace."""
        return self.box_order(
            (self.products[0], 10, 20.0),
            (self.products[1], 5, 40.0),
            **{
                "status": "pending",
                "delivered_by": "delivered_by_supplier",
                "installment_cost": 0,
                "wallet_top_up": 0,
                "cartona_credit": 0,
                **self.order_values,
                **values,
            },
        )

    def tell(self, event, status):
        self.account.status_rule_ids.filtered(lambda rule: rule.event == event).status = status

    def steps(self):
        """Return what the marketplace was told of the order: statuses, and ``lines``."""
        entries = self.box.calls(f"update-order-status/{self.hashed_id}|update-order-details")
        return [entry.body["status"] if isinstance(entry.body, dict) else "lines" for entry in entries]

    def sent(self):
        """Return the changes of lines that were sent, one list for each call."""
        return [entry.body[0]["order_details"] for entry in self.box.calls("update-order-details")]

    def there(self):
        """Return the lines at the marketplace: ``[(external product id, amount, price)]``."""
        lines = self.box.order(self.hashed_id)["order_details"]
        return [(line["supplier_product_id"], line["amount"], line["selling_price"]) for line in lines]

    def sold(self, index, amount, price):
        return (str(1000 + self.products[index].id), amount, price)

    def commands(self, order=None):
        return self.env["marketplace.outbox"].search([("order_id", "=", (order or self.order).id)])

    def again(self):
        """Let the marketplace be tried again, as if the wait after a failure were over."""
        self.running()._note_success()
        self.sweep()

    def add_line(self, product, quantity, price):
        self.order.order_line = [
            Command.create({"product_id": product.id, "product_uom_qty": quantity, "price_unit": price})
        ]
        self.commit()
        return self.order.order_line[-1]

    def deliver(self, *quantities):
        """Deliver so much of each move, and give up the rest."""
        picking = self.order.picking_ids.filtered(lambda picking: picking.state not in ("done", "cancel"))
        for move, quantity in zip(picking.move_ids, quantities, strict=True):
            move.quantity = quantity
        picking.move_ids.picked = True
        return picking.with_context(skip_backorder=True, picking_ids_not_to_backorder=picking.ids).button_validate()


class TestOrderLinesOut(OrderOutCase):
    def line_id(self, index):
        return self.document["order_details"][index]["id"]

    def test_a_quantity_and_a_price_changed_here_are_changed_there_and_nothing_else(self):
        self.first.product_uom_qty = 6
        self.second.write({"price_unit": 50.0, "discount": 10.0})
        self.commit()
        self.assertEqual(self.sent(), [[{"id": self.line_id(0), "amount": 6}, {"id": self.line_id(1), "price": 45.0}]])
        self.assertEqual(self.there(), [self.sold(0, 6, 20.0), self.sold(1, 5, 45.0)])
        self.assertFalse(self.commands())
        self.assertEqual(self.order.marketplace_total, self.box.order(self.hashed_id)["total_price"])

    def test_an_order_that_comes_in_is_not_sent_back(self):
        self.place()
        self.pull()
        self.assertFalse(self.sent())

    def test_what_goes_back_to_what_the_marketplace_has_is_not_sent(self):
        self.box.fail(path="update-order-details", status=503)
        self.first.product_uom_qty = 6
        self.commit()
        self.first.product_uom_qty = 10
        self.box.clear_journal()
        self.again()
        self.assertFalse(self.sent())
        self.assertFalse(self.commands())

    def test_many_changes_while_the_marketplace_is_away_are_one_call_of_what_is_true_then(self):
        self.box.fail(path="update-order-details", status=503)
        self.first.product_uom_qty = 6
        self.commit()
        self.first.product_uom_qty = 7
        self.second.product_uom_qty = 4
        self.assertEqual(self.commands().mapped("state"), ["waiting"])
        self.again()
        self.assertEqual(
            self.sent()[1:], [[{"id": self.line_id(0), "amount": 7}, {"id": self.line_id(1), "amount": 4}]]
        )
        self.assertFalse(self.commands())

    def test_an_answer_that_was_lost_is_no_harm_to_a_changed_line(self):
        self.box.fail(path="update-order-details", kind="drop")
        self.first.product_uom_qty = 6
        self.commit()
        self.assertEqual(self.commands().state, "waiting")
        self.again()
        self.assertEqual(self.there()[0], self.sold(0, 6, 20.0))
        self.assertFalse(self.commands())

    def test_what_the_marketplace_refuses_is_kept_with_its_words_and_goes_with_the_next_change(self):
        self.box.fail(path="update-order-details", status=422, body={"error": "too little"})
        self.first.product_uom_qty = 1
        self.commit()
        self.assertEqual(self.commands().state, "failed")
        self.assertIn("too little", self.commands().last_error)
        self.assertEqual(self.first.marketplace_quantity, 10)
        self.first.product_uom_qty = 6
        self.commit()
        self.assertEqual(self.there()[0], self.sold(0, 6, 20.0))
        self.assertFalse(self.commands())

    def test_a_refusal_hidden_in_a_good_answer_is_seen(self):
        self.box.state.orders[self.hashed_id].document["status"] = "delivered"
        self.first.product_uom_qty = 6
        self.commit()
        self.assertIn("while the order is delivered", self.commands().last_error)

    def test_a_line_added_here_is_added_there_once_and_then_changed_by_its_new_id(self):
        line = self.add_line(self.products[2], 3, 15.0)
        new_id = self.box.order(self.hashed_id)["order_details"][2]["id"]
        self.assertEqual(self.there()[2], self.sold(2, 3, 15.0))
        self.assertEqual(line.cartona_line_id, str(new_id))
        line.product_uom_qty = 4
        self.commit()
        self.assertEqual(self.sent()[-1], [{"id": new_id, "amount": 4}])
        self.assertEqual(len(self.there()), 3)
        self.assertEqual(line.price_unit, 15.0, "what the marketplace was told is not repriced")

    def test_a_new_id_that_the_answer_does_not_tell_is_learned_from_the_next_pull(self):
        self.box.options.returns_new_ids = False
        line = self.add_line(self.products[2], 3, 15.0)
        self.assertFalse(line.cartona_line_id)
        self.first.product_uom_qty = 6
        self.commit()
        self.assertEqual(len(self.there()), 3, "never added twice")
        line.product_uom_qty = 4
        self.commit()
        self.assertFalse(self.commands())
        self.assertIn("ID the marketplace has not told", self.order.activity_ids.summary)
        self.box.edit_order(self.hashed_id, by="admin", note_message="x")
        self.pull()
        self.assertEqual(line.cartona_line_id, str(self.box.order(self.hashed_id)["order_details"][2]["id"]))
        self.assertEqual(self.there()[2], self.sold(2, 4, 15.0))
        self.assertEqual(len(self.order.order_line), 3)

    def test_two_new_lines_of_one_product_stay_two(self):
        self.order.order_line = [
            Command.create({"product_id": self.products[2].id, "product_uom_qty": n, "price_unit": 15.0})
            for n in (1, 2)
        ]
        self.commit()
        ids = [str(line["id"]) for line in self.box.order(self.hashed_id)["order_details"]]
        self.assertEqual(self.order.order_line.mapped("cartona_line_id"), ids)

    def test_when_the_answer_to_an_addition_is_lost_a_person_looks_before_it_is_sent_again(self):
        self.box.fail(path="update-order-details", kind="drop")
        line = self.add_line(self.products[2], 3, 15.0)
        command = self.commands()
        self.assertEqual(command.state, "failed")
        self.assertIn("not known whether", command.last_error)
        self.assertIn("not known whether", str(self.account.activity_ids.mapped("note")))
        self.first.product_uom_qty = 6
        self.account.action_retry_failed()
        self.again()
        self.assertEqual(len(self.there()), 3, "nothing sends it again by itself")
        # It is there, so the person deletes the row. What else changed goes with the next change.
        command.unlink()
        self.again()
        self.assertEqual(len(self.there()), 3)
        self.assertEqual(self.there()[0], self.sold(0, 6, 20.0))
        self.assertEqual(line.marketplace_quantity, 3)

    def test_an_addition_that_never_arrived_is_sent_again_by_retry(self):
        self.box.fail(path="update-order-details", kind="reset")
        line = self.add_line(self.products[2], 3, 15.0)
        self.assertEqual(self.commands().error_code, "doubt")
        self.assertEqual(len(self.there()), 2)
        self.running()._note_success()
        self.commands().action_retry()
        self.commit()
        self.assertEqual(self.there()[2], self.sold(2, 3, 15.0))
        self.assertTrue(line.cartona_line_id)
        self.assertFalse(self.commands())
        self.assertEqual(self.order.marketplace_total, self.box.order(self.hashed_id)["total_price"])

    def test_an_addition_in_an_outage_is_sent_when_it_is_over(self):
        self.box.fail(path="update-order-details", status=503)
        line = self.add_line(self.products[2], 3, 15.0)
        self.assertEqual((self.commands().state, line.marketplace_quantity), ("waiting", 0))
        self.assertNotEqual(self.commands().error_code, "doubt", "503 says that it was not done")
        self.again()
        self.assertEqual(len(self.there()), 3)
        self.assertEqual(self.order.marketplace_total, self.box.order(self.hashed_id)["total_price"])

    def test_a_refused_addition_is_an_addition_still(self):
        self.box.fail(path="update-order-details", status=422, body={"error": "sold out"})
        line = self.add_line(self.products[2], 3, 15.0)
        self.assertIn("sold out", self.commands().last_error)
        self.assertFalse(line.marketplace_quantity)
        self.commands().action_retry()
        self.commit()
        self.assertEqual(len(self.there()), 3)

    def test_a_product_without_a_listing_waits_for_one(self):
        stranger = self.products[3]
        self.account.listing_ids.filtered(lambda listing: listing.product_id == stranger).product_id = False
        self.add_line(stranger, 1, 5.0)
        self.assertIn("List it and retry", self.commands().last_error)
        self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": stranger.id, "external_id": "new"}
        )
        self.box.add_product(id="new")
        self.commands().action_retry()
        self.commit()
        self.assertEqual(self.there()[2][0], "new")

    def test_fees_gifts_and_notes_are_none_of_the_marketplaces_business(self):
        fee = self.env["product.product"].create({"name": "Fee", "type": "service", "list_price": 5.0})
        self.add_line(fee, 1, 5.0)
        self.add_line(self.products[2], 1, 0.0)
        self.order.order_line = [Command.create({"display_type": "line_note", "name": "Note"})]
        self.commit()
        self.assertFalse(self.sent())
        self.assertFalse(self.commands())

    def test_boxes_are_sent_as_boxes(self):
        self.account.listing_ids.filtered(lambda one: one.product_id == self.products[2]).pack_size = 12
        self.add_line(self.products[2], 24, 1.5)
        self.assertEqual(self.there()[2], self.sold(2, 2, 18.0))

    def test_the_listing_of_that_size_is_sent_where_a_product_has_several(self):
        product, part = self.products[2], 0.058824  # a seventeenth: what comes back of it is not exactly that
        self.box.add_product(id="part")
        values = {"config_id": self.account.id, "product_id": product.id, "external_id": "part", "pack_size": part}
        self.env["marketplace.listing"].create(values)
        unit = {unit_field(self.first): pack_unit(product.uom_id, part).id}
        line = Command.create({"product_id": product.id, "product_uom_qty": 2, "price_unit": 1.5, **unit})
        self.order.order_line = [line]
        self.commit()
        self.assertEqual(self.there()[2], ("part", 2, 1.5))

    def test_a_corrected_size_of_a_box_does_not_change_what_was_ordered(self):
        self.first.marketplace_listing_id.pack_size = 2
        self.second.product_uom_qty = 4
        self.commit()
        self.assertEqual(self.sent(), [[{"id": self.line_id(1), "amount": 4}]])
        self.box.edit_order(self.hashed_id, by="admin", amounts={self.line_id(0): 8})
        self.pull()
        self.assertEqual(self.first.product_uom_qty, 8)

    def test_less_of_what_is_counted_in_another_unit_here_is_so_many_boxes_less(self):
        self.first.marketplace_listing_id.pack_size = 12
        document = self.place()
        self.pull()
        line = self.order_of(document).order_line[0]
        unit = self.products[0].uom_id
        line.write({unit_field(line): unit.id, "product_uom_qty": 120, "price_unit": 20.0 / 12})
        self.commit()
        line_id = document["order_details"][0]["id"]
        self.box.edit_order(document["hashed_id"], by="admin", amounts={line_id: 9})
        self.pull()
        self.assertEqual((line.product_uom_qty, line[unit_field(line)]), (108, unit))

    def test_another_product_on_a_line_is_another_line_there(self):
        self.account.confirm_policy = "never"
        document = self.place()
        self.pull()
        order = self.order_of(document)
        order.order_line[0].product_id = self.products[2]
        order.order_line[0].price_unit = 30.0
        self.commit()
        lines = self.box.order(document["hashed_id"])["order_details"]
        self.assertEqual(
            [line["supplier_product_id"] for line in lines],
            [str(1000 + self.products[1].id), str(1000 + self.products[2].id)],
        )
        self.assertEqual(order.order_line[0].cartona_line_id, str(lines[1]["id"]))

    def test_nothing_is_sent_when_the_account_says_so(self):
        self.account.push_lines = False
        self.first.product_uom_qty = 6
        self.commit()
        self.assertFalse(self.commands() or self.sent())

    def test_orders_that_the_marketplace_delivers_or_has_done_with_are_left_alone(self):
        for values in ({"marketplace_delivers": True}, {"marketplace_status": "delivered"}):
            self.order.write({"marketplace_delivers": False, **values})
            self.first.product_uom_qty += 1
            self.commit()
            self.assertFalse(self.commands() or self.sent(), values)

    def test_a_change_waits_while_the_customer_is_changing_the_order(self):
        self.order.marketplace_status = "editing"
        self.first.product_uom_qty = 6
        self.commit()
        self.assertFalse(self.sent())
        self.assertTrue(self.commands().next_attempt)
        self.order.marketplace_status = "approved"
        self.commands().next_attempt = False
        self.sweep()
        self.assertEqual(self.there()[0], self.sold(0, 6, 20.0))

    def test_a_customer_who_never_finishes_changing_an_order_is_told_to_a_person_once(self):
        other = self.place()
        self.pull()
        for order in (self.order, self.order_of(other)):
            order.marketplace_status = "editing"
            order.order_line[0].product_uom_qty = 6
        self.commit()
        self.assertFalse(self.account.activity_ids, "that is what waiting is for")
        self.look_later()
        self.assertEqual(len(self.account.activity_ids), 1)
        self.assertIn(self.order.name, self.account.activity_ids.note)
        self.assertIn("finish", self.account.activity_ids.summary)
        self.account.activity_ids.action_done()
        self.running().told = False  # another day
        self.look_later()
        self.assertFalse(self.account.activity_ids, "who was told need not be told every five minutes")
        self.order.marketplace_status = "approved"
        self.look_later()
        self.assertEqual(self.there()[0], self.sold(0, 6, 20.0))

    def look_later(self):
        """Let the waiting commands be tried again, hours after they came."""
        waiting = self.env["marketplace.outbox"].search([("lane", "=", "orders")])
        waiting.write({"next_attempt": False, "created_at": "2020-01-01 00:00:00"})
        self.sweep()

    def test_people_without_marketplace_rights_change_lines(self):
        seller = new_test_user(self.env, "plain-seller", groups="sales_team.group_sale_salesman_all_leads")
        self.first.with_user(seller).product_uom_qty = 6
        self.commit()
        self.assertEqual(self.there()[0], self.sold(0, 6, 20.0))

    def test_orders_of_no_marketplace_leave_nothing(self):
        order = self.env["sale.order"].create(
            {
                "partner_id": self.order.partner_id.id,
                "order_line": [Command.create({"product_id": self.products[0].id})],
            }
        )
        order.order_line.product_uom_qty = 3
        self.commit()
        self.assertFalse(self.commands(order))

    def test_what_was_raised_here_is_not_lowered_by_a_document_that_comes_before_it_is_told(self):
        self.box.fail(path="update-order-details", status=503)
        self.first.product_uom_qty = 12
        self.commit()
        self.running()._note_success()
        self.box.edit_order(self.hashed_id, by="admin", note_message="x")
        self.pull()
        self.assertEqual(self.first.product_uom_qty, 12)
        self.assertFalse(self.order.activity_ids)
        self.commands().next_attempt = False  # it waited for the document
        self.sweep()
        self.assertEqual(self.there()[0], self.sold(0, 12, 20.0))

    # ------------------------------------------------------------------ statuses and lines

    def test_lines_are_told_before_the_status_that_follows_them(self):
        self.box.fail(path="update-order-details", status=503)
        self.first.product_uom_qty = 6
        self.order.picking_ids.button_validate()
        self.commit()
        self.again()
        self.assertEqual(self.steps()[1:], ["lines", "assigned_to_salesman"])

    def test_what_was_delivered_is_told_first_where_it_is_less(self):
        self.deliver(4, 5)
        self.commit()
        self.assertEqual(self.steps(), ["lines", "assigned_to_salesman"])
        self.assertEqual(self.there(), [self.sold(0, 4, 20.0), self.sold(1, 5, 40.0)])
        self.assertEqual(self.order.marketplace_total, 280.0)
        self.assertEqual(self.first.product_uom_qty, 10)

    def test_what_was_not_delivered_at_all_is_removed(self):
        self.deliver(10, 0)
        self.commit()
        self.assertEqual(self.sent(), [[{"id": self.line_id(1), "cancelled": True}]])
        self.assertEqual(self.there(), [self.sold(0, 10, 20.0)])

    def test_the_first_of_two_shipments_says_nothing_of_quantities(self):
        picking = self.order.picking_ids
        picking.move_ids[0].quantity = 4
        picking.move_ids.picked = True
        picking.with_context(skip_backorder=True).button_validate()
        self.commit()
        self.assertFalse(self.steps())

    def test_refused_quantities_hold_back_the_status(self):
        self.box.fail(path="update-order-details", status=422)
        self.deliver(4, 5)
        self.commit()
        self.assertEqual(self.steps(), ["lines"])
        self.assertEqual(self.commands().mapped("state"), ["failed", "waiting"])

    def test_an_event_may_tell_another_status_or_nothing(self):
        self.tell("left", "nothing")
        self.order.picking_ids.button_validate()
        self.commit()
        self.assertFalse(self.steps())
        self.tell("cancelled", "nothing")
        self.order._action_cancel()
        self.commit()
        self.assertFalse(self.steps())

    def test_a_status_that_the_marketplace_has_not_is_refused(self):
        adapter = type(self.env["marketplace.api.cartona"])
        capabilities = {**self.env["marketplace.api.cartona"]._capabilities(), "statuses": {"approved"}}
        self.patch(adapter, "_capabilities", lambda api: capabilities)
        with self.assertRaises(ValidationError):
            self.tell("left", "delivered")

    def test_what_is_imported_during_our_own_call_about_lines_stays(self):
        adapter = self.registry["marketplace.api.cartona"]
        push, told = adapter._push_order_lines, []

        def pushed(api, config, external_id, changes):
            result, _ids = push(api, config, external_id, changes)
            raw = self.box.order(self.hashed_id)
            api.env["marketplace.inbox"]._store([(config, "order", self.hashed_id, raw)], "webhook")
            api.env.flush_all()
            self.env["marketplace.lane.inbox"]._step(config.id)
            told.append(raw)
            return result, []

        self.patch(adapter, "_push_order_lines", pushed)
        values = {"product_id": self.products[2].id, "product_uom_qty": 3, "price_unit": 15.0}
        self.order.order_line = [(0, 0, values)]
        self.commit()
        self.assertEqual(len(told), 1)
        line = self.order.order_line.filtered(lambda line: line.product_id == self.products[2])
        self.assertEqual(line.cartona_line_id, str(told[0]["order_details"][2]["id"]))
        self.assertEqual(self.order.marketplace_total, self.box.order(self.hashed_id)["total_price"])
        self.assertFalse(self.env["marketplace.outbox"].search([("order_id", "=", self.order.id)]))
