# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import gzip
import json
import os
from pathlib import Path
from types import SimpleNamespace

import requests

from ..marketplaces import amazon_forms
from ..schemas import Package
from . import swagger
from .common import MarketplaceCase, specs_folder
from .test_contract_amazon import EG, AmazonTools


class TestAmazonModels(AmazonTools, MarketplaceCase):
    """What is sent, and what the box answers, is as the vendor's models say."""

    FILES = {
        "/orders/2026-01-01": "orders_2026-01-01.json",
        "/orders/v0": "ordersV0.json",
        "/listings/": "listingsItems_2021-08-01.json",
        "/feeds/": "feeds_2021-06-30.json",
        "/sellers/": "sellers.json",
    }

    def load(self, name):
        return json.loads((specs_folder("amazon") / name).read_text())

    def record(self):
        """Return the list that each call of the box and its answer is added to."""
        calls, work = [], self.box.app.work

        def recorded(request, path, text):
            response, rows = work(request, path, text)
            path = request.environ.get("RAW_URI", f"/{path}").partition("?")[0]
            calls.append(SimpleNamespace(request=request, path=path, sent=text, response=response))
            return response, rows

        self.box.app.work = recorded
        return calls

    def judge(self, call, models):
        model = next((model for start, model in models.items() if call.path.startswith(start)), None)
        if not model:
            return None
        operation = model.operation(call.request.method, call.path)
        self.assertTrue(operation, call.path)
        body = json.loads(call.sent) if call.sent else None
        answer = call.response.get_data(as_text=True)
        answer = json.loads(answer) if answer else None
        query = call.request.args.to_dict()
        found = model.problems(operation, query, body, call.response.status_code, answer)
        self.assertFalse(found, call.path)
        return operation.get("operationId")

    def round_trip(self):
        """Make every call once, and some with a refusal; return them."""
        calls = self.record()
        api = self.account._api()
        api._test_connection(self.account)
        api._list_products(self.account)
        self.box.listings["A,B"] = {"price": 5, "quantity": 1, "channel": "DEFAULT"}
        api._locate_products(self.account, [self.external_id(self.products[0]), "A,B", "no,such"])
        order = self.shipped_order((self.products[0], 2, 10.0), (self.products[1], 1, 5.0))
        self.deliver(order, marketplace_carrier="DHL", marketplace_tracking="TN-1")
        api._fetch_order(self.account, order.cartona_id)
        api._fetch_order(self.account, "902-0000000-0000000")
        self.box.refused_skus[self.external_id(self.products[0])] = "No."
        self.as_feed()
        self.reprice()
        self.settle()
        return calls

    def test_every_call_and_every_answer_is_as_the_models_say(self):
        models = {start: swagger.Model(self.load(name)) for start, name in self.FILES.items()}
        calls = self.round_trip()
        judged = {self.judge(call, models) for call in calls} - {None}
        self.assertEqual(
            judged,
            {
                *(
                    "getMarketplaceParticipations",
                    "searchListingsItems",
                    "getListingsItem",
                    "patchListingsItem",
                    "searchOrders",
                    "getOrder",
                ),
                *("confirmShipment", "createFeedDocument", "createFeed", "getFeed", "getFeedDocument"),
            },
        )
        documents = [call for call in calls if call.path.startswith("/store/")]
        feed = json.loads(next(call.sent for call in documents if call.request.method == "PUT"))
        schema = self.load("listings-feed-schema-v2.json")
        self.assertFalse(swagger.problems(schema, feed, schema, strict=True))
        report = next(call.response.get_data() for call in documents if call.request.method == "GET")
        schema = self.load("listings-feed-processing-report-schema-v2.json")
        self.assertFalse(swagger.problems(schema, json.loads(gzip.decompress(report)), schema, strict=True))

    def test_what_is_sent_can_be_written_down_for_the_vendors_own_client(self):
        target = os.environ.get("MARKETPLACE_WIRE")
        if not target:
            self.skipTest("asked for by `python -m dev conformance amazon`")
        rows = [
            {
                "method": call.request.method,
                "path": call.path,
                "query": call.request.query_string.decode(),
                "body": call.sent,
                "shows_token": "x-amz-access-token" in call.request.headers,
                "status": call.response.status_code,
                "answer": call.response.get_data(as_text=True),
            }
            for call in self.round_trip()
            if not call.path.startswith("/store/")
        ]
        Path(target).write_text(json.dumps(rows))

    def test_the_judge_finds_what_is_wrong(self):
        model = swagger.Model(self.load("ordersV0.json"))
        operation = model.operation("POST", "/orders/v0/orders/902-1/shipmentConfirmation")
        package = Package("WH/OUT/1", [("1", 2.0)], carrier="DHL", tracking="T", number=7)
        good = amazon_forms.shipment_of(package, EG, self.account.create_date)
        self.assertFalse(model.problems(operation, {}, good, 204, None))
        bad = json.loads(json.dumps(good))
        bad["packageDetail"]["orderItems"][0]["quantity"] = 2.5
        bad["packageDetail"]["colour"] = "red"
        del bad["marketplaceId"]
        self.assertEqual(len(model.problems(operation, {"x": "1"}, bad, 299, None)), 5)

    def test_the_vendors_own_notification_is_understood(self):
        sample = self.load("OrderChangeNotification.json")["examples"][0]
        change = sample["Payload"]["OrderChangeNotification"]
        self.account.amazon_seller_id = change["SellerId"]
        event = self.account._api()._parse_webhook(self.account, "orders", sample, {})[0]
        self.assertEqual((event.kind, event.external_id), ("notice", change["AmazonOrderId"]))
        self.assertEqual(event.event_id, sample["NotificationMetadata"]["NotificationId"])

    def test_the_vendors_own_orders_are_understood(self):
        model = self.load("orders_2026-01-01.json")
        seen = 0
        for methods in model["paths"].values():
            for case in methods["get"]["responses"]["200"]["x-amzn-api-sandbox"]["static"]:
                answer = case["response"]
                for raw in answer.get("orders") or [answer["order"]]:
                    order = self.account._api()._parse_order(self.account, raw)
                    self.assertTrue(order.lines and order.customer.name and order.currency)
                    seen += 1
        self.assertGreater(seen, 3)

    def test_the_box_gives_no_token_for_a_wrong_secret(self):
        form = {**self.box.client, "grant_type": "refresh_token", "refresh_token": "wrong"}
        answer = requests.post(f"{self.box.url}auth/o2/token", data=form, timeout=5)
        self.assertEqual((answer.status_code, answer.json()["error"]), (400, "invalid_grant"))
