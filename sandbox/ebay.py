# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""eBay in a box: the parts of the Sell, Notification and Identity APIs that sellers use, with state.

It gives tokens, refuses without them, answers bulk updates row by row, keeps orders in the sequence of their last
change, and signs notifications with keys of its own.
"""

import base64
import binascii
import hashlib
import json
import re
import secrets
import uuid
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from werkzeug.wrappers import Response

from .base import Refused, RoutedBox, json_response, parsed

CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "Shop-App-PRD-1", "PRD-client-secret-1", "v^1.1#refresh-token-1"
APP_SCOPE = "https://api.ebay.com/oauth/api_scope"
SCOPES = {"sell/inventory": "sell.inventory", "sell/fulfillment": "sell.fulfillment"}
BATCH, PAGE_MAX, REVISIONS = 25, 200, 250
DIGESTS = {"SHA1": hashes.SHA1, "SHA256": hashes.SHA256}


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def read_stamp(written):
    try:
        return datetime.strptime(written, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    except ValueError:
        raise Refused("Invalid date format", 400, "30810") from None


def amount(value, currency):
    return {"value": str(value), "currency": currency}


class SigningKey:
    """A key pair for notifications; the public half comes on one line, as eBay sends it."""

    def __init__(self, digest="SHA1"):
        self.kid, self.digest = str(uuid.uuid4()), digest
        self.private = ec.generate_private_key(ec.SECP256R1())

    def __deepcopy__(self, _memo):
        return self  # it never changes

    def public(self):
        pem = self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {"key": pem.decode().replace("\n", ""), "algorithm": "ECDSA", "digest": self.digest}

    def header(self, body):
        signature = base64.b64encode(self.private.sign(body, ec.ECDSA(DIGESTS[self.digest]()))).decode()
        values = {"alg": "ecdsa", "kid": self.kid, "signature": signature, "digest": self.digest}
        return base64.b64encode(json.dumps(values).encode()).decode()


class EbayBox(RoutedBox):
    """``products`` are dicts with ``sku, title, price, quantity``; ``page`` is the most orders in one answer."""

    ROUTES = (
        ("POST", r"identity/v1/oauth2/token", "give_token"),
        ("GET", r"sell/inventory/v1/location", "list_locations"),
        ("GET", r"sell/inventory/v1/inventory_item", "list_items"),
        ("GET", r"sell/inventory/v1/offer", "list_offers"),
        ("POST", r"sell/inventory/v1/bulk_update_price_quantity", "update_offers"),
        ("GET", r"sell/fulfillment/v1/order", "list_orders"),
        ("GET", r"sell/fulfillment/v1/order/(?P<order_id>[^/]+)", "show_order"),
        ("GET", r"sell/fulfillment/v1/order/(?P<order_id>[^/]+)/shipping_fulfillment", "list_fulfilments"),
        ("POST", r"sell/fulfillment/v1/order/(?P<order_id>[^/]+)/shipping_fulfillment", "add_fulfilment"),
        ("GET", r"commerce/notification/v1/public_key/(?P<kid>[^/]+)", "show_key"),
    )

    def __init__(self, products=(), marketplace="EBAY_US", currency="USD", page=PAGE_MAX, **server):
        self.marketplace, self.currency, self.page = marketplace, currency, page
        self.scopes = set(SCOPES.values())
        self.tokens, self.app_tokens = set(), set()
        self.items, self.offers, self.refused, self.revisions = {}, {}, {}, {}
        self.orders, self.fulfilments, self.keys = {}, {}, {}
        self.clock = datetime.now(timezone.utc)
        for number, product in enumerate(products, 1):
            self.add_product(number=number, **product)
        super().__init__(**server)

    @property
    def url(self):
        return f"{self.root}/"

    # === state, for tests ===

    def add_product(self, sku, title="", price="1.00", quantity=0, number=None, status="PUBLISHED", ean=""):
        number = number or len(self.items) + 1
        self.items[sku] = {
            "sku": sku,
            "product": {"title": title, **({"ean": [ean]} if ean else {})},
            "availability": {"shipToLocationAvailability": {"quantity": quantity}},
        }
        self._add_offer(sku, self.marketplace, price, quantity, number, status)

    def offer_on(self, marketplace, sku, price="1.00", quantity=0):
        """Offer a product on another marketplace too: the item, and its quantity, is one."""
        self._add_offer(sku, marketplace, price, quantity, len(self.offers) + 1, "PUBLISHED")

    def _add_offer(self, sku, marketplace, price, quantity, number, status):
        offer_id = str(9000000000000000000 + number)  # beyond what a float can count
        self.offers[offer_id] = {
            "offerId": offer_id,
            "sku": sku,
            "marketplaceId": marketplace,
            "format": "FIXED_PRICE",
            "availableQuantity": quantity,
            "pricingSummary": {"price": amount(price, self.currency)},
            "status": status,
            "listing": {"listingId": str(110000000000 + number), "listingStatus": "ACTIVE", "soldQuantity": 0},
        }

    def offer_of(self, sku, marketplace=None):
        found = (offer for offer in self.offers.values() if offer["sku"] == sku)
        return next((offer for offer in found if marketplace in (None, offer["marketplaceId"])), None)

    def shown(self, sku, marketplace=None):
        """The quantity that a listing shows: the lesser of what is of the item and what is of the offer."""
        item = self.items[sku]["availability"]["shipToLocationAvailability"]["quantity"]
        return min(item, self.offer_of(sku, marketplace)["availableQuantity"])

    def add_order(self, lines, delivery="0.0", **values):
        """Place an order of lines ``(sku, quantity, price of one)``, or of raw lines; ``values`` replace its own."""
        with self.lock:
            number = len(self.orders) + 1
            rows = [line if isinstance(line, dict) else self._line(*line) for line in lines]
            subtotal = sum(float(row["lineItemCost"]["value"]) for row in rows)
            total = sum(float(row.get("discountedLineItemCost", row["lineItemCost"])["value"]) for row in rows)
            order = {
                "orderId": f"{number:02}-{15000 + number}-{22000 + number}",
                "creationDate": stamp(self.tick()),
                "orderFulfillmentStatus": "NOT_STARTED",
                "orderPaymentStatus": "PAID",
                "sellerId": "the-seller",
                "buyer": {"username": f"buyer{number}", "taxAddress": {"countryCode": "DE"}},
                "buyerCheckoutNotes": "",
                "pricingSummary": {
                    "priceSubtotal": amount(round(subtotal, 4), self.currency),
                    "deliveryCost": amount(delivery, self.currency),
                    "total": amount(round(total + float(delivery), 4), self.currency),
                },
                "cancelStatus": {"cancelState": "NONE_REQUESTED", "cancelRequests": []},
                "paymentSummary": {"payments": [], "refunds": []},
                "fulfillmentStartInstructions": [self._instruction(number)],
                "lineItems": rows,
            }
            order.update(values)
            order["lastModifiedDate"] = order.get("lastModifiedDate") or stamp(self.tick())
            self.orders[order["orderId"]] = order
            self.fulfilments[order["orderId"]] = []
            return order

    def _line(self, sku, quantity, price):
        row = {
            "lineItemId": str(10**19 + secrets.randbelow(10**18)),
            "legacyItemId": "110012345678",
            "title": f"Title of {sku}",
            "quantity": quantity,
            "lineItemCost": amount(round(quantity * price, 4), self.currency),
            "lineItemFulfillmentStatus": "NOT_STARTED",
            "listingMarketplaceId": self.marketplace,
            "total": amount(round(quantity * price, 4), self.currency),
            "taxes": [],
            "appliedPromotions": [],
        }
        return {**row, "sku": sku} if sku else row

    def _instruction(self, number):
        ship_to = {
            "fullName": f"Käufer {number}",
            "contactAddress": {
                "addressLine1": f"Hauptstraße {number}",
                "city": "Berlin",
                "postalCode": "10115",
                "countryCode": "DE",
            },
            "primaryPhone": {"phoneNumber": f"+49 30 1000{number:04}"},
            "email": f"buyer{number}@members.ebay.com",
        }
        return {"fulfillmentInstructionsType": "SHIP_TO", "shippingStep": {"shipTo": ship_to}}

    def change_order(self, order_id, **values):
        with self.lock:
            self.orders[order_id].update(values, lastModifiedDate=stamp(self.tick()))
            return self.orders[order_id]

    def give_back(self, order_id, value, line=None, status="REFUNDED"):
        """Refund a sum, of the order as a whole or of a line by its index."""
        order = self.orders[order_id]
        refund = {"amount": amount(value, self.currency), "refundStatus": status}
        owner = order["paymentSummary"] if line is None else order["lineItems"][line]
        owner.setdefault("refunds", []).append(refund)
        word = "PARTIALLY_REFUNDED" if status == "REFUNDED" else order["orderPaymentStatus"]
        return self.change_order(order_id, orderPaymentStatus=word)

    def cancel_order(self, order_id):
        return self.change_order(order_id, cancelStatus={"cancelState": "CANCELED", "cancelRequests": []})

    def tick(self):
        """The next moment of the marketplace's clock: no two changes have one time."""
        self.clock = max(datetime.now(timezone.utc), self.clock + timedelta(milliseconds=1))
        return self.clock

    def expire_tokens(self):
        with self.lock:
            self.tokens.clear()
            self.app_tokens.clear()

    def add_key(self, digest="SHA1"):
        key = SigningKey(digest)
        self.keys[key.kid] = key
        return key

    # === answers ===

    def authenticate(self, request, path):
        if path == "identity/v1/oauth2/token":
            return
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        known = self.app_tokens if path.startswith("commerce/") else self.tokens
        if shown not in known:
            raise Refused("Invalid access token", 401, "1001", domain="OAuth")
        scope = next((scope for start, scope in SCOPES.items() if path.startswith(start)), None)
        if scope and scope not in self.scopes:
            raise Refused("Access denied", 403, "1100", domain="ACCESS")

    def refusal(self, refusal):
        if "oauth" in refusal.details:
            return {"error": refusal.code, "error_description": refusal.message}
        return {"errors": [self._error(refusal.code or "25002", refusal.message, **refusal.details)]}

    def _error(self, code, message, domain="API", **_details):
        code = int(code) if str(code).isdecimal() else code
        return {"errorId": code, "domain": domain, "category": "REQUEST", "message": message, "longMessage": message}

    def give_token(self, request, text):
        given = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {given}":
            raise Refused("client authentication failed", 401, "invalid_client", oauth=True)
        form = dict(parse_qsl(text))
        if request.mimetype != "application/x-www-form-urlencoded":
            raise Refused("a form is wanted", 400, "invalid_request", oauth=True)
        token = f"v^1.1#i^1#t^{secrets.token_urlsafe(24)}"
        if form.get("grant_type") == "client_credentials":
            if form.get("scope") != APP_SCOPE:
                raise Refused("the scope is not valid", 400, "invalid_scope", oauth=True)
            self.app_tokens.add(token)
            return {"access_token": token, "expires_in": 7200, "token_type": "Application Access Token"}
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != REFRESH_TOKEN:
            raise Refused(
                "the refresh token is invalid or was issued to another client", 400, "invalid_grant", oauth=True
            )
        self.tokens.add(token)
        return {"access_token": token, "expires_in": 7200, "token_type": "User Access Token"}

    def list_locations(self, request, text):
        return {
            "total": 1,
            "limit": 1,
            "offset": 0,
            "locations": [{"merchantLocationKey": "W1", "name": "Warehouse 1"}],
        }

    def list_items(self, request, text):
        limit, page = int(request.args.get("limit", 25)), int(request.args.get("offset", 0))
        rows = list(self.items.values())
        found = rows[page * limit : (page + 1) * limit]
        more = {"next": f"/sell/inventory/v1/inventory_item?limit={limit}&offset={page + 1}"}
        answer = {"total": len(rows), "size": len(found), "limit": limit, "inventoryItems": found}
        return {**answer, **more} if (page + 1) * limit < len(rows) else answer

    def list_offers(self, request, text):
        sku = request.args.get("sku") or ""
        if not sku or len(sku) > 50:
            raise Refused("Invalid value for sku.", 400, "25709", domain="API_INVENTORY")
        wanted = {"marketplaceId": request.args.get("marketplace_id"), "format": request.args.get("format")}
        found = [
            offer
            for offer in self.offers.values()
            if offer["sku"] == sku and all(not value or offer[key] == value for key, value in wanted.items())
        ]
        if not found:
            raise Refused("This Offer is not available.", 404, "25713", domain="API_INVENTORY")
        return {"total": len(found), "size": len(found), "limit": 100, "offers": found}

    def update_offers(self, request, text):
        rows = parsed(text).get("requests")
        if request.mimetype != "application/json" or not isinstance(rows, list) or not rows:
            raise Refused("Any User error.", 400, "25002")
        if len(rows) > BATCH:
            raise Refused(f"At most {BATCH} requests in one call.", 400, "25709")
        offer_ids = [offer.get("offerId") for row in rows for offer in row.get("offers", ())]
        if len(set(offer_ids)) < len(offer_ids):
            raise Refused("Duplicate offerId.", 400, "25709")
        responses = [answer for row in rows for answer in self._update(row)]
        good = all(response["statusCode"] == 200 for response in responses)
        return json_response({"responses": responses}, 200 if good else 207)

    def _update(self, row):
        answers = []
        for wire in row.get("offers", ()):
            offer = self.offers.get(wire.get("offerId"))
            error = self._problem(row, wire, offer)
            sku = row.get("sku") or (offer or {}).get("sku", "")
            answer = {"statusCode": 200, "sku": sku, "offerId": wire.get("offerId"), "errors": [], "warnings": []}
            if error:
                status, code, message = error
                answer.update(statusCode=status, errors=[self._error(code, message)])
            answers.append(answer)
        if all(answer["statusCode"] == 200 for answer in answers):
            self._apply(row)
        return answers

    def _problem(self, row, wire, offer):
        if offer is None:
            return 404, "25713", "This Offer is not available."
        if offer["sku"] in self.refused:
            return self.refused[offer["sku"]]
        if offer["status"] != "PUBLISHED":
            return 400, "25002", "Only published offers can be updated."
        if not {"price", "availableQuantity"} & wire.keys():
            return 400, "25002", "Price or quantity is needed."
        if "shipToLocationAvailability" in row and row.get("sku") != offer["sku"]:
            return 400, "25709", "Invalid value for sku."
        for quantity in (
            wire.get("availableQuantity", 0),
            row.get("shipToLocationAvailability", {}).get("quantity", 0),
        ):
            if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 0:
                return 400, "25709", "Invalid value for quantity."
        price = wire.get("price")
        if price and (price.get("currency") != self.currency or not isinstance(price.get("value"), str)):
            return 400, "25709", "Invalid value for currency."
        if self.revisions.get(offer["listing"]["listingId"], 0) >= REVISIONS:
            return 400, "25002", "You have reached the maximum number of revisions for this listing today."
        return None

    def _apply(self, row):
        if "shipToLocationAvailability" in row:
            self.items[row["sku"]]["availability"]["shipToLocationAvailability"].update(
                row["shipToLocationAvailability"]
            )
        for wire in row["offers"]:
            offer = self.offers[wire["offerId"]]
            listing = offer["listing"]["listingId"]
            self.revisions[listing] = self.revisions.get(listing, 0) + 1
            if "price" in wire:
                offer["pricingSummary"]["price"] = dict(wire["price"])
            if "availableQuantity" in wire:
                offer["availableQuantity"] = wire["availableQuantity"]

    def list_orders(self, request, text):
        limit, offset = int(request.args.get("limit", 50)), int(request.args.get("offset", 0))
        if not 1 <= limit <= PAGE_MAX:
            raise Refused(f"Invalid limit: {limit}", 400, "31100", domain="API_FULFILLMENT")
        since = self._since(request.args.get("filter", ""))
        rows = [order for order in self.orders.values() if read_stamp(order["lastModifiedDate"]) >= since]
        rows.sort(key=lambda order: order["lastModifiedDate"])
        found = rows[offset : offset + min(limit, self.page)]
        answer = {"total": len(rows), "limit": limit, "offset": offset, "orders": found}
        if offset + len(found) < len(rows) and found:
            answer["next"] = f"{self.root}/sell/fulfillment/v1/order?limit={limit}&offset={offset + len(found)}"
        return answer

    def _since(self, given):
        now = datetime.now(timezone.utc)
        if not given:
            return now - timedelta(days=90)
        match = re.fullmatch(r"lastmodifieddate:\[([^.\]]+\.\d+Z)\.\.([^\]]*)\]", given)
        if not match:
            raise Refused("Invalid filter value", 400, "30800", domain="API_FULFILLMENT")
        since = read_stamp(match[1])
        if since > now:
            raise Refused("Start and end dates can't be in the future", 400, "30850", domain="API_FULFILLMENT")
        if since < now - timedelta(days=730):
            raise Refused("Time range must be within '2' years.", 400, "30830", domain="API_FULFILLMENT")
        return since

    def _order(self, order_id, status=404):
        if order_id not in self.orders:
            raise Refused(f"Invalid Order Id: {order_id}", status, "32100", domain="API_FULFILLMENT")
        return self.orders[order_id]

    def show_order(self, request, text, order_id):
        return self._order(order_id)

    def list_fulfilments(self, request, text, order_id):
        self._order(order_id, 400)
        found = self.fulfilments[order_id]
        return {"total": len(found), "fulfillments": found}

    def add_fulfilment(self, request, text, order_id):
        order, wire = self._order(order_id, 400), parsed(text)
        tracking, carrier = wire.get("trackingNumber"), wire.get("shippingCarrierCode")
        if bool(tracking) != bool(carrier) or (tracking and not (tracking.isascii() and tracking.isalnum())):
            raise Refused("Invalid shipment tracking number or carrier", 400, "32300", domain="API_FULFILLMENT")
        lines = {line["lineItemId"]: line for line in order["lineItems"]}
        for row in wire.get("lineItems") or ():
            if row.get("lineItemId") not in lines:
                raise Refused(f"Invalid line item id: {row.get('lineItemId')}", 400, "32200", domain="API_FULFILLMENT")
            if not isinstance(row.get("quantity"), int) or isinstance(row["quantity"], bool) or row["quantity"] < 1:
                raise Refused("Invalid input data", 400, "32600", domain="API_FULFILLMENT")
        fulfilment_id = tracking or "999"
        self.fulfilments[order_id].append(
            {
                "fulfillmentId": fulfilment_id,
                "lineItems": wire["lineItems"],
                "shippedDate": wire.get("shippedDate") or stamp(self.tick()),
                **({"shipmentTrackingNumber": tracking, "shippingCarrierCode": carrier} if tracking else {}),
            }
        )
        self._progress(order)
        place = f"{self.root}/sell/fulfillment/v1/order/{order_id}/shipping_fulfillment/{fulfilment_id}"
        return Response(b"", 201, {"Location": place})

    def _progress(self, order):
        sent = {}
        for fulfilment in self.fulfilments[order["orderId"]]:
            for row in fulfilment["lineItems"]:
                sent[row["lineItemId"]] = sent.get(row["lineItemId"], 0) + row["quantity"]
        for line in order["lineItems"]:
            done = sent.get(line["lineItemId"], 0)
            full = done >= line["quantity"]
            line["lineItemFulfillmentStatus"] = "FULFILLED" if full else "IN_PROGRESS" if done else "NOT_STARTED"
        states = {line["lineItemFulfillmentStatus"] for line in order["lineItems"]}
        order["orderFulfillmentStatus"] = "FULFILLED" if states == {"FULFILLED"} else "IN_PROGRESS"
        order["lastModifiedDate"] = stamp(self.tick())

    def show_key(self, request, text, kid):
        if kid not in self.keys:
            raise Refused("The specified key id is invalid.", 404, "195001", domain="API_NOTIFICATION")
        return self.keys[kid].public()

    # === notifications ===

    def notification(self, topic, data, notification_id=None):
        """The document that tells of ``topic``; ``data`` is its own part."""
        now = stamp(datetime.now(timezone.utc))
        return {
            "metadata": {"topic": topic, "schemaVersion": "1.0", "deprecated": False},
            "notification": {
                "notificationId": notification_id or str(uuid.uuid4()),
                "eventDate": now,
                "publishDate": now,
                "publishAttemptCount": 1,
                "data": data,
            },
        }

    def confirmation(self, order, **values):
        rows = [{"orderLineItemId": line["lineItemId"], "quantity": line["quantity"]} for line in order["lineItems"]]
        user = {"userId": f"id-of-{order['buyer']['username']}", "username": order["buyer"]["username"]}
        data = {"user": user, "order": {"orderId": order["orderId"], "orderLineItems": rows}}
        return self.notification("ORDER_CONFIRMATION", data, **values)


def challenge_answer(code, token, endpoint):
    """What eBay expects of the owner of an endpoint."""
    return hashlib.sha256(f"{code}{token}{endpoint}".encode()).hexdigest()


def read_signature(header):
    """The parts of a signature header, for tests that change them."""
    try:
        return json.loads(base64.b64decode(header))
    except (binascii.Error, ValueError):
        return {}
