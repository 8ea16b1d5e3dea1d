# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import re

from odoo.exceptions import AccessError, UserError
from odoo.service.model import retrying
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import format_datetime

from .test_concurrency import CommittedCase
from .test_order_lines_out import OrderOutCase

CANARY = "73915482"


class OtpCase(OrderOutCase):
    order_values = {"installment_cost": 100}

    def prepare(self):
        super().prepare()
        self.otp = self.box.otp(self.hashed_id)
        self.picking = self.order.picking_ids

    def ask(self, action, otp=None):
        """Answer the question that ``action`` opens, and return what follows."""
        self.assertEqual(action["res_model"], "marketplace.otp")
        wizard = self.env["marketplace.otp"].with_context(**action["context"]).browse(action["res_id"])
        with Form(wizard) as form:
            form.otp = otp or self.otp
        return wizard.action_confirm()

    def stranger(self):
        """Return somebody who sells and delivers, but for another company."""
        company = self.env["res.company"].create({"name": "Other"})
        groups = "sales_team.group_sale_salesman_all_leads,stock.group_stock_user"
        return new_test_user(self.env, "stranger", groups=groups, company_id=company.id, company_ids=company.ids)

    def status_there(self):
        return self.box.order(self.hashed_id)["status"]

    def accepted(self):
        return self.commands().filtered(lambda command: command.state == "accepted")


