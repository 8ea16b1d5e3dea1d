# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import hashlib
import json
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from odoo import _, fields, models, tools

from ..schemas import UNLIMITED, Customer, Event, Order, OrderLine, OrderPage, RemoteProduct, RowResult
from ..transport import errors, oauth
from ..transport.auth import BasicAuth, HeaderToken, QueryKey, Together
from ..transport.errors import MappingError
from ..transport.reading import under
from . import rest_forms as forms

# Which values of a row each kind of push is for.
PUSHES = {
    "push_offers": {"price", "quantity", "published"},
    "push_price": {"price"},
    "push_stock": {"quantity"},
    "push_publication": {"published"},
}
SUBJECT_OF = {"price": "price", "quantity": "stock", "in_stock": "stock", "published": "publication"}
# What a row's value is written into, by the value.
WRITES = {"price": {"price"}, "quantity": {"quantity", "unlimited", "in_stock"}, "published": {"published"}}
OAUTH = ("client_credentials", "refresh_token")
CREDENTIALS = {
    "none": (),
    "header": ("auth_token",),
    "query": ("auth_token",),
    "basic": ("client_id", "client_secret"),
    "client_credentials": ("client_id", "client_secret", "token_url"),
    "refresh_token": ("client_id", "client_secret", "refresh_token", "token_url"),
}
# How long rows that were not tried wait after a call that failed, where the marketplace does not say.
PAUSE_SECONDS = 5.0
# Pages of the lines of one order.
LINE_PAGES = 50
WORST = ("accepted", "wait", "retry", "rejected")


