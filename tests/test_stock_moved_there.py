# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from . import test_contract_shopify as shopify
from .common import MarketplaceCase
from .contract_tools import AdapterTools
from .test_contract_woocommerce import WoocommerceBase


class StockMovedThere:
    """A shop that moves its own stock with its orders: whatever it does, it ends with what there is here."""

    def prepare(self):
        super().prepare()
        self.list_products()
        self.box.moves_stock = True
        self.product = self.products[0]
        self.set_stock(self.product, 10)
        self.settle()

    def settle(self):
        AdapterTools.settle(self)

    def taken(self, quantity=4, **values):
        external_id = self.place_order((self.product, quantity, 10.0), **values)
        self.pull()
        self.settle()
        return AdapterTools.order_here(self, external_id)

    def assert_stock_there(self, quantity):
        self.assertEqual(self.quantity_there(self.product), quantity)

    def test_what_is_cancelled_here_is_put_back_once(self):
        order = self.taken()
        self.assert_stock_there(6)
        self.box.fail(self.cancel_path, status=429, retry_after="5")  # so the stock goes before the cancellation does
        order._action_cancel()
        self.commit()
        self.assert_stock_there(10)
        self.settle()
        self.assertEqual(order.marketplace_status, "cancelled")
        self.assert_stock_there(10)

    def test_what_is_cancelled_there_is_put_back_once(self):
        order = self.taken()
        self.cancel_there(order.cartona_id)
        self.pull()
        self.settle()
        self.assertEqual(order.state, "cancel")
        self.assert_stock_there(10)

    def test_a_delivery_that_the_shop_tells_again_moves_nothing(self):
        order = self.taken()
        AdapterTools.deliver(self, order, marketplace_tracking="1Z1")
        self.box.clear_journal()
        self.pull()
        self.settle()
        self.assertFalse(self.box.calls(self.push_path))
        self.assert_stock_there(6)


class TestStockMovedByShopify(StockMovedThere, shopify.ShopifyCase):
    push_path = shopify.TestContractShopify.push_path
    cancel_path = "#Cancel$"
    quantity_there = shopify.TestContractShopify.quantity_there
    cancel_there = shopify.TestContractShopify.cancel_there
    time_passes, _waits = AdapterTools.time_passes, AdapterTools._waits

    def test_what_shopifys_job_puts_back_later_is_put_back_once(self):
        self.box.jobs_wait = True
        order = self.taken()
        order._action_cancel()
        self.settle()
        self.box.run_jobs()
        self.pull()
        self.settle()
        self.assert_stock_there(10)


class TestStockMovedByWoocommerce(StockMovedThere, WoocommerceBase, AdapterTools, MarketplaceCase):
    cancel_path = "orders/[0-9]+$"

    def test_what_the_shop_takes_with_the_payment_is_taken_once(self):
        order = self.taken(status="pending", date_paid_gmt=None)
        self.assertEqual(order.state, "draft")
        self.assert_stock_there(6)
        for status in ("on-hold", "processing"):
            self.box.change_order(self.box.orders[int(order.cartona_id)], status=status)
            self.pull()
            self.settle()
            self.assert_stock_there(6)
        self.assertEqual(order.state, "sale")

    def test_what_a_refund_puts_back_there_is_not_sold_before_it_is_back_here(self):
        order = self.taken()
        there = self.box.orders[int(order.cartona_id)]
        self.box.refund(there, there["line_items"][0], 3, 30.0)
        self.assert_stock_there(9)
        self.pull()
        self.settle()
        self.assert_stock_there(6)
        self.assertIn("Refunded at the marketplace", order.activity_ids.mapped("summary"))
