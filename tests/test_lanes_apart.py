# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields

from ..transport.errors import TemporaryFailure
from .common import MarketplaceCase

STATUS = "update-order-status/"


class TestLanesApart(MarketplaceCase):
    """What one lane can not get through says nothing of the others, nor do they hide it."""

    def prepare(self):
        super().prepare()
        self.listings = self.stock_products()
        self.account.confirm_policy = "never"
        documents = [self.place() for _number in range(3)]
        self.pull()
        self.orders = [self.order_of(document) for document in documents]
        self.box.clear_journal()

    def place(self):
        line = (self.products[1], 1, 5.0)
        return self.box_order(line, status="pending", delivered_by="delivered_by_supplier")

    def cancel(self, orders):
        for order in orders:
            order._action_cancel()
        self.commit()

    def at_marketplace(self, order):
        return self.box.order(order.cartona_id)["status"]

    def commands(self):
        return self.env["marketplace.outbox"].search([("lane", "=", "orders")])

    def test_the_orders_of_a_batch_are_locked_by_one_question(self):
        rows = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)])
        self.assertEqual(len(set(rows.mapped("external_id"))), 3)
        with self.assertQueryCount(1):
            self.assertEqual(self.env["marketplace.lane.inbox"]._lock(rows), rows.sorted("id"))

    def test_a_list_of_messages_asks_once_for_all_accounts_and_once_for_all_orders(self):
        self.box.fail(STATUS, status=503, times=None)
        self.cancel(self.orders)
        commands = self.commands()
        commands.invalidate_recordset()
        self.assertEqual(len(set(commands.mapped("order_id"))), 3)
        with self.assertQueryCount(2):
            self.assertEqual(commands.account_id, self.account)
            self.assertEqual(set(commands.sale_order_id.ids), {order.id for order in self.orders})

    def wait_is_over(self):
        """Have every wait end, whatever it was for; what was noted of failures stays."""
        running = self.running()
        lanes = (running.failing or {}).items()
        running.blocked_until = False
        running.failing = {lane: {**entry, "until": None} for lane, entry in lanes} or False
        for rows in (self.commands(), self.listings):
            rows.filtered("next_attempt").next_attempt = fields.Datetime.now() - timedelta(hours=1)

    def minutes(self, count, act):
        """Let time go on. In each minute something else is done, in a lane that waits for half as long as who failed;
        and then nothing, since nobody knows in which order things happen."""
        for number in range(count):
            self.running().others_until = fields.Datetime.now()
            act(number)
            self.commit()
            self.sweep()
            for _twice in range(2):
                self.wait_is_over()
                self.sweep()

    def change_a_price(self, number):
        self.products[3].list_price = 100 + number

    # ------------------------------------------------------------------ one order

    def poison(self, order):
        self.box.fail(path=STATUS + order.cartona_id, status=500, times=None)

    def test_an_order_that_the_marketplace_can_not_stand_stops_no_other_while_prices_go_out(self):
        self.poison(self.orders[0])
        self.cancel(self.orders)
        self.minutes(4, self.change_a_price)
        self.assertEqual([self.at_marketplace(order) for order in self.orders[1:]], ["cancelled_by_supplier"] * 2)
        self.assertEqual(self.at_box(self.products[3])["selling_price"], 103)
        self.assertIn("failure of its own", self.commands().last_error)
        self.assertEqual(self.commands().state, "waiting")

    def test_such_an_order_is_left_to_a_person_in_the_end(self):
        self.poison(self.orders[0])
        self.cancel(self.orders)

        def cancel_another(number):
            document = self.place()
            self.pull()
            self.cancel([self.order_of(document)])

        self.minutes(14, cancel_another)
        self.assertEqual((self.commands().state, self.commands().attempts), ("failed", 10))
        self.assertIn("refuses what it is told of orders", self.account.activity_ids.mapped("summary")[-1])
        self.box.clear_faults()
        self.commands().action_retry()
        self.commit()
        self.assertFalse(self.commands())

    def test_who_was_told_of_what_is_refused_need_not_look_once_it_is_mended_and_has_no_second_mail_that_day(self):
        told = []
        self.patch(type(self.env["mail.activity"]), "action_notify", lambda activities: told.extend(activities.ids))
        self.account.user_id = self.env["res.users"].create({"name": "Responsible", "login": "responsible"})
        for times, order in enumerate(self.orders[:2], 1):
            self.box.fail(path=STATUS + order.cartona_id, status=422, times=None)
            self.cancel([order])
            self.wait_is_over()
            self.assertEqual(self.account.activity_ids.mapped("marketplace_cause"), ["commands"], times)
            self.assertEqual(len(told), 1)
            self.box.clear_faults()
            self.commands().action_retry()
            self.commit()
            self.assertFalse(self.commands())
            self.assertFalse(self.account.activity_ids)

    def test_it_is_not_taken_for_mended_as_long_as_one_is_refused(self):
        for order in self.orders[:2]:
            self.box.fail(path=STATUS + order.cartona_id, status=422, times=None)
        self.cancel(self.orders[:2])
        self.wait_is_over()
        self.box.clear_faults()
        self.commands()[0].action_retry()
        self.commit()
        self.assertEqual((len(self.commands()), len(self.account.activity_ids)), (1, 1))

    def test_so_it_is_where_nothing_but_other_orders_shows_that_the_marketplace_answers(self):
        self.poison(self.orders[0])
        self.cancel(self.orders[:1])
        self.minutes(4, lambda number: None)
        self.assertEqual(self.commands().state, "waiting")
        self.assertLess(self.commands().attempts, 2, "it may be away as a whole")
        self.cancel(self.orders[1:])
        more = [self.place() for _number in range(12)]
        self.account.confirm_policy = "always"
        for document in more:
            self.wait_is_over()
            self.commands().filtered(lambda command: command.order_id == self.orders[0].id).next_attempt = (
                fields.Datetime.now() + timedelta(hours=1)
            )
            self.pull()
            self.wait_is_over()
            self.sweep()
            self.assertEqual(self.box.order(document["hashed_id"])["status"], "approved")
        self.minutes(14, lambda number: self.cancel([self.order_of(more[number])]) if number < 12 else None)
        self.assertEqual(self.commands().filtered(lambda row: row.order_id == self.orders[0].id).state, "failed")

    # ------------------------------------------------------------------ one listing

    def test_a_listing_that_the_marketplace_can_not_stand_stops_no_other_while_orders_are_told(self):
        bad = self.listings[1]
        self.box.fail(path="bulk-update$", content=bad.external_id, status=500, times=None)
        for product in self.products:
            product.list_price += 1
        self.commit()

        def tell(number):
            self.cancel(self.orders[number : number + 1])

        self.minutes(3, tell)
        self.minutes(3, lambda number: self.pull())
        self.assertEqual((self.listings - bad).mapped("state"), ["synced"] * 3)
        self.assertEqual(bad.state, "waiting")
        self.assertIn("failure of its own", bad.last_error)
        self.minutes(14, self.change_a_price)
        self.assertEqual((bad.state, bad.attempts), ("failed", 10))

    def test_one_of_many_that_the_marketplace_can_not_stand_is_found_in_a_few_calls(self):
        """Here a batch is four rows: the others are not sent one by one because of the bad one."""
        bad = self.listings[2]
        self.box.fail(path="bulk-update$", content=bad.external_id, status=500, times=None)
        for product in self.products:
            product.list_price += 1
        self.minutes(6, lambda number: self.pull())
        self.assertEqual(set((self.listings - bad).mapped("state")), {"synced"})
        self.assertLess(len(self.box.calls("bulk-update$")), 20)

    def test_where_one_kind_of_calls_is_away_no_row_is_blamed(self):
        self.box.fail(path=STATUS, status=500, times=None)
        self.cancel(self.orders)
        self.minutes(15, self.change_a_price)
        self.assertEqual((set(self.commands().mapped("state")), sum(self.commands().mapped("attempts"))),
                         ({"waiting"}, 0))  # fmt: skip
        self.box.clear_faults()
        self.minutes(3, self.change_a_price)
        self.assertFalse(self.commands())

    def test_a_limit_of_calls_blames_no_row(self):
        self.poison(self.orders[0])
        self.cancel(self.orders[:1])
        self.box.clear_faults()
        self.box.fail(path=STATUS, status=429, times=None)
        self.minutes(12, self.change_a_price)
        self.assertEqual((self.commands().state, self.commands().attempts), ("waiting", 0))

    # ------------------------------------------------------------------ all of it

    def test_where_the_marketplace_is_away_no_lane_blames_a_row(self):
        self.box.fail(".", status=503, times=None)
        self.cancel(self.orders)

        def all_at_once(number):
            self.change_a_price(number)
            self.account.action_pull_orders()

        self.minutes(15, all_at_once)
        self.assertEqual(self.commands().mapped("state"), ["waiting"] * 3)
        self.assertEqual((self.commands() + self.commands()).mapped("attempts"), [0] * 6)
        self.assertEqual((set(self.listings.mapped("state")), sum(self.listings.mapped("attempts"))),
                         ({"waiting", "synced"}, 0))  # fmt: skip
        self.box.clear_faults()
        self.minutes(3, all_at_once)
        self.assertFalse(self.commands())
        self.assertEqual([self.at_marketplace(order) for order in self.orders], ["cancelled_by_supplier"] * 3)
        self.assertFalse(self.running().failing)

    # ------------------------------------------------------------------ who is told, and who waits

    def test_a_lane_that_fails_again_and_again_is_told_although_others_work(self):
        self.box.fail(path=STATUS, status=500, times=None)
        self.cancel(self.orders[:1])
        self.minutes(3, self.change_a_price)
        told = self.account.activity_ids
        self.assertEqual(told.mapped("summary"), [f"{self.account.name}: what is told of orders does not get through"])
        self.assertIn("failure of its own", told.note)
        self.assertEqual(self.at_box(self.products[3])["selling_price"], 102, "the others work")

    def test_a_person_sees_which_lane_waits_and_why(self):
        self.box.fail(path=STATUS, status=500, times=None)
        self.cancel(self.orders[:1])
        self.running().others_until = fields.Datetime.now()
        self.change_a_price(0)
        self.commit()
        self.wait_is_over()
        self.sweep()
        (card,) = [one for one in self.account.get_dashboard_data()["accounts"] if one["id"] == self.account.id]
        self.assertEqual(card["state"], "live")
        self.assertRegex(card["limits"], r"^What is told of orders, tried again at \S+.*: .*failure of its own")

    def test_a_lane_that_has_not_failed_waits_a_minute_at_most_for_one_that_has(self):
        running = self.running()
        for _number in range(12):
            running._note_failure(TemporaryFailure("down"), "orders")
        in_a_minute = fields.Datetime.now() + timedelta(seconds=60)
        self.assertGreater(running._blocked_until("orders"), in_a_minute)
        self.assertLessEqual(running._blocked_until("offers"), in_a_minute)
        running._note_failure(TemporaryFailure("down"), "offers")
        self.assertGreater(running._blocked_until("offers"), in_a_minute)

    def test_a_wait_that_the_marketplace_asks_for_is_kept_by_all_lanes(self):
        running = self.running()
        running._note_failure(TemporaryFailure("down", seconds=3600), "orders")
        self.assertEqual(running._blocked_until("offers"), running._blocked_until("orders"))
