# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""A Shopify shop in a box: the Admin API in GraphQL as far as the addon uses it, with state, rights and a bucket of
points. Calls stand in the journal, and can be broken, by the name of their operation: ``…/graphql.json#SetPrices``.

Operations of other names, such as those of other programs, are answered field by field (``shopify_fields``), and bulk
operations with a file to fetch (``shopify_bulk``): what the box knows, as the Admin API has it."""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl

from .base import Refused, RoutedApp, RoutedBox, parsed
from .graphql import operation_name, project, selection
from .shopify_bulk import BulkOfShop
from .shopify_cost import MUTATION, CostOfShop, actual_cost, check_most, requested_cost
from .shopify_fields import FieldsOfShop
from .shopify_forms import gid, problem, tail
from .shopify_orders import OrdersOfShop

#: An id that no float holds.
FIRST_ID = 820982911946154508
VERSIONS = ("2025-10", "2026-01", "2026-04", "2026-07", "2026-10")
LARGEST_STOCK = 1_000_000_000
SCOPES = (
    *("write_products", "write_inventory", "read_locations", "write_orders", "read_customers"),
    *("write_merchant_managed_fulfillment_orders", "read_third_party_fulfillment_orders"),
)


class ShopifyApp(RoutedApp):
    def call(self, request, path):
        """Every call has one path; the operation's name is made part of it."""
        if path.endswith("graphql.json"):
            try:
                body = json.loads(request.get_data(cache=True))
                path += "#" + (body.get("operationName") or operation_name(body["query"]))
            except (ValueError, AttributeError, KeyError, TypeError):
                path += "#"
        return super().call(request, path)


