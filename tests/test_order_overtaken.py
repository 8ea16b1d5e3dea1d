# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from ..models import marketplace_lane_inbox
from .test_order_lines_out import OrderOutCase


class OvertakenCase(OrderOutCase):
    """The marketplace's word and ours, or two of its words, pass each other on their way."""

    confirm_policy = "never"

    def prepare(self):
        super().prepare()
        self.first_id = self.document["order_details"][0]["id"]

    def edited(self, amount, **values):
        """Return the document with another amount of the first line, as it is after the retailer has changed it."""
        first, second = self.document["order_details"]
        total = amount * 20.0 + 200.0
        return {**self.document, "order_details": [{**first, "amount": amount}, second], "total_price": total, **values}

    def store(self, raw, kind="order", source="pull"):
        document = (self.account, kind, raw["hashed_id"], raw)
        return self.env["marketplace.inbox"]._store([document], source)[0]

    def say(self, status):
        """Let a relay post a status alone."""
        return self.store({"hashed_id": self.hashed_id, "status": status}, "status", "webhook")

    def later(self):
        """Let what waits for a while be tried again."""
        self.commands().next_attempt = False
        self.env["marketplace.inbox"].search([("external_id", "=", self.hashed_id)]).next_attempt = False
        self.sweep()

    def delivered_quantities(self):
        return self.order.picking_ids.move_ids.sorted("id").mapped("product_uom_qty")


