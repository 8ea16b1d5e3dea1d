# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import SUPERUSER_ID
from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user

from .test_order_lines_out import OrderOutCase

USER = "cartona_integration.group_marketplace_user"
SALES = "sales_team.group_sale_salesman_all_leads"


class OrderScreenCase(OrderOutCase):
    confirm_policy = "never"

    def user(self, login, groups):
        return new_test_user(self.env, login, f"base.group_user,{groups}")

    def timeline(self, order=None):
        return [(step.status, step.side) for step in (order or self.order).marketplace_event_ids.sorted("id")]

    def refuse(self, **fault):
        """Have the marketplace refuse that the order is confirmed."""
        said = {"error": "too late", "code": "S-9"}
        self.box.fail(path="update-order-status", **{"status": 422, "body": said, **fault})
        self.order.action_confirm()
        self.commit()


class TestOrderScreen(OrderScreenCase):
    # ------------------------------------------------------------------ the timeline

    def test_the_timeline_tells_who_moved_the_order_when_and_where(self):
        seller = self.user("seller-of-timeline", SALES)
        self.order.with_user(seller).action_confirm()
        self.commit()
        self.deliver(10, 5)
        self.commit()
        self.assertEqual(self.timeline(), [("pending", "there"), ("approved", "here"), ("shipped", "here")])
        steps = self.order.marketplace_event_ids.sorted("id")
        self.assertEqual(steps[1].user_id, seller)
        self.assertEqual(steps.mapped("who")[:2], [f"{self.account.name} (pending)", seller.name])
        self.assertTrue(all(steps.mapped("at")))

    def test_what_the_policy_does_is_odoos_and_what_comes_from_there_tells_its_own_word(self):
        self.account.confirm_policy = "always"
        document = self.place()
        self.pull()
        order = self.order_of(document)
        self.box.cancel_order(document["hashed_id"])
        self.pull()
        self.assertEqual(self.timeline(order), [("pending", "there"), ("approved", "here"), ("cancelled", "there")])
        policy, last = order.marketplace_event_ids.sorted("id")[1:]
        self.assertEqual(policy.user_id.id, SUPERUSER_ID)
        self.assertIn("by the rules of", policy.who)
        self.assertIn("cancelled_by_retailer", last.who)

    def test_a_message_that_changes_nothing_is_no_step(self):
        self.box.edit_order(self.hashed_id, note_message="hurry")
        self.pull()
        self.order.marketplace_status = "pending"
        self.assertEqual(self.timeline(), [("pending", "there")])

    def test_a_sender_that_comes_after_its_user_has_gone_still_notes_the_step(self):
        seller = self.user("gone-seller", SALES)
        self.order.with_user(seller).action_confirm()
        self.run_hooks()
        self.commands().user_id = 2**31 - 1
        self.run_jobs()
        self.assertEqual(self.timeline()[-1], ("approved", "here"))

    def test_orders_without_a_marketplace_have_no_timeline(self):
        order = self.env["sale.order"].create({"partner_id": self.order.partner_id.id})
        order.action_confirm()
        self.assertFalse(order.marketplace_event_ids)

    def test_another_companys_user_sees_no_step_of_an_order(self):
        company = self.env["res.company"].create({"name": "Theirs"})
        user = new_test_user(
            self.env, "their-looker", f"base.group_user,{USER}", company_id=company.id, company_ids=company.ids
        )
        with self.assertRaises(AccessError):
            self.order.marketplace_event_ids.with_user(user).read(["status"])

    # ------------------------------------------------------------------ problems

    def test_a_refusal_stands_on_the_order_with_the_marketplaces_code_and_can_be_told_again(self):
        self.refuse()
        self.assertRegex(self.order.marketplace_problem, r"too late.*\(code S-9\)")
        self.assertEqual(self.order.marketplace_untold, "Approved")
        self.assertTrue(self.order.marketplace_failed)
        seller = self.user("tells-again", f"{SALES},{USER}")
        self.order.with_user(seller).action_marketplace_tell_again()
        self.commit()
        self.assertEqual(self.box.order(self.hashed_id)["status"], "approved")
        self.assertFalse(self.order.marketplace_problem or self.order.marketplace_untold)

    def test_what_is_just_on_its_way_is_no_problem(self):
        self.order.action_confirm()
        self.run_hooks()
        self.assertEqual(self.order.marketplace_untold, "Approved")
        self.assertFalse(self.order.marketplace_problem or self.order.marketplace_failed)

    def test_an_order_that_waits_says_what_keeps_its_account(self):
        self.box.options.token = "a new one"
        self.order.action_confirm()
        self.commit()
        self.assertRegex(self.order.marketplace_problem, "^Invalid token.*Enter the current token")

    def test_orders_that_failed_are_found_and_told_again_together(self):
        other = self.order_of(self.place_and_pull())
        for order in self.order | other:
            self.box.fail(path="update-order-status", status=422, body={"error": "no"})
            order.action_confirm()
            self.commit()
        failed = self.env["sale.order"].search([("marketplace_failed", "=", True)])
        self.assertEqual(failed, self.order | other)
        rest = self.env["sale.order"].search([("marketplace_failed", "=", False)])
        self.assertFalse(rest & failed)
        told = failed.action_marketplace_tell_again()["params"]
        self.commit()
        self.assertIn("2", told["message"])
        self.assertEqual(set(failed.mapped("marketplace_status")), {"approved"})

    def test_where_the_answer_was_lost_a_person_looks_at_each_order_first(self):
        other = self.order_of(self.place_and_pull())
        self.refuse()
        self.commands().error_code = "doubt"
        told = (self.order | other).action_marketplace_tell_again()["params"]
        self.assertEqual(self.commands().state, "failed")
        self.assertIn(self.order.name, told["message"])
        self.order.action_marketplace_tell_again()
        self.assertEqual(self.commands().state, "waiting")

    def place_and_pull(self):
        document = self.place()
        self.pull()
        return document

    def test_held_orders_are_tried_again_together_and_what_is_not_kept_is_named(self):
        orders = self.order | self.order_of(self.place_and_pull())
        orders.marketplace_hold = "Something."
        orders[1]._marketplace_documents().unlink()
        told = orders.action_marketplace_try_again()["params"]
        self.commit()
        self.assertFalse(orders[0].marketplace_hold)
        self.assertIn(orders[1].name, told["message"])
        self.assertNotIn(orders[0].name, told["message"])

    def test_the_newest_documents_of_many_orders_are_found_at_once(self):
        orders = self.order | self.order_of(self.place_and_pull()) | self.order_of(self.place_and_pull())
        self.box.edit_order(self.hashed_id, note_message="hurry")
        self.pull()
        newest = {order: order._marketplace_documents() for order in orders}
        self.assertIn("hurry", newest[self.order].payload)
        self.assertEqual(len({document.external_id for document in newest.values()}), 3)
        with self.assertQueryCount(1):
            documents = orders._marketplace_documents()
        self.assertEqual(documents, documents.union(*newest.values()))
        self.assertEqual(len(documents), 3)

    def test_orders_are_found_by_either_number_of_the_marketplace(self):
        seller = self.user("number-seller", SALES)
        for number in (self.hashed_id, self.document["receipt_id"], f" {self.hashed_id} "):
            found = self.env["sale.order"].with_user(seller).search([("marketplace_number", "=", number)])
            self.assertEqual(found, self.order, number)
        self.assertFalse(self.env["sale.order"].search([("marketplace_number", "=", self.hashed_id[:3])]))
        self.assertEqual(self.order.marketplace_number, self.document["receipt_id"])

    def test_those_without_a_marketplace_group_see_none_of_it_and_work_as_ever(self):
        self.refuse()
        seller = self.user("plain-seller", SALES)
        order = self.order.with_user(seller)
        arch = "".join(order.get_view(view_type=kind)["arch"] for kind in ("form", "tree", "search"))
        for name in ("marketplace_event_ids", "marketplace_problem", "action_marketplace_tell_again"):
            self.assertNotIn(name, arch)
        with self.assertRaises(AccessError):
            order.read(["marketplace_problem"])
        with Form(order) as form:
            form.client_order_ref = "by hand"
        self.assertEqual(self.order.client_order_ref, "by hand")

    def test_orders_without_a_marketplace_cost_nothing_more(self):
        names = ["marketplace_problem", "marketplace_untold", "marketplace_failed"]
        orders = self.env["sale.order"].create([{"partner_id": self.order.partner_id.id} for _n in range(3)])
        orders.read(["name"])
        with self.assertQueryCount(0):
            orders.read(names)
        both = orders | self.order
        self.env.flush_all()
        both.read(["name"])
        with self.assertQueryCount(3):  # the outbox, by its index; the account's own state is not asked
            both.read(names)