class ShopifyBox(OrdersOfShop, FieldsOfShop, BulkOfShop, CostOfShop, RoutedBox):
    """Variants stand in ``variants`` by their id, orders in ``orders``, webhooks in ``webhooks``; ids are texts.

    ``hidden`` tells that the app may not see customers, ``moves_stock`` whether orders take stock and cancellations put
    it back, ``jobs_wait`` whether what Shopify does by jobs waits for :meth:`run_jobs`. ``others`` are locations that a
    fulfilment service keeps: what leaves from there is seen with a right of its own alone.
    """

    ROUTES = (
        ("POST", r"admin/oauth/access_token", "give_token"),
        ("POST", r"admin/api/(?P<version>[^/]+)/graphql\.json#(?P<operation>\w*)", "graphql"),
        ("GET", r"bulk/(?P<number>\d+)\.jsonl", "give_file"),
    )

    def __init__(self, token="", client=("", ""), currency="USD", **server):
        self.tokens = {token} - {""}
        self.client = client
        self.currency = currency
        self.scopes = list(SCOPES)
        self.variants, self.orders, self.webhooks = {}, {}, {}
        self.items = {}  # the variants' ids by those of their inventory items
        self.bulk = {}
        self.locations = {"655441491": "Warehouse"}
        self.points, self.throttled, self.hidden = None, [], False
        self.refused = set()  # variants of which nothing is taken
        self.idempotency = set()
        self.mail = []
        self.moves_stock = self.jobs_wait = False
        self.jobs, self.others = [], set()
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
        item = self.new_id()
        self.items[item] = variant_id
        self.variants[variant_id] = {
            "id": variant_id,
            "product": product_id or self.new_id(),
            "item": item,
            "sku": sku,
            "title": title,
            "price": price,
            "barcode": barcode,
            "tracked": True,
            "policy": "DENY",
            "stock": dict.fromkeys(self.locations, 0),
        }
        return self.variants[variant_id]

    def variant_of(self, item):
        """The variant of an inventory item, ``None`` where there is none."""
        return self.variants.get(self.items.get(item))

    def make_anew(self, variant_id, product, item):
        """Have somebody delete a variant's product and make it again: other ids, but for the variant's own."""
        variant = self.variants[str(variant_id)]
        self.items[item] = self.items.pop(variant["item"])
        variant.update(product=product, item=item)

    def expire_tokens(self):
        self.tokens.clear()

    # === calls ===

    def authenticate(self, request, path):
        # What is given away by an address that nobody guesses needs no token.
        if (
            not path.startswith(("admin/oauth", "bulk/"))
            and request.headers.get("X-Shopify-Access-Token") not in self.tokens
        ):
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
        if operation not in body["query"]:
            raise Refused(f"no operation {operation}", 200, "undefinedOperation")
        asked = selection(body["query"])
        mutation = body["query"].lstrip().startswith("mutation")
        cost = requested_cost(asked, variables, mutation)
        handler = getattr(self, f"do_{operation}", None)
        if handler:
            check_most(cost)
        self.pay(operation, cost)
        self._check_version(version, body["query"], variables)
        self.refuse_places(body["query"])
        try:
            data = project(handler(variables) if handler else self.by_field(asked, variables), asked, variables)
        except KeyError as missing:
            raise Refused(f"Field {missing} doesn't exist", 200, "undefinedField") from None
        # The answer as a whole is no object of Shopify's.
        actual = min(cost, actual_cost(data) - 1 + (MUTATION if mutation else 0))
        self.pay_back(cost - actual)
        answer = {"data": data, "extensions": {"cost": self.cost_told(cost, actual)}}
        if self.hidden and operation in ("Orders", "Order"):
            self._hide_customers(answer)
        return answer

    def _hide_customers(self, answer):
        edges = answer["data"].get("orders", {}).get("edges", ())
        for order in filter(None, [answer["data"].get("order"), *(edge["node"] for edge in edges)]):
            order.update(customer=None, shippingAddress=None, email=None, phone=None)
        row = {
            "message": "This app is not approved to access the Customer object.",
            "path": ["orders", "edges", 0, "node", "customer"],
            "extensions": {"code": "ACCESS_DENIED"},
        }
        answer["errors"] = [row]

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
            "locations": [{"id": gid("Location", key), "name": name} for key, name in self.locations.items()],
            "currentAppInstallation": {"accessScopes": [{"handle": scope} for scope in self.scopes]},
        }

    def do_Who(self, variables):
        return self.do_Test(variables)

    def do_Variants(self, variables):
        least = int((variables["query"] or "id:>=0").removeprefix("id:>="))
        found = sorted((row for key, row in self.variants.items() if int(key) >= least), key=lambda row: int(row["id"]))
        page = found[: variables["first"]]
        nodes = [self._variant(row, tail(variables["location"])) for row in page]
        return {"productVariants": {"nodes": nodes, "pageInfo": {"hasNextPage": len(found) > len(page)}}}

    def do_Locate(self, variables):
        if len(variables["ids"]) > 250:
            raise Refused(
                "The input array size is greater than the maximum allowed of 250", 200, "MAX_INPUT_SIZE_EXCEEDED"
            )
        found = [self.variants.get(tail(key)) for key in variables["ids"]]
        return {"nodes": [self._variant(row) if row else None for row in found]}

    def _variant(self, row, location=None):
        level = {"quantities": [{"quantity": row["stock"].get(location, 0)}]}
        return {
            "__typename": "ProductVariant",
            "id": gid("ProductVariant", row["id"]),
            "title": "Default Title",
            "sku": row["sku"],
            "barcode": row["barcode"],
            "price": row["price"],
            "inventoryPolicy": row["policy"],
            "inventoryQuantity": sum(row["stock"].values()),
            "product": {"id": gid("Product", row["product"]), "title": row["title"]},
            "inventoryItem": {
                "id": gid("InventoryItem", row["item"]),
                "tracked": row["tracked"],
                "inventoryLevel": level,
            },
        }

    def do_SetPrices(self, variables):
        product, problems = tail(variables["product"]), []
        if not any(row["product"] == product for row in self.variants.values()):
            problems = [problem(["productId"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")]
        for index, row in enumerate(variables["variants"] if not problems else ()):
            variant = self.variants.get(tail(row["id"]))
            where = ["variants", str(index), "id"]
            if not variant or variant["product"] != product:
                problems.append(problem(where, "Product variant does not exist", "PRODUCT_VARIANT_DOES_NOT_EXIST"))
            elif variant["id"] in self.refused or float(row["price"]) < 0:
                problems.append(problem([*where[:2], "price"], "Price is not allowed", "INVALID_VALUE"))
            else:
                variant["price"] = row["price"]
        return {"productVariantsBulkUpdate": {"userErrors": problems}}

    def do_SetQuantities(self, variables):
        rows = variables["input"]["quantities"]
        if len(rows) > 250:
            raise Refused(
                "The input array size is greater than the maximum allowed of 250", 200, "MAX_INPUT_SIZE_EXCEEDED"
            )
        problems, changes = [], []
        for index, row in enumerate(rows):
            variant, location = self.variant_of(tail(row["inventoryItemId"])), tail(row["locationId"])
            where = ["input", "quantities", str(index)]
            if not variant:
                problems.append(problem([*where, "inventoryItemId"], "No such item", "INVALID_INVENTORY_ITEM"))
            elif location not in self.locations:
                problems.append(problem([*where, "locationId"], "No such location", "INVALID_LOCATION"))
            elif variant["id"] in self.refused or row["quantity"] > LARGEST_STOCK:
                problems.append(problem([*where, "quantity"], "Too many", "INVALID_QUANTITY_TOO_HIGH"))
            elif row.get("compareQuantity", variant["stock"][location]) != variant["stock"][location]:
                words = "The compareQuantity argument no longer matches the persisted quantity"
                problems.append(problem([*where, "compareQuantity"], words, "COMPARE_QUANTITY_STALE"))
            else:
                changes.append((variant, location, row["quantity"]))
        group = None if problems else self._set_stock(changes, variables["input"])
        return {"inventorySetQuantities": {"inventoryAdjustmentGroup": group, "userErrors": problems}}

    def _set_stock(self, changes, given):
        """Take ``[(variant, location, quantity)]`` over; what Shopify says of it."""
        deltas = [quantity - variant["stock"][location] for variant, location, quantity in changes]
        for variant, location, quantity in changes:
            variant["stock"][location] = quantity
        return {
            "id": gid("InventoryAdjustmentGroup", self.new_id()),
            "createdAt": self.now(),
            "reason": given["reason"],
            "referenceDocumentUri": given.get("referenceDocumentUri"),
            "changes": [{"name": given["name"], "delta": delta} for delta in deltas],
        }

    # === webhooks ===

    def do_Webhooks(self, variables):
        return {"webhookSubscriptions": list(self.webhooks.values())}

    def do_CreateWebhook(self, variables):
        topic, values = variables["topic"], variables["webhook"]
        taken = any(row["topic"] == topic and row["uri"] == values["uri"] for row in self.webhooks.values())
        if taken or values["uri"].startswith("http://shop"):
            message = "Address for this topic has already been taken" if taken else "Address is not https"
            return {
                "webhookSubscriptionCreate": {"userErrors": [{"field": ["webhookSubscription"], "message": message}]}
            }
        key = gid("WebhookSubscription", self.new_id())
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
