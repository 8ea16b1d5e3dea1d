# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .common import MarketplaceCase
from .test_order_lines_out import OrderOutCase
from .test_otp import CANARY, OtpCase


class TestConfirmDelivery(OtpCase):
    """The account tells *assigned to salesman* when the goods leave, and *delivered* when a person says so."""

    def leave(self, order=None):
        (order or self.order).picking_ids.button_validate()
        self.commit()

    def free_order(self):
        document = self.place(installment_cost=0)
        self.pull()
        return self.order_of(document)

    def test_it_asks_for_the_otp(self):
        self.leave()
        self.assertTrue(self.order.marketplace_to_deliver)
        self.ask(self.order.action_confirm_marketplace_delivery())
        self.assertEqual(self.order.marketplace_status, "delivered")
        self.commit()
        self.assertEqual(self.steps(), ["assigned_to_salesman", "delivered"])
        self.assertFalse(self.order.marketplace_to_deliver)
        self.assertFalse(self.commands())

    def test_an_order_without_money_to_collect_needs_none(self):
        order = self.free_order()
        self.leave(order)
        order.action_confirm_marketplace_delivery()
        self.commit()
        self.assertEqual(self.box.order(order.cartona_id)["status"], "delivered")

    def test_when_none_is_needed_any_more_the_marketplace_is_told_all_the_same(self):
        self.leave()
        action = self.order.action_confirm_marketplace_delivery()
        self.order.marketplace_otp_required = False
        self.env["marketplace.otp"].browse(action["res_id"]).action_confirm()
        self.assertEqual(self.order.marketplace_status, "shipped", "the marketplace does not know it yet")
        self.commit()
        self.assertEqual(self.steps(), ["assigned_to_salesman", "delivered"])

    def test_a_delivery_gives_no_right_to_another_companys_order(self):
        user = self.stranger()
        kind = self.env["stock.warehouse"].search([("company_id", "=", user.company_id.id)], limit=1).out_type_id
        places = {name: self.picking[name].id for name in ("location_id", "location_dest_id")}
        places["location_id"] = kind.default_location_src_id.id
        theirs = self.env["stock.picking"].create({"picking_type_id": kind.id, **places})
        values = {"order_id": self.order.id, "picking_ids": theirs.ids, "otp": self.otp}
        questions = self.env["marketplace.otp"]
        with self.assertRaises(AccessError):
            questions.with_user(user).create(values)
        with self.assertRaises(AccessError):
            questions.create(values).with_user(user).action_confirm()
        self.assertFalse(self.steps())

    def test_nobody_learns_by_the_question_whose_an_order_is(self):
        user = self.stranger()
        questions = self.env["marketplace.otp"].with_user(user)
        with self.assertRaises(AccessError):
            questions.create({"order_id": self.order.id})
        told = {"order_id": {}, "customer": {}, "order_name": {}}
        for values in ({"order_id": self.order.id}, {"order_id": self.order.id, "picking_ids": self.picking.ids}):
            with self.subTest(values), self.assertRaises(AccessError):
                questions.onchange(values, ["order_id"], told)
        theirs = self.env["sale.order"].create({"partner_id": user.partner_id.id, "company_id": user.company_id.id})
        question = questions.create({"order_id": theirs.id})
        self.assertEqual(question.customer, user.partner_id.display_name)
        with self.assertRaises(AccessError):
            question.order_id = self.order

    def test_many_are_confirmed_at_once_and_those_that_can_not_be_are_named(self):
        free, here = self.free_order(), self.free_order()
        self.leave(free)
        self.leave()
        answer = (free | here | self.order).action_confirm_marketplace_delivery()
        self.commit()
        self.assertEqual(free.marketplace_status, "delivered")
        self.assertEqual(self.order.marketplace_status, "shipped")
        self.assertRegex(answer["params"]["message"], f"OTP: {self.order.name}.*Not on their way: {here.name}")

    def test_what_has_not_left_can_not_be_confirmed(self):
        self.assertFalse(self.order.marketplace_to_deliver)
        with self.assertRaisesRegex(UserError, "Validate their deliveries first"):
            self.order.action_confirm_marketplace_delivery()

    def test_what_the_marketplace_delivers_is_not_ours_to_confirm(self):
        self.order.write({"marketplace_status": "shipped", "marketplace_delivers": True})
        self.assertFalse(self.order.marketplace_to_deliver)

    def test_an_account_may_have_nothing_told(self):
        self.tell("delivery_confirmed", "nothing")
        self.leave()
        self.assertFalse(self.order.marketplace_to_deliver)

    def test_a_salesperson_without_marketplace_rights_confirms(self):
        free = self.free_order()
        self.leave(free)
        self.leave()
        self.env = self.env(user=new_test_user(self.env, "seller", groups="sales_team.group_sale_salesman_all_leads"))
        free.with_env(self.env).action_confirm_marketplace_delivery()
        self.ask(self.order.with_env(self.env).action_confirm_marketplace_delivery())
        self.env = self.env(user=1)
        self.commit()
        self.assertEqual([free.marketplace_status, self.order.marketplace_status], ["delivered", "delivered"])

    def test_who_may_not_change_the_order_may_not_confirm(self):
        self.leave()
        with self.assertRaises(AccessError):
            self.order.with_user(self.stranger()).action_confirm_marketplace_delivery()