class TestDeliveryScreen(OrderScreenCase):
    def prepare(self):
        super().prepare()
        self.looker = self.user("delivers", f"stock.group_stock_user,{USER}")

    def test_a_delivery_shows_its_order_and_what_the_marketplace_was_told(self):
        self.order.marketplace_deadline = "2026-01-15 10:00:00"
        self.order.action_confirm()
        self.commit()
        picking = self.order.picking_ids.with_user(self.looker)
        self.assertEqual(picking.marketplace_account, self.account.name)
        self.assertEqual(picking.marketplace_order_number, self.hashed_id)
        self.assertEqual(str(picking.marketplace_deadline), "2026-01-15 10:00:00")
        self.assertEqual(picking.marketplace_told, "Approved")
        self.assertTrue(picking.marketplace_told_since)
        self.assertFalse(picking.marketplace_problem)

    def test_what_was_not_told_stands_on_the_delivery_and_can_be_told_again(self):
        self.order.action_confirm()
        self.commit()
        self.box.fail(path="update-order-status", status=422, body={"error": "no driver"})
        self.deliver(10, 5)
        self.commit()
        picking = self.order.picking_ids.with_user(self.looker)
        self.assertIn("no driver", picking.marketplace_problem)
        picking.action_marketplace_tell_again()
        self.commit()
        self.assertFalse(picking.marketplace_problem)
        self.assertEqual(picking.marketplace_told, "Shipped")

    def test_a_delivery_shows_no_trouble_of_another_one(self):
        self.order.action_confirm()
        self.commit()
        picking = self.order.picking_ids
        link = "group_id" if "group_id" in picking._fields else "sale_id"
        other = picking.copy({link: picking[link].id})
        values = self.env["marketplace.outbox"]._prepare_command_values(self.order, "ship")
        self.env["marketplace.outbox"].create(
            {**values, "state": "failed", "last_error": "lost", "payload": {"picking_id": picking.id}}
        )
        self.assertEqual(picking.marketplace_problem, "lost")
        self.assertEqual(other.sale_id, self.order)
        self.assertFalse(other.marketplace_problem)

    def test_warehouse_staff_without_the_group_see_none_of_it_and_work_as_ever(self):
        self.order.action_confirm()
        self.commit()
        picking = self.order.picking_ids.with_user(self.user("plain-packer", "stock.group_stock_user"))
        arch = picking.get_view(view_type="form")["arch"]
        self.assertNotIn("marketplace_account", arch)
        self.assertNotIn("action_marketplace_tell_again", arch)
        with self.assertRaises(AccessError):
            picking.read(["marketplace_problem"])
        with Form(picking) as form:
            form.note = "by hand"
        picking.button_validate()
        self.assertEqual(picking.state, "done")

    def test_deliveries_without_a_marketplace_cost_nothing_more(self):
        pickings = self.env["stock.picking"].create(
            [{"picking_type_id": self.warehouse.out_type_id.id} for _n in range(3)]
        )
        self.env.flush_all()
        pickings.read(["name", "sale_id"])
        with self.assertQueryCount(0):
            pickings.read(["marketplace_account", "marketplace_told", "marketplace_problem"])
