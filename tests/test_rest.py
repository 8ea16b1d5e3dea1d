# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import base64
import json
from datetime import datetime

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user
from odoo.tools import file_open, mute_logger

from ..marketplaces import rest_forms as forms
from ..marketplaces.rest_config import PRESETS
from ..sandbox.rest import AUTHS, PAGINGS, RestBox
from ..transport.errors import ConfigurationError, InvalidResponse, MappingError, RequestRejected
from .common import MarketplaceCase
from .rest_dialects import configuration
from .test_contract_rest import SECOND, RestDialect

MANAGER = "cartona_integration.group_marketplace_manager"


class RestCase(RestDialect, MarketplaceCase):
    """What is not asked of every adapter; that stands in test_contract_rest.py."""

    dialect = {"second": SECOND}

    @property
    def api(self):
        return self.account._api()


class TestRest(RestCase):
    # ------------------------------------------------------------------ forms

    def test_values_are_read_by_a_fixed_list_of_converters(self):
        cases = [
            ("text", 12.0, "12"),
            ("number", "7.25", 7.25),
            ("integer", "8", 8),
            ("decimal", "211.44999892193000", 211.45),
            ("boolean", 1, True),
            ("datetime", "2026-06-30T12:00:00+03:00", datetime(2026, 6, 30, 9)),
            ("datetime", 1782810000, datetime(2026, 6, 30, 9)),
            ("datetime", 1782810000000, datetime(2026, 6, 30, 9)),
            ("minor", 1999, 19.99),
        ]
        for converter, value, expected in cases:
            with self.subTest(converter=converter, value=value):
                self.assertEqual(forms.read("x", {"x": value}, converter), expected)
        self.assertEqual(str(forms.read("x", {"x": "30.06.2026"}, "date", 2, "%d.%m.%Y")), "2026-06-30")
        self.assertIs(forms.read("x", {"x": "Live"}, "boolean", 2, "live,on"), True)

    def test_minor_units_go_by_the_decimals_of_the_currency(self):
        for code, there, here in (("JPY", 1999, 1999.0), ("SAR", 1999, 19.99), ("KWD", 1999, 1.999)):
            digits = self.api._digits(self.account, code)
            self.assertEqual(forms.read("x", {"x": there}, "minor", digits), here, code)
            row = {}
            forms.write(row, "price.amount", here, "minor", digits)
            self.assertEqual(row, {"price": {"amount": there}}, code)

    def test_decimals_are_those_that_a_currency_has_by_now(self):
        dinar = self.env["res.currency"].with_context(active_test=False).search([("name", "=", "KWD")])
        self.assertEqual(self.api._digits(self.account, "KWD"), 3)
        dinar.rounding = 0.01
        self.assertEqual(self.api._digits(self.account, "KWD"), 2)

    def test_what_makes_no_sense_is_said_with_its_path(self):
        for converter, value in (("number", "much"), ("integer", 1.5), ("boolean", "perhaps"), ("datetime", "soon")):
            with self.subTest(converter), self.assertRaises(MappingError) as caught:
                forms.read("a.b", {"a": {"b": value}}, converter)
            self.assertEqual(caught.exception.path, "a.b")

    def test_a_path_that_is_none_or_too_long_is_refused(self):
        for path in ("a[", "a." * 400 + "b", "sum("):
            with self.subTest(path[:9]), self.assertRaises(ConfigurationError):
                forms.compiled(path)
        with self.assertRaises(MappingError):
            forms.found("sum(a)", {"a": ["x"]})

    def test_documents_have_a_largest_size(self):
        with self.assertRaises(MappingError):
            forms.records("[]", [{}] * (forms.LARGEST_DOCUMENT + 1))

    def test_an_id_in_a_path_is_data(self):
        for value, path in (
            ("a/b c", "orders/a%2Fb%20c"),
            ("طلب", "orders/%D8%B7%D9%84%D8%A8"),
            ("{id}", "orders/%7Bid%7D"),
        ):
            self.assertEqual(forms.filled_path("orders/{id}", {"id": value}), path)
        for value in ("..", ".", ""):
            with self.subTest(value), self.assertRaises(ConfigurationError):
                forms.filled_path("orders/{id}", {"id": value})

    def test_templates_are_filled_and_never_evaluated(self):
        values = {"id": "{reason}", "reason": "{{7*7}} ${7*7} __import__('os')", "rows": [{"a": 1}], "none": None}
        filled = forms.filled({"i": "{id}", "r": "so: {reason}", "l": "{rows}", "n": "{none}", "f": 5}, values)
        expected = {"i": "{reason}", "r": f"so: {values['reason']}", "l": [{"a": 1}], "f": 5}
        self.assertEqual(filled, expected)

    def test_the_next_page_is_found_in_a_link_header(self):
        header = '<https://x/a?page=1>; rel="prev", <https://x/a?page=3,4>; rel="next"'
        self.assertEqual(forms.next_link(header), "https://x/a?page=3,4")
        self.assertEqual(forms.next_link('<https://x/a>; rel="last"'), "")

    # ------------------------------------------------------------------ settings

    def refused(self, table, **values):
        with mute_logger("odoo.sql_db"), self.assertRaises(ValidationError) as caught, self.env.cr.savepoint():
            self.account[table] = [Command.create(values)]
        return str(caught.exception)

    def test_wrong_settings_are_refused_when_they_are_entered(self):
        self.account.endpoint_ids.unlink()
        test = {"operation": "test", "path": "me"}
        self.assertIn("{since}", self.refused("endpoint_ids", **{**test, "path": "me/{since}"}))
        self.assertIn("JMESPath", self.refused("endpoint_ids", **test, records_path="a["))
        self.assertIn("Authorization", self.refused("endpoint_ids", **test, headers="Authorization: Bearer x"))
        self.assertIn("JSON", self.refused("endpoint_ids", **test, body_kind="json", body="{"))
        self.refused("endpoint_ids", operation="push_price", path="p/{id}", method="PUT", batch_size=5)
        self.refused("endpoint_ids", operation="list_products", path="p", paging="page")
        self.refused("field_map_ids", field="order.total", path="total", converter="text")
        self.refused("field_map_ids", field="order.total", path="total[", converter="number")

    def test_a_field_is_for_an_operation_that_sends_it_or_for_all(self):
        read = {"field": "order.note", "path": "note", "operation": "pull_orders"}
        self.assertIn("Leave the operation empty", self.refused("field_map_ids", **read))
        sent = {"field": "offer.quantity", "path": "left", "converter": "integer"}
        self.assertIn("“Tell of a delivery”", self.refused("field_map_ids", **sent, operation="ship"))
        self.account.field_map_ids = [Command.create({**sent, "operation": "push_stock"})]

    def test_what_an_account_can_do_is_told_by_its_endpoints(self):
        self.assertEqual(self.account._capabilities()["subjects"], {"price", "stock"})
        self.assertEqual(self.account._capabilities()["statuses"], {"approved", "delivered", "cancelled"})
        self.account.endpoint_ids.filtered(lambda one: one.operation in ("push_offers", "ship")).unlink()
        able = self.account._capabilities()
        self.assertEqual((able["subjects"], able["ships"]), (set(), False))
        self.assertIn("shipped", able["statuses"])
        self.account.endpoint_ids = [Command.create({"operation": "acknowledge", "path": "ack", "method": "POST"})]
        self.assertTrue(self.account._capabilities()["needs_ack"])
        self.assertIn("ack", self.account.features.split())

    def test_an_account_without_endpoints_says_what_is_missing(self):
        self.account.endpoint_ids.unlink()
        with self.assertRaises(UserError) as caught:
            self.account.action_test_connection()
        self.assertIn("Read catalogue", str(caught.exception))

    # ------------------------------------------------------------------ files

    def test_what_is_saved_can_be_loaded_again(self):
        saved = json.loads(json.dumps(self.account._export_rest()))
        other = self.env["marketplace.config"].create({"name": "Other", "code": "rest"})
        other._import_rest({**saved, "account": {**saved["account"], "base_url": ""}})
        again = other._export_rest()
        for part in ("endpoints", "fields", "statuses"):
            self.assertEqual(again[part], saved[part])

    def test_no_credentials_are_in_a_file(self):
        text = json.dumps(self.account._export_rest())
        for secret in self.secrets:
            self.assertNotIn(secret, text)

    def test_the_presets_can_be_loaded_and_saved(self):
        for name in PRESETS:
            with self.subTest(name):
                account = self.env["marketplace.config"].create({"name": name, "code": "rest"})
                wizard = self.env["marketplace.rest.file"].create({"config_id": account.id, "preset": name})
                wizard.action_load()
                with file_open(f"cartona_integration/data/presets/{name}.json") as file:
                    shipped = json.load(file)
                saved = account._export_rest()
                self.assertEqual(
                    [row["operation"] for row in saved["endpoints"]], [r["operation"] for r in shipped["endpoints"]]
                )
                self.assertEqual(account.base_url, shipped["account"]["base_url"])
                self.assertEqual(account._status_for("confirmed"), "approved")
                self.assertEqual(json.loads(base64.b64decode(wizard.export)), saved)

    def test_a_file_says_plainly_what_is_wrong_with_it(self):
        good = configuration()
        before = self.account._export_rest()
        bad = {
            "format": {**good, "format": "x"},
            "version": {**good, "version": 2},
            "auth_token": {**good, "account": {"auth_token": "secret"}},
            "surprise": {**good, "surprise": []},
            "endpoints[0].path is missing": {**good, "endpoints": [{"operation": "test"}]},
            "endpoints[0].operation is fly": {**good, "endpoints": [{"operation": "fly", "path": "x"}]},
            "should be a whole number": {**good, "endpoints": [{"operation": "test", "path": "x", "page_size": "9"}]},
            "JMESPath": {**good, "fields": [{"field": "order.note", "path": "a["}]},
            "{nobody}": {**good, "endpoints": [{"operation": "test", "path": "{nobody}"}]},
            "test occurs twice": {**good, "endpoints": [{"operation": "test", "path": "x"}] * 2},
            "should be a list": {**good, "fields": {}},
        }
        for words, data in bad.items():
            with self.subTest(words), self.assertRaises(UserError) as caught:
                self.account._import_rest(data)
            self.assertIn(words, str(caught.exception))
        for data in ([], None, "x"):
            with self.assertRaises(UserError):
                self.account._import_rest(data)
        self.assertEqual(self.account._export_rest(), before)

    def test_a_file_takes_no_credentials_to_another_host(self):
        data = {**configuration(), "account": {"base_url": "https://elsewhere.example/api"}}
        with self.assertRaises(UserError):
            self.account._import_rest(data)
        self.assertEqual(self.account.base_url, self.box.url)

    def test_a_file_adds_no_address_for_tokens_that_is_elsewhere(self):
        """A password that was entered for the API would go there as the secret of a client."""
        self.account.write({"rest_auth": "basic", "client_id": "me", "client_secret": "mine", "auth_token": False})
        account = {"rest_auth": "client_credentials", "token_url": "https://elsewhere.example/token"}
        with self.assertRaises(UserError):
            self.account._import_rest({**configuration(), "account": account})
        self.assertFalse(self.account.token_url)

    def test_an_uploaded_file_is_loaded(self):
        text = json.dumps(configuration(results=None))
        values = {"config_id": self.account.id, "upload": base64.b64encode(text.encode())}
        self.env["marketplace.rest.file"].create(values).action_load()
        self.assertIn("push_price", self.account.endpoint_ids.mapped("operation"))
        with self.assertRaises(UserError):
            self.env["marketplace.rest.file"].create({**values, "upload": base64.b64encode(b"{")}).action_load()

    # ------------------------------------------------------------------ previews

    def preview(self, operation="pull_orders"):
        wizard = self.env["marketplace.rest.preview"].create({"config_id": self.account.id, "operation": operation})
        wizard.action_fetch()
        return wizard

    def test_a_preview_shows_what_becomes_of_each_field(self):
        self.place_order((self.products[0], 2, 10.0))
        self.place_strange_order()
        wizard = self.preview()
        lines = {(line.document, line.field): line for line in wizard.line_ids}
        self.assertEqual(lines["#1", "order.status"].raw, "NEW")
        self.assertEqual(lines["#1", "order.status"].neutral, "pending")
        self.assertEqual(lines["#1.1", "line.price_unit"].raw, "10.000")
        self.assertEqual(lines["#1.1", "line.price_unit"].neutral, "10.0")
        self.assertIn("TELEPORTED", lines["#2", "order.status"].problem)
        self.assertIn("مشترٍ", lines["#1", "customer.name"].neutral)
        self.assertFalse(self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)]))

    def test_a_preview_of_products_and_of_the_account(self):
        self.assertIn("CI-001", self.preview("list_products").line_ids.mapped("neutral"))
        self.assertIn("A shop", self.preview("test").line_ids.mapped("neutral"))

    def test_a_preview_hides_the_secrets_of_the_account(self):
        self.place_order((self.products[0], 1, 10.0), number=f"see {SECOND}")
        self.assertNotIn(SECOND, str(self.preview().line_ids.read()))

    def test_only_managers_see_it(self):
        user = new_test_user(self.env, "seller", "cartona_integration.group_marketplace_user")
        manager = new_test_user(self.env, "manager", MANAGER)
        with self.assertRaises(AccessError):
            self.env["marketplace.rest.preview"].with_user(user).create({"config_id": self.account.id})
        with self.assertRaises(AccessError):
            self.account.with_user(user).action_preview_rest()
        for field in ("endpoint_ids", "field_map_ids", "status_map_ids", "rest_token_2"):
            with self.subTest(field), self.assertRaises(AccessError):
                self.account.with_user(user).read([field])
        self.env["marketplace.rest.preview"].with_user(manager).create({"config_id": self.account.id}).action_fetch()
        self.assertTrue(self.account.with_user(user).features)

    def test_managers_of_another_company_see_none_of_it(self):
        company = self.env["res.company"].create({"name": "Other"})
        other = new_test_user(self.env, "other", MANAGER, company_id=company.id, company_ids=company.ids)
        for model in ("marketplace.endpoint", "marketplace.field.map", "marketplace.status.map"):
            self.assertFalse(self.env[model].with_user(other).search([("config_id", "=", self.account.id)]), model)
        with self.assertRaises(AccessError):
            self.account.with_user(other).action_preview_rest()

    # ------------------------------------------------------------------ calls

    def test_each_kind_of_authentication_and_of_paging_reads_the_whole_catalogue(self):
        for auth, paging in zip((*AUTHS, *AUTHS), (*PAGINGS, *PAGINGS, *PAGINGS), strict=False):
            with self.subTest(auth=auth, paging=paging):
                type(self).dialect = {"auth": auth, "paging": paging}
                self.addCleanup(setattr, type(self), "dialect", {"second": SECOND})
                rows = {str(number): {"sku": f"S{number}", "name": "x"} for number in range(12)}
                self.box = RestBox(rows, **self.dialect).start()
                self.addCleanup(self.box.stop)
                account = self._create_account()
                self.env.cr.flush()  # tokens are asked for on a transaction of their own
                found, cursor = [], None
                for _page in range(4):
                    products, cursor = account._api()._list_products(account, cursor)
                    found += [product.external_id for product in products]
                    if not cursor:
                        break
                self.assertEqual(found, list(rows))
                self.assertEqual(account._api()._test_connection(account)["name"], "A shop")

    def test_a_marketplace_that_does_not_turn_pages_is_found_out(self):
        self.account.endpoint_ids.filtered(lambda one: one.operation == "list_products").page_param = "sheet"
        self.box.products = {str(number): {"sku": "", "name": "x"} for number in range(12)}
        _products, cursor = self.api._list_products(self.account)
        with self.assertRaises(InvalidResponse):
            self.api._list_products(self.account, cursor)

    def test_a_next_page_elsewhere_is_not_followed(self):
        self.account.endpoint_ids.filtered(lambda one: one.operation == "list_products").paging = "link"
        for url in ("https://elsewhere.example/x", "//elsewhere.example/x", "http://127.0.0.1:1/x"):
            with self.subTest(url), self.assertRaises(ConfigurationError):
                self.api._list_products(self.account, json.dumps({"at": url}))

    def test_a_refusal_in_an_answer_with_status_200_is_one(self):
        endpoint = self.account.endpoint_ids.filtered(lambda one: one.operation == "push_status")
        endpoint.error_path = "fault.text"
        self.list_products()
        external_id = self.place_order((self.products[0], 1, 10.0))
        self.box.fail("status$", kind="status", status=200, body={"fault": {"text": "not now"}})
        with self.assertRaises(RequestRejected) as caught:
            self.api._push_order_status(self.account, external_id, "approved", {})
        self.assertIn("not now", str(caught.exception))

    def test_a_pull_goes_on_by_the_marketplaces_clock_with_an_overlap(self):
        self.list_products()
        self.place_order((self.products[0], 1, 10.0))
        self.pull()
        cursor = json.loads(self.running().order_cursor)
        self.assertEqual(set(cursor), {"since"})
        self.pull()
        asked = self.box.calls("api/orders$")[-1].query["since"]
        self.assertEqual(asked, cursor["since"].replace(" ", "T") + "Z")

    def fetch_each(self):
        self.account.endpoint_ids.filtered(lambda one: one.operation == "pull_orders").fetch_each = True

    def test_an_order_that_can_not_be_fetched_holds_back_no_other(self):
        self.fetch_each()
        bad, good = (self.place_order((self.products[0], 1, 10.0)) for _number in range(2))
        self.box.orders[bad].pop("rows")
        for body in ({"error": "broken"}, [1]):
            with self.subTest(body=body):
                self.box.fail(f"api/orders/{bad}$", status=422 if isinstance(body, dict) else 200, body=body)
                page = self.api._pull_orders(self.account)
                self.assertEqual([str(one["id"]) for one in page.documents], [bad, good])

    def test_an_order_of_a_list_without_an_id_is_seen(self):
        self.fetch_each()
        self.box.orders[self.place_order((self.products[0], 1, 10.0))]["id"] = None
        self.assertEqual(len(self.api._pull_orders(self.account).documents), 1)

    def test_what_an_answer_says_against_a_row_is_never_lost(self):
        """Two answers for one row, and a refusal of a row that nobody knows."""
        endpoint = self.account.endpoint_ids.filtered(lambda one: one.operation == "push_offers")
        rows = [{"listing_id": n, "external_id": str(n), "sku": "", "wire": {"push_offers": {}}} for n in (1, 2)]
        refused, taken = {"id": "1", "error": {"message": "locked", "code": "x"}}, {"id": "1"}
        endpoint.result_rows = "failed"
        for answer in ([refused, taken], [taken, refused]):
            self.box.fail("batch$", status=200, body={"results": answer})
            results = self.api._push_offers(self.account, rows)
            self.assertEqual([one.outcome for one in results], ["rejected", "accepted"])
        self.box.fail("batch$", status=200, body={"results": [{**refused, "id": "their own"}]}, times=3)
        results = self.api._push_offers(self.account, rows)
        self.assertEqual([one.outcome for one in results], ["rejected", "rejected"])

    def test_a_delivery_with_a_notice_fetches_the_order(self):
        self.account.write({"rest_webhook_mode": "notice", "rest_webhook_id": "about.order"})
        events = self.api._parse_webhook(self.account, "orders", {"about": {"order": 12}}, {})
        self.assertEqual([(event.kind, event.external_id) for event in events], [("notice", "12")])
        with self.assertRaises(MappingError):
            self.api._parse_webhook(self.account, "orders", {"about": {}}, {})
        external_id = self.place_order((self.products[0], 1, 10.0))
        self.assertEqual(str(self.api._fetch_order(self.account, external_id)["id"]), external_id)
        self.assertIsNone(self.api._fetch_order(self.account, "999"))

    def test_a_second_notice_of_an_order_is_news_as_the_first_was(self):
        self.account.write({"rest_webhook_mode": "notice", "rest_webhook_id": "id"})
        external_id = self.place_order((self.products[0], 1, 10.0))
        Inbox = self.env["marketplace.inbox"]
        for times in (1, 2):
            event = self.api._parse_webhook(self.account, "orders", {"id": external_id}, {})[0]
            new = Inbox._store([(self.account, event.kind, event.external_id, event.payload, "")], "webhook")[1]
            self.assertEqual(new, 1)
            self.commit()
            fetched = [one for one in self.logged("fetch_order") if one.status == "success"]
            self.assertEqual(len(fetched), times)

    def test_a_neutralised_copy_has_no_second_token(self):
        with file_open("cartona_integration/data/neutralize.sql") as script:
            self.env.cr.execute(script.read())
        self.env.invalidate_all()
        self.assertFalse(self.account.rest_token_2)
