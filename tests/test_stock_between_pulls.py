# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields

from .common import SECRET, MarketplaceCase
from .stock_sending import StockSending

FIVE = timedelta(minutes=5)


class TestStockBetweenPulls(StockSending, MarketplaceCase):
    """Where orders come by pulls alone, each stock that is sent gives back what was sold there since the last one. So
    it is pulled beside it."""

    pulls_beside_stock = True

    def prepare(self):
        super().prepare()
        self.account.webhook_secret = False
        self.pulled_before(minutes=5)
        self.box.clear_journal()

    def pulled_before(self, **ago):
        states = self.account.state_ids
        states.write({"last_pull_at": fields.Datetime.now() - timedelta(**ago), "pull_requested_at": False})
        states.flush_recordset()

    def minute_passes(self):
        self.running().pull_after = fields.Datetime.now()
        self.sweep()

    def asked(self):
        return bool(self.running().pull_requested_at)

    # ------------------------------------------------------------------ what was sold there meanwhile

    def test_what_was_sold_there_since_the_last_pull_is_taken_off_again_at_once(self):
        self.box_order((self.product, 6, 10.0), status="pending")
        self.set_stock(self.product, 99)
        self.commit()
        self.assertEqual(self.at_box(self.product)["available_stock_quantity"], 93)
        self.assertEqual(len(self.logged("pull_orders").filtered(lambda row: row.row_count)), 1)

    def test_it_is_asked_for_before_the_stock_is_sent_and_the_stock_does_not_wait(self):
        self.set_stock(self.product, 99)
        self.push()
        self.assertEqual((self.quantities(), self.asked()), ([99], True))

    def test_who_sends_stock_all_the_time_pulls_once_a_minute(self):
        for quantity in (99, 98, 97):
            self.set_stock(self.product, quantity)
            self.commit()
        self.assertEqual(self.quantities(), [99, 98, 97])
        self.assertEqual(len(self.box.calls("pull-orders")), 1)

    def test_what_was_sold_there_right_after_a_pull_is_taken_off_with_the_next_minute(self):
        self.pulled_before(seconds=20)
        self.box_order((self.product, 6, 10.0), status="pending")
        self.set_stock(self.product, 99)
        self.commit()
        self.sweep()
        self.assertEqual(self.at_box(self.product)["available_stock_quantity"], 99)
        moment = self.running().pull_after
        self.assertLess(moment, fields.Datetime.now() + timedelta(seconds=45))
        self.set_stock(self.product, 98)
        self.commit()
        self.assertEqual(self.running().pull_after, moment, "the first of them counts")
        self.minute_passes()
        self.assertEqual(self.at_box(self.product)["available_stock_quantity"], 92)
        self.assertTrue(self.running().pull_after, "this, too, gave back what was sold meanwhile")
        self.minute_passes()
        self.assertFalse(self.running().pull_after, "nothing was sent any more")

    def test_an_account_that_was_paused_meanwhile_is_not_pulled(self):
        self.account.action_pause()
        self.minute_passes()
        self.assertFalse(self.asked() or self.running().pull_after)

    def test_a_pull_that_is_asked_for_already_is_enough(self):
        before = fields.Datetime.now() - timedelta(seconds=90)
        self.running().pull_requested_at = before
        self.set_stock(self.product, 99)
        self.push()
        self.assertEqual(self.running().pull_requested_at, before)

    # ------------------------------------------------------------------ where none is needed

    def test_what_gives_nothing_back_asks_for_no_orders(self):
        self.product.list_price = 77
        self.set_stock(self.products[1], 0)
        self.push()
        self.assertEqual(len(self.sent_rows()), 2)
        self.assertFalse(self.asked())

    def test_what_is_always_there_asks_for_no_orders(self):
        service = self.env["product.product"].create({"name": "Wrapping", "type": "service", "list_price": 3})
        self.box.add_product(id="wrapping")
        values = {"config_id": self.account.id, "product_id": service.id, "external_id": "wrapping"}
        self.env["marketplace.listing"].create(values)
        self.push()
        self.assertTrue(self.box.product("wrapping")["is_unlimited_stock"])
        self.assertFalse(self.asked())

    def test_where_webhooks_bring_orders_none_are_asked_for(self):
        self.account.webhook_secret = SECRET
        raw = self.box_order((self.product, 1, 10.0))
        self.env["marketplace.inbox"]._store([(self.account, "order", raw["hashed_id"], raw, "")], "webhook")
        self.set_stock(self.product, 99)
        self.push()
        self.assertEqual((self.quantities(), self.asked()), ([98], False))

    def test_a_secret_alone_brings_no_orders(self):
        """It may be there for other notices, and where the newest order had to be pulled, webhooks do not come."""
        self.account.webhook_secret = SECRET
        for source, asked in (("webhook", False), ("pull", True)):
            raw = self.box_order((self.product, 1, 10.0))
            self.env["marketplace.inbox"]._store([(self.account, "order", raw["hashed_id"], raw, "")], source)
            self.set_stock(self.product, 90 if asked else 99)
            self.push()
            self.assertEqual(self.asked(), asked, source)
        states = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)])
        self.assertEqual(len(states), 2)

    def test_a_marketplace_with_narrow_limits_is_pulled_less_often(self):
        account = self._create_account(name="Amazon", code="amazon")
        self.assertEqual((self.account._pulls_apart(), account._pulls_apart()), (timedelta(minutes=1), FIVE))

    def test_an_account_whose_orders_are_not_pulled_asks_for_none(self):
        self.account.pull_orders = False
        self.set_stock(self.product, 99)
        self.push()
        self.assertEqual((self.quantities(), self.asked()), ([99], False))

    def test_an_account_that_does_not_talk_asks_for_none(self):
        for state in ("paused", "draft"):
            self.account.state = state
            self.set_stock(self.product, 99)
            self.push()
            self.assertEqual((self.quantities(), self.asked()), ([], False), state)

    # ------------------------------------------------------------------ accounts that share credentials

    def second(self):
        self.account.supplier_code = "1"
        second = self._create_account(
            name="Second", credentials_id=self.account.id, supplier_code="2", webhook_secret=False
        )
        values = {"config_id": second.id, "product_id": self.product.id, "external_id": "second-1"}
        self.env["marketplace.listing"].create(values)
        self.pulled_before(minutes=5)
        return second

    def test_a_pull_that_was_put_off_is_made_though_the_owner_of_the_credentials_pulls_none_itself(self):
        second = self.second()
        self.account.pull_orders = False
        self.pulled_before(seconds=20)
        self.push(second)
        self.assertFalse(self.asked())
        self.running().pull_after = fields.Datetime.now()
        self.env["marketplace.config.state"]._pull_after_stock()
        self.env.invalidate_all()
        self.assertTrue(self.asked())

    def test_the_account_that_pulls_for_another_is_asked(self):
        second = self.second()
        self.push(second)
        self.assertTrue(self.asked())
        self.assertFalse(second.state_ids.pull_requested_at)

    def test_the_webhooks_of_either_bring_the_orders_of_both(self):
        second = self.second()
        self.account.webhook_secret = SECRET
        raw = self.box_order((self.product, 1, 10.0))
        self.env["marketplace.inbox"]._store([(self.account, "order", raw["hashed_id"], raw, "")], "webhook")
        self.push(second)
        self.assertTrue(second.state_ids.last_push_at)
        self.assertFalse(self.asked())
