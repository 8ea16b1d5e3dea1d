# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
import math
import time
import uuid
from datetime import timedelta

from odoo import _, fields, models

from ..compat import format_list
from ..schemas import UNLIMITED, OrderPage, RowResult
from ..transport import errors, oauth
from ..transport.auth import HeaderToken
from ..transport.reading import text
from . import shopify_documents as documents
from . import shopify_forms as forms

# The largest stock that Shopify knows.
LARGEST_STOCK = 1_000_000_000
# Prices go by a call for each product: so many in one push, the rest in the next.
PRICE_CALLS = 50
# Shopify finds an order by its time a little after it has changed.
OVERLAP = timedelta(minutes=5)
# What is needed of a shop, and what for.
SCOPES = {
    "read_products": "write_products",
    "write_products": "",
    "write_inventory": "",
    "read_locations": "",
    "read_orders": "write_orders",
    "write_orders": "",
    "read_customers": "write_customers",
    "write_merchant_managed_fulfillment_orders": "",
    "read_third_party_fulfillment_orders": "write_third_party_fulfillment_orders",
}
# What Shopify says where what we know of a product is not true any more.
GONE = {
    "PRODUCT_DOES_NOT_EXIST",
    "PRODUCT_VARIANT_DOES_NOT_EXIST",
    "MUST_BE_FOR_THIS_PRODUCT",
    "INVALID_INVENTORY_ITEM",
}
# The topic, and so the id, of a notice that is about no order.
UNINSTALLED = "app/uninstalled"
APP = ("client_id", "client_secret")
REASONS = ("CUSTOMER", "INVENTORY", "FRAUD", "DECLINED", "STAFF", "OTHER")


