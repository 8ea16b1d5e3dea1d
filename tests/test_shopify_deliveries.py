# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import datetime, timedelta

from ..marketplaces import shopify_forms as forms
from ..schemas import Package
from ..transport import errors
from .test_contract_shopify import ShopifyCase


class TestShopifyDeliveries(ShopifyCase):
    def prepare(self):
        super().prepare()
        self.list_products()
        self.commit()
        self.api = self.account._api()

    def order(self, *quantities):
        lines = [(product, quantity, "10.00") for product, quantity in zip(self.products, quantities, strict=False)]
        external_id = self.place_order(*lines)
        return external_id, [forms.tail(row, "id") for row in self.box.orders[external_id]["lineItems"]]

    def ship(self, external_id, lines, tracking="1Z1", **values):
        package = Package("WH/OUT/1", lines, "Aramex", tracking, "https://example.com/1Z1", **values)
        return self.api._ship(self.account, external_id, package)

    def held(self, external_id):
        return [
            {forms.tail(item, "lineItem", "id"): item["quantity"] for item in row["fulfillmentLineItems"]}
            for row in self.box.orders[external_id]["fulfillments"]
        ]

    def test_a_repeated_delivery_is_known_by_its_tracking_number(self):
        external_id, (first, second) = self.order(2, 3)
        for repeated in (False, True, False):
            result = self.ship(external_id, [(first, 1.0), (second, 3.0)], repeated=repeated)
            self.assertEqual(result.outcome, "accepted")
        self.assertEqual(self.held(external_id), [{first: 1, second: 3}])

    def test_without_a_tracking_number_it_is_known_by_what_it_holds(self):
        external_id, (first, second) = self.order(4, 1)
        self.ship(external_id, [(first, 2.0)], "")
        self.ship(external_id, [(first, 2.0)], "", repeated=True)
        self.assertEqual(self.held(external_id), [{first: 2}])
        self.ship(external_id, [(first, 2.0)], "")
        self.assertEqual(self.held(external_id), [{first: 2}, {first: 2}])

    def test_two_deliveries_may_share_a_tracking_number(self):
        external_id, (first, second) = self.order(2, 3)
        self.ship(external_id, [(first, 2.0)])
        self.ship(external_id, [(second, 3.0)])
        self.assertEqual(self.held(external_id), [{first: 2}, {second: 3}])

    def test_what_somebody_has_fulfilled_there_already_is_accepted(self):
        external_id, (first,) = self.order(2)
        self.ship(external_id, [(first, 2.0)], "by hand")
        self.assertEqual(self.ship(external_id, [(first, 2.0)], "1Z9").outcome, "accepted")
        self.assertEqual(len(self.held(external_id)), 1)

    def test_what_shopify_holds_back_is_refused_and_not_taken_for_told(self):
        external_id, (first,) = self.order(2)
        for status in ("ON_HOLD", "SCHEDULED"):
            self.box.orders[external_id]["fulfillmentOrders"][0]["status"] = status
            result = self.ship(external_id, [(first, 2.0)])
            self.assertEqual(result.outcome, "rejected", status)
            self.assertIn("hold", result.message)
        self.box.orders[external_id]["fulfillmentOrders"][0]["status"] = "OPEN"
        self.assertEqual(self.ship(external_id, [(first, 2.0)]).outcome, "accepted")
        self.assertEqual(self.held(external_id), [{first: 2}])

    def test_what_nothing_can_be_told_of_is_refused_unless_it_stands_there_as_sent(self):
        external_id, (first,) = self.order(2)
        row = self.box.orders[external_id]["fulfillmentOrders"][0]
        for status in ("CANCELLED", "INCOMPLETE", "CLOSED"):
            row["status"] = status
            result = self.ship(external_id, [(first, 2.0)])
            self.assertEqual(result.outcome, "rejected", status)
            self.assertIn("less of this order left", result.message)
        row["status"] = "OPEN"
        self.ship(external_id, [(first, 2.0)], "by hand")
        self.box.orders[external_id]["fulfillments"][0]["status"] = "CANCELLED"
        self.assertEqual(self.ship(external_id, [(first, 2.0)]).outcome, "rejected")

    def test_more_than_is_left_there_is_refused_with_the_reason(self):
        external_id, (first,) = self.order(3)
        self.ship(external_id, [(first, 2.0)], "A")
        result = self.ship(external_id, [(first, 2.0)], "B")
        self.assertEqual(result.outcome, "rejected")
        self.assertIn("less of this order left", result.message)
        self.assertEqual(len(self.held(external_id)), 1)

    def test_what_leaves_from_two_locations_is_a_fulfilment_each_and_a_half_told_one_is_completed(self):
        for tracking in ("1Z1", ""):
            for there in (False, True):  # whether what was left out could be sent once more
                with self.subTest(tracking=tracking, more_is_open=there):
                    external_id, (first, second) = self.order(4 if there else 2, 3)
                    self.box.move(external_id, second, "655441492")
                    self.box.fail("#Fulfill$", skip=1, status=503)
                    with self.assertRaises(errors.TemporaryFailure):
                        self.ship(external_id, [(first, 2.0), (second, 3.0)], tracking)
                    for _try in range(2):
                        result = self.ship(external_id, [(first, 2.0), (second, 3.0)], tracking, repeated=True)
                        self.assertEqual(result.outcome, "accepted")
                    self.assertEqual(self.held(external_id), [{first: 2}, {second: 3}])

    def test_what_was_made_before_a_package_left_is_not_that_package(self):
        external_id, (first,) = self.order(5)
        for units in (1.0, 2.0):  # less than what the package holds, and just as much
            self.ship(external_id, [(first, units)], "")
        self.ship(external_id, [(first, 2.0)], "", repeated=True)
        self.assertEqual(self.held(external_id), [{first: 1}, {first: 2}])
        left = datetime.fromisoformat(self.box.now()[:19]) + timedelta(hours=1)
        self.box._clock = left - timedelta(minutes=1)  # clocks differ
        for _try in range(2):
            self.ship(external_id, [(first, 2.0)], "", repeated=True, shipped_at=left)
        self.assertEqual(self.held(external_id), [{first: 1}, {first: 2}, {first: 2}])

    def test_the_parts_of_a_line_are_one_line_there(self):
        external_id, (first,) = self.order(5)
        self.ship(external_id, [(first, 2.0), (f"{first}:2", 3.0)])
        self.assertEqual(self.held(external_id), [{first: 5}])

    def test_half_a_unit_is_told_by_a_person(self):
        external_id, (first,) = self.order(5)
        self.assertEqual(self.ship(external_id, [(first, 0.5)]).outcome, "rejected")

    def test_an_order_that_is_gone_is_said(self):
        with self.assertRaisesRegex(errors.RequestRejected, "no such order"):
            self.ship("1", [("2", 1.0)])

    def test_customers_are_written_to_by_the_accounts_setting(self):
        for notify in (True, False):
            self.account.shopify_notify = notify
            external_id, (first,) = self.order(1)
            self.ship(external_id, [(first, 1.0)])
            gid = self.box.orders[external_id]["id"]
            self.assertEqual(gid in self.box.mail, notify)

    def test_a_long_order_is_fulfilled_whole(self):
        rows = [self.box.line(self.external_id(self.products[0]), 1, "1.00") for _n in range(45)]
        external_id = self.box.add_order(*rows)
        lines = [(forms.tail(row, "id"), 1.0) for row in rows]
        self.assertEqual(self.ship(external_id, lines).outcome, "accepted")
        self.assertEqual(self.ship(external_id, lines, repeated=True).outcome, "accepted")
        self.assertEqual([len(held) for held in self.held(external_id)], [45])

    def test_an_order_in_many_parts_is_fulfilled_whole(self):
        """Lines that each leave in a fulfilment order of its own, more of them than a page holds."""
        rows = [self.box.line(self.external_id(self.products[0]), 1, "1.00") for _n in range(23)]
        external_id = self.box.add_order(*rows)
        lines = [(forms.tail(row, "id"), 1.0) for row in rows]
        for line_id, _units in lines[1:]:
            self.box.move(external_id, line_id, "655441491")
        self.assertEqual(len(self.box.orders[external_id]["fulfillmentOrders"]), 23)
        self.assertEqual(self.ship(external_id, lines).outcome, "accepted")
        self.assertEqual(self.held(external_id), [{line_id: 1 for line_id, _units in lines}])

    def ship_in_parts(self, parts):
        external_id, (first,) = self.order(2 * parts)
        order = self.box.orders[external_id]
        row = order["fulfillmentOrders"][0]
        for number in range(parts):
            given = {"trackingInfo": {"number": f"N{number}"}}
            self.box._fulfil(order, [(row, row["lineItems"][0], 1)], given)
        return external_id, first

    def test_a_delivery_is_known_again_behind_many_others(self):
        external_id, first = self.ship_in_parts(47)
        for number in (46, 20, 19):
            self.assertEqual(self.ship(external_id, [(first, 1.0)], f"N{number}", repeated=True).outcome, "accepted")
        self.assertEqual(len(self.held(external_id)), 47)
        self.ship(external_id, [(first, 1.0)], "N47", repeated=True)
        self.assertEqual(len(self.held(external_id)), 48)

    def test_of_more_deliveries_than_are_shown_none_is_told_twice(self):
        external_id, first = self.ship_in_parts(251)
        with self.assertRaisesRegex(errors.RequestRejected, "more deliveries"):
            self.ship(external_id, [(first, 1.0)], "N250", repeated=True)
        self.assertEqual(len(self.held(external_id)), 251)
