# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import hashlib
import json
from urllib.parse import urljoin

from odoo import _, models

from ..transport import errors, oauth
from ..transport.auth import BasicAuth, HeaderToken, QueryKey, Together
from ..transport.errors import MappingError
from . import rest_forms as forms

SUBJECT_OF = {"price": "price", "quantity": "stock", "in_stock": "stock", "published": "publication"}
HEADER = ("auth_header", "auth_prefix")
# What is answered to a page that is none, where 404 is not.
NO_SUCH_PAGE = (400, 416, 422)
OAUTH = ("client_credentials", "refresh_token")
CREDENTIALS = {
    "none": (),
    "header": ("auth_token",),
    "query": ("auth_token",),
    "basic": ("client_id", "client_secret"),
    "client_credentials": ("client_id", "client_secret", "token_url"),
    "refresh_token": ("client_id", "client_secret", "refresh_token", "token_url"),
}


class MarketplaceApiRest(models.AbstractModel):
    """Any marketplace with a REST API, by configuration alone: what is called stands in ``marketplace.endpoint``, what
    stands where in ``marketplace.field.map``, what a status means in ``marketplace.status.map``. Nothing of it is
    executed, see ``rest_forms.py``. Offers and orders stand in ``rest_offers.py`` and ``rest_orders.py``."""

    _name = "marketplace.api.rest"
    _inherit = "marketplace.api"
    _description = "Adapter: Generic REST"

    # ------------------------------------------------------------------ who we are

    def _label(self):
        return "Generic REST"

    def _capabilities(self):
        return {
            "batch_size": 100,
            "defaults": {"auth_header": "Authorization", "auth_prefix": "Bearer"},
            "needs_ack": False,
            "has_webhook": True,
            "webhook_status": True,
            "settings": ("supplier_code",),
            "async_push": False,
            "subjects": {"price", "stock"},
            "statuses": set(),
            "cancellation_reasons": {},
            "default_url": "",
        }

    def _account_capabilities(self, config):
        sudo = config.sudo()  # who sees an order or a delivery may see what its marketplace can do
        operations = set(sudo.endpoint_ids.mapped("operation"))
        ship = sudo.endpoint_ids.filtered(lambda endpoint: endpoint.operation == "ship")
        return {
            **self._capabilities(),
            "needs_ack": "acknowledge" in operations,
            "has_webhook": sudo.rest_webhook_mode != "none",
            "subjects": self._subjects(sudo, operations),
            "statuses": self._statuses(sudo, operations),
            "ships": bool(ship),
            "ships_whole": "{lines}" not in (ship.body or ""),
            "credentials": CREDENTIALS[sudo.rest_auth or "none"],
            "settings": ("supplier_code", *(HEADER if sudo.rest_auth in ("header", *OAUTH) else ())),
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
        """Ask for one page; return ``(records, walk to the next page or None, response)``, the response ``None`` where
        the page before turned out to be the last. A walk is ``at``, where it is, ``same``, by which a marketplace
        that does not turn pages is found out, and ``short`` where the page before may have been the last."""
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
        try:
            answer, response = self._request(exchange, endpoint, names, params, url)
        except errors.RequestRejected as err:
            if not self._is_behind(endpoint, walk, err):
                raise
            return [], None, None  # there is no such page: the one before was the last
        records = forms.records(endpoint.records_path, answer)
        following = self._following(endpoint, answer, response, records, number, offset)
        if following is None:
            return records, None, response
        same = hashlib.sha256(json.dumps(records, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        if records and same == walk.get("same"):
            if walk.get("short"):
                return [], None, None  # the last page is shown for all behind it
            raise errors.InvalidResponse(_("The marketplace gives the same page again and again. Check its paging."))
        short = self._is_counted(endpoint) and len(records) < endpoint.page_size
        return records, {"at": str(following), "same": same, **({"short": True} if short else {})}, response

    def _is_counted(self, endpoint):
        """Tell whether the marketplace leaves it to us to find out which page is the last."""
        return endpoint.paging in ("page", "offset") and not endpoint.next_path

    def _is_behind(self, endpoint, walk, refusal):
        """Tell whether a page was refused because the one before was the last. Behind a full page that may as well be a
        limit of how deep is read, and what stands there would be lost."""
        if not walk.get("at") or not self._is_counted(endpoint):
            return False
        return refusal.status == 404 or bool(walk.get("short") and refusal.status in NO_SUCH_PAGE)

    def _following(self, endpoint, answer, response, records, number, offset):
        """Return where the next page is, ``None``: this was the last."""
        kind = endpoint.paging
        if kind == "link":
            return forms.next_link(response.headers.get("Link")) or None
        told = forms.found(endpoint.next_path, answer) if endpoint.next_path else None
        if kind in ("cursor", "next"):
            return told if isinstance(told, (str, int)) and told not in ("", False) else None
        # Not whether the page is full: a marketplace may give fewer rows than it is asked for.
        if kind == "none" or not records or (endpoint.next_path and not told):
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
        Of what is written those for the operation go before those for all."""
        chosen = {}
        rows = config.sudo().field_map_ids.filtered(
            lambda row: row.field.startswith(f"{scope}.") and row.operation in (False, operation)
        )
        for row in rows.sorted(lambda row: bool(row.operation)):
            chosen[row.path if scope in ("offer", "shipped") else row.field.split(".")[1]] = row
        return chosen

    def _values(self, config, scope, document, digits=None, only=None):
        """Return what the fields of a scope find in the document: ``{name: neutral value}``.

        :raise MappingError: with the path, the value there and our name of the field
        """
        digits = self._digits(config) if digits is None else digits
        values = {}
        for name, row in self._maps(config, scope).items():
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
        own = config.sudo().currency_id.decimal_places
        return self._decimals(code.upper(), own) if code else own

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
