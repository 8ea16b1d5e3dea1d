# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Amazon in a box: login, orders, listings, feeds with their file store, shipments, participations."""

import gzip
import json
import re
import secrets
import time
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs

from werkzeug.wrappers import Response

from .base import Refused, RoutedBox, json_response, parsed

LISTING = r"listings/2021-08-01/items/(?P<seller>[^/]+)"
FEEDS = r"feeds/2021-06-30"
ORDERS = r"orders/2026-01-01/orders"
#: A search of the catalogue shows so many products, however many it finds.
REACH = 1000
#: Orders that Amazon fetches and delivers itself: no shipment of them is confirmed by the seller.
DELIVERED_BY_AMAZON = {"AMAZON_EASY_SHIP", "DELIVERY_BY_AMAZON"}
#: Operation → (calls a second, burst), of the vendor's usage plans.
BUDGETS = {
    "search_orders": (0.0056, 20),
    "get_order": (0.5, 30),
    "confirm_shipment": (2, 10),
    "patch_listing": (5, 5),
    "search_listings": (5, 5),
    "get_listing": (5, 5),
    "create_document": (0.5, 15),
    "create_feed": (0.0083, 15),
    "get_feed": (2, 15),
    "get_document": (0.0222, 10),
    "participations": (0.016, 15),
}