class TestServices(MarketplaceCase):
    """Orders of which nothing goes out from stock."""

    def prepare(self):
        super().prepare()
        self.stock_products()
        self.service = self.env["product.product"].create({"name": "Advice", "type": "service", "taxes_id": False})
        self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": self.service.id, "external_id": "advice"}
        )
        self.box.add_product(id="advice")

    def place(self, *products, **values):
        details = [
            {
                "supplier_product_id": "advice" if p == self.service else str(1000 + p.id),
                "amount": 2,
                "selling_price": 30,
            }
            for p in products
        ]
        values = {"installment_cost": 0, "wallet_top_up": 0, **values}
        document = self.box.add_order(
            status="pending", delivered_by="delivered_by_supplier", order_details=details, **values
        )
        self.pull()
        order = self.order_of(document)
        self.assertEqual((order.state, order.marketplace_status), ("sale", "approved"))
        return order

    def status_there(self, order):
        return self.box.order(order.cartona_id)["status"]

    def test_what_a_person_enters_as_delivered_has_left_once_it_is_all(self):
        order = self.place(self.service)
        order.order_line.qty_delivered = 1
        self.commit()
        self.assertEqual(self.status_there(order), "approved")
        seller = new_test_user(self.env, "service-seller", groups="sales_team.group_sale_salesman_all_leads")
        order.with_user(seller).order_line.qty_delivered = 2
        self.commit()
        self.assertEqual(self.status_there(order), "assigned_to_salesman")
        self.assertTrue(order.marketplace_to_deliver)
        order.action_confirm_marketplace_delivery()
        self.commit()
        self.assertEqual(self.status_there(order), "delivered")

    def test_the_account_may_say_delivered_at_once(self):
        self.account.status_rule_ids.filtered(lambda rule: rule.event == "left").status = "delivered"
        order = self.place(self.service)
        order.order_line.qty_delivered = 2
        self.commit()
        self.assertEqual(self.status_there(order), "delivered")

    def test_the_delivery_can_be_confirmed_without_entering_quantities(self):
        order = self.place(self.service)
        self.assertTrue(order.marketplace_to_deliver)
        order.action_confirm_marketplace_delivery()
        self.commit()
        self.assertEqual(self.status_there(order), "delivered")
        self.assertFalse(order.marketplace_to_deliver)

    def test_where_money_is_at_stake_the_otp_is_asked(self):
        order = self.place(self.service, installment_cost=10)
        action = order.action_confirm_marketplace_delivery()
        self.assertEqual(action["res_model"], "marketplace.otp")
        wizard = self.env["marketplace.otp"].browse(action["res_id"])
        wizard.otp = self.box.otp(order.cartona_id)
        wizard.action_confirm()
        self.assertEqual(self.status_there(order), "delivered")

    def test_with_goods_among_it_their_delivery_counts(self):
        order = self.place(self.service, self.products[0])
        self.assertFalse(order.marketplace_to_deliver)
        order.order_line[0].qty_delivered = 2
        self.commit()
        self.assertEqual(self.status_there(order), "approved")
        order.picking_ids.button_validate()
        self.commit()
        self.assertEqual(self.status_there(order), "assigned_to_salesman")

    def test_a_draft_can_not_be_confirmed_as_delivered(self):
        order = self.place(self.service)
        order._action_cancel()
        self.assertFalse(order.marketplace_to_deliver)


class TestPickupOtp(OrderOutCase):
    """The OTP by which the marketplace's own driver takes goods over, which comes with the order."""

    order_values = {"delivered_by": "delivered_by_cartona", "pickup_otp": CANARY}

    def test_it_is_masked_in_the_document_and_shown_to_managers_on_the_order(self):
        row = self.env["marketplace.inbox"].search([("external_id", "=", self.hashed_id)])
        self.assertEqual(row._document()["pickup_otp"], "***")
        self.assertEqual(self.order.marketplace_pickup_otp, CANARY)
        user = new_test_user(
            self.env, "looker", groups="cartona_integration.group_marketplace_user,sales_team.group_sale_manager"
        )
        with self.assertRaises(AccessError):
            row.with_user(user).read(["private"])
        with self.assertRaises(AccessError):
            self.order.with_user(user).read(["marketplace_pickup_otp"])
        seen = row.with_user(user).read()
        self.assertNotIn(CANARY, str(seen))
        # Six figures can all be tried: what is made of the whole document tells which they are.
        self.assertFalse({"digest", "key"} & seen[0].keys())
        for name in ("digest", "key"):
            with self.subTest(name), self.assertRaises(AccessError):
                row.with_user(user).search([(name, "=", row.sudo()[name])])

    def test_a_document_that_comes_late_brings_no_old_one_back(self):
        document = self.box.order(self.hashed_id)
        self.store({**document, "pickup_otp": "445566"})
        late = self.store(document)
        self.assertTrue(late.stale)
        self.assertEqual(self.order.marketplace_pickup_otp, "445566")

    def store(self, raw):
        rows, _new = self.env["marketplace.inbox"]._store([(self.account, "order", self.hashed_id, raw)], "webhook")
        self.env.invalidate_all()
        return rows

    def test_it_is_gone_when_the_order_is(self):
        self.order.marketplace_status = "delivered"
        self.assertFalse(self.order.marketplace_pickup_otp)

    def test_the_same_document_is_the_same_although_it_is_masked(self):
        self.box.state.orders[self.hashed_id].acknowledged = 0
        document = self.box.order(self.hashed_id)
        rows, new = self.env["marketplace.inbox"]._store([(self.account, "order", self.hashed_id, document)], "webhook")
        newest = self.env["marketplace.inbox"].search([("external_id", "=", self.hashed_id)], limit=1)
        self.assertEqual((rows, new), (newest, 0))
