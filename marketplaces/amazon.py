# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
import time
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import quote, urlsplit

from odoo import _, fields, models

from ..compat import format_list
from ..schemas import Event, Order, OrderPage, RowResult
from ..transport import errors
from ..transport.auth import HeaderToken
from ..transport.oauth import Grant
from ..transport.reading import first, items, moment, text, under
from . import amazon_forms as forms
from .amazon_marketplaces import BY_ID, REGIONS, TOKEN_URL

ORDERS = "orders/2026-01-01/orders"
SHIPMENTS = "orders/v0/orders"
LISTINGS = "listings/2021-08-01/items"
FEEDS = "feeds/2021-06-30"
PARTICIPATIONS = "sellers/v1/marketplaceParticipations"

# What of an order is asked for. Buyer and recipient come only where the app's roles allow it.
ORDER_DATA = "BUYER,RECIPIENT,PROCEEDS,PROMOTION,CANCELLATION,FULFILLMENT"
ORDERS_PAGE = 100
# What changed since then is not told yet.
LATENESS = timedelta(minutes=2)
# Products of a call: of a page of the catalogue, and of those that are asked for by their SKU.
CATALOGUE_PAGE = 20

# Up to so many offers are sent one by one, at 5 a second; more go as a feed, which takes minutes whatever its size.
FEW = 200
BURST = 5
PER_SECOND = 5.0
# What was computed longer ago is not sent one by one: the rest is computed anew.
FRESH_SECONDS = 2.0
# How long a feed waits where Amazon takes no more of them: five in five minutes.
FEED_SECONDS = 300.0
# How long a call waits that was one too many, where Amazon does not say.
PAUSE_SECONDS = 2.0
FEED_TYPE = "JSON_LISTINGS_FEED"
FEED_CONTENT = "application/json; charset=UTF-8"
FEED_ENDED_BADLY = ("CANCELLED", "FATAL")

PERSONAL_KEYS = {"giftoption", "taxregistrations", "paymentexecutions", "destinationpostalcode"}


