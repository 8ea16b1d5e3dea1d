# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Pages of orders that can't be had whole, or that end where the configuration does not expect it."""

from odoo import Command

from ..marketplaces.rest_forms import loaded_walk
from ..transport import errors
from .common import MarketplaceCase
from .contract import AdapterTools
from .test_contract_rest import RestDialect


class RestPageCase(RestDialect, AdapterTools, MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.list_products()
        self.pulls = self.account.endpoint_ids.filtered(lambda one: one.operation == "pull_orders")

    def place(self, count, **values):
        return [self.place_order((self.products[0], 1, 10.0), **values) for _number in range(count)]

    def here(self, ids):
        return [external_id for external_id in ids if self.order_here(external_id)]

    def notices(self):
        return self.env["marketplace.inbox"].search(
            [("config_id", "=", self.account.id), ("kind", "=", "notice")], order="id"
        )


class TestRestPageFetched(RestPageCase):
    """A list that tells too little: each order of a page costs calls of its own."""

    def prepare(self):
        super().prepare()
        self.pulls.fetch_each = True

    def fetched(self, external_id):
        return len(self.box.calls(f"api/orders/{external_id}$"))

    def test_a_limit_in_the_middle_of_a_page_keeps_what_was_fetched(self):
        ids = self.place(4)
        self.box.fail(f"api/orders/{ids[2]}$", status=429, retry_after="60")
        self.pull()
        self.assertEqual(self.here(ids), ids[:2])
        self.assertEqual(self.fetched(ids[3]), 0, "the marketplace takes no more calls")
        self.assertEqual(self.fetched(ids[2]), 1)
        self.assertEqual(set(self.notices().mapped("next_attempt")), {self.running()._blocked_until("pull")})
        self.time_passes()
        self.assertEqual(self.here(ids), ids)
        self.assertEqual([self.fetched(one) for one in ids], [1, 1, 2, 1])
        self.assertEqual(set(self.notices().mapped("state")), {"done"})

    def test_a_pull_goes_on_behind_a_page_that_a_limit_cut(self):
        ids = self.place(8)
        self.box.fail(f"api/orders/{ids[1]}$", status=429, retry_after="60")
        self.pull()
        self.time_passes()
        self.assertEqual(self.here(ids), ids)
        self.assertEqual(set(loaded_walk(self.running().order_cursor)), {"since"})

    def test_an_order_whose_call_fails_keeps_no_other_from_coming(self):
        ids = self.place(8)
        self.box.fail(f"api/orders/{ids[1]}$", status=500, times=None)
        self.pull()
        self.time_passes()  # its second call may be made before the next page is asked for
        self.assertEqual(self.here(ids), [ids[0], *ids[2:]])
        self.assertEqual(self.notices().mapped("external_id"), [ids[1]])
        self.pull()
        self.assertEqual(len(self.notices()), 1, "one notice of it is enough")
        self.box.clear_faults()
        self.notices().next_attempt = False
        self.time_passes()
        self.assertEqual(self.here(ids), ids)

    def test_an_order_that_can_not_be_fetched_for_long_waits_for_a_person_and_comes_once_it_can(self):
        (external_id,) = self.place(1)
        self.box.fail(f"api/orders/{external_id}$", status=500, times=None)
        self.pull()
        notice = self.notices()
        notice._fail("It failed ten times.")
        notice.attempts = 10
        self.box.clear_journal()
        self.time_passes()
        self.assertFalse(self.box.calls("api/orders/"), "it waits for a person")
        self.pull()
        self.assertEqual(self.fetched(external_id), 2, "once for the page, and once more for the notice")
        self.assertEqual((self.notices(), notice.state), (notice, "failed"))
        self.box.clear_faults()
        self.time_passes()
        self.pull()
        self.assertEqual(self.here([external_id]), [external_id])
        self.assertEqual((notice.state, notice.last_error), ("done", False))

    def test_a_marketplace_that_fetches_none_is_not_asked_for_all(self):
        ids = self.place(5)
        self.box.fail("api/orders/", status=500, times=None)
        self.pull()
        self.assertEqual([self.fetched(one) for one in ids], [2, 1, 0, 0, 0])
        self.box.clear_faults()
        self.time_passes()
        self.assertEqual(self.here(ids), ids)

    def lines_alone(self):
        """Have a list without lines, a call for those of each order, and none for an order."""
        self.pulls.fetch_each = False
        self.account.endpoint_ids.filtered(lambda one: one.operation == "fetch_order").unlink()
        lines = {"operation": "order_lines", "path": "orders/{id}", "records_path": "order.rows", "into": "lines"}
        self.account.endpoint_ids = [Command.create(lines)]
        self.account.field_map_ids.filtered(lambda one: one.field == "order.lines").path = "lines"

    def test_a_limit_met_by_each_pull_lets_one_with_lines_alone_get_on_all_the_same(self):
        self.lines_alone()
        ids = self.place(3)
        for number in range(1, 3):
            self.box.fail("api/orders/", status=429, retry_after="60", skip=1, times=None)
            self.pull() if number == 1 else self.time_passes()
            self.assertEqual(self.here(ids), ids[:number])
            self.assertTrue(self.running()._is_blocked("pull"))
            self.box.clear_faults()
        self.time_passes()
        self.assertEqual(self.here(ids), ids)
        self.assertEqual(set(loaded_walk(self.running().order_cursor)), {"since"})
        self.assertFalse(self.running().last_error)

    def test_an_order_whose_lines_alone_can_not_be_had_keeps_none_of_its_page_from_coming(self):
        self.lines_alone()
        ids = self.place(4)
        self.box.fail(f"api/orders/{ids[1]}$", status=500, times=None)
        self.pull()
        self.assertEqual(self.here(ids), [ids[0], *ids[2:]])
        self.assertIn("error", self.logged("fetch_order").mapped("status"))
        self.assertEqual({self.fetched(one) for one in (ids[0], *ids[2:])}, {1}, "what came is not fetched again")
        self.box.clear_faults()
        self.time_passes()
        self.assertEqual(self.here(ids), ids)

    def test_an_order_without_an_id_is_kept_where_a_limit_cuts_its_page(self):
        self.assert_nameless_kept(status=429, retry_after="60")

    def test_an_order_without_an_id_is_kept_where_no_calls_are_tried_for_its_page(self):
        self.assert_nameless_kept(status=500, times=None)

    def assert_nameless_kept(self, **fault):
        ids = self.place(3)
        self.box.orders[ids[2]].update(id=None)
        self.box.fail("api/orders/", **fault)
        self.pull()
        self.assertEqual(set(self.notices().mapped("external_id")), set(ids[:2]))
        rows = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id), ("kind", "=", "order")])
        self.assertEqual([row._document()["id"] for row in rows], [None])
        self.assertEqual(rows.state, "failed", "a person sees it")

    def test_stock_that_waits_for_orders_goes_once_those_that_a_limit_cut_are_here(self):
        ids = self.place(5)
        self.box.fail(f"api/orders/{ids[2]}$", status=429, retry_after="60")
        self.account.sudo()._await_orders()
        self.pull()
        self.assertEqual(self.here(ids), ids[:2])
        self.assertTrue(self.running().stock_waits_since)
        self.time_passes()
        self.assertEqual(self.here(ids), ids)
        self.assertFalse(self.running().stock_waits_since)


