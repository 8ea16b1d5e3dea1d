# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Operations that are answered by the fields they ask for, whatever their name."""

from .base import Refused
from .shopify_forms import amount, gid, tail


class FieldsOfShop:
    """A part of ``ShopifyBox``, whose variants, locations and orders it shows. A method ``field_<name>`` gives the
    value of a field on top of an operation: it has the ``Field`` and its arguments."""

    def by_field(self, asked, variables):
        """What an operation asks for, in one dictionary."""
        answers = {}
        for field in asked:
            method = getattr(self, f"field_{field.name}", None)
            if not method:
                raise Refused(f"Field '{field.name}' doesn't exist on this type", 200, "undefinedField")
            answers[field.name] = method(field, field.given(variables), variables)
        return answers

    def refuse_places(self, asked):
        """Refuse an operation that asks for what an app without any right to fulfil may not see, as a whole: an order
        can't be without it."""
        if "fulfillmentOrders" not in asked or any(one.endswith("_fulfillment_orders") for one in self.scopes):
            return
        words = "Access denied for fulfillmentOrders field. Required access: `read_merchant_managed_fulfillment_orders`"
        where = {"path": ["orders", "edges", 0, "node", "fulfillmentOrders"]}
        raise Refused(f"{words} access scope.", 200, "ACCESS_DENIED", where=where, answer={"data": None})

    def field_shop(self, field, given, variables):
        return {"name": "Test Shop", "currencyCode": self.currency, "taxesIncluded": True, "taxShipping": False}

    def field_currentAppInstallation(self, field, given, variables):
        return {"accessScopes": [{"handle": scope} for scope in self.scopes]}

    def field_locations(self, field, given, variables):
        nothing = dict.fromkeys(("address1", "address2", "city", "provinceCode", "zip"))
        nodes = [
            {
                "id": gid("Location", key),
                "legacyResourceId": key,
                "name": name,
                "isActive": True,
                "fulfillsOnlineOrders": True,
                "address": {**nothing, "countryCode": "EG"},
            }
            for key, name in self.locations.items()
        ]
        return {"nodes": nodes, "pageInfo": {"hasNextPage": False, "endCursor": None}}

    # === stock ===

    def field_inventoryItem(self, field, given, variables):
        variant = self.variant_of(tail(given["id"]))
        level = field.below("inventoryLevel")
        location = tail(level.given(variables)["locationId"]) if level else None
        return variant and self._item(variant, location)

    def _item(self, variant, location=None):
        levels = {key: self._level(variant, key, stock) for key, stock in variant["stock"].items()}
        return {
            "id": gid("InventoryItem", variant["item"]),
            "tracked": variant["tracked"],
            "inventoryLevel": levels.get(location),
            "inventoryLevels": list(levels.values()),
        }

    def _level(self, variant, location, quantity):
        return {
            "id": f"{gid('InventoryLevel', variant['item'])}?inventory_item_id={variant['item']}&location={location}",
            "location": {"id": gid("Location", location)},
            "quantities": [{"name": "available", "quantity": quantity}],
        }

    def field_inventorySetQuantities(self, field, given, variables):
        return self.do_SetQuantities({**variables, "input": given["input"]})["inventorySetQuantities"]

    # === orders ===

    def field_order(self, field, given, variables):
        order = self.orders.get(tail(given["id"]))
        return order and self._in_full(order)

    def field_draftOrders(self, field, given, variables):
        """The box has none."""
        return {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}

    def _in_full(self, order):
        """The order with what the addon does not ask for."""
        lines = [self._line_in_full(row) for row in order["lineItems"]]
        shipping = [
            {**row, "code": row["title"], "originalPriceSet": row["discountedPriceSet"]}
            for row in order["shippingLines"]
        ]
        none = dict.fromkeys(("sourceIdentifier", "retailLocation"))
        nothing, taxes = self.money("0"), [tax for row in (*lines, *shipping) for tax in row["taxLines"]]
        return {
            **none,
            **order,
            "number": int(order["name"].lstrip("#")),
            "sourceName": "web",
            "tags": [],
            "discountCodes": [],
            "presentmentCurrencyCode": self.currency,
            "totalCashRoundingAdjustment": {"paymentSet": nothing, "refundSet": nothing},
            "currentSubtotalPriceSet": self._sum(row["discountedTotalSet"] for row in lines),
            "currentTotalDiscountsSet": self._sum(
                one["allocatedAmountSet"] for row in lines for one in row["discountAllocations"]
            ),
            "currentShippingPriceSet": self._sum(row["currentDiscountedPriceSet"] for row in shipping),
            "currentTotalTaxSet": self._sum(tax["priceSet"] for tax in taxes),
            "risk": {"assessments": [], "recommendation": "NONE"},
            "lineItems": {"nodes": lines},
            "shippingLines": {"nodes": shipping},
            "fulfillmentOrders": {"nodes": [self._to_fulfil(row) for row in order["fulfillmentOrders"]]},
            "transactions": [self._payment(order)] if order["displayFinancialStatus"] == "PAID" else [],
            "refunds": [],
            "returns": {"nodes": []},
        }

    def _line_in_full(self, row):
        variant = self.variants.get(tail(row["variant"]["id"])) if row["variant"] else None
        discount = sum(float(amount(one["allocatedAmountSet"])) for one in row["discountAllocations"])
        whole = float(amount(row["originalUnitPriceSet"])) * row["quantity"] - discount
        return {
            **row,
            "refundableQuantity": row["currentQuantity"],
            "isGiftCard": False,
            "variant": row["variant"] and {**row["variant"], "sku": row["sku"]},
            "product": variant and {"id": gid("Product", variant["product"]), "isGiftCard": False},
            "discountedTotalSet": self.money(f"{whole:.2f}"),
            "discountedUnitPriceAfterAllDiscountsSet": self.money(f"{whole / row['quantity']:.2f}"),
        }

    def _to_fulfil(self, row):
        key = row["assignedLocation"]["location"]["id"]
        items = [{**item, "totalQuantity": item["lineItem"]["quantity"]} for item in row["lineItems"]]
        return {
            **row,
            "requestStatus": "UNSUBMITTED",
            "assignedLocation": {"location": {"id": key, "name": self.locations[tail(key)]}},
            "supportedActions": [{"action": "CREATE_FULFILLMENT"}] if row["status"] != "CLOSED" else [],
            "fulfillmentHolds": [],
            "lineItems": {"nodes": items},
        }

    def _payment(self, order):
        return {
            "id": gid("OrderTransaction", tail(order["id"])),
            "gateway": "bogus",
            "formattedGateway": "Bogus",
            "kind": "SALE",
            "status": "SUCCESS",
            "processedAt": order["createdAt"],
            "amountSet": order["totalPriceSet"],
        }

    def _sum(self, sets):
        return self.money(f"{sum(float(amount(one)) for one in sets):.2f}")
