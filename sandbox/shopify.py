# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""A Shopify shop in a box: the Admin API in GraphQL as far as the addon uses it, with state, rights and a bucket of
points. Calls stand in the journal, and can be broken, by the name of their operation: ``…/graphql.json#SetPrices``."""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl

from .base import Refused, RoutedApp, RoutedBox, parsed
from .graphql import project, selection

#: An id that no float holds.
FIRST_ID = 820982911946154508
VERSIONS = ("2025-10", "2026-01", "2026-04", "2026-07", "2026-10")
LARGEST_STOCK = 1_000_000_000
SCOPES = (
    *("write_products", "write_inventory", "read_locations", "write_orders", "read_customers"),
    "write_merchant_managed_fulfillment_orders",
)


class ShopifyApp(RoutedApp):
    def call(self, request, path):
        """Every call has one path; the operation's name is made part of it."""
        if path.endswith("graphql.json"):
            try:
                path += "#" + str(json.loads(request.get_data(cache=True)).get("operationName"))
            except (ValueError, AttributeError):
                path += "#"
        return super().call(request, path)


class ShopifyBox(RoutedBox):
    """Variants stand in ``variants`` by their id, orders in ``orders``, webhooks in ``webhooks``; ids are texts.

    ``points`` is what is left in the bucket (``None``: there is no end of it), ``hidden`` tells that the app may not
    see customers.
    """

    ROUTES = (
        ("POST", r"admin/oauth/access_token", "give_token"),
        ("POST", r"admin/api/(?P<version>[^/]+)/graphql\.json#(?P<operation>\w*)", "graphql"),
    )
    PRICE_COST = 10

    def __init__(self, token="", client=("", ""), currency="USD", **server):
        self.tokens = {token} - {""}
        self.client = client
        self.currency = currency
        self.scopes = list(SCOPES)
        self.variants, self.orders, self.webhooks = {}, {}, {}
        self.locations = {"655441491": "Warehouse"}
        self.points, self.restore_rate, self.hidden = None, 100, False
        self.refused = set()  # variants of which nothing is taken
        self.idempotency = set()
        self.mail = []
        self._last_id = FIRST_ID
        self._clock = datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)
        self._given = 0
        super().__init__(**server)

    def make_app(self):
        return ShopifyApp(self, self.faults, self.log)

    # === state ===

    def new_id(self):
        self._last_id += 1
        return str(self._last_id)

    def now(self):
        """The shop's clock; it goes on by a second with each look, so that no two changes have one time."""
        self._clock = max(
            self._clock + timedelta(seconds=1), datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)
        )
        return f"{self._clock.isoformat()}Z"

    def add_variant(self, variant_id, sku="", title="", price="1.00", product_id="", barcode=""):
        self.variants[variant_id] = {
            "id": variant_id,
            "product": product_id or self.new_id(),
            "item": self.new_id(),
            "sku": sku,
            "title": title,
            "price": price,
            "barcode": barcode,
            "stock": dict.fromkeys(self.locations, 0),
        }
        return self.variants[variant_id]

    def add_order(self, *lines, shipping="0.00", customer=True, **values):
        """Place an order of lines ``(variant id, quantity, price)`` or dicts; ``values`` are fields of the order."""
        with self.lock:
            order_id, moment = self.new_id(), self.now()
            rows = [line if isinstance(line, dict) else self.line(*line) for line in lines]
            place = self.address() if customer else None
            order = {
                "__typename": "Order",
                "id": _gid("Order", order_id),
                "name": f"#{1000 + len(self.orders)}",
                **dict.fromkeys(("cancelledAt", "cancelReason", "email", "phone", "note", "billingAddress")),
                "createdAt": moment,
                "updatedAt": moment,
                "currencyCode": self.currency,
                "taxesIncluded": True,
                "displayFinancialStatus": "PAID",
                "displayFulfillmentStatus": "UNFULFILLED",
                "returnStatus": "NO_RETURN",
                "customer": customer and self.customer() or None,
                "shippingAddress": place,
                **{key: None for key in ("currentTotalDutiesSet", "currentTotalAdditionalFeesSet")},
                "totalTipReceivedSet": self.money("0"),
                "shippingLines": [self.shipping(shipping)] if float(shipping) else [],
                "lineItems": rows,
                "fulfillments": [],
                **values,
            }
            order["fulfillmentOrders"] = [self._fulfillment_order(rows, next(iter(self.locations)))]
            self.orders[order_id] = order
            self.recount(order, before=True)
        return order_id

    def line(self, variant_id, quantity, price, discount="0", tax="0", **values):
        variant = self.variants.get(variant_id or "", {})
        return {
            "id": _gid("LineItem", self.new_id()),
            "name": variant.get("title", "Something"),
            "sku": variant.get("sku"),
            "quantity": quantity,
            "currentQuantity": quantity,
            "variant": {"id": _gid("ProductVariant", variant_id)} if variant_id else None,
            "originalUnitPriceSet": self.money(price),
            "discountAllocations": [{"allocatedAmountSet": self.money(discount)}] if float(discount) else [],
            "taxLines": [{"priceSet": self.money(tax)}] if float(tax) else [],
            **values,
        }

    def shipping(self, price, tax="0", **values):
        amount = self.money(price)
        return {
            "id": _gid("ShippingLine", self.new_id()),
            "title": "Standard",
            "isRemoved": False,
            "discountedPriceSet": amount,
            "currentDiscountedPriceSet": amount,
            "taxLines": [{"priceSet": self.money(tax)}] if float(tax) else [],
            **values,
        }

    def customer(self):
        return {
            "id": _gid("Customer", self.new_id()),
            "displayName": "Mona Adel",
            "email": "mona@example.com",
            "phone": None,
        }

    def address(self):
        names = {"name": "Mona Adel", "firstName": "Mona", "lastName": "Adel", "company": None}
        street = {"address1": "12 شارع النيل", "address2": None, "city": "Cairo", "zip": "11511"}
        return {**names, **street, "provinceCode": "C", "countryCodeV2": "EG", "phone": "+201001234567"}

    def money(self, amount):
        return {"shopMoney": {"amount": str(amount)}}

    def recount(self, order, before=False):
        """Bring the order's total up to what its lines come to; each is scaled by hand, as a person would."""
        total = 0.0
        for row in order["lineItems"]:
            whole = float(_amount(row["originalUnitPriceSet"])) * row["quantity"]
            whole -= sum(float(_amount(one["allocatedAmountSet"])) for one in row["discountAllocations"])
            if not order["taxesIncluded"]:
                whole += sum(float(_amount(tax["priceSet"])) for tax in row["taxLines"])
            total += whole * row["currentQuantity"] / row["quantity"]
        for row in order["shippingLines"]:
            total += float(_amount(row["currentDiscountedPriceSet"]))
            if not order["taxesIncluded"]:
                total += sum(float(_amount(tax["priceSet"])) for tax in row["taxLines"])
        for key in ("totalTipReceivedSet", "currentTotalDutiesSet", "currentTotalAdditionalFeesSet"):
            total += float(_amount(order[key])) if order[key] else 0.0
        order["currentTotalPriceSet"] = self.money(f"{total:.3f}")
        if before:
            order["totalPriceSet"] = order["currentTotalPriceSet"]

    def touch(self, order_id, **values):
        """Change an order, as the shop's staff or the customer would."""
        with self.lock:
            order = self.orders[order_id]
            order.update(values)
            order["updatedAt"] = self.now()
            self.recount(order)
        return order

    def cancel(self, order_id, reason="CUSTOMER"):
        for row in self.orders[order_id]["lineItems"]:
            row["currentQuantity"] = 0
        for row in self.orders[order_id]["fulfillmentOrders"]:
            row["status"] = "CLOSED"
        return self.touch(order_id, cancelledAt=self.now(), cancelReason=reason)

    def expire_tokens(self):
        self.tokens.clear()

    def _fulfillment_order(self, rows, location):
        items = [
            {
                "id": _gid("FulfillmentOrderLineItem", self.new_id()),
                "remainingQuantity": row["quantity"],
                "lineItem": row,
            }
            for row in rows
        ]
        return {
            "__typename": "FulfillmentOrder",
            "id": _gid("FulfillmentOrder", self.new_id()),
            "status": "OPEN",
            "assignedLocation": {"location": {"id": _gid("Location", location)}},
            "lineItems": items,
        }

    # === calls ===

    def authenticate(self, request, path):
        if "oauth" not in path and request.headers.get("X-Shopify-Access-Token") not in self.tokens:
            raise Refused("[API] Invalid API key or access token (unrecognized login or wrong password)", 401)

    def refusal(self, refusal):
        if refusal.status == 200:
            row = {"message": refusal.message, "extensions": {"code": refusal.code}, **refusal.details.get("where", {})}
            return {"errors": [row], **refusal.details.get("answer", {})}
        return {"errors": refusal.message}

    def give_token(self, request, text):
        form = dict(parse_qsl(text))
        if form.get("grant_type") != "client_credentials" or (form["client_id"], form["client_secret"]) != self.client:
            raise Refused("invalid_client", 400)
        self._given += 1
        token = f"shpat_given_{self._given}"
        self.tokens.add(token)
        return {"access_token": token, "scope": ",".join(self.scopes), "expires_in": 86399}

    def graphql(self, request, text, version, operation):
        if version not in VERSIONS:
            raise Refused("Not Found", 404)
        body = parsed(text)
        variables = body.get("variables") or {}
        handler = getattr(self, f"do_{operation}", None)
        if not handler or f" {operation}" not in body["query"]:
            raise Refused(f"no operation {operation}", 200, "undefinedOperation")
        self._pay(self.PRICE_COST)
        self._check_version(version, body["query"], variables)
        asked = selection(body["query"])
        try:
            data = project(handler(variables), asked, variables)
        except KeyError as missing:
            raise Refused(f"Field {missing} doesn't exist", 200, "undefinedField") from None
        answer = {"data": data, "extensions": {"cost": self._cost(self.PRICE_COST)}}
        if self.hidden and operation in ("Orders", "Order"):
            self._hide_customers(answer)
        return answer

    def _hide_customers(self, answer):
        found = answer["data"].get("orders", {}).get("nodes") or [answer["data"].get("order")]
        for order in filter(None, found):
            order.update(customer=None, shippingAddress=None, email=None, phone=None)
        row = {
            "message": "This app is not approved to access the Customer object.",
            "path": ["orders", "nodes", 0, "customer"],
            "extensions": {"code": "ACCESS_DENIED"},
        }
        answer["errors"] = [row]

    def _pay(self, cost):
        if self.points is None:
            return
        if self.points < cost:
            raise Refused("Throttled", 200, "THROTTLED", answer={"extensions": {"cost": self._cost(cost)}})
        self.points -= cost

    def _cost(self, cost):
        left = 2000 if self.points is None else self.points
        bucket = {"maximumAvailable": 2000.0, "currentlyAvailable": left, "restoreRate": float(self.restore_rate)}
        return {"requestedQueryCost": cost, "actualQueryCost": cost, "throttleStatus": bucket}

    def _check_version(self, version, query, variables):
        """What the versions do not have in common."""
        old = version == "2025-10"
        if "@idempotent" in query and old:
            raise Refused("Directive @idempotent is not defined", 200, "undefinedDirective")
        if "inventorySetQuantities" not in query:
            return
        given = variables["input"]
        rows = given["quantities"]
        if "ignoreCompareQuantity" in given and version >= "2026-04":
            raise Refused(
                "ignoreCompareQuantity is not defined on InventorySetQuantitiesInput", 200, "INVALID_VARIABLE"
            )
        if any("changeFromQuantity" in row for row in rows) and old:
            raise Refused("changeFromQuantity is not defined on InventoryQuantityInput", 200, "INVALID_VARIABLE")
        if version >= "2026-04" and (
            "@idempotent" not in query or not all("changeFromQuantity" in row for row in rows)
        ):
            raise Refused("changeFromQuantity and @idempotent are required", 200, "INVALID_VARIABLE")
        if variables.get("key") in self.idempotency:
            raise Refused("the key was used before", 200, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH")
        self.idempotency |= {variables["key"]} if variables.get("key") else set()

    # === products ===

    def do_Test(self, variables):
        return {
            "shop": {"name": "Test Shop", "currencyCode": self.currency},
            "locations": {
                "nodes": [{"id": _gid("Location", key), "name": name} for key, name in self.locations.items()]
            },
            "currentAppInstallation": {"accessScopes": [{"handle": scope} for scope in self.scopes]},
        }

    def do_Who(self, variables):
        return self.do_Test(variables)

    def do_Variants(self, variables):
        least = int((variables["query"] or "id:>=0").removeprefix("id:>="))
        found = sorted((row for key, row in self.variants.items() if int(key) >= least), key=lambda row: int(row["id"]))
        page = found[: variables["first"]]
        nodes = [self._variant(row, _tail(variables["location"])) for row in page]
        return {"productVariants": {"nodes": nodes, "pageInfo": {"hasNextPage": len(found) > len(page)}}}

    def do_Locate(self, variables):
        if len(variables["ids"]) > 250:
            raise Refused(
                "The input array size is greater than the maximum allowed of 250", 200, "MAX_INPUT_SIZE_EXCEEDED"
            )
        found = [self.variants.get(_tail(key)) for key in variables["ids"]]
        return {"nodes": [self._variant(row) if row else None for row in found]}

    def _variant(self, row, location=None):
        level = {"quantities": [{"quantity": row["stock"].get(location, 0)}]}
        return {
            "__typename": "ProductVariant",
            "id": _gid("ProductVariant", row["id"]),
            "title": "Default Title",
            "sku": row["sku"],
            "barcode": row["barcode"],
            "price": row["price"],
            "inventoryQuantity": sum(row["stock"].values()),
            "product": {"id": _gid("Product", row["product"]), "title": row["title"]},
            "inventoryItem": {"id": _gid("InventoryItem", row["item"]), "inventoryLevel": level},
        }

    def do_SetPrices(self, variables):
        product, problems = _tail(variables["product"]), []
        if not any(row["product"] == product for row in self.variants.values()):
            problems = [_problem(["productId"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")]
        for index, row in enumerate(variables["variants"] if not problems else ()):
            variant = self.variants.get(_tail(row["id"]))
            where = ["variants", str(index), "id"]
            if not variant or variant["product"] != product:
                problems.append(_problem(where, "Product variant does not exist", "PRODUCT_VARIANT_DOES_NOT_EXIST"))
            elif variant["id"] in self.refused or float(row["price"]) < 0:
                problems.append(_problem([*where[:2], "price"], "Price is not allowed", "INVALID_VALUE"))
            else:
                variant["price"] = row["price"]
        return {"productVariantsBulkUpdate": {"userErrors": problems}}

    def do_SetQuantities(self, variables):
        rows = variables["input"]["quantities"]
        if len(rows) > 250:
            raise Refused(
                "The input array size is greater than the maximum allowed of 250", 200, "MAX_INPUT_SIZE_EXCEEDED"
            )
        by_item = {row["item"]: row for row in self.variants.values()}
        problems, changes = [], []
        for index, row in enumerate(rows):
            variant, location = by_item.get(_tail(row["inventoryItemId"])), _tail(row["locationId"])
            where = ["input", "quantities", str(index)]
            if not variant:
                problems.append(_problem([*where, "inventoryItemId"], "No such item", "INVALID_INVENTORY_ITEM"))
            elif location not in self.locations:
                problems.append(_problem([*where, "locationId"], "No such location", "INVALID_LOCATION"))
            elif variant["id"] in self.refused or row["quantity"] > LARGEST_STOCK:
                problems.append(_problem([*where, "quantity"], "Too many", "INVALID_QUANTITY_TOO_HIGH"))
            else:
                changes.append((variant, location, row["quantity"]))
        for variant, location, quantity in changes if not problems else ():
            variant["stock"][location] = quantity
        group = None if problems else {"id": _gid("InventoryAdjustmentGroup", self.new_id())}
        return {"inventorySetQuantities": {"inventoryAdjustmentGroup": group, "userErrors": problems}}

    # === orders ===

    def do_Orders(self, variables):
        since = variables["query"].removeprefix("updated_at:>='").removesuffix("'")
        found = sorted(
            (order for order in self.orders.values() if order["updatedAt"] >= since),
            key=lambda order: (order["updatedAt"], order["id"]),
        )
        if variables["after"]:
            found = [order for order in found if f"{order['updatedAt']} {order['id']}" > variables["after"]]
        page = found[: variables["first"]]
        end = f"{page[-1]['updatedAt']} {page[-1]['id']}" if page else None
        info = {"hasNextPage": len(found) > len(page), "endCursor": end}
        return {"orders": {"nodes": [self._shown(order) for order in page], "pageInfo": info}}

    def do_Order(self, variables):
        order = self.orders.get(_tail(variables["id"]))
        return {"order": order and self._shown(order)}

    def _shown(self, order):
        shown = {"shippingLines": {"nodes": order["shippingLines"]}, "lineItems": _page(order["lineItems"], 10)}
        return {**order, **shown}

    def do_More(self, variables):
        kind, key = variables["id"].split("/")[-2:]
        if kind == "Order":
            owner, rows = self.orders[key], self.orders[key]["lineItems"]
        else:
            name = {"FulfillmentOrder": "fulfillmentOrders", "Fulfillment": "fulfillments"}[kind]
            owner = next(row for order in self.orders.values() for row in order[name] if row["id"] == variables["id"])
            rows = owner["lineItems" if kind == "FulfillmentOrder" else "fulfillmentLineItems"]
        page = _page(rows, 50, int(variables["after"]))
        return {"node": {"__typename": kind, "lineItems": page, "fulfillmentLineItems": page}}

    def do_FulfillmentOrders(self, variables):
        order = self.orders.get(_tail(variables["id"]))
        nodes = [
            {**row, "lineItems": _page(row["lineItems"], 20)} for row in (order or {}).get("fulfillmentOrders", ())
        ]
        return {"order": order and {"fulfillmentOrders": {"nodes": nodes}}}

    def do_Fulfillments(self, variables):
        order = self.orders.get(_tail(variables["id"]))
        rows = (order or {}).get("fulfillments", ())
        rows = [{**row, "fulfillmentLineItems": _page(row["fulfillmentLineItems"], 20)} for row in rows]
        return {"order": order and {"fulfillments": rows}}

    def do_Fulfill(self, variables):
        given = variables["fulfillment"]
        held, problems, order = [], [], None
        for wanted in given["lineItemsByFulfillmentOrder"]:
            order, row = self._find_fulfillment_order(wanted["fulfillmentOrderId"])
            if not row or row["status"] not in ("OPEN", "IN_PROGRESS"):
                problems.append({"field": ["fulfillment"], "message": "Fulfillment order has an unfulfillable status"})
                continue
            items = {item["id"]: item for item in row["lineItems"]}
            for part in wanted["fulfillmentOrderLineItems"]:
                item = items.get(part["id"])
                if not item or part["quantity"] > item["remainingQuantity"]:
                    problems.append(
                        {"field": ["fulfillment"], "message": "Invalid fulfillment order line item quantity"}
                    )
                else:
                    held.append((row, item, part["quantity"]))
        if len({row["assignedLocation"]["location"]["id"] for row, _item, _quantity in held}) > 1:
            problems.append({"field": ["fulfillment"], "message": "Fulfillment orders must be at one location"})
        if problems:
            return {"fulfillmentCreate": {"fulfillment": None, "userErrors": problems}}
        fulfillment = self._fulfil(order, held, given)
        return {"fulfillmentCreate": {"fulfillment": fulfillment, "userErrors": []}}

    def _find_fulfillment_order(self, key):
        found = ((order, row) for order in self.orders.values() for row in order["fulfillmentOrders"])
        return next(((order, row) for order, row in found if row["id"] == key), (None, None))

    def _fulfil(self, order, held, given):
        for row, item, quantity in held:
            item["remainingQuantity"] -= quantity
            left = any(one["remainingQuantity"] for one in row["lineItems"])
            row["status"] = "IN_PROGRESS" if left else "CLOSED"
        tracking = given.get("trackingInfo") and {"number": None, **given["trackingInfo"]}
        fulfillment = {
            "__typename": "Fulfillment",
            "id": _gid("Fulfillment", self.new_id()),
            "status": "SUCCESS",
            "trackingInfo": [tracking] if tracking else [],
            "fulfillmentLineItems": [
                {"quantity": quantity, "lineItem": item["lineItem"]} for _r, item, quantity in held
            ],
        }
        order["fulfillments"].append(fulfillment)
        if given.get("notifyCustomer"):
            self.mail.append(order["id"])
        left = any(one["remainingQuantity"] for row in order["fulfillmentOrders"] for one in row["lineItems"])
        self.touch(_tail(order["id"]), displayFulfillmentStatus="PARTIALLY_FULFILLED" if left else "FULFILLED")
        return fulfillment

    def do_Cancel(self, variables):
        order = self.orders.get(_tail(variables["id"]))
        if not order:
            problems = [_problem(["orderId"], "Order does not exist", "NOT_FOUND")]
        elif order["cancelledAt"]:
            problems = [_problem(["orderId"], "Order has already been cancelled", "INVALID")]
        elif order["fulfillments"]:
            problems = [_problem(["orderId"], "Order has fulfillments", "INVALID")]
        else:
            problems = []
            self.cancel(_tail(variables["id"]), variables["reason"])
            if variables["refund"]:
                self.touch(_tail(variables["id"]), displayFinancialStatus="REFUNDED")
        job = None if problems else {"id": _gid("Job", self.new_id())}
        return {"orderCancel": {"job": job, "orderCancelUserErrors": problems}}

    def do_Cancelled(self, variables):
        return {"order": self.orders.get(_tail(variables["id"]))}

    # === webhooks ===

    def do_Webhooks(self, variables):
        return {"webhookSubscriptions": _page(list(self.webhooks.values()), 2, int(variables["after"] or 0))}

    def do_CreateWebhook(self, variables):
        topic, values = variables["topic"], variables["webhook"]
        taken = any(row["topic"] == topic and row["uri"] == values["uri"] for row in self.webhooks.values())
        if taken or values["uri"].startswith("http://shop"):
            message = "Address for this topic has already been taken" if taken else "Address is not https"
            return {
                "webhookSubscriptionCreate": {"userErrors": [{"field": ["webhookSubscription"], "message": message}]}
            }
        key = _gid("WebhookSubscription", self.new_id())
        self.webhooks[key] = {"id": key, "topic": topic, **values}
        return {"webhookSubscriptionCreate": {"userErrors": []}}

    def do_UpdateWebhook(self, variables):
        self.webhooks[variables["id"]].update(variables["webhook"])
        return {"webhookSubscriptionUpdate": {"userErrors": []}}


def delivery(topic, payload, secret, webhook_id="b54557e4", prefix="X-"):
    """``(headers, body)`` of a webhook as Shopify sends it."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    headers = {
        f"{prefix}Shopify-Topic": topic,
        f"{prefix}Shopify-Hmac-SHA256": base64.b64encode(digest).decode(),
        f"{prefix}Shopify-Webhook-Id": webhook_id,
        f"{prefix}Shopify-Shop-Domain": "test.myshopify.com",
        "Content-Type": "application/json",
    }
    return headers, body


def _gid(kind, key):
    return f"gid://shopify/{kind}/{key}"


def _tail(gid):
    return str(gid).rpartition("/")[2]


def _amount(money):
    return money["shopMoney"]["amount"]


def _problem(field, message, code):
    return {"field": field, "message": message, "code": code}


def _page(rows, size, start=0):
    end = start + size
    return {"nodes": rows[start:end], "pageInfo": {"hasNextPage": len(rows) > end, "endCursor": str(end)}}
