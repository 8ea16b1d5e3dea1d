# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json

from odoo.tests import HttpCase, tagged

from .common import SECRET, MarketplaceCase
from .test_contract_amazon import SA, US, AmazonTools


@tagged("post_install", "-at_install")
class TestAmazonNotifications(AmazonTools, MarketplaceCase, HttpCase):
    def prepare(self):
        super().prepare()
        self.list_products()
        self.commit()

    def notification(self, external_id, number="n-1", **summary):
        told = {"MarketplaceId": US, "OrderStatus": "Unshipped", "FulfillmentType": "MFN", **summary}
        change = {"SellerId": self.box.seller, "AmazonOrderId": external_id, "OrderChangeType": "OrderStatusChange"}
        return {
            "NotificationType": "ORDER_CHANGE",
            "EventTime": "2026-01-01T00:00:00Z",
            "Payload": {"OrderChangeNotification": {**change, "Summary": told}},
            "NotificationMetadata": {"NotificationId": number},
        }

    def post(self, payload, key=SECRET, kind="orders"):
        headers = {"Content-Type": "application/json", "X-Api-Key": key}
        path = f"/marketplace_integration/webhook/{kind}/{self.account.webhook_key}"
        answer = self.url_open(path, data=json.dumps(payload).encode(), headers=headers)
        self.finish_requests()
        self.env.invalidate_all()
        return answer

    def test_a_notification_fetches_the_order(self):
        external_id = self.place_order((self.products[0], 2, 10.0))
        answer = self.post({"detail-type": "ORDER_CHANGE", "detail": self.notification(external_id)})
        self.assertEqual((answer.status_code, answer.json()["new"]), (200, 1))
        self.time_passes()
        self.assertEqual(self.order_here(external_id).state, "sale")
        self.pull()
        self.assertEqual(len(self.order_here(external_id)), 1)

    def test_a_copy_of_a_notification_is_no_news(self):
        external_id = self.place_order((self.products[0], 2, 10.0))
        self.assertEqual(self.post(self.notification(external_id)).json()["new"], 1)
        self.assertEqual(self.post(self.notification(external_id)).json()["new"], 0)
        self.time_passes()
        again = self.notification(external_id, OrderStatus="Canceled")
        self.assertEqual(self.post(again).json()["new"], 0, "the same id")
        self.assertEqual(self.post(self.notification(external_id, "n-2", OrderStatus="Canceled")).json()["new"], 1)

    def test_without_the_key_nothing_is_taken(self):
        message = self.notification(self.place_order((self.products[0], 2, 10.0)))
        for key in ("", "forged", SECRET[:-1]):
            self.assertEqual(self.post(message, key=key).status_code, 401)
        self.account.write({"webhook_secret": "new one", "webhook_secret_previous": SECRET})
        self.assertEqual(self.post(message, kind="test").json()["secret"], "previous")
        self.assertEqual(self.post(message, key="new one", kind="test").json()["secret"], "current")
        self.account.webhook_secret_previous = False
        self.assertEqual(self.post(message).status_code, 401)
        self.account.webhook_secret = False
        self.assertEqual(self.post(message, key="").status_code, 401)
        self.assertFalse(self.inbox())

    def test_what_is_not_imported_makes_no_call(self):
        external_id = self.place_order((self.products[0], 2, 10.0))
        for summary in (
            {"FulfillmentType": "AFN"},
            {"OrderStatus": "Pending"},
            {"MarketplaceId": SA},
        ):
            self.assertEqual(self.post(self.notification(external_id, **summary)).json()["received"], 0)
        other = {**self.notification(external_id), "NotificationType": "FEED_PROCESSING_FINISHED"}
        self.assertEqual(self.post(other).json()["received"], 0)

    def test_what_makes_no_sense_is_refused(self):
        stranger = self.notification("902-1")
        stranger["Payload"]["OrderChangeNotification"]["SellerId"] = "SOMEBODY"
        nameless = self.notification("")
        for payload in ({}, [1], {"detail": []}, stranger, nameless):
            self.assertEqual(self.post(payload).status_code, 400, payload)

    def test_the_test_route_tells_what_it_saw(self):
        seen = self.post(self.notification("902-1"), kind="test").json()
        self.assertEqual(
            seen["documents"], [{"order": "902-1", "status": "approved", "account": "amazon test", "problem": ""}]
        )

    def test_an_order_that_is_not_there_is_no_failure(self):
        self.post(self.notification("902-0000000-0000000"))
        self.time_passes()
        self.assertEqual(self.inbox().state, "done")
