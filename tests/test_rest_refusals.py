# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What a REST account says to its person when the configuration and the marketplace's documents don't fit."""

import base64

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tools import mute_logger

from ..marketplaces.rest_config import LARGEST_FILE
from ..marketplaces.rest_forms import LONGEST_TEMPLATE
from .test_rest import RestCase


class RestRefusalCase(RestCase):
    def endpoint(self, operation):
        return self.account.endpoint_ids.filtered(lambda one: one.operation == operation)

    def field(self, name):
        return self.account.field_map_ids.filtered(lambda one: one.field == name)

    def place(self, **values):
        return self.place_order((self.products[0], 1, 10.0), **values)


class TestRestRefusals(RestRefusalCase):
    # ------------------------------------------------------------------ reading
    # What is read: in the preview before, in the inbox after.

    def preview(self, operation="pull_orders"):
        wizard = self.env["marketplace.rest.preview"].create({"config_id": self.account.id, "operation": operation})
        wizard.action_fetch()
        return wizard.line_ids

    def previewed(self, field, **values):
        self.place(**values)
        return self.preview().filtered(lambda line: line.field == field).problem

    def pulled(self, **values):
        """Return the error of an order that is pulled."""
        self.list_products()
        external_id = self.place(**values)
        self.pull()
        document = self.env["marketplace.inbox"].search(
            [("config_id", "=", self.account.id), ("external_id", "=", external_id)]
        )
        return document.last_error

    def test_records_that_are_no_objects_are_said_by_the_preview(self):
        self.place()
        self.endpoint("pull_orders").records_path = "items[].number"
        with self.assertRaisesRegex(UserError, r"items\[\]\.number\[0\].*should be an object; correct the path"):
            self.preview()

    def test_a_number_that_is_no_time_is_said(self):
        self.assertIn("created: is no time", self.previewed("order.ordered_at", created=1e30))

    def test_a_time_that_is_not_as_its_pattern_is_said(self):
        self.field("order.ordered_at").argument = "%d.%m.%Y"
        self.assertIn("created: is no time as %d.%m.%Y", self.previewed("order.ordered_at"))

    def test_a_time_zone_that_nobody_knows_is_said(self):
        self.field("order.ordered_at").argument = "Mars/Olympus"
        problem = self.previewed("order.ordered_at", created="2026-06-30T12:00:00")
        self.assertIn("Mars/Olympus is no time zone and no pattern of a time; correct the argument", problem)

    def test_a_number_that_is_no_amount_of_money_is_said(self):
        self.assertIn("total: is no amount of money", self.previewed("order.total", total="1e40"))

    def test_a_product_without_an_id_is_left_out_and_counted(self):
        self.field("product.external_id").path = "number"
        products, _cursor = self.api._list_products(self.account)
        self.assertFalse(products)
        self.assertEqual(self.logged("list_products").mapped("failed_count"), [len(self.products)])

    def stored(self, payload):
        """Return the error of a document that came some other way."""
        document = self.env["marketplace.inbox"]._store([(self.account, "order", "7", payload, "")], "webhook")[0]
        self.commit()
        return document.last_error

    def test_a_document_that_is_no_order_is_said(self):
        self.assertEqual(self.stored(["x"]), "is no order.")

    def test_an_order_without_an_id_or_a_status_is_said_with_the_path(self):
        order = self.box.orders[self.place()]
        self.assertIn("state: is missing", self.stored({**order, "state": None}))
        self.assertIn("id: is missing", self.stored({**order, "id": None}))

    def test_lines_that_are_no_list_are_said_with_their_path(self):
        self.assertIn("rows: should be the list of the order's lines", self.pulled(rows=None))

    def test_a_line_that_is_no_object_is_said_with_its_place(self):
        self.assertIn("rows[0]: should be an object", self.pulled(rows=["x"]))

    def test_a_line_without_a_quantity_is_said(self):
        self.assertIn("line.quantity: is missing", self.pulled(rows=[{"row": 1, "item": "7", "each": "1.0"}]))

    def test_a_line_without_any_price_is_said(self):
        self.assertIn("line.price_unit: is missing", self.pulled(rows=[{"row": 1, "item": "7", "qty": 1}]))

    def test_a_message_of_a_status_without_one_is_said(self):
        row = (self.account, "status", "7", {"id": 7}, "")
        document = self.env["marketplace.inbox"]._store([row], "webhook")[0]
        self.commit()
        self.assertIn("state: is missing", document.last_error)

    def test_lines_that_have_no_end_are_said(self):
        self.account.endpoint_ids = [
            Command.create(
                {
                    "operation": "order_lines",
                    "path": "orders/{id}/lines",
                    "records_path": "items",
                    "paging": "next",
                    "next_path": "more",
                }
            )
        ]
        external_id = self.place(rows=None)
        self.box.fail("/lines$", status=200, body={"items": [], "more": "lines"}, times=None)
        self.pull()
        self.assertIn(f"The lines of order {external_id} have no end. Check the paging", self.account.last_error)

    # ------------------------------------------------------------------ writing
    # What is sent: said on the listing or the order, and on the account where it is the account's.

    def sent(self):
        """Return the error of a listing whose price is sent."""
        listing = self.list_products()[0]
        self.products[0].list_price = 77.5
        self.settle_offers()
        return listing.last_error

    def settle_offers(self):
        self.commit()
        self.sweep()

    def test_a_price_that_is_to_be_written_as_a_date_is_said(self):
        self.field("offer.price").converter = "date"
        self.assertIn("The field price can't be written with the converter “date”; choose another one", self.sent())

    def test_a_name_below_one_that_holds_a_value_is_said(self):
        self.field("offer.quantity").path = "price.stock"
        self.assertIn("The wire field price.stock stands below one that is no object; correct the fields", self.sent())

    def test_a_batch_whose_body_names_one_row_is_said(self):
        self.endpoint("push_offers").body = '{"rows": "{row}"}'
        self.list_products()
        for product in self.products:
            product.list_price += 1
        self.settle_offers()
        self.assertIn("{row} is not known here; use one of {account_code}, {ids}, {rows}", self.account.last_error)

    def test_a_status_that_has_no_word_any_more_is_said(self):
        self.list_products()
        self.account.status_map_ids.filtered(lambda row: row.status == "approved").direction = "in"
        self.place()
        self.pull()
        self.assertIn("No word of the marketplace's is known for “approved”", self.account.last_error)

    def test_a_form_whose_body_is_no_object_is_said(self):
        self.endpoint("push_status").write({"body_kind": "form", "body": '["{status}"]'})
        self.list_products()
        self.place()
        self.pull()
        self.assertIn("The body of a form has to be one JSON object", self.account.last_error)

    # ------------------------------------------------------------------ entering
    # What is refused when it is entered.

    def refused(self, record, **values):
        with mute_logger("odoo.sql_db"), self.assertRaises(ValidationError) as caught, self.env.cr.savepoint():
            record.write(values)
        return str(caught.exception)

    def test_a_line_of_a_query_without_its_sign_is_refused(self):
        words = self.refused(self.endpoint("test"), query="limit 5")
        self.assertIn("The line limit 5 should look like name=value; correct it", words)

    def test_a_body_that_is_too_long_is_refused(self):
        words = self.refused(self.endpoint("push_status"), body="[" + " " * LONGEST_TEMPLATE + "]")
        self.assertIn(f"The body is longer than {LONGEST_TEMPLATE} characters; shorten it", words)

    def test_pages_of_what_has_none_are_refused(self):
        self.assertIn("this operation has no pages", self.refused(self.endpoint("push_status"), paging="link"))

    def test_a_name_that_is_empty_between_its_dots_is_refused(self):
        words = self.refused(self.field("offer.price"), path="price..amount")
        self.assertIn("a name is empty between its dots", words)

    def test_a_path_of_deliveries_that_is_none_is_refused(self):
        for name in ("rest_webhook_records", "rest_webhook_id", "rest_webhook_event"):
            with self.subTest(name):
                self.assertIn("The path a[ is no JMESPath", self.refused(self.account, **{name: "a["}))

    def test_nothing_to_load_and_too_large_a_file_are_refused(self):
        wizard = self.env["marketplace.rest.file"].create({"config_id": self.account.id})
        with self.assertRaisesRegex(UserError, "Choose a preset or a file"):
            wizard.action_load()
        wizard.upload = base64.b64encode(b" " * (LARGEST_FILE + 1))
        with self.assertRaisesRegex(UserError, f"The file is larger than {LARGEST_FILE} bytes"):
            wizard.action_load()