class MarketplaceApiRest(models.AbstractModel):
    """Any marketplace with a REST API, by configuration alone: what is called stands in ``marketplace.endpoint``, what
    stands where in ``marketplace.field.map``, what a status means in ``marketplace.status.map``. Nothing of it is
    executed, see ``rest_forms.py``."""

    _name = "marketplace.api.rest"
    _inherit = "marketplace.api"
    _description = "Adapter: Generic REST"

    # ------------------------------------------------------------------ who we are

    def _label(self):
        return "Generic REST"

    def _capabilities(self):
        return {
            "batch_size": 100,
            "needs_ack": False,
            "has_webhook": True,
            "async_push": False,
            "subjects": {"price", "stock"},
            "statuses": set(),
            "cancellation_reasons": {},
            "default_url": "",
        }

    def _account_capabilities(self, config):
        sudo = config.sudo()  # who sees an order or a delivery may see what its marketplace can do
        operations = set(sudo.endpoint_ids.mapped("operation"))
        return {
            **self._capabilities(),
            "needs_ack": "acknowledge" in operations,
            "has_webhook": sudo.rest_webhook_mode != "none",
            "subjects": self._subjects(sudo, operations),
            "statuses": self._statuses(sudo, operations),
            "ships": "ship" in operations,
            "credentials": CREDENTIALS[sudo.rest_auth or "none"],
        }

    def _subjects(self, config, operations):
        single = {"push_price": "price", "push_stock": "stock", "push_publication": "publication"}
        subjects = {subject for operation, subject in single.items() if operation in operations}
        if "push_offers" in operations:
            written = [row.field.split(".")[1] for row in self._maps(config, "offer", "push_offers").values()]
            subjects |= {SUBJECT_OF[name] for name in written if name in SUBJECT_OF}
        return subjects

    def _statuses(self, config, operations):
        statuses = set()
        if "push_status" in operations:
            statuses |= {row.status for row in config.status_map_ids if row.direction != "in"}
        if "cancel" in operations:
            statuses.add("cancelled")
        # Who is told of each delivery is not told *shipped*; pending and editing are the marketplace's own.
        return statuses - {"pending", "editing"} - ({"shipped"} if "ship" in operations else set())

    # ------------------------------------------------------------------ credentials

    def _auth(self, config):
        credentials = config.sudo()._credentials()
        if credentials.rest_auth in OAUTH:
            return super()._auth(config)
        return self._joined(credentials, self._static_auth(credentials))

    def _static_auth(self, credentials):
        kind = credentials.rest_auth
        if kind == "basic":
            return BasicAuth(credentials.client_id, credentials.client_secret)
        if kind == "query":
            return QueryKey(credentials.rest_key_param, credentials.auth_token)
        if kind == "header":
            return self._header_token(credentials, credentials.auth_token)
        return None

    def _header_token(self, credentials, token):
        prefix = (credentials.auth_prefix or "").strip()
        return HeaderToken(credentials.auth_header or "Authorization", token, prefix=prefix and f"{prefix} ")

    def _token_auth(self, config, access_token):
        credentials = config.sudo()._credentials()
        return self._joined(credentials, self._header_token(credentials, access_token))

    def _joined(self, credentials, first):
        """Return ``first`` together with the second token, where the account has one."""
        names = [name.strip() for name in (credentials.rest_header_2 or "").split(",") if name.strip()]
        parts = [HeaderToken(name, credentials.rest_token_2) for name in names]
        return Together(*filter(None, (first, *parts))) if parts else first

    def _token_grant(self, config, refresh_token):
        if config.rest_auth not in OAUTH or not config.client_id or not config._token_url():
            return None
        form = {"grant_type": config.rest_auth, "scope": config.rest_scope}
        if config.rest_auth == "refresh_token":
            form["refresh_token"] = refresh_token
        basic = None
        if config.rest_client_in == "header":
            basic = (config.client_id, config.client_secret or "")
        else:
            form.update(client_id=config.client_id, client_secret=config.client_secret)
        return oauth.Grant(config._token_url(), {key: value for key, value in form.items() if value}, basic)

    def _secrets(self, config):
        second = config.sudo()._credentials().rest_token_2
        return [*super()._secrets(config), *([second] if second else [])]

    # ------------------------------------------------------------------ calls

    def _endpoint(self, config, operation):
        """:raise UnsupportedFeature: the account has no endpoint for this operation"""
        endpoint = self._find_endpoint(config, operation)
        if not endpoint:
            label = dict(self.env["marketplace.endpoint"]._fields["operation"]._description_selection(self.env))
            raise errors.UnsupportedFeature(
                _(
                    "%(account)s has no endpoint “%(name)s”. Add it to the account.",
                    account=config.name,
                    name=label[operation],
                )
            )
        return endpoint

    def _find_endpoint(self, config, operation):
        # sudo: whoever makes an order known needs no rights on how its marketplace is called
        return config.sudo().endpoint_ids.filtered(lambda endpoint: endpoint.operation == operation)

    def _request(self, exchange, endpoint, values, params=None, url=None):
        """Send one request; return ``(answer, response)``.

        :raise RequestRejected: also where an answer with status 200 says so
        """
        query = {} if url else {**forms.filled_lines(endpoint.query, values, "="), **(params or {})}
        response = exchange.send(
            endpoint.method,
            url or forms.filled_path(endpoint.path, values),
            params=query,
            headers=forms.filled_lines(endpoint.headers, values, ":"),
            **self._body(endpoint, values),
        )
        answer = response.json() if response.body.strip() else None
        refusal = forms.found(endpoint.error_path, answer) if endpoint.error_path else None
        if refusal not in (None, False, "", [], {}):
            code = forms.found(endpoint.result_code_path, answer) if endpoint.result_code_path else ""
            raise errors.RequestRejected(forms.words(refusal), code=forms.words(code or ""))
        return answer, response

    def _body(self, endpoint, values):
        if endpoint.body_kind == "none":
            return {}
        template = forms.parsed_template(endpoint.body)
        if template is None:
            template = "{rows}" if endpoint.batch_size > 1 else "{row}"
        body = forms.filled(template, values)
        if endpoint.body_kind == "json":
            return {"json": body}
        if not isinstance(body, dict):
            raise errors.ConfigurationError(_("The body of a form has to be one JSON object. Correct the endpoint."))
        return {"data": {name: forms.filled_text(value) for name, value in body.items()}}

    def _ask_page(self, exchange, config, endpoint, walk, **values):
        """Ask for one page; return ``(records, walk to the next page or None, response)``. A walk is ``at``, where it
        is, and ``same``, by which a marketplace that does not turn pages is found out."""
        at, kind = walk.get("at"), endpoint.paging
        number = int(at or endpoint.first_page) if kind == "page" else 0
        offset = int(at or 0) if kind == "offset" else 0
        names = {
            "page": number,
            "offset": offset,
            "cursor": at if kind == "cursor" else None,
            "page_size": endpoint.page_size,
            "account_code": config.supplier_code or "",
            **values,
        }
        shown = {"page": number, "offset": offset, "cursor": at}.get(kind)
        params = {endpoint.size_param: endpoint.page_size} if endpoint.size_param else {}
        if endpoint.page_param and shown is not None:
            params[endpoint.page_param] = shown
        url = urljoin(exchange.client.base_url + endpoint.path, at) if kind in ("link", "next") and at else None
        answer, response = self._request(exchange, endpoint, names, params, url)
        records = forms.records(endpoint.records_path, answer)
        following = self._following(endpoint, answer, response, records, number, offset)
        if following is None:
            return records, None, response
        same = hashlib.sha256(json.dumps(records, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        if records and same == walk.get("same"):
            raise errors.InvalidResponse(_("The marketplace gives the same page again and again. Check its paging."))
        return records, {"at": str(following), "same": same}, response

    def _following(self, endpoint, answer, response, records, number, offset):
        """Return where the next page is, ``None``: this was the last."""
        kind = endpoint.paging
        if kind == "link":
            return forms.next_link(response.headers.get("Link")) or None
        told = forms.found(endpoint.next_path, answer) if endpoint.next_path else None
        if kind in ("cursor", "next"):
            return told if isinstance(told, (str, int)) and told not in ("", False) else None
        if kind == "none" or not records or not (told if endpoint.next_path else len(records) >= endpoint.page_size):
            return None
        return number + 1 if kind == "page" else offset + len(records)

    def _test_connection(self, config):
        endpoint = self._find_endpoint(config, "test") or self._endpoint(config, "list_products")
        with self._exchange(config, "test_connection", 0) as exchange:
            records, _next, _response = self._ask_page(exchange, config, endpoint, {})
        values = self._values(config, "account", records[0]) if records and endpoint.operation == "test" else {}
        return {"name": values.get("name") or config.name, "currency": values.get("currency", "")}

    # ------------------------------------------------------------------ fields

    def _maps(self, config, scope, operation=""):
        """Return the fields of a scope: ``{name here: marketplace.field.map}``, of what is written ``{name there: …}``.
        Those for the operation go before those for all."""
        chosen = {}
        rows = config.sudo().field_map_ids.filtered(
            lambda row: row.field.startswith(f"{scope}.") and row.operation in (False, operation)
        )
        for row in rows.sorted(lambda row: bool(row.operation)):
            chosen[row.path if scope in ("offer", "shipped") else row.field.split(".")[1]] = row
        return chosen

    def _values(self, config, scope, document, operation="", digits=None, only=None):
        """Return what the fields of a scope find in the document: ``{name: neutral value}``.

        :raise MappingError: with the path, the value there and our name of the field
        """
        digits = self._digits(config) if digits is None else digits
        values = {}
        for name, row in self._maps(config, scope, operation).items():
            if only and name not in only:
                continue
            value = self._value(config, row, document, digits)
            if value is not forms.LEFT_OUT:
                values[name] = value
        return values

    def _value(self, config, row, document, digits):
        with forms.named(row.field):
            if row.field in ("order.lines", "order.shipments"):
                return forms.found(row.path, document)
            value = forms.read(row.path, document, row.converter, digits, row.argument)
            if value is forms.LEFT_OUT and row.default:
                value = forms.read("value", {"value": row.default}, row.converter, digits, row.argument)
            if row.converter == "status" and value is not forms.LEFT_OUT:
                return self._neutral_status(config, row.path, value)
        return forms.filled_text(value) if row._kind() == "text" and value is not forms.LEFT_OUT else value

    def _digits(self, config, code=""):
        """Return the decimals of a currency by its code, or of the account's own."""
        currency = config.sudo().pricelist_id.currency_id or config.sudo().company_id.currency_id
        found = self._decimals(code.upper()) if code else None
        return currency.decimal_places if found is None else found

    @tools.ormcache("code")
    def _decimals(self, code):
        currency = (
            self.env["res.currency"].sudo().with_context(active_test=False).search([("name", "=", code)], limit=1)
        )
        return currency.decimal_places if currency else None

    def _status_row(self, config, raw):
        rows = config.sudo().status_map_ids.filtered(lambda row: row.direction != "out")
        return rows.filtered(lambda row: row.raw == raw) or rows.filtered(lambda row: row.raw.lower() == raw.lower())

    def _neutral_status(self, config, path, raw):
        row = self._status_row(config, raw)[:1]
        if not row:
            raise MappingError(
                path,
                _("Unknown order status %r. Add it to the statuses of the account, then replay the document.", raw),
            )
        return row.status

    # ------------------------------------------------------------------ products

    def _list_products(self, config, cursor=None):
        endpoint = self._endpoint(config, "list_products")
        with self._exchange(config, "list_products") as exchange:
            rows, following, _response = self._ask_page(exchange, config, endpoint, _loaded(cursor))
            exchange.count = len(rows)
            products = []
            for row in rows:
                try:
                    products.append(self._parse_product(config, row))
                except MappingError:
                    exchange.failed += 1  # one row that makes no sense must not hide all others
        return products, json.dumps(following) if following else None

    def _parse_product(self, config, raw):
        values = self._values(config, "product", raw)
        if not values.get("external_id"):
            raise MappingError(
                "product.external_id", _("is missing. Add the product's ID to the fields of the account.")
            )
        return RemoteProduct(**{**values, "unit_count": values.get("unit_count") or 1.0})

    def _serialize_product(self, config, data):
        """Return one wire row for each kind of push that this row takes: ``{operation: row}``."""
        known = {
            "external_id": data["external_id"],
            "sku": data["sku"],
            "account_code": data["account_code"],
            "price": data.get("price"),
            "published": data.get("published"),
        }
        if "quantity" in data:
            unlimited = data["quantity"] == UNLIMITED
            known.update(unlimited=unlimited, in_stock=data["quantity"] > 0)
            known["quantity"] = None if unlimited else data["quantity"]
        wire = {}
        for operation, keys in PUSHES.items():
            if keys & data.keys() and self._find_endpoint(config, operation):
                hidden = set().union(*(WRITES[key] for key in WRITES if key not in keys))
                values = {name: value for name, value in known.items() if name not in hidden}
                wire[operation] = self._written(config, "offer", operation, values)
        return wire

    def _written(self, config, scope, operation, values):
        row, digits = {}, self._digits(config)
        for path, field in self._maps(config, scope, operation).items():
            name = field.field.split(".")[1]
            if name == "constant":
                forms.place(row, path, forms.constant(field.default, field.converter))
            elif values.get(name) is not None:
                forms.write(row, path, values[name], field.converter, digits, field.argument)
        return row

    def _push_offers(self, config, rows):
        results = [RowResult.accepted() for _row in rows]
        accepted = False
        for operation in PUSHES:
            indexes = [index for index, row in enumerate(rows) if operation in row["wire"]]
            if not indexes:
                continue
            endpoint = self._endpoint(config, operation)
            sent = [self._row_names(config, rows[index], rows[index]["wire"][operation]) for index in indexes]
            answered = self._send_rows(config, endpoint, "push_offers", sent, accepted)
            accepted |= any(result.outcome == "accepted" for result in answered)
            for index, result in zip(indexes, answered, strict=True):
                results[index] = max(results[index], result, key=lambda one: WORST.index(one.outcome))
        return results

    def _row_names(self, config, row, wire):
        code = config.supplier_code or ""
        return {"id": row["external_id"], "sku": row["sku"], "account_code": code, "row": wire}

    def _send_rows(self, config, endpoint, operation, rows, accepted=False):
        """Send rows in as many calls as the endpoint needs; return a ``RowResult`` for each. What was accepted is not
        lost because a later call failed: only a failure before anything was accepted is raised."""
        results, size = [], endpoint.batch_size
        for start in range(0, len(rows), size):
            chunk = rows[start : start + size]
            try:
                results += self._send_chunk(config, endpoint, operation, chunk)
            except (errors.RateLimited, errors.TemporaryFailure, errors.InvalidResponse) as err:
                if not accepted and not any(result.outcome == "accepted" for result in results):
                    raise
                if not isinstance(err, errors.RateLimited):
                    results += [RowResult.retry(str(err), err.seconds) for _row in chunk]
                wait = RowResult.wait(PAUSE_SECONDS if err.seconds is None else err.seconds, str(err))
                return results + [wait] * (len(rows) - len(results))
        return results

    def _send_chunk(self, config, endpoint, operation, chunk):
        """Send one call; a batch that is refused as a whole is halved until the bad row is alone."""
        shared = {"ids": [row["id"] for row in chunk], "rows": [row.get("row") for row in chunk]}
        values = {**(chunk[0] if len(chunk) == 1 else {"account_code": chunk[0]["account_code"]}), **shared}
        try:
            with self._exchange(config, operation, len(chunk)) as exchange:
                answer, _response = self._request(exchange, endpoint, values)
                results = self._row_results(endpoint, answer, chunk)
                exchange.failed = sum(result.outcome != "accepted" for result in results)
                return results
        except errors.RequestRejected as err:
            if len(chunk) == 1:
                return [RowResult.rejected(err.code or str(err.status or ""), str(err))]
        middle = len(chunk) // 2
        halves = (chunk[:middle], chunk[middle:])
        return [result for half in halves for result in self._send_chunk(config, endpoint, operation, half)]

    def _row_results(self, endpoint, answer, chunk):
        """Return what the answer tells of each row.

        :raise RequestRejected: a row failed and it can't be told which
        """
        if endpoint.result_rows == "none":
            return [RowResult.accepted() for _row in chunk]
        records = forms.records(endpoint.records_path, answer)
        told = [self._row_result(endpoint, record) for record in records]
        if endpoint.result_id_path:
            ids = [forms.filled_text(forms.found(endpoint.result_id_path, record)) for record in records]
            by_id = dict(zip(ids, told, strict=True))
            return [by_id.get(row.get(endpoint.result_key, ""), self._untold(endpoint)) for row in chunk]
        if len(told) == len(chunk):
            return told
        failed = [result for result in told if result.outcome != "accepted"]
        if failed:
            raise errors.RequestRejected(failed[0].message, code=failed[0].code)
        return [self._untold(endpoint) for _row in chunk]

    def _row_result(self, endpoint, record):
        problem = forms.found(endpoint.result_error_path, record) if endpoint.result_error_path else None
        if problem in (None, False, "", [], {}) and (endpoint.result_rows == "all" or endpoint.result_error_path):
            return RowResult.accepted()
        code = forms.found(endpoint.result_code_path, record) if endpoint.result_code_path else None
        message = forms.words(problem) if problem not in (None, True) else _("The marketplace refused the row.")
        return RowResult.rejected(forms.filled_text(code), message)

    def _untold(self, endpoint):
        if endpoint.result_rows == "failed":
            return RowResult.accepted()
        return RowResult.rejected("", _("Product not found: the marketplace's answer does not have it. Check its ID."))

    # ------------------------------------------------------------------ orders in

    def _pull_orders(self, config, cursor=None):
        endpoint = self._endpoint(config, "pull_orders")
        walk = _loaded(cursor)
        begin = walk.get("since") or fields.Datetime.to_string(config.orders_since or config.create_date)
        since = fields.Datetime.from_string(begin)
        with self._exchange(config, "pull_orders", 0) as exchange:
            records, following, response = self._ask_page(
                exchange, config, endpoint, walk, since=forms.written_since(since, endpoint.since_format)
            )
            exchange.count = len(records)
        documents = [document for record in records if (document := self._completed(config, endpoint, record))]
        began = walk.get("began") or _server_time(response)
        if following:
            return OrderPage(documents, json.dumps({"since": begin, "began": began, **following}), True)
        if self._find_endpoint(config, "acknowledge"):
            return OrderPage(documents)  # a queue begins anew
        if began:
            # By the marketplace's clock, and from before its first page was asked for.
            moment = max(since, fields.Datetime.from_string(began) - timedelta(seconds=endpoint.overlap))
            begin = fields.Datetime.to_string(moment)
        return OrderPage(documents, json.dumps({"since": begin}))

    def _completed(self, config, endpoint, record):
        """Return the whole document of an order of which a list told too little; ``None``: it is gone."""
        if endpoint.fetch_each:
            return self._fetch_order(config, self._identify(config, record)[0])
        return self._with_lines(config, record)

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
        delivery = values.pop("delivery_price", 0.0)
        if delivery:
            lines.append(OrderLine("delivery", 1.0, delivery, name=_("Delivery"), kind="delivery"))
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
        lines = []
        for index, row in enumerate(rows):
            with under(f"{path}[{index}]"):
                lines.append(self._parse_line(config, row, index, digits))
        return lines

    def _parse_line(self, config, raw, index, digits):
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
        values["unit_count"] = values.get("unit_count") or 1.0
        return OrderLine(**{**values, "external_id": values.get("external_id") or f"#{index + 1}"})

    def _parse_status(self, config, raw):
        values = self._values(config, "order", raw, only=("external_id", "status"))
        for name in ("external_id", "status"):
            if not values.get(name):
                raise MappingError(self._path_of(config, f"order.{name}"), _("is missing"))
        return values["external_id"], values["status"], self._raw_word(config, raw)

    def _account_personal_keys(self, config):
        rows = config.sudo().field_map_ids.filtered(
            lambda row: row.field.startswith("customer.") or row.field == "order.note"
        )
        keep = {"code", "id"}
        named = set().union(*(forms.last_keys(row.path) for row in rows if row.field != "customer.code"))
        return super()._account_personal_keys(config) | {"consignee", "receiver"} | (named - keep)

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


def _loaded(cursor):
    """The walk that a cursor is, from its beginning where it makes no sense."""
    try:
        walk = json.loads(cursor or "{}")
    except ValueError:
        return {}
    return walk if isinstance(walk, dict) else {}


def _server_time(response):
    """The marketplace's clock, as text of Odoo's, ``""`` where it does not tell it."""
    try:
        moment = parsedate_to_datetime(response.headers.get("Date") or "")
    except (TypeError, ValueError, IndexError):
        return ""
    moment = moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    return datetime.strftime(moment, "%Y-%m-%d %H:%M:%S")
