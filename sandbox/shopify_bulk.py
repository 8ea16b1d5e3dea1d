# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Bulk operations of a Shopify shop in a box: a query without pages, whose answer is a file of a line for each node.

They are done as soon as they are asked about; Shopify takes seconds at least."""

import json

from werkzeug.wrappers import Response

from .base import Refused
from .graphql import project, selection
from .shopify_forms import gid, problem, tail


class BulkOfShop:
    """A part of ``ShopifyBox``: the operations stand in ``bulk`` by their number."""

    def field_bulkOperationRunQuery(self, field, given, variables):
        asked = selection(given["query"])
        if len(asked) != 1 or not hasattr(self, f"_bulk_{asked[0].name}"):
            words = "The bulk operation must hold one connection that can be listed"
            return {"bulkOperation": None, "userErrors": [problem(["query"], words, "INVALID")]}
        number = self.new_id()
        self.bulk[number] = {"id": gid("BulkOperation", number), "status": "CREATED", "query": given["query"]}
        return {"bulkOperation": dict(self.bulk[number]), "userErrors": []}

    def field_bulkOperation(self, field, given, variables):
        number = tail(given["id"])
        operation = self.bulk.get(number)
        if not operation:
            return None
        if operation["status"] == "CREATED":
            lines = list(self._lines(selection(operation["query"])[0]))
            operation.update(status="COMPLETED", text="".join(json.dumps(line) + "\n" for line in lines))
            operation["objectCount"] = str(len(lines))
        text = operation["text"]
        return {
            **operation,
            "errorCode": None,
            "fileSize": str(len(text)),
            "url": f"{self.root}/bulk/{number}.jsonl" if text else None,
            "partialDataUrl": None,
        }

    def give_file(self, request, text, number):
        if "text" not in self.bulk.get(number, {}):
            raise Refused("Not Found", 404)
        return Response(self.bulk[number]["text"], mimetype="application/jsonl")

    def _lines(self, connection, owner=None, nodes=None):
        """The nodes of a connection, each followed by those of the connections in it."""
        nodes = getattr(self, f"_bulk_{connection.name}")(connection.given({})) if nodes is None else nodes
        asked = connection.below("edges").below("node").fields
        inner = [field for field in asked if field.below("edges")]
        own = [field for field in asked if field not in inner]
        for node in nodes:
            yield {**project(node, own, {}), **({"__parentId": owner} if owner else {})}
            for field in inner:
                yield from self._lines(field, node["id"], node[field.name])

    def _bulk_inventoryItems(self, given):
        return [self._item(row) for row in self.variants.values()]

    def _bulk_orders(self, given):
        """The query may hold a first and a last day of their making."""
        since, until = "", "9"
        for term in (given.get("query") or "").split():
            name, _sign, day = term.rpartition("=")
            since, until = (day, until) if name.endswith(">") else (since, f"{day}T99")
        return [self._in_full(order) for order in self.orders.values() if since <= order["createdAt"] <= until]
