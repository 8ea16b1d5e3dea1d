# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
from collections import Counter
from datetime import timedelta

from odoo import _, fields, models

from ..schemas import Customer, Event, Order, OrderLine, OrderPage, RowResult
from ..transport import errors
from ..transport.errors import MappingError
from ..transport.reading import under
from ..transport.retry import server_time
from . import rest_forms as forms

# Pages of the lines of one order.
LINE_PAGES = 50
# Orders of one page whose calls failed, after which no others are tried: it is not they.
FAILED_CALLS = 2
# The ids of lines of which the marketplace tells the amount alone.
LINES = {"delivery_price": "delivery", "other_charges": "charges"}


class MarketplaceApiRest(models.AbstractModel):
    """Orders on their way in, what is told of them, and webhooks."""

    _inherit = "marketplace.api.rest"

    # ------------------------------------------------------------------ orders in

    def _pull_orders(self, config, cursor=None):
        endpoint = self._endpoint(config, "pull_orders")
        walk = forms.loaded_walk(cursor)
        begin = walk.get("since") or fields.Datetime.to_string(config.orders_since or config.create_date)
        since = fields.Datetime.from_string(begin)
        with self._exchange(config, "pull_orders", 0) as exchange:
            records, following, response = self._ask_page(
                exchange, config, endpoint, walk, since=forms.written_since(since, endpoint.since_format)
            )
            exchange.count = len(records)
        there = server_time(response.headers.get("Date")) if response else None
        began = walk.get("began") or (fields.Datetime.to_string(there) if there else "")
        came = walk.get("came", ())
        records = [record for record in records if self._identify(config, record)[0] not in came]
        page, failure = self._completed_page(config, endpoint, records)
        if failure and not self._find_endpoint(config, "fetch_order"):
            return self._begun_page(config, page, {**walk, "since": begin, "began": began}, failure)
        if following:
            page.cursor, page.more = json.dumps({"since": begin, "began": began, **following}), True
            return page
        if self._find_endpoint(config, "acknowledge"):
            return page  # a queue begins anew
        if began:
            # By the marketplace's clock, and from before its first page was asked for.
            moment = max(since, fields.Datetime.from_string(began) - timedelta(seconds=endpoint.overlap))
            begin = fields.Datetime.to_string(moment)
        page.cursor = json.dumps({"since": begin})
        return page

    def _completed_page(self, config, endpoint, records):
        """Return the page with the whole document of each order, and the failure of the last call that had one. What
        can't be had now comes later, one by one: nothing that was fetched is lost by a limit of calls, and an order
        whose own call fails holds back no other."""
        page, failure = OrderPage([]), None
        for record in records:
            if page.limit or len(page.later) >= FAILED_CALLS:
                # Nobody can fetch later what has no ID: it is kept as it was listed.
                (page.later if self._identify(config, record)[0] else page.documents).append(record)
                continue
            try:
                page.documents.append(self._completed(config, endpoint, record))
            except (errors.RateLimited, errors.TemporaryFailure, errors.InvalidResponse) as err:
                failure = err
                page.later.append(record)
                page.limit = err if isinstance(err, errors.RateLimited) else None
        return page, failure

    def _begun_page(self, config, page, walk, failure):
        """Return what came of a page whose others nobody can fetch one by one: this very page is asked for again, for
        them alone, so that each pull gets on however few calls the marketplace takes. Without any, the pull waits."""
        came = {self._identify(config, raw)[0] for raw in page.documents} - {""}
        if not came:
            raise failure
        walk["came"] = [*walk.get("came", ()), *sorted(came)]
        return OrderPage(page.documents, json.dumps(walk), more=True)

    def _completed(self, config, endpoint, record):
        """Return the whole document of an order of which a list told too little. One that can't be had is stored as it
        was listed, and fails where a person sees it: it must not hold back all others, nor be passed over."""
        try:
            if endpoint.fetch_each:
                return self._fetch_order(config, self._identify(config, record)[0]) or record
            return self._with_lines(config, record)
        except (errors.RequestRejected, MappingError):
            return record

    def _with_lines(self, config, record):
        endpoint = self._find_endpoint(config, "order_lines")
        if not endpoint or self._values(config, "order", record, only=("lines",)).get("lines"):
            return record
        rows, walk, order_id = [], {}, self._identify(config, record)[0]
        if not order_id:
            return record
        for _page in range(LINE_PAGES):
            with self._exchange(config, "fetch_order") as exchange:
                found, walk, _response = self._ask_page(exchange, config, endpoint, walk, id=order_id)
            rows += found
            if not walk:
                return {**record, (endpoint.into or "items"): rows}
        raise errors.InvalidResponse(
            _("The lines of order %s have no end. Check the paging of its endpoint.", order_id)
        )

    def _fetch_order(self, config, external_id):
        endpoint = self._endpoint(config, "fetch_order")
        if not external_id:
            return None
        try:
            with self._exchange(config, "fetch_order") as exchange:
                values = {"id": external_id, "account_code": config.supplier_code or ""}
                answer, _response = self._request(exchange, endpoint, values)
        except errors.RequestRejected as err:
            if err.status == 404:
                return None
            raise
        found = forms.records(endpoint.records_path, answer)
        return self._with_lines(config, found[0]) if found else None

    def _identify(self, config, raw):
        try:
            found = self._values(config, "order", raw, only=("external_id", "account_code"))
        except errors.MarketplaceError:
            return "", ""
        return found.get("external_id", ""), found.get("account_code", "")

    def _version(self, config, raw):
        try:
            moment = self._values(config, "order", raw, only=("changed_at",)).get("changed_at")
        except errors.MarketplaceError:
            return ""
        return moment.isoformat(timespec="microseconds") if moment else ""

    def _parse_order(self, config, raw):
        if not isinstance(raw, dict):
            raise MappingError("", _("is no order."))
        currency = self._values(config, "order", raw, digits=2, only=("currency",)).get("currency", "")
        digits = self._digits(config, currency)
        values = self._values(config, "order", raw, digits=digits)
        values.pop("shipments", None)
        for name in ("external_id", "status"):
            if not values.get(name):
                raise MappingError(self._path_of(config, f"order.{name}"), _("is missing"))
        lines = self._parse_lines(config, values.pop("lines", None), digits)
        # In a table of its own: Odoo 19 takes each text that stands in one expression with a `_()` for a term.
        words = {"delivery_price": _("Delivery"), "other_charges": _("Other charges")}
        for name, code in LINES.items():
            charge = values.pop(name, 0.0)
            if charge:
                lines.append(OrderLine(code, 1.0, charge, name=words[name], kind="delivery"))
        values.pop("changed_at", None)
        customer = self._values(config, "customer", raw)
        return Order(
            raw_status=self._raw_word(config, raw),
            customer=Customer(**{"name": "", **customer}),
            lines=lines,
            **values,
        )

    def _raw_word(self, config, raw):
        row = self._maps(config, "order")["status"]
        return forms.filled_text(forms.found(row.path, raw)) or row.default or ""

    def _path_of(self, config, field):
        row = self._maps(config, "order").get(field.split(".")[1])
        return row.path if row else field

    def _parse_lines(self, config, rows, digits):
        path = self._path_of(config, "order.lines")
        if not isinstance(rows, list):
            raise MappingError(path, _("should be the list of the order's lines. Check the path, or fetch the lines."))
        lines, named = [], Counter()
        for index, row in enumerate(rows):
            with under(f"{path}[{index}]"):
                line = self._parse_line(config, row, digits)
            if not line.external_id:
                # By its place it would be another product's when a line before it is taken out.
                name = line.product_external_id or line.product_sku or "#"
                named[name] += 1
                line.external_id = f"{name}:{named[name]}"
            lines.append(line)
        return lines + self._rounding(lines, digits)

    def _parse_line(self, config, raw, digits):
        if not isinstance(raw, dict):
            raise MappingError("", _("should be an object"))
        values = self._values(config, "line", raw, digits=digits)
        total = values.pop("price_total", None)
        if values.get("quantity") is None:
            raise MappingError("line.quantity", _("is missing"))
        if values.get("price_unit") is None:
            if total is None:
                raise MappingError("line.price_unit", _("is missing"))
            values["price_unit"] = total / values["quantity"] if values["quantity"] else 0.0
        return OrderLine(**{"external_id": "", **values, "unit_count": values.get("unit_count") or 1.0})

    def _parse_status(self, config, raw):
        values = self._values(config, "order", raw, only=("external_id", "status"))
        for name in ("external_id", "status"):
            if not values.get(name):
                raise MappingError(self._path_of(config, f"order.{name}"), _("is missing"))
        return values["external_id"], values["status"], self._raw_word(config, raw)

    def _account_personal_keys(self, config):
        rows = config.sudo().field_map_ids.filtered(
            lambda row: row.field.startswith("customer.") or row.field in ("order.note", "line.comment")
        )
        keep = {"code", "id"}
        named = set().union(*(forms.last_keys(row.path) for row in rows if row.field != "customer.code"))
        return super()._account_personal_keys(config) | {"consignee", "receiver"} | (named - keep)

    def _account_code_keys(self, config):
        rows = config.sudo().field_map_ids.filtered(lambda row: row.field == "customer.code")
        return super()._account_code_keys(config).union(*(forms.last_keys(row.path) for row in rows))

    # ------------------------------------------------------------------ orders out

    def _acknowledge(self, config, external_ids):
        code = config.supplier_code or ""
        rows = [{"id": external_id, "account_code": code} for external_id in external_ids]
        return self._send_rows(config, self._endpoint(config, "acknowledge"), "acknowledge", rows)

    def _push_order_status(self, config, external_id, status, values):
        operation = "push_status"
        if status == "cancelled" and self._find_endpoint(config, "cancel"):
            operation = "cancel"
        rows = config.sudo().status_map_ids.filtered(lambda row: row.status == status and row.direction != "in")
        if operation == "push_status" and not rows:
            raise errors.ConfigurationError(
                _("No word of the marketplace's is known for “%s”. Add it to the statuses of the account.", status)
            )
        names = {
            "id": external_id,
            "status": rows[:1].raw or "",
            "reason": values.get("reason") or "",
            "account_code": config.supplier_code or "",
        }
        with self._exchange(config, operation) as exchange:
            self._request(exchange, self._endpoint(config, operation), names)
        return RowResult.accepted()

    def _ship(self, config, external_id, package):
        if package.repeated and self._knows_package(config, external_id, package):
            return RowResult.accepted()
        lines = [
            self._written(config, "shipped", "ship", {"line_id": line_id, "quantity": quantity})
            for line_id, quantity in package.lines
        ]
        names = {
            "id": external_id,
            "account_code": config.supplier_code or "",
            "reference": package.reference,
            "carrier": package.carrier,
            "tracking": package.tracking,
            "tracking_url": package.tracking_url,
            "shipped_at": package.shipped_at.strftime("%Y-%m-%dT%H:%M:%SZ") if package.shipped_at else "",
            "lines": lines,
        }
        with self._exchange(config, "ship") as exchange:
            self._request(exchange, self._endpoint(config, "ship"), names)
        return RowResult.accepted()

    def _knows_package(self, config, external_id, package):
        """Tell whether the marketplace has this package from a call whose answer was lost."""
        if "shipments" not in self._maps(config, "order") or not self._find_endpoint(config, "fetch_order"):
            return False
        raw = self._fetch_order(config, external_id)
        known = self._values(config, "order", raw or {}, only=("shipments",)).get("shipments")
        known = {forms.filled_text(value) for value in (known if isinstance(known, list) else [known])}
        return bool({package.tracking, package.reference} & (known - {""}))

    # ------------------------------------------------------------------ webhooks

    def _parse_webhook(self, config, kind, payload, headers):
        sudo = config.sudo()
        if sudo.rest_webhook_event:
            wanted = {name.strip() for name in (sudo.rest_webhook_events or "").split(",") if name.strip()}
            if forms.filled_text(forms.found(sudo.rest_webhook_event, payload)) not in wanted:
                return []  # about something else than orders
        mode = "status" if kind == "status" else sudo.rest_webhook_mode
        events = []
        for document in forms.records(sudo.rest_webhook_records, payload):
            if mode == "notice" and sudo.rest_webhook_id:
                external_id = forms.filled_text(forms.found(sudo.rest_webhook_id, document))
            else:
                external_id = self._identify(config, document)[0]
            if not external_id:
                path = sudo.rest_webhook_id if mode == "notice" else self._path_of(config, "order.external_id")
                raise MappingError(path or "@", _("is missing: the delivery names no order"))
            kept = {} if mode == "notice" else document
            events.append(Event(mode if mode in ("notice", "status") else "order", external_id, kept))
        return events
