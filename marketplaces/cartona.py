# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import re
from urllib.parse import quote

from odoo import _, models

from ..schemas import UNLIMITED, Customer, Event, Order, OrderLine, OrderPage, RemoteProduct, RowResult
from ..transport import errors
from ..transport.auth import HeaderToken
from ..transport.reading import day, first, flag, items, moment, number, text, under
from ..transport.redaction import redact
from ..transport.text import one_text, storable

# Cartona's words and ours. Unknown ones are refused by name, never guessed.
STATUS_FROM_CARTONA = {
    "pending": "pending",
    "editing": "editing",
    "approved": "approved",
    "assigned_to_salesman": "shipped",
    "delivered": "delivered",
    "cancelled_by_retailer": "cancelled",
    "cancelled_by_supplier": "cancelled",
    "returned": "returned",
    "synced": "pending",
}
STATUS_TO_CARTONA = {
    "approved": "approved",
    "shipped": "assigned_to_salesman",
    "delivered": "delivered",
    "cancelled": "cancelled_by_supplier",
    "returned": "returned",
}
# Decimals of the Egyptian pound.
DIGITS = 2
# What tells who a retailer is. The code stays: it is a number of Cartona's.
PERSONAL_KEYS = {
    *("retailer_name", "retailer_number", "retailer_number2", "retailer_email", "retailer_address"),
    *("address_notes", "note_message", "comment", "pickup_otp"),
}
# The id of a product, in all spellings that occur.
PRODUCT_KEYS = ("supplier_product_id", "suppler_prodcut_id", "id")
# What an answer's success or status says where something failed.
FAILED = re.compile(r"false|0|no|error|failed|failure|rejected|refused|invalid|[45]\d\d(\.0)?", re.ASCII)
CATALOGUE_PAGE = 100
# Orders of one pull; more are asked for when those at the head of the queue can't be acknowledged.
PULL_LIMIT = 100
PULL_LIMIT_MAX = 3200