class TestOtpAtValidation(OtpCase):
    """The account tells *delivered* when the goods leave."""

    def prepare(self):
        super().prepare()
        self.tell("left", "delivered")

    def test_the_delivery_is_validated_when_the_marketplace_accepts_the_otp(self):
        action = self.picking.button_validate()
        self.assertEqual(self.picking.state, "assigned")
        self.ask(action)
        self.assertEqual(self.status_there(), "delivered")
        self.assertEqual(self.picking.state, "done")
        self.commit()
        self.assertEqual(self.order.marketplace_status, "delivered")
        self.assertEqual(self.steps(), ["delivered"])
        self.assertFalse(self.commands())

    def test_nobody_gets_past_the_question_by_the_context_of_a_request(self):
        asked = self.picking.with_context(marketplace_delivery_accepted=self.order.ids).button_validate()
        self.assertEqual(asked["res_model"], "marketplace.otp")
        self.assertEqual((self.status_there(), self.order.marketplace_status), ("approved", "approved"))

    def test_no_manager_says_in_the_marketplaces_name_that_it_has_accepted(self):
        manager = new_test_user(self.env, "otp-boss", groups="cartona_integration.group_marketplace_manager")
        self.env["marketplace.outbox"]._command(self.order, "status", "approved")
        command = self.env["marketplace.outbox"].search([("order_id", "=", self.order.id)]).with_user(manager)
        for values in ({"state": "accepted"}, {"lane": "orders"}, {"attempts": 0}):
            with self.subTest(values), self.assertRaises(AccessError):
                command.write(values)
        command.sudo().state = "failed"
        command.action_retry()
        self.assertEqual(command.state, "waiting")
        command.sudo().state = "accepted"  # of something else than the delivery
        self.assertEqual(self.picking.button_validate()["res_model"], "marketplace.otp")

    def test_what_was_accepted_and_waits_to_be_noted_is_not_tried_again(self):
        self.env["marketplace.outbox"]._store_acceptance(self.order, "delivered")
        accepted = self.accepted()
        accepted.action_retry()
        self.assertEqual(accepted.state, "accepted")
        self.assertTrue(self.order._is_delivery_accepted())

    def test_arabic_digits_and_blanks_are_understood(self):
        arabic = self.otp.translate({ord(str(n)): chr(0x660 + n) for n in range(10)})
        self.ask(self.picking.button_validate(), f" {arabic[:3]} {arabic[3:]} ")
        self.assertEqual(self.status_there(), "delivered")

    def test_a_wrong_otp_says_so_and_can_be_entered_again(self):
        action = self.picking.button_validate()
        with self.assertRaisesRegex(UserError, "The OTP is wrong"):
            self.ask(action, "0")
        self.assertEqual((self.status_there(), self.picking.state), ("approved", "assigned"))
        self.ask(action)
        self.assertEqual((self.status_there(), self.picking.state), ("delivered", "done"))

    def test_an_empty_otp_asks_nobody(self):
        action = self.picking.button_validate()
        with self.assertRaisesRegex(UserError, "Enter the OTP"):
            self.ask(action, "  ")
        self.assertFalse(self.steps())

    def test_what_fails_for_a_while_says_try_again_and_validates_nothing(self):
        for fault in ({"status": 503}, {"status": 429}, {"kind": "reset"}, {"kind": "html"}):
            action = self.picking.button_validate()
            self.box.fail(path="update-order-status", **fault)
            with self.assertRaisesRegex(UserError, "Try again in a moment"):
                self.ask(action)
            self.assertEqual((self.status_there(), self.picking.state), ("approved", "assigned"), fault)
            self.running()._note_success()
        self.ask(action)
        self.assertEqual(self.picking.state, "done")

    def test_who_has_to_wait_for_a_limit_of_calls_hears_until_when(self):
        self.env.user.tz = "Africa/Cairo"
        action = self.picking.button_validate()
        self.running()._limit("orders", 3600)
        until = format_datetime(self.env, self.running()._blocked_until("orders"))
        with self.assertRaisesRegex(UserError, f"limits our calls. It goes on at {re.escape(until)}"):
            self.ask(action)
        self.assertFalse(self.steps())

    def test_a_marketplace_that_takes_too_long_is_tried_again_with_the_same_otp(self):
        self.account.timeout = 0.2
        action = self.picking.button_validate()
        self.box.fail(path="update-order-status", kind="hang", seconds=30)
        with self.assertRaisesRegex(UserError, "(?s)^Connection timeout.*took too long.*Try again in a moment"):
            self.ask(action)
        self.account.timeout = 5
        self.box.clear_faults()
        self.running()._note_success()
        self.ask(action)
        self.assertEqual(self.picking.state, "done")

    def test_an_answer_that_was_lost_is_no_harm(self):
        action = self.picking.button_validate()
        self.box.fail(path="update-order-status", kind="drop")
        with self.assertRaisesRegex(UserError, "Try again"):
            self.ask(action)
        self.assertEqual((self.status_there(), self.picking.state), ("delivered", "assigned"))
        self.running()._note_success()
        self.ask(action)
        self.assertEqual(self.picking.state, "done")

    def test_another_refusal_is_told_in_the_marketplaces_words(self):
        action = self.picking.button_validate()
        self.box.fail(path="update-order-status", status=422, body={"error": "the customer has moved"})
        with self.assertRaisesRegex(UserError, "refuses.*the customer has moved"):
            self.ask(action)

    def test_a_paused_or_copied_account_asks_nobody(self):
        action = self.picking.button_validate()
        self.account.action_pause()
        with self.assertRaisesRegex(UserError, "paused"):
            self.ask(action)
        self.account.action_go_live()
        self.patch(type(self.env["marketplace.identity"]), "_is_original", lambda identity: False)
        with self.assertRaisesRegex(UserError, "not live here"):
            self.ask(action)
        self.assertFalse(self.steps())

    def test_a_marketplace_that_just_failed_is_left_alone_for_a_while(self):
        action = self.picking.button_validate()
        self.account.state_ids.blocked_until = "2999-01-01 00:00:00"
        with self.assertRaisesRegex(UserError, "does not answer at the moment"):
            self.ask(action)
        self.assertFalse(self.steps())

    def test_what_waits_of_the_order_is_told_first(self):
        self.box.fail(path="update-order-details", status=503)
        self.first.price_unit = 19.0
        self.commit()
        self.running()._note_success()
        self.ask(self.picking.button_validate())
        self.assertEqual(self.steps(), ["lines", "lines", "delivered"])

    def test_what_failed_of_the_order_must_be_mended_first(self):
        self.box.fail(path="update-order-details", status=422, body={"error": "too cheap"})
        self.first.price_unit = 1.0
        self.commit()
        action = self.picking.button_validate()
        with self.assertRaisesRegex(UserError, "must not overtake.*too cheap"):
            self.ask(action)
        self.assertEqual(self.status_there(), "approved")

    def test_an_order_that_another_request_is_telling_is_left_to_it(self):
        action = self.picking.button_validate()
        lane = type(self.env["marketplace.lane.orders"])
        self.patch(lane, "_lock_key", lambda lane, order_id: "the-same")
        other = self.other_connection()
        other.execute("SELECT pg_advisory_lock(hashtextextended('the-same', 0))")
        with self.assertRaisesRegex(UserError, "right now"):
            self.ask(action)

    def other_connection(self):
        """Return a cursor on a connection that is not the test's own."""
        cr = self.registry._db.cursor()
        self.addCleanup(cr.close)
        return cr

    def test_a_question_asked_twice_calls_the_marketplace_once(self):
        action = self.picking.button_validate()
        second = self.picking.button_validate()
        self.ask(action)
        self.ask(second)
        self.assertEqual(self.steps(), ["delivered"])

    def test_a_backorder_is_no_delivery_so_its_first_part_needs_no_otp(self):
        self.picking.move_ids[0].quantity = 4
        self.picking.move_ids.picked = True
        self.assertIs(self.picking.with_context(skip_backorder=True).button_validate(), True)
        rest = self.order.picking_ids - self.picking
        self.assertEqual(rest.state, "assigned")
        self.ask(rest.button_validate())
        self.assertEqual((self.status_there(), rest.state), ("delivered", "done"))

    def test_after_odoos_question_for_a_backorder_comes_ours(self):
        self.picking.move_ids[0].quantity = 4
        self.picking.move_ids.picked = True
        backorders = self.picking.button_validate()
        self.assertEqual(backorders["res_model"], "stock.backorder.confirmation")
        question = Form(self.env["stock.backorder.confirmation"].with_context(**backorders["context"])).save()
        self.assertIs(question.process(), True, "the rest comes later")

    def test_when_less_is_delivered_the_otp_is_asked_after_the_quantities_are_told(self):
        self.assertIs(self.deliver(4, 5), True)
        self.commit()
        self.assertEqual(self.steps(), ["lines", "assigned_to_salesman"])
        self.ask(self.order.action_confirm_marketplace_delivery())
        self.assertEqual(self.status_there(), "delivered")
        self.assertEqual(self.there()[0], self.sold(0, 4, 20.0))

    def test_deliveries_of_two_customers_are_validated_one_by_one(self):
        other = self.place()
        self.pull()
        both = self.picking | self.order_of(other).picking_ids
        with self.assertRaisesRegex(UserError, "one by one"):
            both.button_validate()

    def test_together_with_deliveries_that_need_none_it_is_asked_once(self):
        other = self.order_of(self.place_without_otp())
        both = self.picking | other.picking_ids
        self.ask(both.button_validate())
        self.assertEqual(both.mapped("state"), ["done", "done"])
        self.commit()
        self.assertEqual(other.marketplace_status, "delivered")

    def place_without_otp(self):
        document = self.place(installment_cost=0)
        self.pull()
        return document

    def test_what_is_moved_by_a_program_is_on_its_way_until_somebody_has_the_otp(self):
        self.picking.move_ids.picked = True
        self.picking._action_done()
        self.commit()
        self.assertEqual(self.steps(), ["assigned_to_salesman"])
        self.ask(self.order.action_confirm_marketplace_delivery())
        self.assertEqual(self.status_there(), "delivered")

    def test_what_the_marketplace_delivers_needs_no_otp_of_ours(self):
        self.order.marketplace_delivers = True
        self.assertIs(self.picking.button_validate(), True)
        self.commit()
        self.assertFalse(self.steps())

    def test_an_account_that_tells_nothing_asks_nothing(self):
        self.account.push_status = False
        self.assertIs(self.picking.button_validate(), True)
        self.commit()
        self.assertFalse(self.steps())

    def test_who_may_only_validate_deliveries_may_enter_the_otp(self):
        keeper = new_test_user(self.env, "keeper", groups="stock.group_stock_user")
        self.env = self.env(user=keeper)
        self.ask(self.picking.with_user(keeper).button_validate())
        self.assertEqual(self.picking.state, "done")

    def test_who_may_not_validate_may_not_enter_the_otp(self):
        action = self.picking.button_validate()
        wizard = self.env["marketplace.otp"].browse(action["res_id"])
        wizard.otp = self.otp
        with self.assertRaises(AccessError):
            wizard.with_user(self.stranger()).action_confirm()
        self.assertFalse(self.steps())

    # ------------------------------------------------------------------ secrecy

    def test_nobody_reads_the_otp_that_somebody_else_enters(self):
        wizard = self.env["marketplace.otp"].browse(self.picking.button_validate()["res_id"])
        wizard.otp = self.otp
        colleague = new_test_user(self.env, "otp-colleague", "stock.group_stock_user")
        with self.assertRaises(AccessError):
            wizard.with_user(colleague).read(["otp"])

    def test_the_otp_stands_nowhere(self):
        """Wrong ones, right ones, echoed ones: in no log, outbox, job, message, error, and nor in the question."""
        self.box.state.orders[self.hashed_id].retailer_otp = CANARY
        for fault in (
            {"status": 422, "body": {"error": f"otp {CANARY} is wrong"}},
            {"status": 200, "body": {"error": f"otp {CANARY} is wrong"}},
            {"status": 422, "body": {"error": f"no such order ({CANARY})"}},
            {"status": 500, "body": {"message": f"failed with {CANARY}"}},
            {"kind": "drop"},
        ):
            action = self.picking.button_validate()
            self.box.fail(path="update-order-status", **fault)
            with self.assertRaises(UserError) as caught:
                self.ask(action, CANARY)
            self.assertNotIn(CANARY, str(caught.exception), fault)
            self.running()._note_success()
        with self.assertLogs(level="DEBUG") as logs:
            self.ask(self.picking.button_validate(), CANARY)
            self.commit()
        self.assertEqual(self.status_there(), "delivered")
        self.assertTrue(self.logged("push_status").filtered(lambda row: "retailer_otp" in row.request))
        self.assertEqual(self.where(CANARY), set())
        ours = [line for line in logs.output if "cartona" in line]
        self.assertFalse([line for line in ours if CANARY in line])

    def test_an_adapters_bug_does_not_tell_it_either(self):
        def fail(*args):
            raise ValueError(f"can't read {CANARY}")

        self.patch(type(self.env["marketplace.api.cartona"]), "_push_order_status", fail)
        action = self.picking.button_validate()
        with (
            self.assertLogs("odoo.addons.cartona_integration.models.marketplace_lane_orders", "ERROR") as logs,
            self.assertRaisesRegex(
                UserError, "^Something unforeseen happened here.*\nThe marketplace gave no good answer"
            ),
        ):
            self.ask(action, CANARY)
        self.assertRegex(logs.output[0], r"ValueError\n(?s:.*)test_otp.py")
        self.assertNotIn(CANARY, logs.output[0])
        self.assertEqual(self.where(CANARY), set())

    def test_a_question_that_was_closed_keeps_its_otp_from_all_eyes_and_not_for_long(self):
        closed = self.env["marketplace.otp"].browse(self.picking.button_validate()["res_id"])
        closed.otp = CANARY
        self.assertEqual(self.where(CANARY), set())
        self.ask(self.picking.button_validate(), self.otp)
        self.env.invalidate_all()
        self.assertFalse(closed.otp)


