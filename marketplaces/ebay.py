# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
from datetime import timedelta
from functools import partial
from urllib.parse import quote

from odoo import _, api, fields, models
from odoo.exceptions import ValidationError

from ..compat import format_list
from ..schemas import UNLIMITED, OrderPage, RowResult
from ..transport import errors, oauth
from ..transport.reading import identifier
from . import ebay_forms as forms

INVENTORY = "sell/inventory/v1"
FULFILMENT = "sell/fulfillment/v1"
TOKEN_PATH = "identity/v1/oauth2/token"  # noqa: S105
# What the account needs, and a call that shows whether it may.
SCOPES = {"sell.inventory": f"{INVENTORY}/location", "sell.fulfillment": f"{FULFILMENT}/order"}
MARKETPLACES = (
    *("EBAY_US", "EBAY_MOTORS_US", "EBAY_CA", "EBAY_GB", "EBAY_IE", "EBAY_DE", "EBAY_AT", "EBAY_CH", "EBAY_FR"),
    *("EBAY_BE", "EBAY_NL", "EBAY_IT", "EBAY_ES", "EBAY_PL", "EBAY_AU", "EBAY_HK", "EBAY_SG", "EBAY_MY", "EBAY_PH"),
    "EBAY_TW",
)
BATCH = 25
# Each product of a page costs a call of its own, for its offer.
CATALOGUE_PAGE = 25
ORDER_PAGE = 200
# Orders that are older can't be asked for.
OLDEST = timedelta(days=729)
# eBay knows no stock without end.
PLENTY = 9999


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    ebay_marketplace = fields.Selection(
        [(code, code) for code in MARKETPLACES],
        string="eBay Marketplace",
        default="EBAY_US",
        help="Where the offers are whose prices and stock are sent. An account for each marketplace.",
    )

    @api.constrains("code", "batch_size")
    def _check_ebay_batch_size(self):
        for config in self.filtered(lambda config: config.code == "ebay" and config.batch_size > BATCH):
            raise ValidationError(
                _("%(name)s: eBay takes %(limit)s products in one call at most.", name=config.name, limit=BATCH)
            )

    def _place_fields(self):
        return {*super()._place_fields(), "ebay_marketplace"}


