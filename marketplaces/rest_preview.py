# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models

from ..transport.errors import MarketplaceError
from . import rest_forms as forms

# Documents that a preview shows, and lines of each.
SHOWN = 3


class MarketplaceApiRest(models.AbstractModel):
    """What the configuration makes of one page, for a person to look at. Nothing is stored."""

    _inherit = "marketplace.api.rest"

    def _preview(self, config, operation):
        """Fetch one page; return ``(documents found, rows)``, where a row is one field of one document: ``document,
        field, path, raw, converter, neutral, problem``."""
        endpoint = self._endpoint(config, operation)
        values = {}
        if operation == "pull_orders":
            values["since"] = forms.written_since(config.orders_since or config.create_date, endpoint.since_format)
        name = "test_connection" if operation == "test" else operation
        with self._exchange(config, name, 0) as exchange:
            records, _next, _response = self._ask_page(exchange, config, endpoint, {}, **values)
            exchange.count = len(records)
        rows = []
        for index, record in enumerate(records[:SHOWN], 1):
            document = f"#{index}"
            if operation == "pull_orders":
                rows += self._preview_order(config, endpoint, document, record)
            else:
                scope = "account" if operation == "test" else "product"
                rows += self._preview_scope(config, scope, document, record)
        return len(records), rows

    def _preview_order(self, config, endpoint, document, record):
        order = self._completed(config, endpoint, record) or record
        digits = self._digits(config, self._quietly(config, order, "currency"))
        rows = self._preview_scope(config, "order", document, order, digits)
        rows += self._preview_scope(config, "customer", document, order, digits)
        try:
            lines = self._values(config, "order", order, only=("lines",)).get("lines")
        except MarketplaceError:
            lines = None  # said already, among the order's fields
        for index, line in enumerate(lines[:SHOWN] if isinstance(lines, list) else [], 1):
            rows += self._preview_scope(config, "line", f"{document}.{index}", line, digits)
        return rows

    def _quietly(self, config, order, name):
        try:
            return self._values(config, "order", order, only=(name,)).get(name, "")
        except MarketplaceError:
            return ""

    def _preview_scope(self, config, scope, document, raw, digits=None):
        digits = self._digits(config) if digits is None else digits
        return [self._preview_field(config, document, row, raw, digits) for row in self._maps(config, scope).values()]

    def _preview_field(self, config, document, row, raw, digits):
        seen = {"document": document, "field": row.field, "path": row.path, "converter": row.converter}
        value, neutral, problem = None, None, ""
        try:
            value = forms.found(row.path, raw)
            neutral = self._value(config, row, raw, digits)
        except MarketplaceError as err:
            problem = str(self._retold(err))
        return {**seen, "raw": value, "neutral": None if neutral is forms.LEFT_OUT else neutral, "problem": problem}