class MarketplaceApiCartona(models.AbstractModel):
    """Cartona, a B2B marketplace in Egypt: the supplier-integrations API, version 1.

    Source: Cartona's API text and Postman collection (https://supplier-integrations.cartona.com). Orders are a queue:
    each comes again until it is acknowledged as ``synced``. Bulk calls answer 200 although rows failed.
    """

    _name = "marketplace.api.cartona"
    _inherit = "marketplace.api"
    _description = "Adapter: Cartona"

    # ------------------------------------------------------------------ who we are

    def _label(self):
        return "Cartona"

    def _capabilities(self):
        return {
            "batch_size": 100,
            "needs_ack": True,
            "has_webhook": False,
            "webhook_status": True,
            "settings": ("supplier_code", "auth_header", "auth_prefix", "product_path", "order_path"),
            "async_push": False,
            "subjects": {"price", "stock", "publication"},
            "statuses": set(STATUS_TO_CARTONA),
            "line_statuses": {"pending", "approved", "shipped"},
            "private_fields": {"pickup_otp"},
            "cancellation_reasons": {
                "out_of_stock": _("Out of stock"),
                "cannot_deliver_the_order": _("Cannot deliver the order"),
                "supplier_asked_me_to_cancel": _("Supplier asked to cancel"),
                "delayed_order": _("Delayed order"),
                "pending_order_without_action": _("Pending without action"),
                "removed_items": _("Removed items"),
                "supplier_attitude": _("Supplier's attitude"),
                "missing_items": _("Missing items"),
                "expired_products": _("Expired products"),
                "different_prices": _("Different prices"),
                "different_products": _("Different products"),
            },
            "default_url": "https://supplier-integrations.cartona.com/api/v1/",
        }

    def _auth(self, config):
        credentials = config.sudo()._credentials()
        return HeaderToken(
            credentials.auth_header or "AuthorizationToken",
            credentials.auth_token or "",
            prefix=credentials.auth_prefix or "",
        )

    def _classify(self, status, body):
        """Cartona answers a bad token with 400 and says so in words."""
        words = str(body).lower()
        if status == 400 and "credential" in words:
            return errors.AuthenticationFailed(
                _("Invalid token: Cartona refuses the credentials. Enter the current token on the account."),
                status=status,
            )
        return None

    def _test_connection(self, config):
        with self._exchange(config, "test_connection", 0) as exchange:
            rows = exchange.request("GET", config.product_path, params={"page": 1, "per_page": 1})
            self._check_list(rows)
        return {"name": config.supplier_code or config.name, "currency": "EGP"}

    # ------------------------------------------------------------------ products

    def _list_products(self, config, cursor=None):
        page = int(cursor or 1)
        params = {"page": page, "per_page": CATALOGUE_PAGE}
        if config.supplier_code:
            # Not documented for reading, as it is for updates: else the prices may be those of another account.
            params["supplier_code"] = config.supplier_code
        with self._exchange(config, "list_products") as exchange:
            rows = exchange.request("GET", config.product_path, params=params)
            self._check_list(rows)
            products = self._readable(exchange, rows, self._parse_product)
        return products, str(page + 1) if len(rows) >= CATALOGUE_PAGE else None

    def _parse_product(self, raw):
        unlimited = flag(raw, "is_unlimited_stock", default=False)
        return RemoteProduct(
            external_id=text(raw, PRODUCT_KEYS),
            name=text(raw, ("suppler_prodcut_name", "product_name", "name", "base_product_name")),
            sku=text(raw, "internal_product_id"),
            unit=text(raw, "unit"),
            unit_count=number(raw, "unit_count", default=1.0) or 1.0,
            price=number(raw, "selling_price", default=None),
            quantity=float(UNLIMITED) if unlimited else number(raw, "available_stock_quantity", default=None),
            published=flag(raw, "is_published", default=True),
        )

    def _serialize_product(self, config, data):
        row = {"supplier_product_id": data["external_id"]}
        if data["account_code"]:
            row["supplier_code"] = data["account_code"]
        if "price" in data:
            row["selling_price"] = data["price"]
        if "quantity" in data:
            unlimited = data["quantity"] == UNLIMITED
            row["is_unlimited_stock"] = unlimited
            row["in_stock"] = data["quantity"] > 0
            if not unlimited:
                row["available_stock_quantity"] = data["quantity"]
        if "published" in data:
            row["is_published"] = data["published"]
        return row

    def _push_offers(self, config, rows):
        wire = [row["wire"] for row in rows]
        with self._exchange(config, "push_offers", len(rows)) as exchange:
            answer = exchange.request("POST", f"{config.product_path}/bulk-update", json=wire)
            results = self._row_results(wire, answer, PRODUCT_KEYS)
            exchange.failed = sum(result.outcome != "accepted" for result in results)
        return results

    # ------------------------------------------------------------------ orders

    def _pull_orders(self, config, cursor=None):
        """The cursor is how many orders to ask for: those that can't be acknowledged stay at the head of the queue, and
        only a longer pull sees what comes after them."""
        limit = int(cursor or PULL_LIMIT)
        with self._exchange(config, "pull_orders", 0) as exchange:
            rows = exchange.request("GET", f"{config.order_path}/pull-orders", params={"limit": limit})
            self._check_list(rows)
            exchange.count = len(rows)
        return OrderPage(rows, str(limit * 2) if limit <= len(rows) < PULL_LIMIT_MAX else None)

    def _identify(self, config, raw):
        if not isinstance(raw, dict):
            return "", ""
        return _plain(raw.get("hashed_id")), _plain(raw.get("supplier_code"))

    def _parse_order(self, config, raw):
        raw_status = text(raw, "status", required=True)
        installment = number(raw, "installment_cost", default=0.0)
        top_up = number(raw, ("wallet_top_up", "wallet_topup"), default=0.0)
        return Order(
            external_id=text(raw, "hashed_id", required=True),
            status=self._neutral_status(raw_status),
            raw_status=raw_status,
            customer=self._parse_customer(first(raw, "retailer", default={}), raw),
            lines=self._parse_lines(raw),
            total=number(raw, "total_price", default=None),
            account_code=text(raw, "supplier_code"),
            reference=text(raw, "receipt_id"),
            ordered_at=moment(raw, "created_at"),
            delivery_date=day(raw, ("delivery_day", "estimated_delivery_day", "retailer_preferred_delivery_date")),
            preferred_day=day(raw, "retailer_preferred_delivery_date"),
            estimated_day=day(raw, "estimated_delivery_day"),
            pickup_at=moment(raw, "pickup_date"),
            edited_by_marketplace=flag(raw, "edited_by_admin", default=False),
            delivered_by_marketplace=text(raw, "delivered_by") == "delivered_by_cartona",
            credit=number(raw, "cartona_credit", default=0.0),
            installment=installment,
            wallet_top_up=top_up,
            supplier_rebate=number(raw, "applied_supplier_rebate", default=0.0),
            otp_required=installment > 0 or top_up > 0,
            note=text(raw, "note_message"),
            cancellation_reason=text(raw, ("cancellation_reason", "return_reason")),
        )

    def _personal_keys(self):
        return super()._personal_keys() | PERSONAL_KEYS

    def _code_keys(self):
        return {"retailer_code"}

    def _parse_customer(self, raw, order):
        address = text(raw, "retailer_address").strip(" ,،")
        return Customer(
            name=text(raw, "retailer_name"),
            code=text(raw, "retailer_code"),
            phone=text(raw, "retailer_number"),
            phone2=text(raw, "retailer_number2"),
            email=text(raw, "retailer_email"),
            street=address,
            notes=text(raw, "address_notes"),
            route_code=text(order, "distribution_route_code"),
        )

    def _parse_lines(self, raw):
        lines = []
        for index, row in enumerate(items(raw, "order_details")):
            with under(f"order_details[{index}]"):
                lines.append(self._parse_line(row))
        return lines + self._rounding(lines, DIGITS)

    def _parse_line(self, raw):
        """``selling_price`` is what is charged, after both discounts; they are never subtracted again."""
        return OrderLine(
            external_id=text(raw, "id", required=True),
            quantity=number(raw, "amount"),
            price_unit=number(raw, "selling_price"),
            product_external_id=text(raw, "supplier_product_id"),
            product_sku=text(raw, "internal_product_id"),
            name=text(raw, "product_name"),
            unit=text(raw, "unit"),
            unit_count=self._units_in(raw),
            supplier_discount=number(raw, "applied_supplier_discount", default=0.0),
            marketplace_discount=number(raw, "applied_cartona_discount", default=0.0),
            comment=text(raw, "comment"),
            cancelled=flag(raw, "cancelled", default=False),
        )

    def _units_in(self, raw):
        """It helps a person to match an unknown product; what makes no sense holds no order back."""
        try:
            return number(raw, "unit_count", default=1.0) or 1.0
        except errors.MappingError:
            return 1.0

    def _parse_status(self, config, raw):
        raw_status = text(raw, "status", required=True)
        return text(raw, "hashed_id", required=True), self._neutral_status(raw_status), raw_status

    def _neutral_status(self, raw_status):
        if raw_status not in STATUS_FROM_CARTONA:
            raise errors.MappingError(
                "status",
                _(
                    "Cartona sent the order status %r, which this version does not know. Ask Cartona what it means and "
                    "look for an update; nothing is lost: replay the document then.",
                    raw_status,
                ),
            )
        return STATUS_FROM_CARTONA[raw_status]

    def _acknowledge(self, config, external_ids):
        wire = [{"hashed_id": external_id, "status": "synced"} for external_id in external_ids]
        with self._exchange(config, "acknowledge", len(wire)) as exchange:
            answer = exchange.request("POST", f"{config.order_path}/update-order-status", json=wire)
            results = self._row_results(wire, answer, ("hashed_id",))
            exchange.failed = sum(result.outcome != "accepted" for result in results)
        return results

    def _push_order_status(self, config, external_id, status, values):
        """The single form, since the bulk form hides failures."""
        wire = {"hashed_id": external_id, "status": STATUS_TO_CARTONA[status]}
        if status == "cancelled":
            wire["cancellation_reason"] = values.get("reason") or "cannot_deliver_the_order"
        if values.get("otp"):
            wire["retailer_otp"] = values["otp"]
        with self._exchange(config, "push_status", secrets=[values.get("otp") or ""]) as exchange:
            path = f"{config.order_path}/update-order-status/{quote(external_id, safe='')}"
            try:
                answer = exchange.request("POST", path, json=wire)
            except errors.RequestRejected as err:
                err.code = self._otp_code(values, str(err)) or err.code
                raise
            result = self._row_result(self._objects(answer, [{}])[0])
            result.code = self._otp_code(values, result.message) or result.code
            result.message = redact(result.message, [values.get("otp") or ""])
            exchange.failed = int(result.outcome != "accepted")
        return result

    def _otp_code(self, values, words):
        """Cartona has no codes: that it is about the OTP is told by its words."""
        return "otp" if values.get("otp") and "otp" in words.lower() else ""

    def _push_order_lines(self, config, external_id, changes):
        wire = [{"hashed_id": external_id, "order_details": [self._serialize_change(change) for change in changes]}]
        with self._exchange(config, "push_lines", len(changes)) as exchange:
            answer = exchange.request("POST", f"{config.order_path}/update-order-details", json=wire)
            rows = self._objects(self._objects(answer, [{}])[0].get("order_details"), [])
            # That a line failed may stand with the order, or with the line.
            results = [self._row_results(wire, answer, ("hashed_id",))[0], *map(self._row_result, rows)]
            result = next((one for one in results if one.outcome != "accepted"), results[0])
            exchange.failed = 0 if result.outcome == "accepted" else len(changes)
        told = [(_plain(row.get("id")), _plain(row.get("supplier_product_id"))) for row in rows]
        return result, [line for line in told if line[0]]

    def _serialize_change(self, change):
        if change.quantity == 0.0:
            return {"id": self._line_id(change), "cancelled": True}
        row = {"supplier_product_id": change.product_external_id}
        if change.external_id:
            row = {"id": self._line_id(change)}
        if change.quantity is not None:
            row["amount"] = int(change.quantity) if change.quantity.is_integer() else change.quantity
        if change.price_unit is not None:
            row["price"] = change.price_unit
        return row

    def _line_id(self, change):
        """Cartona's ids of lines are numbers; kept as text here, as all ids are."""
        return int(change.external_id) if change.external_id.isdecimal() else change.external_id

    # ------------------------------------------------------------------ webhooks

    def _parse_webhook(self, config, kind, payload, headers):
        """Cartona documents no webhook; a relay may send one document, a list, or either under ``order``/``orders``."""
        if isinstance(payload, dict):
            payload = first(payload, "orders", "order", default=payload)
        documents = payload if isinstance(payload, list) else [payload]
        events = []
        for index, raw in enumerate(documents):
            with under(f"[{index}]"):
                external_id = text(raw, "hashed_id", required=True)
            events.append(Event(kind="status" if kind == "status" else "order", external_id=external_id, payload=raw))
        return events

    # ------------------------------------------------------------------ helpers

    def _check_list(self, rows):
        if not isinstance(rows, list):
            raise errors.InvalidResponse(
                _("The marketplace should answer with a list and sent something else. Check the API URL and the paths.")
            )

    def _row_results(self, wire, answer, keys):
        """Return one result for each row of a bulk call. What the answer looks like is not documented: nothing or an
        empty list (all fine), a row for each row sent or only for failed ones, or one object. Of all that is told of a
        row its failure counts.

        :param keys: the names under which the answer may tell the row's id; the first is that of the row sent
        :raise RequestRejected: a row failed and it can't be told which
        """
        if isinstance(answer, dict):
            whole = self._row_result(answer)
            if whole.outcome != "accepted":
                raise errors.RequestRejected(whole.message, code=whole.code)
            return [RowResult.accepted()] * len(wire)
        rows = [row for row in answer or [] if isinstance(row, dict)]
        ids = [next((_plain(row[key]) for key in keys if _plain(row.get(key))), "") for row in rows]
        results = [self._row_result(row) for row in rows]
        if not all(ids) and len(results) == len(wire):
            return results
        failed = {key: result for key, result in zip(ids, results, strict=True) if result.outcome != "accepted"}
        sent = [_plain(row[keys[0]]) for row in wire]
        strange = next((result for key, result in failed.items() if key not in sent), None)
        if strange:
            raise errors.RequestRejected(strange.message, code=strange.code)
        return [failed.get(key, RowResult.accepted()) for key in sent]

    def _objects(self, answer, default):
        """Return the objects of an answer that may be one, or a list of them, or neither."""
        rows = answer if isinstance(answer, list) else [answer]
        return [row for row in rows if isinstance(row, dict)] or default

    def _row_result(self, raw):
        problem = raw.get("error") or raw.get("errors")
        if problem or _says_no(raw.get("success")) or _says_no(raw.get("status")):
            return RowResult.rejected(_plain(raw.get("code")), one_text(problem or "") or self._refused_silently())
        return RowResult.accepted()


def _says_no(value):
    """Tell whether a success or status of an answer says that it failed: no, a word for that, or an HTTP status. Any
    other word may be the status of an order."""
    return bool(FAILED.fullmatch(_plain(value).lower()))


def _plain(value):
    """Return an id as text: numbers and texts both occur."""
    return "" if value is None or isinstance(value, (dict, list)) else storable(str(value)).strip()