class TestRestPageQueue(RestPageCase):
    """A queue whose orders are fetched one by one, and acknowledged."""

    dialect = {"queue": True, "paging": "cursor"}

    def prepare(self):
        super().prepare()
        self.pulls.fetch_each = True

    def test_an_order_that_can_not_be_fetched_is_not_acknowledged_and_the_others_are(self):
        ids = self.place(7)
        self.box.fail(f"api/orders/{ids[1]}$", status=500, times=None)
        self.pull()
        self.time_passes()
        self.assertEqual(self.here(ids), [ids[0], *ids[2:]])
        self.assertEqual(self.box.waiting, [ids[1]])
        self.box.clear_faults()
        self.notices().next_attempt = False
        self.time_passes()
        self.assertEqual((self.here(ids), self.box.waiting), (ids, []))

    def test_what_was_not_acknowledged_yet_is_not_taken_for_acknowledged_when_its_call_fails(self):
        (external_id,) = self.place(1)
        self.box.fail("orders/ack", status=422, times=None)
        self.pull()
        document = self.env["marketplace.inbox"].search([("external_id", "=", external_id)])
        self.assertFalse(document.acknowledged_at)
        self.box.clear_faults()
        self.box.fail(f"api/orders/{external_id}$", status=500, times=None)
        self.pull()
        self.assertEqual((document.acknowledged_at, self.box.waiting), (False, [external_id]))