class TestOvertaken(OvertakenCase):
    # ------------------------------------------------------------------ documents, by our word

    def test_a_confirmation_waits_for_a_document_that_is_here_and_not_taken_over(self):
        self.account.action_pause()
        self.box.edit_order(self.hashed_id, {self.first_id: 4})
        self.store(self.box.order(self.hashed_id))  # as the owner of a shared token pulls it
        self.order.action_confirm()
        self.account.action_go_live()
        self.env.flush_all()
        self.env["marketplace.lane.orders"]._step(self.account.id)
        self.assertFalse(self.steps())
        self.commit()
        self.later()
        self.assertEqual((self.first.product_uom_qty, self.order.marketplace_total), (4, 280.0))
        self.assertEqual(self.steps(), ["approved"])

    def test_a_cancellation_waits_for_nothing(self):
        self.account.action_pause()
        self.store(self.edited(4))
        self.order._action_cancel()
        self.account.action_go_live()
        self.env.flush_all()
        self.env["marketplace.lane.orders"]._step(self.account.id)
        self.assertEqual(self.steps(), ["cancelled_by_supplier"])

    def test_no_order_is_confirmed_while_a_newer_document_of_it_waits(self):
        self.account.confirm_policy = "always"
        lane, changed = type(self.env["marketplace.lane.inbox"]), []
        follow_all = lane._follow_all

        def change_again_before(lane_, row_ids):
            if row_ids and not changed:
                changed.append(self.store(self.edited(12)))
            return follow_all(lane_, row_ids)

        self.patch(lane, "_follow_all", change_again_before)
        self.store(self.edited(11))
        self.commit()
        self.assertTrue(changed)
        self.assertEqual((self.order.state, self.first.product_uom_qty), ("sale", 12))
        self.assertFalse(self.order.activity_ids)

    def test_it_is_confirmed_as_it_is_where_the_newer_document_can_not_be_understood(self):
        self.account.confirm_policy = "always"
        lane, changed = type(self.env["marketplace.lane.inbox"]), []
        follow_all = lane._follow_all

        def change_again_before(lane_, row_ids):
            if row_ids and not changed:
                changed.append(self.store({**self.edited(12), "order_details": "?"}))
            return follow_all(lane_, row_ids)

        self.patch(lane, "_follow_all", change_again_before)
        row = self.store(self.edited(11))
        self.commit()
        self.assertEqual((changed[0].state, row.state, self.order.state), ("failed", "imported", "draft"))
        self.later()
        self.assertEqual((row.state, self.order.state, self.first.product_uom_qty), ("done", "sale", 11))

    def test_a_document_that_is_behind_by_our_word_alone_is_taken_over_but_for_the_status(self):
        self.order.action_confirm()
        self.commit()
        self.store(self.edited(4, cartona_credit=50))
        self.commit()
        self.assertEqual(self.order.marketplace_status, "approved")
        self.assertEqual((self.order.marketplace_total, self.order.marketplace_credit), (280.0, 50.0))
        self.assertEqual(self.first.product_uom_qty, 4)
        self.assertEqual(self.steps(), ["approved"])

    def test_more_in_it_is_asked_about(self):
        self.order.action_confirm()
        self.commit()
        self.store(self.edited(12))
        self.commit()
        self.assertIn("Changed at the marketplace", self.order.activity_ids.summary)

    def test_once_goods_have_left_it_moves_none(self):
        self.order.action_confirm()
        self.order.picking_ids.button_validate()
        self.commit()
        self.assertEqual(self.order.marketplace_status, "shipped")
        self.store(self.edited(4))
        self.commit()
        self.assertEqual((self.order.marketplace_status, self.first.product_uom_qty), ("shipped", 10))
        self.assertIn("Changed at the marketplace", self.order.activity_ids.summary)

    def test_what_it_changes_is_asked_about_and_what_has_left_is_told_with_the_delivery(self):
        self.order.action_confirm()
        self.commit()
        self.order.picking_ids.button_validate()
        self.box.edit_order(self.hashed_id, {self.first_id: 4}, by="admin")
        edited = self.box.order(self.hashed_id)
        self.commit()
        self.store(edited)
        self.commit()
        self.assertIn("Changed at the marketplace", self.order.activity_ids.summary)
        self.assertEqual(self.order.marketplace_to_collect, 280.0)
        self.order.action_confirm_marketplace_delivery()
        self.commit()
        self.assertEqual(self.steps(), ["approved", "assigned_to_salesman", "lines", "delivered"])
        self.assertEqual(self.box.order(self.hashed_id)["total_price"], 400.0)
        self.assertEqual(self.order.marketplace_to_collect, 400.0)

    def test_one_that_is_behind_the_marketplaces_own_word_changes_nothing(self):
        self.box.edit_order(self.hashed_id, by="admin", status="approved")
        self.pull()
        self.store(self.edited(4, cartona_credit=50))
        self.commit()
        self.assertEqual((self.order.marketplace_status, self.order.marketplace_credit), ("approved", 0.0))
        self.assertEqual(self.first.product_uom_qty, 10)

    def test_a_status_alone_that_is_behind_ours_steps_nothing_back(self):
        self.order.action_confirm()
        self.commit()
        self.say("pending")
        self.commit()
        self.assertEqual(self.order.marketplace_status, "approved")

    # ------------------------------------------------------------------ statuses, by documents

    def test_an_older_editing_beside_a_newer_document_is_over(self):
        self.say("editing")
        self.store(self.edited(12))
        self.commit()
        self.assertEqual(self.order.marketplace_status, "pending")
        self.order.action_confirm()
        self.assertEqual(self.first.product_uom_qty, 12)

    def test_so_it_is_where_the_order_is_new(self):
        self.account.confirm_policy = "always"
        document = self.place()
        self.store({"hashed_id": document["hashed_id"], "status": "editing"}, "status", "webhook")
        self.commit()
        self.store(document)
        self.commit()
        order = self.order_of(document)
        self.assertEqual((order.state, order.marketplace_status), ("sale", "approved"))

    def test_a_document_that_says_again_what_it_said_before_a_status_is_news(self):
        self.say("editing")
        self.commit()
        self.assertEqual(self.order.marketplace_status, "editing")
        self.store(self.document, source="webhook")  # by a relay that is late
        self.commit()
        self.assertEqual(self.order.marketplace_status, "editing")
        row = self.store(self.document)
        self.commit()
        self.assertEqual((row.state, self.order.marketplace_status), ("done", "pending"))
        self.assertEqual(self.store(self.document), row)

    def test_a_status_that_says_again_what_it_said_before_a_document_is_news(self):
        first = self.say("editing")
        self.commit()
        self.assertEqual(self.say("editing"), first)
        self.store(self.edited(12))
        self.commit()
        self.assertEqual(self.order.marketplace_status, "pending")
        self.say("editing")
        self.commit()
        self.assertEqual(self.order.marketplace_status, "editing")

    def test_any_number_of_documents_that_newer_ones_replace_hold_up_nothing(self):
        self.patch(marketplace_lane_inbox, "BATCH", 1)
        for amount in range(1, 8):
            row = self.store(self.edited(amount))
        self.commit()
        self.assertEqual((row.state, self.first.product_uom_qty), ("done", 7))

    def test_a_newer_one_is_taken_over(self):
        self.store(self.edited(12))
        self.say("editing")
        self.commit()
        self.assertEqual(self.order.marketplace_status, "editing")

    def test_an_older_cancellation_is_taken_over_all_the_same(self):
        self.say("cancelled_by_retailer")
        self.store(self.edited(12))
        self.commit()
        self.assertEqual(self.order.state, "cancel")


