# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The orders of a Shopify shop in a box, and its calls about them."""

from .shopify_forms import amount, gid, problem, tail


class OrdersOfShop:
    """A part of ``ShopifyBox``, whose variants, locations and clock it uses."""

    # === state ===

    def add_order(self, *lines, shipping="0.00", customer=True, **values):
        """Place an order of lines ``(variant id, quantity, price)`` or dicts; ``values`` are fields of the order,
        ``customer`` whether there is one, or which."""
        with self.lock:
            order_id, moment = self.new_id(), self.now()
            rows = [line if isinstance(line, dict) else self.line(*line) for line in lines]
            tip = values.get("totalTipReceivedSet")
            if tip and not any(row["name"] == "Tip" for row in rows):
                rows.append(self.tip(amount(tip)))
            place = self.address() if customer else None
            order = {
                "__typename": "Order",
                "id": gid("Order", order_id),
                "name": f"#{1000 + len(self.orders)}",
                **dict.fromkeys(("cancelledAt", "cancelReason", "email", "phone", "note", "billingAddress")),
                "createdAt": moment,
                "updatedAt": moment,
                "currencyCode": self.currency,
                "taxesIncluded": True,
                "displayFinancialStatus": "PAID",
                "displayFulfillmentStatus": "UNFULFILLED",
                "returnStatus": "NO_RETURN",
                "customer": self.customer() if customer is True else customer or None,
                "shippingAddress": place,
                **{key: None for key in ("currentTotalDutiesSet", "currentTotalAdditionalFeesSet")},
                **{key: self.money("0") for key in ("totalTipReceivedSet", "totalRefundedSet")},
                "shippingLines": [self.shipping(shipping)] if float(shipping) else [],
                "lineItems": rows,
                "fulfillments": [],
                **values,
            }
            order["fulfillmentOrders"] = [self._fulfillment_order(rows, next(iter(self.locations)))]
            self.orders[order_id] = order
            self.recount(order, before=True)
            for row in rows:
                self._put_back(row, -row["quantity"])
        return order_id

    def line(self, variant_id, quantity, price, discount="0", tax="0", **values):
        variant = self.variants.get(variant_id or "", {})
        return {
            "id": gid("LineItem", self.new_id()),
            "name": variant.get("title", "Something"),
            "sku": variant.get("sku"),
            "quantity": quantity,
            "currentQuantity": quantity,
            "nonFulfillableQuantity": 0,
            "variant": {"id": gid("ProductVariant", variant_id)} if variant_id else None,
            "originalUnitPriceSet": self.money(price),
            "discountAllocations": [{"allocatedAmountSet": self.money(discount)}] if float(discount) else [],
            "taxLines": self.taxes(tax, float(price) * quantity - float(discount)),
            **values,
        }

    def tip(self, amount):
        """A tip is a line of its own, which nobody can fulfil."""
        return self.line(None, 1, amount, name="Tip", sku=None, nonFulfillableQuantity=1)

    def taxes(self, tax, untaxed):
        """The tax lines of an amount of tax, none of nothing."""
        if not float(tax):
            return []
        rate = round(float(tax) / untaxed, 4) if untaxed else 0.0
        return [{"title": "Tax", "rate": rate, "priceSet": self.money(tax)}]

    def shipping(self, price, tax="0", **values):
        money = self.money(price)
        return {
            "id": gid("ShippingLine", self.new_id()),
            "title": "Standard",
            "isRemoved": False,
            "discountedPriceSet": money,
            "currentDiscountedPriceSet": money,
            "taxLines": self.taxes(tax, float(price)),
            **values,
        }

    def customer(self):
        return {
            "id": gid("Customer", self.new_id()),
            "displayName": "Mona Adel",
            "email": "mona@example.com",
            "phone": None,
        }

    def address(self):
        names = {"name": "Mona Adel", "firstName": "Mona", "lastName": "Adel", "company": None}
        street = {"address1": "12 شارع النيل", "address2": None, "city": "Cairo", "zip": "11511"}
        return {**names, **street, "provinceCode": "C", "countryCodeV2": "EG", "phone": "+201001234567"}

    def money(self, amount):
        money = {"amount": str(amount), "currencyCode": self.currency}
        return {"shopMoney": money, "presentmentMoney": money}

    def recount(self, order, before=False):
        """Bring the order's total up to what its lines come to; each is scaled by hand, as a person would."""
        total = 0.0
        for row in order["lineItems"]:
            whole = float(amount(row["originalUnitPriceSet"])) * row["quantity"]
            whole -= sum(float(amount(one["allocatedAmountSet"])) for one in row["discountAllocations"])
            if not order["taxesIncluded"]:
                whole += sum(float(amount(tax["priceSet"])) for tax in row["taxLines"])
            total += whole * row["currentQuantity"] / row["quantity"]
        for row in order["shippingLines"]:
            total += float(amount(row["currentDiscountedPriceSet"]))
            if not order["taxesIncluded"]:
                total += sum(float(amount(tax["priceSet"])) for tax in row["taxLines"])
        for key in ("currentTotalDutiesSet", "currentTotalAdditionalFeesSet"):
            total += float(amount(order[key])) if order[key] else 0.0
        order["currentTotalPriceSet"] = self.money(f"{total:.3f}")
        if order["displayFinancialStatus"] != "PARTIALLY_PAID" or "totalOutstandingSet" not in order:
            # else it was told with the order
            paid = order["displayFinancialStatus"] in ("PAID", "PARTIALLY_REFUNDED", "REFUNDED")
            order["totalOutstandingSet"] = self.money("0") if paid else order["currentTotalPriceSet"]
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

    def give_back(self, order_id, sum_, taken_off=()):
        """Refund a sum, for units of lines ``[(index, units)]`` or for none. What was not sent yet never will be."""
        order = self.orders[order_id]
        for index, units in taken_off:
            row = order["lineItems"][index]
            row["currentQuantity"] -= units
            row["nonFulfillableQuantity"] += self._take_open(order, row, units)
            self._put_back(row, units)
        refunded = float(amount(order["totalRefundedSet"])) + float(sum_)
        whole = refunded >= float(amount(order["totalPriceSet"]))
        status = "REFUNDED" if whole else "PARTIALLY_REFUNDED"
        self.touch(order_id, displayFinancialStatus=status, totalRefundedSet=self.money(f"{refunded:.3f}"))

    def add_line(self, order_id, row):
        """Have the shop add a line to an order that is there already, paid like the others."""
        with self.lock:
            order = self.orders[order_id]
            order["lineItems"].append(row)
            order["fulfillmentOrders"].append(self._fulfillment_order([row], next(iter(self.locations))))
            self._put_back(row, -row["quantity"])
            sent = order["displayFulfillmentStatus"] in ("FULFILLED", "PARTIALLY_FULFILLED")
            self.touch(order_id, displayFulfillmentStatus="PARTIALLY_FULFILLED" if sent else "UNFULFILLED")

    def _take_open(self, order, line, units):
        """Take units of a line out of what is still to be fulfilled; how many there were of it."""
        taken = 0
        for item in (
            item for row in order["fulfillmentOrders"] for item in row["lineItems"] if item["lineItem"] is line
        ):
            part = min(units - taken, item["remainingQuantity"])
            item["remainingQuantity"] -= part
            taken += part
        return taken

    def _put_back(self, row, units):
        """Units of a line are available again, or not any more."""
        variant = self.variants.get(tail(row["variant"]["id"])) if self.moves_stock and row["variant"] else None
        if variant:
            variant["stock"][next(iter(self.locations))] += units

    def cancel(self, order_id, reason="CUSTOMER"):
        """Cancel an order with its goods put back."""
        for row in self.orders[order_id]["lineItems"]:
            self._put_back(row, row["currentQuantity"])
            row.update(currentQuantity=0, nonFulfillableQuantity=row["quantity"])
        for row in self.orders[order_id]["fulfillmentOrders"]:
            row["status"] = "CLOSED"
        return self.touch(order_id, cancelledAt=self.now(), cancelReason=reason)

    def move(self, order_id, line_id, location):
        """Have what is open of a line leave from another location: a fulfilment order of its own."""
        order = self.orders[order_id]
        for row in order["fulfillmentOrders"]:
            moved = [item for item in row["lineItems"] if tail(item["lineItem"]["id"]) == line_id]
            if moved:
                row["lineItems"] = [item for item in row["lineItems"] if item not in moved]
                row["status"] = row["status"] if row["lineItems"] else "CLOSED"
                other = {**self._fulfillment_order([], location), "lineItems": moved}
                order["fulfillmentOrders"].append(other)
                break
        self.touch(order_id)

    def _fulfillment_order(self, rows, location):
        items = [
            {
                "id": gid("FulfillmentOrderLineItem", self.new_id()),
                "remainingQuantity": row["quantity"],
                "lineItem": row,
            }
            for row in rows
            if row["quantity"] > row["nonFulfillableQuantity"]
        ]
        return {
            "__typename": "FulfillmentOrder",
            "id": gid("FulfillmentOrder", self.new_id()),
            "status": "OPEN",
            "assignedLocation": {"name": self.locations.get(location), "location": {"id": gid("Location", location)}},
            "lineItems": items,
        }

    # === calls ===

    def do_Orders(self, variables):
        since = variables["query"].removeprefix("updated_at:>='").removesuffix("'")
        found = [(f"{order['updatedAt']} {order['id']}", order) for order in self.orders.values()]
        found = sorted((row for row in found if row[0] >= since), key=lambda row: row[0])
        if variables["after"]:
            found = [row for row in found if row[0] > variables["after"]]
        page = found[: variables["first"]]
        info = {"hasNextPage": len(found) > len(page), "endCursor": page[-1][0] if page else None}
        edges = [{"cursor": cursor, "node": self._displayed(order)} for cursor, order in page]
        return {"orders": {"edges": edges, "nodes": [edge["node"] for edge in edges], "pageInfo": info}}

    def do_Order(self, variables):
        return {"order": self._displayed(self.orders.get(tail(variables["id"])))}

    def _displayed(self, order):
        """An order with the fulfilment orders that are shown: none that was moved, nor others' without the right."""
        allowed = "read_third_party_fulfillment_orders" in self.scopes
        return order and {
            **order,
            "fulfillmentOrders": [
                row
                for row in order["fulfillmentOrders"]
                if row["lineItems"] and (allowed or tail(row["assignedLocation"]["location"]["id"]) not in self.others)
            ],
        }

    def do_More(self, variables):
        node = self._node(variables["id"])
        return {
            "node": self._displayed(node)
            if variables["id"] in [order["id"] for order in self.orders.values()]
            else node
        }

    def do_Contents(self, variables):
        return {"nodes": [self._node(key) for key in variables["ids"]]}

    def _node(self, key):
        """An order, or what belongs to one, by its global id."""
        owners = [
            one
            for order in self.orders.values()
            for one in (order, *order["fulfillmentOrders"], *order["fulfillments"])
        ]
        return next((one for one in owners if one["id"] == key), None)

    def do_FulfillmentOrders(self, variables):
        return {"order": self.orders.get(tail(variables["id"]))}

    def do_Fulfillments(self, variables):
        order = self.orders.get(tail(variables["id"]))
        return {"order": order and {**order, "fulfillmentsCount": {"count": len(order["fulfillments"])}}}

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
            "id": gid("Fulfillment", self.new_id()),
            "createdAt": self.now(),
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
        self.touch(tail(order["id"]), displayFulfillmentStatus="PARTIALLY_FULFILLED" if left else "FULFILLED")
        return fulfillment

    def fulfil_all(self, order_id):
        """Send what is open of an order, as the shop's staff would."""
        order = self.orders[order_id]
        for row in order["fulfillmentOrders"]:
            self._fulfil(order, [(row, item, item["remainingQuantity"]) for item in row["lineItems"]], {})

    def do_Cancel(self, variables):
        order = self.orders.get(tail(variables["id"]))
        if not order:
            problems = [problem(["orderId"], "Order does not exist", "NOT_FOUND")]
        elif order["cancelledAt"]:
            problems = [problem(["orderId"], "Order has already been cancelled", "INVALID")]
        elif order["fulfillments"]:
            problems = [problem(["orderId"], "Order has fulfillments", "INVALID")]
        else:
            problems = []
            self.jobs.append(variables)
            if not self.jobs_wait:
                self.run_jobs()
        job = None if problems else {"id": gid("Job", self.new_id())}
        return {"orderCancel": {"job": job, "orderCancelUserErrors": problems}}

    def run_jobs(self):
        """Do what was asked for and answered with a job."""
        with self.lock:
            for asked in self.jobs:
                order_id = tail(asked["id"])
                self.cancel(order_id, asked["reason"])
                if asked["refund"]:
                    self.give_back(order_id, amount(self.orders[order_id]["totalPriceSet"]))
            self.jobs.clear()

    def do_Cancelled(self, variables):
        return {"order": self.orders.get(tail(variables["id"]))}