@tagged("post_install", "-at_install")
class TestOtpForGood(CommittedCase):
    """That the marketplace has accepted outlives a transaction that fails after it."""

    def setUp(self):
        super().setUp()
        self.document = self.box.add_order(
            status="pending",
            delivered_by="delivered_by_supplier",
            installment_cost=5,
            retailer={"retailer_name": "Shop", "retailer_code": "CC1"},
            order_details=[{"supplier_product_id": "cc-0", "amount": 1, "selling_price": 5}],
        )
        with self.transaction() as env:
            account = env["marketplace.config"].browse(self.account_id)
            account.status_rule_ids.filtered(lambda rule: rule.event == "left").status = "delivered"
            warehouse = account._delivery_warehouse()
            product = env["product.product"].browse(self.product_ids[0])
            env["stock.quant"]._update_available_quantity(product, warehouse.lot_stock_id, 10)
        self.receive(self.document)
        self.drain("inbox")
        self.otp = self.box.otp(self.document["hashed_id"])
        self.addCleanup(self.undo_deliveries)
        with self.transaction() as env:
            self.picking_id = self.order(env).picking_ids.id

    def undo_deliveries(self):
        """What is done can't be deleted."""
        with self.transaction() as env:
            for table in ("stock_move_line", "stock_move"):
                query = f"UPDATE {table} SET state = 'draft' WHERE product_id = ANY(%s)"
                env.cr.execute(query, [self.product_ids])
            if "stock.valuation.layer" in env:
                env.cr.execute("DELETE FROM stock_valuation_layer WHERE product_id = ANY(%s)", [self.product_ids])
            env.cr.execute("UPDATE stock_picking SET state = 'draft' WHERE id = %s", [self.picking_id])

    def order(self, env):
        return env["sale.order"].search([("marketplace_config_id", "=", self.account_id)])

    def validate(self, otp=None):
        with self.transaction() as env:
            action = env["stock.picking"].browse(self.picking_id).button_validate()
            if isinstance(action, dict):
                wizard = env["marketplace.otp"].with_context(**action["context"]).browse(action["res_id"])
                wizard.otp = otp
                env.cr.commit()  # the web client saves the question in a request of its own
                retrying(wizard.action_confirm, env)  # as Odoo does every request

    def asked(self):
        calls = self.box.calls(f"update-order-status/{self.document['hashed_id']}")
        return [entry.body["status"] for entry in calls]

    def fail_validating(self):
        picking = self.registry["stock.picking"]
        self.patch(picking, "_action_done", lambda pickings: 1 / 0)

    def test_when_validating_fails_the_next_try_needs_no_otp(self):
        action_done = self.registry["stock.picking"]._action_done
        self.fail_validating()
        with self.assertRaises(ZeroDivisionError):
            self.validate(self.otp)
        with self.transaction() as env:
            self.assertEqual(env["stock.picking"].browse(self.picking_id).state, "assigned")
            self.assertFalse(env["marketplace.otp"].search([("otp", "!=", False)]))
        self.assertEqual(self.asked(), ["approved", "delivered"])
        self.registry["stock.picking"]._action_done = action_done
        self.validate()
        with self.transaction() as env:
            self.assertEqual(env["stock.picking"].browse(self.picking_id).state, "done")
            self.assertEqual(self.order(env).marketplace_status, "delivered")
        self.assertEqual(self.asked(), ["approved", "delivered"])

    def test_the_sender_notes_it_where_nobody_tries_again(self):
        self.fail_validating()
        with self.assertRaises(ZeroDivisionError):
            self.validate(self.otp)
        self.drain("orders")
        with self.transaction() as env:
            self.assertEqual(self.order(env).marketplace_status, "delivered")
            self.assertFalse(env["marketplace.outbox"].search([("order_id", "=", self.order(env).id)]))
        self.assertEqual(self.asked(), ["approved", "delivered"])

    def test_no_row_is_locked_while_the_marketplace_is_asked(self):
        adapter = self.registry["marketplace.api.cartona"]
        push, seen = adapter._push_order_status, []

        def push_while_others_work(*args):
            with self.transaction() as env:
                env.cr.execute("SET LOCAL lock_timeout = '2s'")
                env.cr.execute("SELECT 1 FROM sale_order, stock_picking, marketplace_config_state FOR UPDATE")
                seen.append(args[3])
            return push(*args)

        self.patch(adapter, "_push_order_status", push_while_others_work)
        self.validate(self.otp)
        self.assertEqual(seen, ["approved", "delivered"])

    def test_a_wrong_otp_locks_and_changes_nothing(self):
        with self.assertRaises(UserError) as caught:
            self.validate("0")
        self.assertTrue(re.search("OTP is wrong", str(caught.exception)))
        with self.transaction() as env:
            self.assertEqual(env["stock.picking"].browse(self.picking_id).state, "assigned")
            self.assertEqual(self.order(env).marketplace_status, "approved")
