# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json

from odoo import _, api, fields, models
from odoo.exceptions import ValidationError

from ..compat import format_list
from ..transport.errors import MarketplaceError
from . import rest_forms as forms

OPERATIONS = [
    ("test", "Test connection"),
    ("list_products", "Read catalogue"),
    ("push_offers", "Send prices and stock together"),
    ("push_price", "Send prices"),
    ("push_stock", "Send stock"),
    ("push_publication", "Put on sale and take off"),
    ("pull_orders", "Pull orders"),
    ("fetch_order", "Fetch one order"),
    ("order_lines", "Fetch the lines of one order"),
    ("acknowledge", "Acknowledge orders"),
    ("push_status", "Send order status"),
    ("ship", "Tell of a delivery"),
    ("cancel", "Cancel an order"),
]
# What stands in braces in a path, a query, a header or a body, by operation.
ROW = {"id", "sku", "account_code"}
ORDER = {"id", "account_code", "status", "reason"}
PAGE = {"page", "page_size", "offset", "cursor", "account_code"}
NAMES = {
    "test": {"account_code"},
    "list_products": PAGE,
    "push_offers": ROW | {"row", "rows"},
    "push_price": ROW | {"row", "rows"},
    "push_stock": ROW | {"row", "rows"},
    "push_publication": ROW | {"row", "rows"},
    "pull_orders": PAGE | {"since"},
    "fetch_order": {"id", "account_code"},
    "order_lines": PAGE | {"id"},
    "acknowledge": {"id", "ids", "account_code"},
    "push_status": ORDER,
    "ship": {"id", "account_code", "reference", "carrier", "tracking", "tracking_url", "shipped_at", "lines"},
    "cancel": ORDER,
}
BATCHES = {"push_offers", "push_price", "push_stock", "push_publication", "acknowledge"}
PAGED = {"list_products", "pull_orders", "order_lines"}

# Our fields, by what they are of. Those of the last two are written, all others are read.
FIELDS = {
    "account": {"name": "Name", "currency": "Currency"},
    "product": {
        "external_id": "ID",
        "name": "Name",
        "sku": "SKU",
        "barcode": "Barcode",
        "unit": "Unit",
        "unit_count": "Units in it",
        "price": "Price",
        "quantity": "Quantity",
        "published": "On sale",
    },
    "order": {
        "external_id": "ID",
        "status": "Status",
        "reference": "Number",
        "account_code": "Supplier code",
        "ordered_at": "Ordered at",
        "changed_at": "Changed at",
        "currency": "Currency",
        "total": "Total",
        "delivery_price": "Delivery charge",
        "other_charges": "Other charges",
        "credit": "Paid there",
        "delivery_date": "Delivery date",
        "ship_by": "To leave until",
        "note": "Note",
        "cancellation_reason": "Reason of the cancellation",
        "lines": "Lines",
        "shipments": "Tracking numbers known there",
    },
    "customer": {
        "code": "ID",
        "name": "Name",
        "phone": "Phone",
        "phone2": "Second phone",
        "email": "Email",
        "street": "Street",
        "street2": "Street, second line",
        "city": "City",
        "zip": "ZIP",
        "state": "State",
        "country": "Country",
        "notes": "Notes",
    },
    "line": {
        "external_id": "ID",
        "product_external_id": "Product ID",
        "product_sku": "SKU",
        "name": "Name",
        "quantity": "Quantity",
        "price_unit": "Unit price",
        "price_total": "Total price",
        "unit": "Unit",
        "unit_count": "Units in it",
        "comment": "Comment",
        "cancelled": "Cancelled",
    },
    "offer": {
        "external_id": "ID",
        "sku": "SKU",
        "price": "Price",
        "quantity": "Quantity",
        "unlimited": "Always available",
        "in_stock": "Is available",
        "published": "On sale",
        "account_code": "Supplier code",
        "constant": "Fixed value",
    },
    "shipped": {"line_id": "Line ID", "quantity": "Quantity", "constant": "Fixed value"},
}
SCOPES = {
    "account": "Account",
    "product": "Product",
    "order": "Order",
    "customer": "Customer",
    "line": "Line",
    "offer": "To send",
    "shipped": "To tell of a delivery",
}
# The operations that send what is written, by what it is of.
WRITTEN = {"offer": {"push_offers", "push_price", "push_stock", "push_publication"}, "shipped": {"ship"}}
CONVERTERS = [
    ("text", "Text"),
    ("number", "Number"),
    ("integer", "Whole number"),
    ("decimal", "Decimal text, rounded to the currency"),
    ("boolean", "Yes or no"),
    ("date", "Date"),
    ("datetime", "Date and time"),
    ("minor", "Minor units of the currency"),
    ("status", "By the table of statuses"),
]
STATUSES = [
    ("pending", "Pending"),
    ("editing", "Editing"),
    ("approved", "Approved"),
    ("shipped", "Shipped"),
    ("delivered", "Delivered"),
    ("cancelled", "Cancelled"),
    ("returned", "Returned"),
]
# What a field is, and the converters that make it; what is not here is text, and any converter makes that.
KINDS = {
    "number": {
        *(
            "price",
            "quantity",
            "unit_count",
            "total",
            "delivery_price",
            "other_charges",
            "credit",
            "price_unit",
            "price_total",
        )
    },
    "boolean": {"published", "cancelled"},
    "datetime": {"ordered_at", "changed_at", "ship_by"},
    "date": {"delivery_date"},
    "status": {"status"},
}
MAKERS = {
    "number": {"number", "integer", "decimal", "minor"},
    "boolean": {"boolean"},
    "datetime": {"datetime"},
    "date": {"date"},
    "status": {"status"},
}
OWN_HEADERS = {"authorization", "cookie", "host", "content-length", "transfer-encoding", "connection"}