class TestRestPageSize(RestPageCase):
    """A marketplace that gives fewer rows a page than it was asked for, and does not say whether there are more."""

    def test_a_marketplace_with_smaller_pages_than_expected_loses_no_order(self):
        ids = self.place(12)
        for paging, parameter in (("page", "page"), ("offset", "offset")):
            with self.subTest(paging):
                self.box.paging = paging
                self.pulls.write({"paging": paging, "page_param": parameter, "page_size": 50})
                found, cursor, more = [], None, True
                while more:
                    page = self.account._api()._pull_orders(self.account, cursor)
                    found += [str(one["id"]) for one in page.documents]
                    cursor, more = page.cursor, page.more
                self.assertEqual(found, ids)

    def test_a_page_behind_the_last_one_may_be_unknown(self):
        ids = self.place(3)
        self.box.fail("api/orders$", status=404, body={"detail": "Invalid page."}, skip=1)
        self.pull()
        self.assertEqual(self.here(ids), ids)
        self.assertEqual(set(loaded_walk(self.running().order_cursor)), {"since"})
        self.assertFalse(self.running().last_error)

    def test_a_page_behind_the_last_one_may_be_refused(self):
        for status in (400, 416, 422):
            with self.subTest(status):
                ids = self.place(1)
                self.box.fail("api/orders$", status=status, body={"code": "rest_post_invalid_page_number"}, skip=1)
                self.pull()
                self.assertEqual(self.here(ids), ids)
                self.assertEqual(set(loaded_walk(self.running().order_cursor)), {"since"})
                self.assertFalse(self.running().last_error)
                self.box.clear_faults()

    def test_a_last_page_may_be_shown_for_all_that_stand_behind_it(self):
        self.box.repeats = True
        ids = self.place(7)
        self.pull()
        self.assertEqual(self.here(ids), ids)
        self.assertEqual(set(loaded_walk(self.running().order_cursor)), {"since"})
        self.assertFalse(self.running().last_error)
        self.assertEqual(self.walked(), sorted(self.box.products))

    def test_who_gives_all_at_once_turns_no_pages(self):
        self.box.page_size, self.pulls.page_size = 50, 50
        self.box.repeats = True
        ids = self.place(7)
        self.pull()
        self.assertEqual(self.here(ids), ids)
        self.assertFalse(self.running().last_error)

    def test_a_full_page_is_not_the_last_one_because_the_next_is_refused(self):
        self.place(5)
        self.box.fail("api/orders$", status=422, body={"detail": "Not so deep."}, skip=1)
        self.assert_stopped(errors.RequestRejected)

    def test_a_full_page_is_not_the_last_one_because_it_comes_again(self):
        self.box.repeats = True
        self.place(5)
        self.assert_stopped(errors.InvalidResponse)

    def assert_stopped(self, error):
        page = self.account._api()._pull_orders(self.account)
        self.assertTrue(page.more)
        with self.assertRaises(error):
            self.account._api()._pull_orders(self.account, page.cursor)

    def walked(self):
        """The products of the catalogue, by all its pages."""
        found, cursor = [], None
        while cursor or not found:
            products, cursor = self.account._api()._list_products(self.account, cursor)
            found += [product.external_id for product in products]
        return sorted(found)

    def test_an_address_that_is_unknown_from_the_first_page_on_is_said(self):
        self.box.fail("api/orders$", status=404, body={"detail": "No."})
        self.pull()
        self.assertTrue(self.running().last_error)
