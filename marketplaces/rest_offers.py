# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
from functools import partial

from odoo import _, models

from ..schemas import UNLIMITED, RemoteProduct, RowResult
from ..transport import errors
from ..transport.errors import MappingError
from . import rest_forms as forms

# Which values of a row each kind of push is for.
PUSHES = {
    "push_offers": {"price", "quantity", "published"},
    "push_price": {"price"},
    "push_stock": {"quantity"},
    "push_publication": {"published"},
}
# What a row's value is written into, by the value.
WRITES = {"price": {"price"}, "quantity": {"quantity", "unlimited", "in_stock"}, "published": {"published"}}
# How long rows that were not tried wait after a call that failed, where the marketplace does not say.
PAUSE_SECONDS = 5.0
WORST = ("accepted", "wait", "retry", "rejected")


class MarketplaceApiRest(models.AbstractModel):
    """The catalogue, and prices and stock on their way out."""

    _inherit = "marketplace.api.rest"

    # ------------------------------------------------------------------ products

    def _list_products(self, config, cursor=None):
        endpoint = self._endpoint(config, "list_products")
        with self._exchange(config, "list_products") as exchange:
            rows, following, _response = self._ask_page(exchange, config, endpoint, forms.loaded_walk(cursor))
            products = self._readable(exchange, rows, partial(self._parse_product, config))
        return products, json.dumps(following) if following else None

    def _parse_product(self, config, raw):
        values = self._values(config, "product", raw)
        if not values.get("external_id"):
            raise MappingError(
                "product.external_id", _("is missing. Add the product's ID to the fields of the account.")
            )
        return RemoteProduct(**{**values, "unit_count": values.get("unit_count") or 1.0})

    def _serialize_product(self, config, data):
        """Return one wire row for each kind of push that this row takes: ``{operation: row}``."""
        known = {
            "external_id": data["external_id"],
            "sku": data["sku"],
            "account_code": data["account_code"],
            "price": data.get("price"),
            "published": data.get("published"),
        }
        if "quantity" in data:
            unlimited = data["quantity"] == UNLIMITED
            known.update(unlimited=unlimited, in_stock=data["quantity"] > 0)
            known["quantity"] = None if unlimited else data["quantity"]
        wire = {}
        for operation, keys in PUSHES.items():
            if keys & data.keys() and self._find_endpoint(config, operation):
                hidden = set().union(*(WRITES[key] for key in WRITES if key not in keys))
                values = {name: value for name, value in known.items() if name not in hidden}
                wire[operation] = self._written(config, "offer", operation, values)
        return wire

    def _written(self, config, scope, operation, values):
        row, digits = {}, self._digits(config)
        for path, field in self._maps(config, scope, operation).items():
            name = field.field.split(".")[1]
            if name == "constant":
                forms.place(row, path, forms.constant(field.default, field.converter))
            elif values.get(name) is not None:
                forms.write(row, path, values[name], field.converter, digits, field.argument)
        return row

    def _push_offers(self, config, rows):
        results = [RowResult.accepted() for _row in rows]
        accepted = False
        for operation in PUSHES:
            indexes = [index for index, row in enumerate(rows) if operation in row["wire"]]
            if not indexes:
                continue
            endpoint = self._endpoint(config, operation)
            sent = [self._row_names(config, rows[index], rows[index]["wire"][operation]) for index in indexes]
            answered = self._send_rows(config, endpoint, "push_offers", sent, accepted)
            accepted |= any(result.outcome == "accepted" for result in answered)
            for index, result in zip(indexes, answered, strict=True):
                results[index] = max(results[index], result, key=lambda one: WORST.index(one.outcome))
        return results

    def _row_names(self, config, row, wire):
        code = config.supplier_code or ""
        return {"id": row["external_id"], "sku": row["sku"], "account_code": code, "row": wire}

    def _send_rows(self, config, endpoint, operation, rows, accepted=False):
        """Send rows in as many calls as the endpoint needs; return a ``RowResult`` for each. What was accepted is not
        lost because a later call failed: only a failure before anything was accepted is raised."""
        results, size = [], endpoint.batch_size
        for start in range(0, len(rows), size):
            chunk = rows[start : start + size]
            try:
                results += self._send_chunk(config, endpoint, operation, chunk)
            except (errors.RateLimited, errors.TemporaryFailure, errors.InvalidResponse) as err:
                if not accepted and not any(result.outcome == "accepted" for result in results):
                    raise
                if not isinstance(err, errors.RateLimited):
                    results += [RowResult.retry(str(err), err.seconds) for _row in chunk]
                wait = RowResult.wait(PAUSE_SECONDS if err.seconds is None else err.seconds, str(err))
                return results + [wait] * (len(rows) - len(results))
        return results

    def _send_chunk(self, config, endpoint, operation, chunk):
        """Send one call; a batch that is refused as a whole is halved until the bad row is alone."""
        shared = {"ids": [row["id"] for row in chunk], "rows": [row.get("row") for row in chunk]}
        values = {**(chunk[0] if len(chunk) == 1 else {"account_code": chunk[0]["account_code"]}), **shared}
        try:
            with self._exchange(config, operation, len(chunk)) as exchange:
                answer, _response = self._request(exchange, endpoint, values)
                results = self._row_results(endpoint, answer, chunk)
                exchange.failed = sum(result.outcome != "accepted" for result in results)
                return results
        except errors.RequestRejected as err:
            if len(chunk) == 1:
                return [RowResult.rejected(err.code or str(err.status or ""), str(err))]
        middle = len(chunk) // 2
        halves = (chunk[:middle], chunk[middle:])
        return [result for half in halves for result in self._send_chunk(config, endpoint, operation, half)]

    def _row_results(self, endpoint, answer, chunk):
        """Return what the answer tells of each row.

        :raise RequestRejected: a row failed and it can't be told which
        """
        if endpoint.result_rows == "none":
            return [RowResult.accepted() for _row in chunk]
        records = forms.records(endpoint.records_path, answer)
        told = [self._row_result(endpoint, record) for record in records]
        if endpoint.result_id_path:
            ids = [forms.filled_text(forms.found(endpoint.result_id_path, record)) for record in records]
            return self._results_by_id(endpoint, zip(ids, told, strict=True), chunk)
        if len(told) == len(chunk):
            return told
        self._raise_refused(told)
        return [self._untold(endpoint) for _row in chunk]

    def _results_by_id(self, endpoint, told, chunk):
        """Of all that is told of a row the worst counts."""
        by_id = {}
        for key, result in told:
            by_id[key] = max(by_id.get(key, result), result, key=lambda one: WORST.index(one.outcome))
        keys = [row.get(endpoint.result_key, "") for row in chunk]
        self._raise_refused(result for key, result in by_id.items() if key not in keys)
        return [by_id.get(key, self._untold(endpoint)) for key in keys]

    def _raise_refused(self, results):
        """:raise RequestRejected: one of these was refused, and nobody can tell which row it is"""
        for result in results:
            if result.outcome != "accepted":
                raise errors.RequestRejected(result.message, code=result.code)

    def _row_result(self, endpoint, record):
        problem = forms.found(endpoint.result_error_path, record) if endpoint.result_error_path else None
        if problem in (None, False, "", [], {}) and (endpoint.result_rows == "all" or endpoint.result_error_path):
            return RowResult.accepted()
        code = forms.found(endpoint.result_code_path, record) if endpoint.result_code_path else None
        message = forms.words(problem) if problem not in (None, True) else self._refused_silently()
        return RowResult.rejected(forms.filled_text(code), message)

    def _untold(self, endpoint):
        if endpoint.result_rows == "failed":
            return RowResult.accepted()
        return RowResult.rejected(
            "unknown", _("Product not found: the marketplace's answer does not have it. Check its ID.")
        )