class MarketplaceEndpoint(models.Model):
    """One call of a marketplace that is reached by configuration alone: what is sent where, and how the answer is
    read. Names in braces are replaced with data; nothing is ever executed."""

    _name = "marketplace.endpoint"
    _inherit = "marketplace.owned"
    _description = "Marketplace Endpoint"
    _order = "config_id, id"
    _rec_name = "operation"

    config_id = fields.Many2one("marketplace.config", required=True, index=True, ondelete="cascade")
    operation = fields.Selection(OPERATIONS, required=True)
    method = fields.Selection(
        [(method, method) for method in ("GET", "POST", "PUT", "PATCH", "DELETE")], default="GET", required=True
    )
    path = fields.Char(
        required=True, help="Below the API URL. Names in braces are replaced, percent-encoded: orders/{id}/status."
    )
    query = fields.Text(
        help="One name=value for each line. A line whose value is only a name in braces is left out when there is none."
    )
    headers = fields.Text(help="One Name: value for each line. Credentials have fields of their own on the account.")
    body_kind = fields.Selection(
        [("none", "None"), ("json", "JSON"), ("form", "Form")], string="Body", default="none", required=True
    )
    body = fields.Text(
        string="Body Template",
        help='JSON with names in braces, as {"products": "{rows}"}. Empty: the row, or the list of rows.',
    )
    batch_size = fields.Integer(default=1, help="Rows in one call. 1: a call for each row, whose path may name its id.")
    # paging
    paging = fields.Selection(
        [
            ("none", "One page"),
            ("page", "Page number"),
            ("offset", "Offset"),
            ("cursor", "Cursor"),
            ("link", "Link header"),
            ("next", "Next URL"),
        ],
        default="none",
        required=True,
        help="How the next page is asked for. A next URL is followed only to the account's own host.",
    )
    page_param = fields.Char(
        string="Parameter", help="Of the query: carries the page number, the offset or the cursor."
    )
    first_page = fields.Integer(default=1)
    size_param = fields.Char(string="Size Parameter", help="Of the query: how many rows a page has. Empty: not sent.")
    page_size = fields.Integer(default=50)
    next_path = fields.Char(
        string="Next", help="JMESPath to the next cursor or URL in the answer; for pages, to what is true as long as "
        "there are more. Empty: until a page is empty."
    )  # fmt: skip
    # pull
    since_format = fields.Char(
        default="%Y-%m-%dT%H:%M:%SZ", help="How {since} is written. %s: seconds since 1970. The time is in UTC."
    )
    overlap = fields.Integer(
        default=600, help="Seconds that a pull reaches back behind the last one. Orders that come again cost nothing."
    )
    fetch_each = fields.Boolean(
        help="The list tells too little: each order is fetched by itself, by the endpoint for one order."
    )
    into = fields.Char(default="items", help="The key under which the lines are put into the order's document.")
    # answer
    records_path = fields.Char(
        string="Records", help="JMESPath to the records in the answer; for what is sent, to the result of each row."
    )
    result_rows = fields.Selection(
        [
            ("none", "Nothing: it is accepted as a whole"),
            ("failed", "Only those that failed"),
            ("all", "Each row; one that is missing was not found"),
        ],
        string="The Answer Tells",
        default="none",
        required=True,
    )
    result_id_path = fields.Char(string="ID of a Result", help="JMESPath. Empty: results stand in the order of rows.")
    result_key = fields.Selection(
        [("id", "The ID"), ("sku", "The SKU")], string="It is", default="id", required=True, help="What the ID names."
    )
    result_error_path = fields.Char(string="Error of a Result", help="JMESPath; what it finds says why a row failed.")
    result_code_path = fields.Char(string="Code of a Result", help="JMESPath to the marketplace's code of the error.")
    error_path = fields.Char(
        string="Refusal", help="JMESPath; what it finds in an answer with status 200 says that it is a refusal."
    )

    _sql_constraints = [
        ("operation_unique", "UNIQUE (config_id, operation)", "There is an endpoint for this operation already."),
        ("batch_size_range", "CHECK (batch_size BETWEEN 1 AND 5000)", "The batch size must be from 1 to 5,000."),
        ("page_size_range", "CHECK (page_size BETWEEN 1 AND 5000)", "The page size must be from 1 to 5,000."),
        ("overlap_range", "CHECK (overlap BETWEEN 0 AND 2678400)", "The overlap must be from 0 seconds to 31 days."),
    ]

    @api.constrains("operation", "path", "query", "headers", "body", "body_kind", "batch_size", "paging", "page_param")
    def _check_request(self):
        for endpoint in self:
            try:
                endpoint._check_names()
                endpoint._check_headers()
            except MarketplaceError as err:
                raise ValidationError(endpoint._said(self.env["marketplace.api"]._retold(err))) from err
            if endpoint.paging in ("page", "offset", "cursor") and not endpoint.page_param and not endpoint._pages():
                raise ValidationError(endpoint._said(_("name the parameter that carries the page.")))
            if endpoint.paging != "none" and endpoint.operation not in PAGED:
                raise ValidationError(endpoint._said(_("this operation has no pages.")))

    @api.constrains(
        "records_path", "next_path", "result_id_path", "result_error_path", "result_code_path", "error_path"
    )
    def _check_paths(self):
        for endpoint in self:
            names = ("records_path", "next_path", "result_id_path", "result_error_path", "result_code_path")
            _check_jmespath(endpoint, [endpoint[name] for name in (*names, "error_path")])

    def _check_names(self):
        template = forms.parsed_template(self.body)
        texts = (self.path, self.query, self.headers, json.dumps(template) if template is not None else "")
        used = set().union(*map(forms.names_in, texts))
        allowed = NAMES[self.operation]
        single = self.operation in BATCHES and self.batch_size > 1 and forms.names_in(self.path) & {"id", "sku"}
        if single:
            raise ValidationError(self._said(_("a path that names the row needs a batch size of 1.")))
        if used - allowed:
            raise ValidationError(
                self._said(
                    _(
                        "%(used)s is not known here. Known are: %(known)s.",
                        used=format_list(self.env, ("{%s}" % name for name in sorted(used - allowed))),
                        known=format_list(self.env, ("{%s}" % name for name in sorted(allowed))),
                    )
                )
            )
        list(forms.split_lines(self.query, "="))

    def _check_headers(self):
        for name, _value in forms.split_lines(self.headers, ":"):
            if name.lower() in OWN_HEADERS or not name.replace("-", "").isalnum() or not name.isascii():
                raise ValidationError(self._said(_("%s can't be set here.", name)))

    def _pages(self):
        """Tell whether the request itself says which page it asks for."""
        template = "\n".join(filter(None, (self.path, self.query, self.body)))
        return bool(forms.names_in(template) & {"page", "offset", "cursor"})

    def _said(self, problem):
        return _("%(operation)s: %(problem)s", operation=self._operation_label(), problem=problem)

    def _operation_label(self):
        return dict(self._fields["operation"]._description_selection(self.env)).get(self.operation, "")


