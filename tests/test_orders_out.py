# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from unittest import mock

from psycopg2.errors import LockNotAvailable

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import Form, new_test_user

from ..models.marketplace_sender import MAX_ATTEMPTS
from ..transport.client import Client
from .common import MarketplaceCase
from .test_order_lines_out import OrderOutCase


class TestOrdersOut(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.list_products()
        self.set_stock(self.products[0], 100)
        self.document = self.box_order(
            (self.products[0], 10, 20.0),
            status="pending",
            delivered_by="delivered_by_supplier",
            installment_cost=0,
            wallet_top_up=0,
        )
        self.hashed_id = self.document["hashed_id"]
        self.pull()
        self.order = self.order_of(self.document)

    def sent(self):
        return [entry.body["status"] for entry in self.box.calls(f"update-order-status/{self.hashed_id}")]

    def tell(self, event, status):
        self.account.status_rule_ids.filtered(lambda rule: rule.event == event).status = status

    def test_the_last_delivery_tells_that_the_goods_have_left(self):
        self.order.picking_ids.button_validate()
        self.commit()
        self.assertEqual(self.sent(), ["approved", "assigned_to_salesman"])
        self.assertEqual(self.order.marketplace_status, "shipped")

    def test_the_account_may_say_delivered_at_once(self):
        self.tell("left", "delivered")
        self.order.picking_ids.button_validate()
        self.commit()
        self.assertEqual(self.box.order(self.hashed_id)["status"], "delivered")

    def test_the_first_of_two_shipments_is_not_the_whole_order(self):
        picking = self.order.picking_ids
        picking.move_ids.quantity = 4
        backorder = picking.with_context(skip_backorder=True, picking_ids_not_to_backorder=[]).button_validate()
        self.assertNotIsInstance(backorder, dict)
        self.commit()
        self.assertEqual(self.sent(), ["approved"])
        rest = self.order.picking_ids - picking
        rest.move_ids.quantity = 6
        rest.move_ids.picked = True
        rest.button_validate()
        self.commit()
        self.assertEqual(self.sent(), ["approved", "assigned_to_salesman"])

    def test_cancelling_here_cancels_there_with_a_reason(self):
        self.order._action_cancel()
        self.commit()
        self.assertEqual(self.box.order(self.hashed_id)["status"], "cancelled_by_supplier")
        self.assertEqual(self.box.order(self.hashed_id)["cancellation_reason"], "cannot_deliver_the_order")

    def test_a_refused_status_is_kept_with_the_marketplaces_words_and_can_be_retried(self):
        self.box.fail(path=f"update-order-status/{self.hashed_id}", status=422, body={"error": "wrong otp"})
        self.order.picking_ids.button_validate()
        self.commit()
        command = self.env["marketplace.outbox"].search([("order_id", "=", self.order.id)])
        self.assertEqual(command.state, "failed")
        self.assertIn("wrong otp", command.last_error)
        self.assertEqual(self.order.marketplace_status, "approved", "a status is ours only when it was accepted")
        command.action_retry()
        self.commit()
        self.assertFalse(command.exists())
        self.assertEqual(self.order.marketplace_status, "shipped")

    def test_a_failed_command_holds_back_later_ones_of_its_order_and_no_others(self):
        other = self.box_order((self.products[0], 1, 20.0), status="pending", delivered_by="delivered_by_supplier")
        self.box.fail(path=f"update-order-status/{self.hashed_id}", status=422, times=None)
        self.order.picking_ids.button_validate()
        self.commit()
        self.order.marketplace_status = "approved"
        self.env["marketplace.outbox"]._command(self.order, "status", "delivered")
        self.pull()
        self.assertEqual(self.box.order(other["hashed_id"])["status"], "approved")
        commands = self.env["marketplace.outbox"].search([("order_id", "=", self.order.id)])
        self.assertEqual(commands.mapped("state"), ["failed", "waiting"])

    def test_an_outage_keeps_the_commands_and_their_order(self):
        self.box.fail(path="update-order-status", status=503, times=1)
        self.order.picking_ids.button_validate()
        self.commit()
        command = self.env["marketplace.outbox"].search([("order_id", "=", self.order.id)])
        self.assertEqual((command.state, command.attempts), ("waiting", 0), "an outage is not the command's fault")
        self.assertTrue(self.running()._is_blocked())
        self.running()._note_success()
        self.sweep()
        self.assertEqual(self.order.marketplace_status, "shipped")

    def test_two_commands_of_an_outage_go_one_as_a_probe_then_all_in_their_order(self):
        self.box.fail(path="update-order-status", status=503, times=3)
        self.order.picking_ids.button_validate()
        self.env["marketplace.outbox"]._command(self.order, "status", "delivered")
        self.commit()
        for failures in (2, 3):
            self.running().blocked_until = False
            self.sweep()
            self.assertEqual(self.running().failures, failures)
        self.assertEqual(self.sent(), ["approved"] + ["assigned_to_salesman"] * 3, "one call for each try")
        self.running().blocked_until = False
        self.env["marketplace.outbox"].search([("order_id", "=", self.order.id)]).next_attempt = False
        self.sweep()
        self.assertEqual(self.sent()[4:], ["assigned_to_salesman", "delivered"])
        self.assertEqual(self.order.marketplace_status, "delivered")

    def test_who_meets_somebody_else_in_the_database_is_not_to_blame_however_often(self):
        self.order.picking_ids.button_validate()
        with mock.patch.object(
            self.registry["marketplace.lane.orders"], "_is_wanted", side_effect=LockNotAvailable("somebody else")
        ):
            for _time in range(MAX_ATTEMPTS + 1):
                self.env["marketplace.outbox"].search([("order_id", "=", self.order.id)]).next_attempt = False
                self.sweep()
        command = self.env["marketplace.outbox"].search([("order_id", "=", self.order.id)])
        self.assertEqual((command.state, command.attempts), ("waiting", 0))
        self.assertTrue(command.next_attempt > fields.Datetime.now(), "not without a pause")
        self.assertFalse(self.account.activity_ids)
        command.next_attempt = False
        self.sweep()
        self.assertEqual(self.order.marketplace_status, "shipped")

    def test_whatever_is_done_with_an_order_no_call_is_made_within_the_transaction(self):
        self.account.confirm_policy = "never"
        documents = [
            self.box_order((self.products[0], 5, 20.0), status="pending", delivered_by="delivered_by_supplier")
            for _number in range(2)
        ]
        self.pull()
        confirmed, cancelled = map(self.order_of, documents)
        self.box.clear_journal()
        with mock.patch.object(Client, "request", side_effect=AssertionError("a user waits for this")) as request:
            confirmed.action_confirm()
            self.env.cr.flush()
            confirmed.order_line.product_uom_qty = 4
            self.env.cr.flush()
            cancelled._action_cancel()
            self.order.picking_ids.button_validate()
            self.products[1].action_archive()
            self.env.cr.flush()
        self.assertFalse(request.called)
        self.assertFalse(self.box.journal)
        self.commit()
        there = [self.box.order(document["hashed_id"]) for document in (*documents, self.document)]
        self.assertEqual(
            [order["status"] for order in there], ["approved", "cancelled_by_supplier", "assigned_to_salesman"]
        )
        self.assertEqual(there[0]["order_details"][0]["amount"], 4)
        self.assertFalse(self.at_box(self.products[1])["is_published"])

    def test_an_order_that_the_marketplace_delivers_is_told_nothing_but_a_cancellation(self):
        self.order.marketplace_delivers = True
        self.box.state.orders[self.hashed_id].document["delivered_by"] = "delivered_by_cartona"
        self.order.picking_ids.button_validate()
        self.commit()
        self.assertEqual(self.sent(), ["approved"])

    def test_people_without_marketplace_rights_work_as_before(self):
        seller = new_test_user(self.env, "plain-seller", groups="sales_team.group_sale_salesman_all_leads")
        keeper = new_test_user(self.env, "plain-keeper", groups="stock.group_stock_user")
        second = self.box_order(
            (self.products[0], 1, 20.0),
            status="pending",
            delivered_by="delivered_by_supplier",
            installment_cost=0,
            wallet_top_up=0,
        )
        self.account.confirm_policy = "never"
        self.pull()
        order = self.order_of(second)
        order.with_user(seller).action_confirm()
        order.picking_ids.with_user(keeper).button_validate()
        self.commit()
        self.assertEqual(self.box.order(second["hashed_id"])["status"], "assigned_to_salesman")
        self.order.with_user(seller)._action_cancel()
        self.commit()
        self.assertEqual(self.box.order(self.hashed_id)["status"], "cancelled_by_supplier")

    def test_a_cancellation_goes_before_a_command_that_failed(self):
        self.box.fail(path=f"update-order-status/{self.hashed_id}", status=422)
        self.order.picking_ids.button_validate()
        self.commit()
        self.order._action_cancel()
        self.commit()
        self.assertEqual(self.box.order(self.hashed_id)["status"], "cancelled_by_supplier")
        self.assertFalse(self.env["marketplace.outbox"].search([("order_id", "=", self.order.id)]))

    def test_a_command_that_the_marketplace_has_overtaken_is_dropped(self):
        self.box.fail(path="update-order-status", status=503)
        self.order.picking_ids.button_validate()
        self.commit()
        self.order.marketplace_status = "cancelled"
        self.running()._note_success()
        self.box.clear_journal()
        self.sweep()
        self.assertFalse(self.sent())
        self.assertFalse(self.env["marketplace.outbox"].search([("order_id", "=", self.order.id)]))

    def test_giving_up_the_backorder_completes_the_shipment(self):
        picking = self.order.picking_ids
        picking.move_ids.quantity = 4
        picking.with_context(skip_backorder=True, picking_ids_not_to_backorder=[]).button_validate()
        (self.order.picking_ids - picking).action_cancel()
        self.commit()
        self.assertEqual(self.sent(), ["approved", "assigned_to_salesman"])

    def test_commands_of_other_companies_are_out_of_sight(self):
        company = self.env["res.company"].create({"name": "Other"})
        user = new_test_user(
            self.env,
            "other-manager",
            groups="cartona_integration.group_marketplace_manager",
            company_id=company.id,
            company_ids=company.ids,
        )
        self.env["marketplace.outbox"]._command(self.order, "status", "shipped")
        self.assertTrue(self.env["marketplace.outbox"].search([]))
        self.assertFalse(self.env["marketplace.outbox"].with_user(user).search([]))

    def test_an_order_that_the_marketplace_can_not_stand_does_not_stop_the_others(self):
        other = self.box_order((self.products[0], 1, 20.0), status="pending", delivered_by="delivered_by_supplier")
        self.pull()
        self.box.fail(path=f"update-order-status/{self.hashed_id}", status=500, times=None)
        self.order.picking_ids.button_validate()
        self.commit()
        self.order_of(other)._action_cancel()
        for _minute in range(6):
            self.env.cr.execute("UPDATE marketplace_config_state SET blocked_until = NULL")
            self.sweep()
        self.assertEqual(self.box.order(other["hashed_id"])["status"], "cancelled_by_supplier")

    def test_what_the_marketplace_says_while_it_is_asked_is_kept(self):
        adapter = type(self.env["marketplace.api.cartona"])
        push = adapter._push_order_status

        def push_while_the_retailer_cancels(*args):
            result = push(*args)
            self.env.cr.execute("UPDATE sale_order SET marketplace_status = 'cancelled' WHERE id = %s", [self.order.id])
            return result

        self.patch(adapter, "_push_order_status", push_while_the_retailer_cancels)
        self.order.picking_ids.button_validate()
        self.commit()
        self.assertEqual(self.order.marketplace_status, "cancelled")

    # ------------------------------------------------------------------ deletion

    def test_an_order_that_the_marketplace_waits_for_can_only_be_cancelled(self):
        self.account.confirm_policy = "never"
        document = self.box_order((self.products[0], 1, 20.0), status="pending")
        self.pull()
        order = self.order_of(document)
        seller = new_test_user(self.env, "plain-deleter", groups="sales_team.group_sale_manager")
        with self.assertRaisesRegex(UserError, f"still waits for {order.name}. Cancel"):
            order.with_user(seller).unlink()
        order._action_cancel()
        with self.assertRaisesRegex(UserError, "Cancel"):
            order.with_user(seller).unlink()
        self.commit()
        self.assertEqual(self.box.order(document["hashed_id"])["status"], "cancelled_by_supplier")
        order.with_user(seller).unlink()
        self.assertFalse(order.exists())

    def test_a_cancelled_order_of_an_account_that_tells_nothing_can_be_deleted(self):
        self.account.push_status = False
        self.order._action_cancel()
        self.order.unlink()
        self.assertFalse(self.order.exists())

    def test_deleting_an_order_that_is_done_with_tells_nothing(self):
        self.account.confirm_policy = "never"
        document = self.box_order((self.products[0], 1, 20.0), status="pending")
        self.pull()
        order = self.order_of(document)
        order.marketplace_status = "delivered"
        self.box.clear_journal()
        order.unlink()
        self.env.cr.flush()
        self.assertFalse(self.env["marketplace.outbox"].search([("lane", "=", "orders")]))
        self.commit()
        self.assertFalse(self.box.calls("order"))


class TestCancelWithReason(OrderOutCase):
    def reason_there(self):
        return self.box.order(self.hashed_id)["cancellation_reason"]

    def test_the_reason_chosen_in_odoos_own_question_is_told(self):
        if "sale.order.cancel" not in self.env:
            self.skipTest("this series cancels without a question")
        seller = new_test_user(self.env, "seller", groups="sales_team.group_sale_salesman_all_leads")
        action = self.order.with_user(seller).action_cancel()
        form = Form(self.env["sale.order.cancel"].with_user(seller).with_context(**action["context"]))
        self.assertEqual(form.marketplace_cancel_reason, self.account.cancellation_reason)
        form.marketplace_cancel_reason = "expired_products"
        form.save().action_cancel()
        self.commit()
        self.assertEqual(self.reason_there(), "expired_products")
        self.assertEqual(self.order.marketplace_cancel_reason, "expired_products")

    def test_the_reason_entered_on_the_order_is_told(self):
        self.order.marketplace_cancel_reason = "different_prices"
        self.order._action_cancel()
        self.commit()
        self.assertEqual(self.reason_there(), "different_prices")

    def test_without_one_it_is_the_accounts(self):
        self.account.cancellation_reason = "out_of_stock"
        self.order._action_cancel()
        self.commit()
        self.assertEqual(self.reason_there(), "out_of_stock")

    def test_a_reason_that_the_marketplace_does_not_know_is_not_told(self):
        self.order.marketplace_cancel_reason = "different_prices"
        all_reasons = self.env["marketplace.api"]._cancellation_reasons()
        capabilities = self.env["marketplace.api.cartona"]._capabilities()
        capabilities["cancellation_reasons"].pop("different_prices")
        self.patch(type(self.env["marketplace.api"]), "_cancellation_reasons", lambda api: all_reasons)
        self.patch(type(self.env["marketplace.api.cartona"]), "_capabilities", lambda api: capabilities)
        self.order._action_cancel()
        self.commit()
        self.assertEqual(self.reason_there(), "cannot_deliver_the_order")

    def test_what_the_marketplace_delivers_can_be_cancelled(self):
        self.box.state.orders[self.hashed_id].document["delivered_by"] = "delivered_by_cartona"
        self.order.marketplace_delivers = True
        self.order._action_cancel()
        self.commit()
        self.assertEqual(self.box.order(self.hashed_id)["status"], "cancelled_by_supplier")