class TestEditingThatIsOver(OvertakenCase):
    """A status alone says that the retailer has done with changing an order; its lines come by the pull."""

    def prepare(self):
        super().prepare()
        self.account.confirm_policy = "always"
        self.box.edit_order(self.hashed_id, status="editing")
        self.pull()
        self.assertEqual(self.order.marketplace_status, "editing")
        self.box.clear_journal()

    def test_the_order_is_confirmed_as_it_was_changed(self):
        self.box.edit_order(self.hashed_id, {self.first_id: 12}, status="pending")
        self.say("pending")
        self.commit()
        self.later()
        self.assertEqual((self.order.state, self.first.product_uom_qty), ("sale", 12))
        self.assertEqual(self.delivered_quantities(), [12, 5])
        self.assertEqual(self.steps(), ["approved"])
        self.assertFalse(self.order.activity_ids)

    def test_where_nothing_comes_it_is_confirmed_as_it_is(self):
        self.box.state.orders[self.hashed_id].document["status"] = "pending"
        status = self.say("pending")
        self.commit()
        self.assertEqual(len(self.box.calls("pull-orders")), 1)
        self.assertEqual((status.state, self.order.state), ("waiting", "draft"))
        self.later()
        self.assertEqual((status.state, self.order.state), ("done", "sale"))

    def test_it_waits_as_long_as_the_orders_can_not_be_pulled(self):
        self.box.edit_order(self.hashed_id, {self.first_id: 12}, status="pending")
        self.box.fail(path="pull-orders", status=503)
        self.say("pending")
        self.commit()
        self.later()
        self.assertEqual((self.order.marketplace_status, self.order.state), ("editing", "draft"))
        self.again()
        self.later()
        self.assertEqual((self.order.state, self.first.product_uom_qty), ("sale", 12))

    def test_a_pull_that_ended_early_says_nothing_of_the_lines(self):
        self.cut_pulls()
        status = self.say("pending")
        self.commit()
        for _time in range(2):
            self.later()
        self.assertEqual((status.state, self.order.marketplace_status), ("waiting", "editing"))
        self.box.edit_order(self.hashed_id, {self.first_id: 12}, status="pending")  # by now it is on what can be pulled
        self.later()
        self.later()
        self.assertEqual((self.order.state, self.first.product_uom_qty), ("sale", 12))

    def cut_pulls(self):
        """Have each pull end early, as by a limit of calls."""
        finish = type(self.env["marketplace.lane.pull"])._finish

        def cut(lane, config_id, requested_at, complete=True):
            return finish(lane, config_id, requested_at, complete=False)

        self.patch(type(self.env["marketplace.lane.pull"]), "_finish", cut)

    def test_after_an_hour_of_pulls_that_ended_early_it_waits_no_longer(self):
        self.cut_pulls()
        status = self.say("pending")
        self.commit()
        self.later()
        self.assertEqual(status.state, "waiting")
        self.hour_passes(status)
        self.later()
        self.assertEqual((status.state, self.order.state), ("done", "sale"))

    def hour_passes(self, status):
        self.env.cr.execute(
            "UPDATE marketplace_inbox SET create_date = create_date - interval '61 minutes' WHERE id = %s", [status.id]
        )
        self.env.invalidate_all()

    def test_after_an_hour_without_a_pull_it_waits_no_longer(self):
        self.box.fail(path="pull-orders", status=503, times=None)
        status = self.say("pending")
        self.commit()
        self.assertEqual(self.order.marketplace_status, "editing")
        self.hour_passes(status)
        self.later()
        self.assertEqual((status.state, self.order.state), ("done", "sale"))

    def test_it_goes_by_the_status_where_nobody_pulls_since_the_owner_of_the_token_is_paused(self):
        owner = self._create_account(name="Owner", supplier_code="1")
        self.account.write({"credentials_id": owner.id, "supplier_code": "2"})
        owner.action_pause()
        self.say("pending")
        self.commit()
        self.assertEqual(self.order.state, "sale")

    def test_an_account_that_pulls_nothing_goes_by_the_status(self):
        self.account.pull_orders = False
        self.say("pending")
        self.commit()
        self.assertEqual(self.order.state, "sale")
        self.assertFalse(self.box.calls("pull-orders"))

    def test_a_cancellation_waits_for_no_lines(self):
        self.say("cancelled_by_retailer")
        self.commit()
        self.assertEqual(self.order.state, "cancel")

    def test_an_end_that_was_waited_with_does_not_end_what_began_after_it(self):
        self.box.state.orders[self.hashed_id].document["status"] = "editing"
        self.say("pending")
        self.commit()
        self.say("editing")
        self.commit()
        self.later()
        self.assertEqual((self.order.marketplace_status, self.order.state), ("editing", "draft"))