class MarketplaceFieldMap(models.Model):
    """One field: where it stands in the marketplace's document, or under which name it is sent, and how it is
    converted. What is sent may be for one operation alone, which goes before what is for all that send it."""

    _name = "marketplace.field.map"
    _inherit = "marketplace.owned"
    _description = "Marketplace Field"
    _order = "config_id, sequence, id"
    _rec_name = "path"

    config_id = fields.Many2one("marketplace.config", required=True, index=True, ondelete="cascade")
    sequence = fields.Integer(default=10)
    operation = fields.Selection(OPERATIONS, help="Of what is sent: only for this operation. Empty: for all.")
    field = fields.Selection("_field_selection", required=True)
    path = fields.Char(
        string="There",
        required=True,
        help="Of what is read: a JMESPath. Of what is sent: the name, with dots for what stands inside of objects.",
    )
    converter = fields.Selection(CONVERTERS, default="text", required=True)
    argument = fields.Char(
        help="Dates: a pattern as %Y-%m-%d, or the time zone of times that name none. Yes or no: the words for yes, "
        "parted by commas; when sent, the word for yes and the word for no."
    )
    default = fields.Char(string="Otherwise", help="The value where there is none; of a fixed value, the value.")

    @api.model
    def _field_selection(self):
        return [
            (f"{scope}.{name}", f"{SCOPES[scope]}: {label}")
            for scope, names in FIELDS.items()
            for name, label in names.items()
        ]

    @api.constrains("field", "path", "converter", "argument", "default")
    def _check_path(self):
        for row in self:
            if row.field.split(".")[0] not in WRITTEN:
                _check_jmespath(row, [row.path])
            elif not all(row.path.split(".")):
                raise ValidationError(row._said(_("a name is empty between its dots.")))

    @api.constrains("field", "operation")
    def _check_operation(self):
        """A document is read alike whichever operation brought it, and some come by none."""
        labels = dict(self._fields["operation"]._description_selection(self.env))
        for row in self.filtered("operation"):
            senders = WRITTEN.get(row.field.split(".")[0])
            if not senders:
                raise ValidationError(row._said(_("it is read alike for all operations. Leave the operation empty.")))
            if row.operation not in senders:
                problem = _("“%s” does not send it. Choose an operation that does, or none.", labels[row.operation])
                raise ValidationError(row._said(problem))

    @api.constrains("field", "converter")
    def _check_converter(self):
        labels = dict(CONVERTERS)
        for row in self:
            makers = MAKERS.get(row._kind())
            if row.field.split(".")[0] not in WRITTEN and makers and row.converter not in makers:
                known = format_list(self.env, (label for name, label in labels.items() if name in makers))
                raise ValidationError(row._said(_("choose one of these converters: %s.", known)))

    def _kind(self):
        """Return what the field is: number, boolean, datetime, date, status or text."""
        name = self.field.split(".")[1]
        return next((kind for kind, names in KINDS.items() if name in names), "text")

    def _said(self, problem):
        label = dict(self._field_selection()).get(self.field, "")
        return _("%(field)s: %(problem)s", field=label, problem=problem)


class MarketplaceStatusMap(models.Model):
    """What a status of the marketplace's is here. The first row of a status is the word that is sent for it."""

    _name = "marketplace.status.map"
    _inherit = "marketplace.owned"
    _description = "Marketplace Status"
    _order = "config_id, sequence, id"
    _rec_name = "raw"

    config_id = fields.Many2one("marketplace.config", required=True, index=True, ondelete="cascade")
    sequence = fields.Integer(default=10)
    raw = fields.Char(string="There", required=True)
    status = fields.Selection(STATUSES, string="Here", required=True)
    direction = fields.Selection(
        [("both", "Both ways"), ("in", "Only read"), ("out", "Only sent")], default="both", required=True
    )

    _sql_constraints = [("raw_unique", "UNIQUE (config_id, raw)", "There is a row for this status already.")]


def _check_jmespath(record, paths):
    for path in filter(None, paths):
        try:
            forms.compiled(path)
        except MarketplaceError as err:
            raise ValidationError(record._said(record.env["marketplace.api"]._retold(err))) from err