class MarketplaceApiShopify(models.AbstractModel):
    """Shopify: the Admin API in GraphQL, in the version that the account names.

    Source: Shopify's published schemas and https://shopify.dev. Business refusals come with 200, in ``userErrors``;
    so does having asked too much. An id is the number at the end of Shopify's global id, as text.
    """

    _name = "marketplace.api.shopify"
    _inherit = "marketplace.api"
    _description = "Adapter: Shopify"

    # Shopify gives no more than 25,000 rows of one search; so often it is begun anew.
    _pages_of_search = 4000
    # So long is waited for the points of one call.
    _seconds_of_points = 30.0
    # So long are orders of a page completed; a worker has no time without end.
    _seconds_of_page = 20.0

    # ------------------------------------------------------------------ who we are

    def _label(self):
        return "Shopify"

    def _capabilities(self):
        return {
            "batch_size": documents.LONGEST_LIST,
            # An order that is not paid yet must not be shipped.
            "defaults": {"cancellation_reason": "OTHER", "confirm_policy": "approved"},
            "needs_ack": False,
            "has_webhook": True,
            "registers_webhooks": True,
            "async_push": False,
            # Not the publication: whether a product is on sale is decided for each sales channel, in the shop.
            "subjects": {"price", "stock"},
            "statuses": {"cancelled"},
            "moves_stock": True,
            "oversells": True,
            "ships": True,
            "needs_remote": True,
            "credentials": ("auth_token", "client_id", "client_secret"),
            "cancellation_reasons": {
                "CUSTOMER": _("Customer changed the mind"),
                "INVENTORY": _("Out of stock"),
                "FRAUD": _("Fraud"),
                "DECLINED": _("Payment declined"),
                "STAFF": _("Our mistake"),
                "OTHER": _("Other"),
            },
            "default_url": "",
        }

    def _account_capabilities(self, config):
        """A token is enough, and so are the app's id and secret."""
        owner = config.sudo()._credentials()  # sudo: who sees the account may see what it lacks, not what it is
        by_app = not owner.auth_token and (owner.client_id or owner.client_secret)
        return {**self._capabilities(), "credentials_needed": APP if by_app else ("auth_token",)}

    def _auth(self, config):
        """A token that was entered never runs out; without one, the app's id and secret are good for one of a day."""
        token = config.sudo()._credentials().auth_token
        return self._token_auth(config, token) if token else super()._auth(config)

    def _token_auth(self, config, access_token):
        return HeaderToken("X-Shopify-Access-Token", access_token)

    def _token_grant(self, config, refresh_token):
        if config.auth_token:
            return None
        if not (config.client_id and config.client_secret):
            raise errors.ConfigurationError(_("Enter the app's token, or its client ID and client secret."))
        form = {
            "grant_type": "client_credentials",
            "client_id": config.client_id,
            "client_secret": config.client_secret,
        }
        return oauth.Grant(config._token_url(), form)

    def _classify(self, status, body):
        if status == 402:
            return errors.ConfigurationError(_("The shop is frozen: its plan is not paid. Its owner has to pay it."))
        if status in (404, 423):
            return errors.ConfigurationError(
                _("No shop answers at this address (HTTP %s). Check the API URL and the API version.", status)
            )
        if status == 430:
            return errors.RateLimited(_("Shopify takes no more calls for now."), status=status)
        return None

    def _test_connection(self, config):
        found = self._ask(config, "test_connection", documents.TEST, count=0)
        shop = found["shop"]
        return {
            "name": shop["name"],
            "currency": shop["currencyCode"],
            "places": [row["name"] for row in found["locations"]["nodes"]],
            "locations": [(forms.tail(row, "id"), row["name"]) for row in found["locations"]["nodes"]],
            "warnings": self._missing_rights(found),
        }

    def _missing_rights(self, found):
        has = {row["handle"] for row in found["currentAppInstallation"]["accessScopes"]}
        missing = [scope for scope, wider in SCOPES.items() if scope not in has and wider not in has]
        return [_("The app lacks rights; add them in Shopify: %s.", format_list(self.env, missing))] if missing else []

    # ------------------------------------------------------------------ asking

    def _ask(self, config, operation, document, variables=None, count=1):
        """Make one call, and return what it gives.

        :param operation: the word for it in the log
        """
        with self._exchange(config, operation, count) as exchange:
            return self._query(exchange, config, document, variables)

    def _query(self, exchange, config, document, variables):
        body = {"query": document, "variables": variables or {}, "operationName": documents.operation_name(document)}
        answer = exchange.request("POST", f"admin/api/{config._shopify_version()}/graphql.json", json=body)
        if not isinstance(answer, dict) or not (answer.get("data") or answer.get("errors")):
            raise errors.InvalidResponse(_("Shopify's answer is no answer of GraphQL. Check the API URL."))
        self._check_errors(answer)
        return answer["data"]

    def _check_errors(self, answer):
        """Raise what the answer's errors say of the call as a whole.

        Fields below the first that the app has no right to see, such as those of customers, are empty then; the rest
        counts.
        """
        found = answer.get("errors") or []
        found = [row if isinstance(row, dict) else {"message": str(row)} for row in _as_list(found)]
        for row in found:
            code = (row.get("extensions") or {}).get("code") or ""
            message = row.get("message") or code
            if code == "ACCESS_DENIED" and len(row.get("path") or ()) > 1 and answer.get("data"):
                continue
            if code == "THROTTLED" or message == "Throttled":
                raise errors.RateLimited(_("Shopify takes no more calls for now."), self._wait_of(answer), code)
            if code == "ACCESS_DENIED":
                words = _("Invalid token: Shopify refuses access: %s. Check the token, and the app's rights.", message)
                raise errors.AuthenticationFailed(words, code=code)
            if code in ("INTERNAL_SERVER_ERROR", "TIMEOUT"):
                raise errors.TemporaryFailure(_("Shopify has a failure of its own: %s", message), code=code)
            raise errors.RequestRejected(
                _("Shopify refuses this: %s. Correct it, then retry.", message.rstrip(". ")), code=code
            )

    def _wait_of(self, answer):
        """Return the seconds until what was asked for can be paid, ``None`` where that is not told."""
        cost = (answer.get("extensions") or {}).get("cost") or {}
        bucket = cost.get("throttleStatus") or {}
        try:
            lacking = cost["requestedQueryCost"] - bucket["currentlyAvailable"]
            return float(max(1, math.ceil(lacking / bucket["restoreRate"])))
        except (KeyError, TypeError, ZeroDivisionError):
            return None

    def _ask_on(self, config, *args):
        """Ask for what belongs to what was asked before, and wait for the points it costs: in a step that is begun
        anew, what costs more than Shopify's bucket holds would never be had whole."""
        deadline = time.monotonic() + self._seconds_of_points
        while True:
            try:
                return self._ask(config, *args)
            except errors.RateLimited as err:
                if not err.seconds or time.monotonic() + err.seconds > deadline:
                    raise
                time.sleep(err.seconds)

    def _complete(self, config, operation, owner, name):
        """Fetch what of a connection did not fit on the page that its owner came with."""
        rows = owner[name]
        kind = owner["id"].rsplit("/", 2)[1]
        while rows["pageInfo"]["hasNextPage"]:
            variables = {"id": owner["id"], "after": rows["pageInfo"]["endCursor"]}
            more = self._ask_on(config, operation, documents.MORE[kind, name], variables)["node"]["rows"]
            rows["nodes"] += more["nodes"]
            rows["pageInfo"] = more["pageInfo"]
        del rows["pageInfo"]  # a place in a list is no news of the order
        return owner

    def _raise_refusals(self, rows):
        """:raise RequestRejected: there are any"""
        if rows:
            words = "; ".join(str(row.get("message") or row.get("code")) for row in rows)
            raise errors.RequestRejected(words, code=str(rows[0].get("code") or ""))

    # ------------------------------------------------------------------ products

    def _list_products(self, config, cursor=None):
        """The cursor is the first id of the page: a search can be read on behind its first 25,000 rows that way."""
        location = config.shopify_location_id.external_id
        variables = {
            "first": documents.CATALOGUE_PAGE,
            "query": f"id:>={cursor}" if cursor else None,
            "location": forms.gid("Location", location or 0),
            "located": bool(location),
        }
        with self._exchange(config, "list_products") as exchange:
            page = self._query(exchange, config, documents.VARIANTS, variables)["productVariants"]
            products = self._readable(exchange, page["nodes"], forms.product_of)
        more = page["pageInfo"]["hasNextPage"] and page["nodes"]
        return products, str(int(forms.tail(page["nodes"][-1], "id")) + 1) if more else None

    def _locate_products(self, config, external_ids):
        ids = [forms.gid("ProductVariant", one) for one in external_ids if one.isdecimal()]
        located = {}
        for start in range(0, len(ids), documents.LONGEST_LIST):
            part = ids[start : start + documents.LONGEST_LIST]
            rows = self._ask(config, "locate_products", documents.LOCATE, {"ids": part}, len(part))["nodes"]
            located.update({forms.tail(row, "id"): forms.remote_of(row) for row in rows if row and row.get("id")})
        return located

    def _serialize_product(self, config, data):
        wire = {"product": forms.gid("Product", data["remote"]["product"])}
        if "price" in data:
            price = f"{data['price']:.{config.currency_id.decimal_places}f}"
            wire["variant"] = {"id": forms.gid("ProductVariant", data["external_id"]), "price": price}
        if "quantity" in data:
            wire["stock"] = {
                "inventoryItemId": forms.gid("InventoryItem", data["remote"]["inventory_item"]),
                "locationId": forms.gid("Location", config.shopify_location_id.external_id or ""),
                "quantity": LARGEST_STOCK if data["quantity"] == UNLIMITED else data["quantity"],
            }
            endless = data["remote"].get("endless") and not config.oversell
            wire["oversold"] = bool(endless) and data["quantity"] != UNLIMITED
        return wire

    def _push_offers(self, config, rows):
        """Stock goes in calls of 250, prices in one for each product. Once a call has worked, one that fails holds back
        only what it and the later ones were for."""
        by_product, later = self._products_of_push(rows)
        stock = [index for index, row in enumerate(rows) if "stock" in row["wire"] and index not in later]
        if stock and not config.shopify_location_id:
            raise errors.ConfigurationError(_("Test the connection, then choose the location whose stock is sent."))
        parts = [
            stock[start : start + documents.LONGEST_LIST] for start in range(0, len(stock), documents.LONGEST_LIST)
        ]
        calls = [(self._set_quantities, part) for part in parts]
        calls += [(self._set_prices, part) for part in by_product]
        results = {index: RowResult.wait(0.0) for index in later}
        for number, (call, part) in enumerate(calls):
            try:
                results.update(call(config, rows, part))
            except (errors.RateLimited, errors.TemporaryFailure, errors.InvalidResponse) as err:
                if not number:
                    raise
                waiting = RowResult.wait(err.seconds or 5.0, str(err))
                results.update({index: waiting for _call, rest in calls[number:] for index in rest})
                if not isinstance(err, errors.RateLimited):  # it may be these rows that Shopify fails at, each time
                    results.update({index: RowResult.retry(str(err), err.seconds) for index in part})
                break
        return [results.get(index) or self._taken(row) for index, row in enumerate(rows)]

    def _taken(self, row):
        """Return what becomes of a row that Shopify took: whether it keeps to the stock that it was told."""
        if not row["wire"].get("oversold"):
            return RowResult.accepted()
        words = _(
            "Shopify sells this product without end, whatever is in stock. Have its quantity tracked there, and don't "
            "let it be sold when it is out of stock; or tick “Oversold on Purpose” on the account. Then send it again."
        )
        return RowResult.rejected("stale", words)  # how it is sold is asked for anew then

    def _products_of_push(self, rows):
        """Return the rows that have a price, ``[[index]]`` by their product, and which rows have to wait for the next
        push."""
        by_product = {}
        for index, row in enumerate(rows):
            if "variant" in row["wire"]:
                by_product.setdefault(row["wire"]["product"], []).append(index)
        groups = list(by_product.values())
        return groups[:PRICE_CALLS], {index for group in groups[PRICE_CALLS:] for index in group}

    def _set_quantities(self, config, rows, part):
        """Set stock, all or nothing: what is refused is left out, and the rest sent again.

        :return: ``{index: RowResult}`` of those that were refused
        """
        refused = {}
        while part:
            answer = self._call_quantities(config, [rows[index]["wire"]["stock"] for index in part])
            by_row, others = forms.refusals(answer["userErrors"], "quantities")
            if others and not by_row:
                raise errors.RequestRejected(others[0][1], code=others[0][0])
            bad = {part[place]: self._refused(*found) for place, found in by_row.items() if place < len(part)}
            refused.update(bad)
            part = [index for index in part if index not in bad]
            if not bad or answer.get("inventoryAdjustmentGroup"):
                break
        return refused

    def _call_quantities(self, config, quantities):
        version = config._shopify_version()
        values = {"name": "available", "reason": "correction", "quantities": quantities}
        variables = {"input": values}
        if version in documents.OLD_VERSIONS:
            values["ignoreCompareQuantity"] = True
        else:
            values["quantities"] = [{**row, "changeFromQuantity": None} for row in quantities]
            # A new one for each call: the same stock may well have to be set twice in a day.
            variables["key"] = str(uuid.uuid4())
        document = documents.set_quantities(version)
        answer = self._ask(config, "push_offers", document, variables, len(quantities))
        return answer["inventorySetQuantities"] or {"userErrors": []}

    def _set_prices(self, config, rows, part):
        """Set the prices of variants of one product. Return ``{index: RowResult}`` of those that were refused."""
        wires = [rows[index]["wire"] for index in part]
        variables = {"product": wires[0]["product"], "variants": [wire["variant"] for wire in wires]}
        try:
            answer = self._ask(config, "push_offers", documents.SET_PRICES, variables, len(part))
        except errors.RequestRejected as err:
            return {index: RowResult.rejected(err.code, str(err)) for index in part}
        by_row, others = forms.refusals((answer["productVariantsBulkUpdate"] or {}).get("userErrors"), "variants")
        found = {index: others[0] for index in part} if others else {}
        found.update({part[place]: one for place, one in by_row.items() if place < len(part)})
        return {index: self._refused(*one) for index, one in found.items()}

    def _refused(self, code, message):
        if code in GONE:
            return RowResult.retry(message, after=0.0, code="stale")
        return RowResult.rejected(code, message)

    # ------------------------------------------------------------------ orders

    def _pull_orders(self, config, cursor=None):
        """The cursor is JSON: since when orders are asked for, the place in that search, and the newest change that was
        seen, all by Shopify's clock."""
        place = json.loads(cursor) if cursor else {"since": self._beginning(config)}
        variables = {
            "first": documents.ORDERS_PAGE,
            "after": place.get("after"),
            "query": f"updated_at:>='{place['since']}'",
        }
        page = self._ask_orders(config, "pull_orders", documents.ORDERS, variables, 0)["orders"]
        raws = self._whole_orders(config, page["edges"])
        newest = max([place.get("newest") or place["since"], *(raw["updatedAt"] for raw in raws)])
        more = bool(raws) and (page["pageInfo"]["hasNextPage"] or len(raws) < len(page["edges"]))
        pages = place.get("pages", 0) + 1
        if more and pages < self._pages_of_search:
            after = page["edges"][len(raws) - 1]["cursor"]
            following = {"since": place["since"], "after": after, "newest": newest, "pages": pages}
        elif more:
            following = {"since": newest}
        else:
            following = {"since": self._before(newest, place["since"])}
        return OrderPage(raws, json.dumps(following), more)

    def _whole_orders(self, config, edges):
        """Return a page's orders with all that belongs to them; those for which it takes too long are left to the next
        step."""
        raws, deadline = [], time.monotonic() + self._seconds_of_page
        for edge in edges:
            if raws and time.monotonic() > deadline:
                break
            raws.append(self._whole_order(config, "pull_orders", edge["node"]))
        return raws

    def _whole_order(self, config, operation, raw):
        for name in ("lineItems", "shippingLines", "fulfillmentOrders"):
            if name in raw:
                self._complete(config, operation, raw, name)
        return raw

    def _ask_orders(self, config, operation, document, variables, count):
        """Ask for orders; without where they leave from, if the app may not see that. Which right it lacks, testing the
        connection tells."""
        try:
            return self._ask(config, operation, document, variables, count)
        except errors.AuthenticationFailed as err:
            if err.code != "ACCESS_DENIED" or "fulfillmentOrders" not in str(err):
                raise
        return self._ask(config, operation, documents.without_leaving(document), variables, count)

    def _beginning(self, config):
        moment = config.orders_since or fields.Datetime.now()
        return f"{moment.isoformat()}Z"

    def _before(self, newest, since):
        """Return the time at which the next pull begins, never before the last one did."""
        moment = fields.Datetime.to_datetime(newest[:19].replace("T", " ")) - OVERLAP
        return max(f"{moment.isoformat()}Z", since)

    def _fetch_order(self, config, external_id):
        if external_id == UNINSTALLED:
            # Asked, and refused, the account is paused as for any token that is not accepted. If it is not refused,
            # the app was installed again, or the message was an old one.
            self._ask(config, "fetch_order", documents.WHO, count=0)
            return None
        order = {"id": forms.gid("Order", external_id)}
        raw = self._ask_orders(config, "fetch_order", documents.ORDER, order, 1)["order"]
        return raw and self._whole_order(config, "fetch_order", raw)

    def _identify(self, config, raw):
        try:
            return forms.tail(raw, "id"), ""
        except errors.MappingError:
            return "", ""

    def _version(self, config, raw):
        try:
            return text(raw, "updatedAt")
        except errors.MappingError:
            return ""

    def _parse_order(self, config, raw):
        # Only taxes that Odoo itself adds are left out of the prices.
        digits = self._decimals(text(raw, "currencyCode"))
        order = forms.order_of(raw, digits, config.tax_policy != "product", min(digits, self._price_digits()))
        location = config.shopify_location_id.external_id
        order.elsewhere = forms.elsewhere_of(raw, location) if location and not config.shopify_elsewhere else ""
        return order

    def _parse_status(self, config, raw):
        raise errors.MappingError("topic", _("Shopify tells which order has changed; the order is fetched then."))

    def _personal_keys(self):
        return super()._personal_keys() | {"shippingaddress", "billingaddress"}

    def _push_order_status(self, config, external_id, status, values):
        """Cancelling is all that can be said of an order as a whole; what was sent is told by :meth:`_ship`."""
        reason = values.get("reason")
        variables = {
            "id": forms.gid("Order", external_id),
            "reason": reason if reason in REASONS else "OTHER",
            "refund": config.shopify_refund,
            "notify": config.shopify_notify,
        }
        answer = self._ask(config, "cancel", documents.CANCEL, variables)["orderCancel"] or {}
        problems = answer.get("orderCancelUserErrors") or []
        if problems:
            order = self._ask(config, "cancel", documents.CANCELLED, {"id": variables["id"]})["order"]
            if order and order["cancelledAt"]:
                return RowResult.accepted()  # told before, and the answer was lost; or somebody was faster
            self._raise_refusals(problems)
        return RowResult.accepted()


def _as_list(value):
    return value if isinstance(value, list) else [value]