class MarketplaceApiAmazon(models.AbstractModel):
    """Amazon, for sellers who deliver themselves: the Selling Partner API.

    Source: the vendor's models (https://github.com/amzn/selling-partner-api-models). Each operation has a budget of
    calls of its own. Prices and stock are accepted first and judged later; an offer that is refused at once is refused
    with HTTP 200. There is no call that accepts or cancels an order.
    """

    _name = "marketplace.api.amazon"
    _inherit = "marketplace.api"
    _description = "Adapter: Amazon"

    # ------------------------------------------------------------------ who we are

    def _label(self):
        return "Amazon"

    def _capabilities(self):
        return {
            "batch_size": 10_000,
            "needs_ack": False,
            "seller_ids": True,
            "has_webhook": False,
            "async_push": True,
            "pulls_apart": 5,  # a page of orders in three minutes is what it lets everybody have
            "needs_remote": True,
            "locate_size": CATALOGUE_PAGE,
            "subjects": {"price", "stock"},
            "statuses": set(),
            "ships": True,
            "ships_open": True,
            "credentials": ("client_id", "client_secret", "refresh_token"),
            "settings": ("supplier_code",),
            "token_url": TOKEN_URL,
            "cancellation_reasons": {},
            "default_url": REGIONS["eu"][1],
        }

    def _own_urls(self):
        return [url for _name, url in REGIONS.values()]

    def _token_grant(self, config, refresh_token):
        if not (refresh_token and config.client_id and config.client_secret):
            raise errors.ConfigurationError(
                _("Enter the client ID, the client secret and the refresh token of the app on the account.")
            )
        form = {"client_id": config.client_id, "client_secret": config.client_secret}
        return Grant(
            config._token_url(), {"grant_type": "refresh_token", "refresh_token": refresh_token.strip(), **form}
        )

    def _token_auth(self, config, access_token):
        return HeaderToken("x-amz-access-token", access_token)

    def _marketplace(self, config):
        """Return the row of the table for the account's marketplace."""
        if config.amazon_marketplace not in BY_ID:
            raise errors.ConfigurationError(_("Choose the Amazon marketplace on the account."))
        return BY_ID[config.amazon_marketplace]

    def _seller(self, config):
        seller = (config.amazon_seller_id or config._credentials().amazon_seller_id or "").strip()
        if not seller:
            raise errors.ConfigurationError(_("Enter the seller ID (merchant token) on the account."))
        return seller

    def _test_connection(self, config):
        marketplace = self._marketplace(config)
        self._seller(config)
        self._check_currency(config)
        with self._exchange(config, "test_connection", 0) as exchange:
            rows = items(exchange.request("GET", PARTICIPATIONS), "payload")
        sells = [row for row in rows if first(first(row, "participation", default={}), "isParticipating")]
        found = next((row for row in sells if text(row, "marketplace", "id") == marketplace.id), None)
        if not found:
            names = format_list(self.env, (text(row, "marketplace", "name") for row in sells))
            raise errors.ConfigurationError(
                _(
                    "The seller does not sell at %(marketplace)s, but at: %(names)s. Choose one of these, or join it.",
                    marketplace=marketplace.domain,
                    names=names or _("none in this region"),
                )
            )
        currency = text(found, "marketplace", "defaultCurrencyCode")
        return {
            "name": text(found, "storeName") or marketplace.domain,
            "currency": currency,
            "places": [text(row, "marketplace", "name") for row in sells],
        }

    def _check_currency(self, config):
        """Amazon is told a price with its currency, so a price in another one must not be sent as it is."""
        marketplace = self._marketplace(config)
        ours = config.currency_id
        if config.sync_price and ours.name != marketplace.currency:
            raise errors.ConfigurationError(
                _(
                    "The prices are in %(ours)s, and %(marketplace)s takes %(theirs)s. Choose a pricelist in "
                    "%(theirs)s on the account, or turn Send Prices off.",
                    ours=ours.name,
                    theirs=marketplace.currency,
                    marketplace=marketplace.domain,
                )
            )

    @contextmanager
    def _paced(self):
        """Amazon does not say how long to wait: calls come back by the second, and a burst of them is soon over."""
        try:
            yield
        except errors.RateLimited as err:
            err.seconds = PAUSE_SECONDS if err.seconds is None else err.seconds
            raise

    # ------------------------------------------------------------------ prices and stock

    def _serialize_product(self, config, data):
        known = dict(data)
        if data["remote"].get("fulfilled_by") == "AMAZON":
            known.pop("quantity", None)  # telling ours would take the product out of Amazon's own warehouses
        return forms.patch_of(known, self._marketplace(config), config.amazon_product_type or "PRODUCT")

    def _push_offers(self, config, rows):
        if any("price" in row for row in rows):
            self._check_currency(config)
        told = [row for row in rows if row["wire"]["patches"]]
        send = self._push_one_by_one if len(told) <= FEW else self._push_feed
        try:
            results = iter(send(config, told) if told else ())
        except errors.MappingError as err:
            raise errors.InvalidResponse(_("Amazon's answer makes no sense: %s", err)) from None
        return [next(results) if row["wire"]["patches"] else RowResult.accepted() for row in rows]

    def _push_one_by_one(self, config, rows):
        """Send until the budget is empty or what was computed gets old; the rest waits, and is computed anew."""
        results, after, started = [], 0.0, time.monotonic()
        with self._exchange(config, "push_offers", 0) as exchange:
            for row in rows:
                elapsed = time.monotonic() - started
                if len(results) >= BURST + elapsed * PER_SECOND or elapsed > FRESH_SECONDS:
                    after = BURST / PER_SECOND if elapsed <= FRESH_SECONDS else 0.0
                    break
                try:
                    results.append(self._push_one(config, exchange, row))
                except errors.RateLimited as err:
                    after = err.seconds or PAUSE_SECONDS
                    break
                except errors.MarketplaceError:
                    if not results:
                        raise
                    break  # what was sent before it counts; this one is tried again, and then the account is to blame
            exchange.count = len(results)
            exchange.failed = sum(result.outcome != "accepted" for result in results)
        return results + [RowResult.wait(after)] * (len(rows) - len(results))

    def _push_one(self, config, exchange, row):
        path = f"{LISTINGS}/{quote(self._seller(config), safe='')}/{quote(row['external_id'], safe='')}"
        params = {"marketplaceIds": self._marketplace(config).id}
        try:
            answer = exchange.request("PATCH", path, params=params, json=row["wire"])
        except errors.RequestRejected as err:
            return RowResult.rejected(err.code or str(err.status or ""), str(err))
        status = text(answer, "status")
        code, words = forms.errors_of(items(answer, "issues", default=[])) or ("", "")
        if status == "ACCEPTED":
            return RowResult.accepted(words)
        return RowResult.rejected(code or status, words or _("Amazon refuses the offer and does not say why."))

    # ------------------------------------------------------------------ feeds

    def _push_feed(self, config, rows):
        document = json.dumps(forms.feed_of(self._seller(config), rows), ensure_ascii=False).encode()
        try:
            with self._exchange(config, "push_offers", 0) as exchange:
                place = exchange.request("POST", f"{FEEDS}/documents", json={"contentType": FEED_CONTENT})
            self._transfer(config, text(place, "url", required=True), document, len(rows))
            with self._exchange(config, "push_offers", len(rows)) as exchange:
                wire = {
                    "feedType": FEED_TYPE,
                    "marketplaceIds": [self._marketplace(config).id],
                    "inputFeedDocumentId": text(place, "feedDocumentId", required=True),
                }
                feed_id = text(exchange.request("POST", f"{FEEDS}/feeds", json=wire), "feedId", required=True)
        except errors.RateLimited as err:
            return [RowResult.wait(err.seconds or FEED_SECONDS, _("Amazon takes no more feeds for now."))] * len(rows)
        return [RowResult.pending(feed_id)] * len(rows)

    def _transfer(self, config, url, document=None, count=0):
        """Put a document where Amazon keeps it, or get it. The address proves who we are, and runs out in minutes."""
        operation = "poll_push" if document is None else "push_offers"
        try:
            with self._exchange(config, operation, count, [urlsplit(url).query], elsewhere=url) as exchange:
                if document is None:
                    return exchange.send("GET", url).body
                return exchange.send("PUT", url, data=document, headers={"Content-Type": FEED_CONTENT}).body
        except (errors.AuthenticationFailed, errors.RequestRejected, errors.ConfigurationError) as err:
            raise errors.TemporaryFailure(
                _("Amazon's file store refuses the document; it is tried again with a new address. %s", err)
            ) from None

    def _poll_push(self, config, handle, rows):
        try:
            with self._exchange(config, "poll_push", len(rows)) as exchange:
                feed = exchange.request("GET", f"{FEEDS}/feeds/{quote(handle, safe='')}")
                status = text(feed, "processingStatus", required=True)
            if status not in ("DONE", *FEED_ENDED_BADLY):
                return None
            report = self._feed_report(config, text(feed, "resultFeedDocumentId"))
        except errors.RateLimited:
            return None
        return self._judge(rows, status, report)

    def _feed_report(self, config, document_id):
        """Return the report on a feed, ``None`` where there is none."""
        if not document_id:
            return None
        with self._exchange(config, "poll_push", 0) as exchange:
            place = exchange.request("GET", f"{FEEDS}/documents/{quote(document_id, safe='')}")
        return forms.report_of(self._transfer(config, text(place, "url", required=True)))

    def _judge(self, rows, status, report):
        refused, whole = forms.judged([row["external_id"] for row in rows], report or {})
        if status in FEED_ENDED_BADLY and not whole:
            whole = status, _("It ended as %s.", status)
        elif report is None:
            # Nobody knows what it took; what is sent again and was taken does no harm.
            whole = status, _("There is no report that says what was taken of it.")
        other = RowResult.accepted()
        if whole:
            other = RowResult.retry(_("Amazon did not carry out the feed. %s", whole[1]), code=whole[0])
        places = range(1, len(rows) + 1)
        return [RowResult.rejected(*refused[place]) if place in refused else other for place in places]

    # ------------------------------------------------------------------ orders

    def _marketplace_ids(self, config):
        """Return the marketplaces of all accounts that share these credentials, sorted."""
        return sorted({self._marketplace(account).id for account in config._credential_group().filtered("active")})

    def _pull_orders(self, config, cursor=None):
        """The cursor is what ``amazon_forms.next_place`` returns, as JSON."""
        place = self._load_cursor(config, cursor)
        if not place:
            return OrderPage([])
        params = {
            "lastUpdatedAfter": place["after"],
            "marketplaceIds": ",".join(self._marketplace_ids(config)),
            "fulfilledBy": "MERCHANT",
            "maxResultsPerPage": ORDERS_PAGE,
            "includedData": ORDER_DATA,
            **({"paginationToken": place["token"]} if "token" in place else {}),
        }
        try:
            with self._exchange(config, "pull_orders", 0) as exchange:
                answer = exchange.request("GET", ORDERS, params=params)
                rows = items(answer, "orders")
                exchange.count = len(rows)
        except errors.RateLimited as err:
            return OrderPage([], cursor, limit=err)  # goes on at this very page with the next pull
        except errors.RequestRejected:
            if "token" not in place:
                raise
            # The token has run out, after a day: the search begins again.
            return OrderPage([], json.dumps({"after": place["after"]}), more=True)
        place = forms.next_place(place, answer)
        found = [row for row in rows if self._is_ours(config, row)]
        return OrderPage(found, json.dumps(place), more="token" in place)

    def _load_cursor(self, config, cursor):
        """Return where to go on; ``None`` as long as the time that orders are wanted from has not come. Amazon looks up
        to two minutes ago, and refuses a start after that."""
        if cursor:
            return json.loads(cursor)
        latest = fields.Datetime.now() - LATENESS
        since = config.orders_since or latest
        return {"after": forms.zulu(since)} if since <= latest else None

    def _is_ours(self, config, raw):
        try:
            return forms.is_ours(raw, self._marketplace_ids(config))
        except errors.MappingError:
            return True  # it is stored, and fails where a person sees it

    def _fetch_order(self, config, external_id):
        path, params = f"{ORDERS}/{quote(external_id, safe='')}", {"includedData": ORDER_DATA}
        try:
            with self._paced(), self._exchange(config, "fetch_order") as exchange:
                order = first(exchange.request("GET", path, params=params), "order")
        except errors.RequestRejected as err:
            if err.status == 404:
                return None
            raise
        return order if order and self._is_ours(config, order) else None

    def _identify(self, config, raw):
        if not isinstance(raw, dict):
            return "", ""
        try:
            return text(raw, "orderId"), self._account_code(config, raw)
        except errors.MappingError:
            return "", ""

    def _account_code(self, config, raw):
        """Return the code of the account whose marketplace the order is of."""
        there = text(raw, "salesChannel", "marketplaceId")
        accounts = config._credential_group()
        return next((one.supplier_code for one in accounts if there and one.amazon_marketplace == there), "") or ""

    def _version(self, config, raw):
        return forms.changed_at(raw) if isinstance(raw, dict) else ""

    def _parse_order(self, config, raw):
        status, sent = forms.status_of(raw)
        currency = forms.currency_of(raw) or self._marketplace(config).currency
        with_tax = config.tax_policy != "product"
        arrives = moment(raw, "fulfillment", "deliverByWindow", "latestDateTime")
        replaces = forms.replaced_by(raw)
        lines = forms.lines_of(raw, currency, with_tax, priced=status != "cancelled" and not replaces)
        total = None if status == "cancelled" else forms.total_of(raw)
        return Order(
            external_id=text(raw, "orderId", required=True),
            status=status,
            raw_status=sent,
            customer=forms.customer_of(raw),
            lines=lines,
            total=total,
            account_code=self._account_code(config, raw),
            reference=text(raw, "orderId"),
            ordered_at=moment(raw, "createdTime"),
            currency=currency,
            # Buyers pay to Amazon alone, also at the door.
            credit=sum(line.quantity * line.price_unit for line in lines) if total is None else total,
            ship_by=moment(raw, "fulfillment", "shipByWindow", "latestDateTime"),
            estimated_day=forms.day_in(self._marketplace(config).zone, arrives) if arrives else None,
            delivered_by_marketplace=forms.is_delivered_by_amazon(raw),
            replaces=replaces,
            cancellation_reason=forms.reason_of(raw),
            cancellation_request=forms.request_of(raw),
        )

    def _parse_status(self, config, raw):
        return forms.told_status(raw)

    def _personal_keys(self):
        return super()._personal_keys() | PERSONAL_KEYS

    def _ship(self, config, external_id, package):
        problem = self._shipment_problem(package)
        if problem:
            return RowResult.rejected("", problem)
        path = quote(external_id, safe="")
        with self._paced():
            if package.repeated and self._is_shipped(config, path, package):
                return RowResult.accepted()
            wire = forms.shipment_of(package, self._marketplace(config).id, package.shipped_at or fields.Datetime.now())
            with self._exchange(config, "ship", len(package.lines)) as exchange:
                exchange.request("POST", f"{SHIPMENTS}/{path}/shipmentConfirmation", json=wire)
        return RowResult.accepted()

    def _shipment_problem(self, package):
        """Return what Amazon would not take, in words that say what to do."""
        if not package.tracking.strip():
            return _("Amazon wants the tracking number. Enter it on the delivery %s.", package.reference)
        if not package.carrier.strip():
            return _("Amazon wants to know the carrier. Enter it on the delivery %s.", package.reference)
        if any(units != int(units) for _line_id, units in package.lines):
            return _("Amazon takes whole units alone, and %s holds a part of one.", package.reference)
        return ""

    def _is_shipped(self, config, path, package):
        with self._exchange(config, "fetch_order") as exchange:
            answer = exchange.request("GET", f"{ORDERS}/{path}", params={"includedData": "PACKAGES"})
        return forms.knows(first(answer, "order", default={}), package)

    # ------------------------------------------------------------------ notifications

    def _webhook_preset(self):
        """Amazon sends to queues of its own alone. What takes it from there (an EventBridge API destination, a relay)
        shows an API key."""
        return "token", {"header": "X-Api-Key"}

    def _parse_webhook(self, config, kind, payload, headers):
        """A notification as Amazon puts it into a queue, in EventBridge's envelope or without, or a list of them."""
        rows = payload if isinstance(payload, list) else [payload]
        events = []
        for index, row in enumerate(rows):
            with under(f"[{index}]"):
                notification = first(row, "detail", default=row)
                if text(notification, ("NotificationType", "notificationType"), required=True) == "ORDER_CHANGE":
                    events += self._events_of(config, notification)
        return events

    def _events_of(self, config, notification):
        change = forms.change_of(notification)
        external_id = text(change, "AmazonOrderId", required=True)
        if text(change, "SellerId") not in ("", self._seller(config)):
            raise errors.MappingError("SellerId", _("another seller than the account's"))
        if not forms.is_about_ours(change, self._marketplace_ids(config)):
            return []
        event_id = text(notification, "NotificationMetadata", "NotificationId")
        return [Event("notice", external_id, notification, event_id)]