class MarketplaceApiEbay(models.AbstractModel):
    """eBay: the Sell APIs Inventory and Fulfillment, version 1.

    Source: eBay's API documentation (https://developer.ebay.com/develop/api/sell). A listing is a SKU; prices are
    changed by the offer of that SKU. Bulk calls answer 200 or 207 although rows failed. Webhooks: see
    ``ebay_notifications.py``. Cancelling an order is in an older API, and not done here.
    """

    _name = "marketplace.api.ebay"
    _inherit = "marketplace.api"
    _description = "Adapter: eBay"

    # ------------------------------------------------------------------ who we are

    def _label(self):
        return "eBay"

    def _capabilities(self):
        return {
            "batch_size": BATCH,
            # What is not paid yet comes in as pending, and must not be shipped.
            "defaults": {"confirm_policy": "approved"},
            "needs_ack": False,
            "seller_ids": True,
            "has_webhook": True,
            "async_push": False,
            "subjects": {"price", "stock"},
            "statuses": set(),
            "ships": True,
            "needs_remote": True,
            "credentials": ("client_id", "client_secret", "refresh_token", "token_url"),
            "settings": ("supplier_code",),
            "credentials_needed": ("client_id", "client_secret", "refresh_token"),
            "cancellation_reasons": {},
            "default_url": "https://api.ebay.com/",
            "token_url": f"https://api.ebay.com/{TOKEN_PATH}",
        }

    def _token_grant(self, config, refresh_token):
        """The refresh token stays the same for 18 months; then the seller has to consent again."""
        if not (refresh_token and config.client_id and config.client_secret):
            return None
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return oauth.Grant(self._token_address(config), form, basic=(config.client_id, config.client_secret))

    def _token_address(self, credentials):
        """Where tokens are given: production and sandbox each do it themselves."""
        return credentials.token_url or f"{(credentials.base_url or '').rstrip('/')}/{TOKEN_PATH}"

    def _test_connection(self, config):
        missing, name = [], ""
        with self._exchange(config, "test_connection", 0) as exchange:
            for scope, path in SCOPES.items():
                try:
                    name = self._name_in(exchange.request("GET", path, params={"limit": 1})) or name
                except errors.AuthenticationFailed as err:
                    if err.status != 403:
                        raise
                    missing.append(scope)
        if len(missing) == len(SCOPES):
            raise errors.AuthenticationFailed(
                _(
                    "Invalid token: eBay refuses access. Consent again, to the scopes %s.",
                    format_list(self.env, missing),
                ),
                status=403,
            )
        warnings = (
            [_("These rights are missing: %s. Consent again, to them too.", format_list(self.env, missing))]
            if missing
            else []
        )
        return {"name": name or config.name, "warnings": warnings}

    def _name_in(self, answer):
        """Return the seller's name, from the first order, or that of the first location."""
        answer = answer if isinstance(answer, dict) else {}
        rows = answer.get("orders") or answer.get("locations") or [{}]
        return identifier(rows[0].get("sellerId") or rows[0].get("name"))

    # ------------------------------------------------------------------ products

    def _list_products(self, config, cursor=None):
        """A page is asked for by its number; what is not on offer on the account's marketplace is left out."""
        page = int(cursor or 0)
        with self._exchange(config, "list_products") as exchange:
            params = {"limit": CATALOGUE_PAGE, "offset": page}
            answer = self._checked(exchange.request("GET", f"{INVENTORY}/inventory_item", params=params))
            rows = [row for row in answer.get("inventoryItems") or [] if isinstance(row, dict)]
            products = self._readable(exchange, rows, partial(self._parse_product, config, exchange))
        return products, str(page + 1) if rows and answer.get("next") else None

    def _parse_product(self, config, exchange, raw):
        offer = self._ask_offer(config, exchange, raw.get("sku"))
        return offer and forms.product_of(raw, offer)

    def _locate_products(self, config, external_ids):
        located = {}
        with self._exchange(config, "locate_products", len(external_ids)) as exchange:
            for sku in external_ids:
                offer = self._ask_offer(config, exchange, sku)
                if offer:
                    located[sku] = forms.remote_of(offer)
            exchange.failed = len(external_ids) - len(located)
        return located

    def _ask_offer(self, config, exchange, sku):
        """Return the offer of a SKU on the account's marketplace, ``None`` where there is none."""
        params = {"sku": sku, "marketplace_id": config.ebay_marketplace, "format": "FIXED_PRICE"}
        try:
            answer = self._checked(exchange.request("GET", f"{INVENTORY}/offer", params=params))
        except errors.RequestRejected:
            return None  # 404: no offer; 400: no SKU that eBay could have
        found = [offer for offer in answer.get("offers") or [] if isinstance(offer, dict)]
        return next((o for o in found if o.get("marketplaceId") in (None, config.ebay_marketplace)), None)

    # ------------------------------------------------------------------ prices and stock

    def _serialize_product(self, config, data):
        remote = data["remote"]
        if not remote.get("published"):
            raise errors.RequestRejected(
                _("The offer of %s is not published. Publish it on eBay, then send this again.", data["external_id"]),
                code="stale",
            )
        offer, row = {"offerId": remote["offer"]}, {}
        if "quantity" in data:
            # The listing shows the lesser of both quantities.
            quantity = PLENTY if data["quantity"] == UNLIMITED else data["quantity"]
            row = {"sku": data["external_id"], "shipToLocationAvailability": {"quantity": quantity}}
            offer["availableQuantity"] = quantity
        if "price" in data:
            offer.update(self._serialize_price(config, data, remote["currency"]))
        return {**row, "offers": [offer]}

    def _serialize_price(self, config, data, wanted):
        """Return the price as eBay wants it. One in another currency is not sent; it holds back no stock."""
        currency = config.currency_id
        if wanted in ("", currency.name):
            value = f"{data['price']:.{currency.decimal_places}f}"
            return {"price": {"currency": currency.name, "value": value}}
        problem = _(
            "eBay sells this in %(wanted)s, and the price is in %(ours)s. Choose a pricelist in %(wanted)s.",
            wanted=wanted,
            ours=currency.name,
        )
        if "quantity" not in data:
            raise errors.RequestRejected(problem)
        del data["price"]
        data["problem"] = problem
        return {}

    def _push_offers(self, config, rows):
        """Rows whose listing has been revised too often today wait; all others go in one call."""
        revisions = self.env["marketplace.ebay.revision"]
        waits = revisions._waits(config, rows)
        sendable = [row for row in rows if row["listing_id"] not in waits]
        results = dict(waits)
        if sendable:
            answers = self._revise(config, sendable, revisions)
            results.update({row["listing_id"]: answer for row, answer in zip(sendable, answers, strict=True)})
        return [results[row["listing_id"]] for row in rows]

    def _revise(self, config, rows, revisions):
        wire = [row["wire"] for row in rows]
        with self._exchange(config, "push_offers", len(rows)) as exchange:
            try:
                answer = exchange.request("POST", f"{INVENTORY}/bulk_update_price_quantity", json={"requests": wire})
                results = forms.row_results(wire, answer)
            except (errors.TemporaryFailure, errors.InvalidResponse) as err:
                if getattr(err, "maybe_applied", True):  # an answer that makes no sense may be that to a revision
                    revisions._note(config, rows)
                raise
            for result in results:
                result.message = self._said(result.message)
            exchange.failed = sum(result.outcome != "accepted" for result in results)
        accepted = [row for row, result in zip(rows, results, strict=True) if result.outcome == "accepted"]
        revisions._note(config, accepted)
        return results

    # ------------------------------------------------------------------ orders

    def _pull_orders(self, config, cursor=None):
        place = self._place(config, cursor)
        if not place:
            return OrderPage([])
        params = {
            "filter": f"lastmodifieddate:[{place['since']}..]",
            "limit": ORDER_PAGE,
            "offset": place.get("offset") or 0,
        }
        with self._exchange(config, "pull_orders", 0) as exchange:
            answer = self._checked(exchange.request("GET", f"{FULFILMENT}/order", params=params))
            orders = self._listed(answer, "orders")
            exchange.count = len(orders)
        ids = [self._identify(config, raw)[0] for raw in orders]
        following = forms.next_place(place, ids, forms.newest_change(orders), bool(answer.get("next")), ORDER_PAGE)
        return OrderPage(orders, json.dumps(following), more="offset" in following)

    def _place(self, config, cursor):
        """Return where to go on; ``None`` as long as the time that orders are wanted from has not come: eBay refuses a
        start that is in the future, or too far in the past."""
        now = fields.Datetime.now()
        place = json.loads(cursor) if cursor else {}
        if not place:
            since = (config.orders_since or config.create_date) - forms.OVERLAP
            if since > now:
                return None
            place = {"since": forms.stamp(since)}
        return {**place, "since": max(place["since"], forms.stamp(now - OLDEST))}

    def _fetch_order(self, config, external_id):
        with self._exchange(config, "fetch_order") as exchange:
            try:
                return self._checked(exchange.request("GET", self._order_path(external_id)))
            except errors.RequestRejected as err:
                if err.status != 404:
                    raise
                return None

    def _order_path(self, external_id):
        return f"{FULFILMENT}/order/{quote(external_id, safe='')}"

    def _identify(self, config, raw):
        return identifier(raw.get("orderId")) if isinstance(raw, dict) else "", forms.listed_at(raw)

    def _version(self, config, raw):
        return forms.newest_change([raw])

    def _parse_order(self, config, raw):
        digits = self.env["decimal.precision"].precision_get("Product Price")
        return forms.order_of(raw, digits, "Rounding of discounts")

    def _parse_status(self, config, raw):
        status, raw_status = forms.status_of(raw)
        external_id = self._identify(config, raw)[0]
        if not external_id:
            raise errors.MappingError("orderId", "is missing")
        return external_id, status, raw_status

    def _personal_keys(self):
        return super()._personal_keys() | forms.PERSONAL_KEYS

    # ------------------------------------------------------------------ deliveries

    def _ship(self, config, external_id, package):
        """Told once: eBay is asked first what it knows, since an answer may have been lost without our knowing."""
        wire = self._serialize_package(package)
        path = f"{self._order_path(external_id)}/shipping_fulfillment"
        with self._exchange(config, "ship") as exchange:
            known = self._listed(self._checked(exchange.request("GET", path)), "fulfillments")
            if not any(forms.is_told(fulfilment, wire) for fulfilment in known):
                exchange.send("POST", path, json=wire)
        return RowResult.accepted()

    def _serialize_package(self, package):
        lines = [{"lineItemId": line_id, "quantity": self._whole(quantity)} for line_id, quantity in package.lines]
        wire = {"lineItems": lines}
        if package.shipped_at:
            wire["shippedDate"] = forms.stamp(package.shipped_at.replace(microsecond=0))
        tracking = forms.tracking_number(package.tracking)
        if tracking and not package.carrier:
            raise errors.RequestRejected(
                _("%s has a tracking number and no carrier. Enter the carrier on the delivery.", package.reference)
            )
        # A carrier without a number is left out: eBay takes both or neither.
        return {**wire, "shippingCarrierCode": package.carrier, "trackingNumber": tracking} if tracking else wire

    def _whole(self, quantity):
        if quantity != int(quantity):
            raise errors.RequestRejected(_("eBay takes whole numbers, and %s were delivered.", format(quantity, "g")))
        return int(quantity)

    # ------------------------------------------------------------------ helpers

    def _checked(self, answer):
        if not isinstance(answer, dict):
            raise errors.InvalidResponse(_("eBay should answer with an object. Check the API URL."))
        return answer

    def _listed(self, answer, key):
        rows = answer.get(key)
        if rows is None:
            return []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise errors.InvalidResponse(_("eBay's list of %s makes no sense. Check the API URL.", key))
        return rows