class AmazonBox(RoutedBox):
    """One seller at one or more marketplaces.

    - ``limits``: keep to the budgets of calls
    - ``feed_polls``: how often a feed is asked about before it is done; ``feed_end``: how it ends
    - ``gzip``: reports are packed
    """

    ROUTES = (
        ("POST", r"auth/o2/token", "token"),
        ("GET", r"sellers/v1/marketplaceParticipations", "participations"),
        ("GET", LISTING, "search_listings"),
        ("GET", LISTING + r"/(?P<sku>.+)", "get_listing"),
        ("PATCH", LISTING + r"/(?P<sku>.+)", "patch_listing"),
        ("POST", FEEDS + r"/documents", "create_document"),
        ("POST", FEEDS + r"/feeds", "create_feed"),
        ("GET", FEEDS + r"/feeds/(?P<feed_id>[^/]+)", "get_feed"),
        ("GET", FEEDS + r"/documents/(?P<document_id>[^/]+)", "get_document"),
        ("PUT", r"store/(?P<document_id>[^/]+)", "upload"),
        ("GET", r"store/(?P<document_id>[^/]+)", "download"),
        ("GET", ORDERS, "search_orders"),
        ("GET", ORDERS + r"/(?P<order_id>[^/]+)", "get_order"),
        ("POST", r"orders/v0/orders/(?P<order_id>[^/]+)/shipmentConfirmation", "confirm_shipment"),
    )
    OPEN = re.compile(r"auth/|store/")

    def __init__(self, seller="A3SELLER", marketplace="ATVPDKIKX0DER", currency="USD", skus=(), **server):
        self.seller, self.marketplace, self.currency = seller, marketplace, currency
        self.client = {"client_id": "amzn1.application.box", "client_secret": "amzn-secret-of-the-box"}
        self.refresh_token = "Atzr|refresh-of-the-box"
        self.tokens, self.given, self.token_seconds = {}, 0, 3600
        self.participating = {marketplace}
        self.listings = {sku: {"price": None, "quantity": 0, "channel": "DEFAULT"} for sku in skus}
        self.refused_skus = {}
        self.orders, self.shipments, self.pages = {}, {}, {}
        self.documents, self.feeds = {}, {}
        self.feed_polls, self.feed_end, self.gzip = 1, "DONE", True
        self.address_expired = 0
        self.page_size = 100
        self.limits, self.budgets = False, {}
        self.headers_seen = []
        super().__init__(**server)
        self.url = f"{self.root}/"

    # === who may call ===

    def authenticate(self, request, path):
        if self.OPEN.match(path):
            return
        token = request.headers.get("x-amz-access-token", "")
        if self.tokens.get(token, 0) < time.monotonic():
            raise Refused("Access to requested resource is denied.", 403, "Unauthorized")

    def refusal(self, refusal):
        if refusal.code.startswith("invalid_"):  # of the login service, RFC 6749
            return {"error": refusal.code, "error_description": refusal.message}
        return {"errors": [{"code": refusal.code or "InvalidInput", "message": refusal.message, "details": ""}]}

    def token(self, request, text):
        form = {key: values[0] for key, values in parse_qs(text).items()}
        if {key: form.get(key) for key in self.client} != self.client:
            raise Refused("Client authentication failed", 401, "invalid_client")
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.refresh_token:
            raise Refused("The request has an invalid grant parameter", 400, "invalid_grant")
        token = f"Atza|{secrets.token_hex(8)}"
        self.tokens[token] = time.monotonic() + self.token_seconds
        self.given += 1
        answer = {"access_token": token, "token_type": "bearer", "expires_in": self.token_seconds}
        return {**answer, "refresh_token": self.refresh_token}

    def spend(self, operation):
        """Take one call from the operation's budget."""
        rate, burst = BUDGETS[operation]
        left, since = self.budgets.get(operation, (burst, time.monotonic()))
        now = time.monotonic()
        left = min(burst, left + (now - since) * rate)
        if self.limits and left < 1:
            raise Refused("You exceeded your quota for the requested resource.", 429, "QuotaExceeded")
        self.budgets[operation] = (left - 1, now)

    def participations(self, request, text):
        self.spend("participations")
        return {"payload": [self._participation(marketplace) for marketplace in sorted(self.participating)]}

    def _participation(self, marketplace_id):
        return {
            "marketplace": {
                "id": marketplace_id,
                "name": f"Amazon {marketplace_id[:4]}",
                "countryCode": "EG",
                "defaultCurrencyCode": self.currency,
                "defaultLanguageCode": "en_US",
                "domainName": "www.amazon.example",
            },
            "participation": {"isParticipating": True, "hasSuspendedListings": False},
            "storeName": "Shop in a Box",
        }

    # === listings ===

    def search_listings(self, request, text, seller):
        self.spend("search_listings")
        self._check_seller(seller)
        size = int(request.args.get("pageSize", "10"))
        if not 1 <= size <= 20:
            raise Refused("pageSize must be from 1 to 20", 400)
        start = int(request.args.get("pageToken") or 0)
        skus = self._sorted(self._wanted_skus(request), request.args)
        page = [self._item(sku) for sku in skus[start : min(start + size, REACH)]]
        more = {"pagination": {"nextToken": str(start + size)}} if start + size < min(len(skus), REACH) else {}
        return {"numberOfResults": len(skus), "items": page, **more}

    def _sorted(self, skus, args):
        """Those of the products that were created in the time asked for, in the order asked for."""
        by, order = args.get("sortBy", "lastUpdatedDate"), args.get("sortOrder", "DESC")
        if by not in ("sku", "createdDate", "lastUpdatedDate") or order not in ("ASC", "DESC"):
            raise Refused("sortBy or sortOrder is not one of the known ones", 400)
        after = _read(args.get("createdAfter", "1995-01-01T00:00:00Z"))
        found = [sku for sku in skus if _read(self._created(sku)) >= after]
        return sorted(found, key=(lambda sku: sku) if by == "sku" else self._created, reverse=order == "DESC")

    def _created(self, sku):
        return self.listings[sku].get("created", "2026-01-01T00:00:00Z")

    def _wanted_skus(self, request):
        if "identifiers" not in request.args:
            return list(self.listings)
        wanted = request.args["identifiers"].split(",")
        if len(wanted) > 20 or request.args.get("identifiersType") != "SKU":
            raise Refused("identifiers takes up to 20 of them, of the type that identifiersType names", 400)
        return [sku for sku in self.listings if sku in wanted]

    def get_listing(self, request, text, seller, sku):
        self.spend("get_listing")
        self._check_seller(seller)
        if sku not in self.listings:
            raise Refused(f"SKU '{sku}' not found in marketplace", 404, "NOT_FOUND")
        return self._item(sku)

    def _item(self, sku):
        listing = self.listings[sku]
        summary = {
            "marketplaceId": self.marketplace,
            "asin": "B000000000",
            "productType": "PRODUCT",
            "status": ["BUYABLE"],
            "itemName": f"Item {sku}",
            "createdDate": self._created(sku),
            "lastUpdatedDate": self._created(sku),
        }
        price = {"amount": f"{listing['price'] or 0}", "currencyCode": self.currency}
        offer = {"marketplaceId": self.marketplace, "offerType": "B2C", "price": price}
        stock = {"fulfillmentChannelCode": listing["channel"], "quantity": listing["quantity"]}
        return {"sku": sku, "summaries": [summary], "offers": [offer], "fulfillmentAvailability": [stock]}

    def patch_listing(self, request, text, seller, sku):
        self.spend("patch_listing")
        self._check_seller(seller)
        if request.args.get("marketplaceIds") != self.marketplace:
            raise Refused("marketplaceIds is not one of the seller's", 400)
        issues = self._apply(sku, parsed(text))
        status = "INVALID" if any(issue["severity"] == "ERROR" for issue in issues) else "ACCEPTED"
        return {"sku": sku, "status": status, "submissionId": secrets.token_hex(8), "issues": issues}

    def _check_seller(self, seller):
        if seller != self.seller:
            raise Refused("Access to requested resource is denied.", 403, "Unauthorized")

    def _apply(self, sku, body):
        """Apply the patches of one product; return its issues."""
        if sku in self.refused_skus:
            return [self._issue("90220", self.refused_skus[sku])]
        if sku not in self.listings:
            return [self._issue("13013", f"The SKU {sku} does not exist in the marketplace.")]
        listing = self.listings[sku]
        for patch in body["patches"]:
            value = patch["value"][0]
            if patch["path"] == "/attributes/fulfillment_availability":
                listing["quantity"], listing["channel"] = value["quantity"], value["fulfillment_channel_code"]
            elif patch["path"] == "/attributes/purchasable_offer":
                if (value["currency"], value["marketplace_id"]) != (self.currency, self.marketplace):
                    return [self._issue("99022", "The currency is not that of the marketplace.")]
                listing["price"] = value["our_price"][0]["schedule"][0]["value_with_tax"]
        return [{**self._issue("90000", "A picture would help."), "severity": "WARNING"}]

    def _issue(self, code, message):
        return {"code": code, "message": message, "severity": "ERROR", "categories": ["INVALID_ATTRIBUTE"]}

    # === feeds ===

    def create_document(self, request, text):
        self.spend("create_document")
        document_id = f"amzn1.tortuga.{len(self.documents) + 1}"
        self.documents[document_id] = {"type": parsed(text)["contentType"], "body": b"", "packed": False}
        return json_response({"feedDocumentId": document_id, "url": self._address(document_id)}, 201)

    def _address(self, document_id):
        return f"{self.root}/store/{document_id}?X-Amz-Signature=signed-{document_id}&X-Amz-Expires=300"

    def upload(self, request, text, document_id):
        document = self._stored(request, document_id)
        if request.headers.get("Content-Type") != document["type"]:
            return self._store_refuses("SignatureDoesNotMatch")
        document["body"] = text.encode()
        return Response(status=200)

    def download(self, request, text, document_id):
        return Response(self._stored(request, document_id)["body"], mimetype="application/octet-stream")

    def _stored(self, request, document_id):
        """The file store: a signed address, and none of our tokens, or it refuses."""
        self.headers_seen.append(dict(request.headers))
        signed = request.args.get("X-Amz-Signature") == f"signed-{document_id}"
        if not signed or "x-amz-access-token" in request.headers:
            raise Refused("AccessDenied", 403, "AccessDenied")
        if self.address_expired:
            self.address_expired -= 1
            raise Refused("Request has expired", 403, "AccessDenied")
        return self.documents[document_id]

    def _store_refuses(self, code):
        return Response(f"<Error><Code>{code}</Code></Error>", 403, mimetype="application/xml")

    def create_feed(self, request, text):
        self.spend("create_feed")
        body = parsed(text)
        document = self.documents.get(body.get("inputFeedDocumentId"))
        if body.get("feedType") != "JSON_LISTINGS_FEED" or body.get("marketplaceIds") != [self.marketplace]:
            raise Refused("The feed type or marketplace is invalid", 400)
        if not document or not document["body"]:
            raise Refused("The feed document was not uploaded", 400)
        feed_id = str(2**60 + len(self.feeds))
        self.feeds[feed_id] = {"document": body["inputFeedDocumentId"], "polls": self.feed_polls, "result": None}
        return json_response({"feedId": feed_id}, 202)

    def get_feed(self, request, text, feed_id):
        self.spend("get_feed")
        feed = self.feeds.get(feed_id)
        if not feed:
            raise Refused("There is no such feed", 404, "NotFound")
        answer = {"feedId": feed_id, "feedType": "JSON_LISTINGS_FEED", "marketplaceIds": [self.marketplace]}
        answer["createdTime"] = "2026-01-01T00:00:00Z"
        if feed["polls"]:
            feed["polls"] -= 1
            return {**answer, "processingStatus": "IN_PROGRESS"}
        if self.feed_end != "DONE":
            return {**answer, "processingStatus": self.feed_end}
        feed["result"] = feed["result"] or self._process(feed_id, feed)
        return {**answer, "processingStatus": "DONE", "resultFeedDocumentId": feed["result"]}

    def _process(self, feed_id, feed):
        messages = json.loads(self.documents[feed["document"]]["body"])["messages"]
        issues, invalid = [], 0
        for message in messages:
            found = self._apply(message["sku"], message)
            invalid += any(issue["severity"] == "ERROR" for issue in found)
            for issue in found:
                shown = {key: issue[key] for key in ("code", "message", "severity")}
                issues.append({"messageId": message["messageId"], "sku": message["sku"], **shown})
        errors = sum(issue["severity"] == "ERROR" for issue in issues)
        summary = {"errors": errors, "warnings": len(issues) - errors, "messagesProcessed": len(messages)}
        summary |= {"messagesAccepted": len(messages) - invalid, "messagesInvalid": invalid}
        header = {"sellerId": self.seller, "version": "2.0", "feedId": feed_id}
        body = json.dumps({"header": header, "issues": issues, "summary": summary}).encode()
        document_id = f"amzn1.report.{feed_id}"
        self.documents[document_id] = {"body": gzip.compress(body) if self.gzip else body, "packed": self.gzip}
        return document_id

    def get_document(self, request, text, document_id):
        self.spend("get_document")
        if document_id not in self.documents:
            raise Refused("There is no such document", 404, "NotFound")
        packed = {"compressionAlgorithm": "GZIP"} if self.documents[document_id]["packed"] else {}
        return {"feedDocumentId": document_id, "url": self._address(document_id), **packed}

    # === orders ===

    def add_order(self, items, **values):
        """Place an order; ``items`` are ``(sku, quantity, unit price)``. Return its id."""
        number = len(self.orders) + 1
        order_id = f"902-{number:07}-{1059050 + number}"
        total = sum(quantity * price for _sku, quantity, price in items)
        status = values.pop("status", "UNSHIPPED")
        address = {"name": f"Buyer {number}", "addressLine1": f"{number} Nile Street", "city": "Cairo"}
        order = {
            "orderId": order_id,
            "createdTime": _zulu(_now()),
            "lastUpdatedTime": _zulu(_now()),
            "salesChannel": {"channelName": "AMAZON", "marketplaceId": self.marketplace},
            "buyer": {"buyerName": f"Buyer {number}", "buyerEmail": f"b{number}@marketplace.amazon.eg"},
            "recipient": {"deliveryAddress": {**address, "postalCode": "11511", "countryCode": "EG"}},
            "proceeds": {"grandTotal": self.money(total)},
            "fulfillment": {
                "fulfillmentStatus": status,
                "fulfilledBy": "MERCHANT",
                "shipByWindow": {"latestDateTime": _zulu(_now() + timedelta(days=1))},
            },
            "orderItems": [self._order_item(number, place, *item) for place, item in enumerate(items, 1)],
        }
        with self.lock:
            self.orders[order_id] = {**order, **values}
        return order_id

    def money(self, amount):
        return {"amount": f"{round(amount, 3):.2f}", "currencyCode": self.currency}

    def _order_item(self, number, place, sku, quantity, price):
        return {
            "orderItemId": str(2**60 + 100 * number + place),
            "quantityOrdered": int(quantity),
            "product": {
                "asin": "B000000000",
                "title": sku,
                "sellerSku": sku,
                "price": {"unitPrice": self.money(price)},
            },
            "proceeds": {
                "proceedsTotal": self.money(quantity * price),
                "breakdowns": [{"type": "ITEM", "subtotal": self.money(quantity * price)}],
            },
            "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": int(quantity)},
        }

    def change_order(self, order_id, status=None, **values):
        """Change an order, as of now."""
        with self.lock:
            order = self.orders[order_id]
            order.update(values, lastUpdatedTime=_zulu(_now()))
            if status:
                order["fulfillment"] = {**order["fulfillment"], "fulfillmentStatus": status}

    def search_orders(self, request, text):
        self.spend("search_orders")
        args = request.args
        if ("lastUpdatedAfter" in args) == ("createdAfter" in args):
            raise Refused("Exactly one of createdAfter and lastUpdatedAfter is needed", 400)
        search = {key: args[key] for key in args if key not in ("paginationToken", "maxResultsPerPage", "includedData")}
        token = args.get("paginationToken")
        if token and self.pages.get(token, (None,))[0] != search:
            raise Refused("The pagination token is not valid for these parameters", 400)
        if args.get("lastUpdatedAfter", "").rstrip("Z") > _zulu(_now() - timedelta(minutes=2)).rstrip("Z"):
            raise Refused("lastUpdatedAfter must be at least two minutes before the time of the request", 400)
        found = self.pages[token][1] if token else self._matching(args)
        before = self.pages[token][2] if token else _zulu(_now() - timedelta(minutes=2))
        size = min(self.page_size, int(args.get("maxResultsPerPage", "100")))
        answer = {"orders": [self._shown(self.orders[order_id], args) for order_id in found[:size]]}
        if len(found) > size:
            answer["pagination"] = {"nextToken": secrets.token_urlsafe(12)}
            self.pages[answer["pagination"]["nextToken"]] = (search, found[size:], before)
        return {**answer, "lastUpdatedBefore": before}

    def _matching(self, args):
        """Ids of the orders that fit. (The real one leaves out those of the last two minutes as well.)"""
        marketplaces = args.get("marketplaceIds", self.marketplace).split(",")
        return [
            order["orderId"]
            for order in sorted(self.orders.values(), key=lambda order: order["lastUpdatedTime"])
            if order["lastUpdatedTime"] >= args["lastUpdatedAfter"].rstrip("Z")
            and order["salesChannel"].get("marketplaceId") in marketplaces
            and order["fulfillment"].get("fulfilledBy") in args.get("fulfilledBy", "MERCHANT,AMAZON").split(",")
        ]

    def _shown(self, order, args):
        asked = set(args.get("includedData", "").split(","))
        hidden = {"buyer": "BUYER", "recipient": "RECIPIENT", "proceeds": "PROCEEDS", "packages": "PACKAGES"}
        return {key: value for key, value in order.items() if hidden.get(key) in {None, *asked}}

    def get_order(self, request, text, order_id):
        self.spend("get_order")
        if order_id not in self.orders:
            raise Refused("The order was not found", 404, "NotFound")
        return {"order": self._shown(self.orders[order_id], request.args)}

    def confirm_shipment(self, request, text, order_id):
        self.spend("confirm_shipment")
        if order_id not in self.orders:
            raise Refused("The order was not found", 404, "NotFound")
        if DELIVERED_BY_AMAZON & set(self.orders[order_id].get("programs") or ()):
            raise Refused("The order is delivered by Amazon", 400)
        detail = self._checked(parsed(text))
        told = {**self.shipments.get(order_id, {}), detail["packageReferenceId"]: detail}
        self._fulfil(order_id, told)
        self.shipments[order_id] = told
        return Response(status=204)

    def _checked(self, body):
        detail = body.get("packageDetail", {})
        needed = {"packageReferenceId", "carrierCode", "trackingNumber", "shipDate", "orderItems"}
        missing = [key for key in sorted(needed) if not detail.get(key)]
        if detail.get("carrierCode") == "Other" and not detail.get("carrierName"):
            missing.append("carrierName")
        if missing or body.get("marketplaceId") != self.marketplace:
            raise Refused(f"Missing or invalid: {', '.join(missing) or 'marketplaceId'}", 400)
        if not re.fullmatch(r"[1-9]\d*", detail["packageReferenceId"]):
            raise Refused("packageReferenceId must be a positive number", 400)
        return detail

    def _fulfil(self, order_id, told):
        """Count what all packages hold together, and refuse more than was ordered."""
        sent = {}
        for package in told.values():
            for row in package["orderItems"]:
                sent[row["orderItemId"]] = sent.get(row["orderItemId"], 0) + row["quantity"]
        order = self.orders[order_id]
        if any(sent.get(item["orderItemId"], 0) > item["quantityOrdered"] for item in order["orderItems"]):
            raise Refused("More was shipped than was ordered", 400)
        for item in order["orderItems"]:
            left = item["quantityOrdered"] - sent.get(item["orderItemId"], 0)
            item["fulfillment"] = {"quantityFulfilled": sent.get(item["orderItemId"], 0), "quantityUnfulfilled": left}
        done = not any(item["fulfillment"]["quantityUnfulfilled"] for item in order["orderItems"])
        packages = [
            {"packageReferenceId": one["packageReferenceId"], "trackingNumber": one["trackingNumber"]}
            for one in told.values()
        ]
        self.change_order(order_id, "SHIPPED" if done else "PARTIALLY_SHIPPED", packages=packages)


def _now():
    return datetime.now(timezone.utc)


def _zulu(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _read(written):
    return datetime.fromisoformat(written.replace("Z", "+00:00"))
