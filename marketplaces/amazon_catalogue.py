# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
from functools import partial
from urllib.parse import quote

from odoo import models

from ..transport import errors
from ..transport.reading import items, text
from . import amazon_forms as forms
from .amazon import CATALOGUE_PAGE, LISTINGS


class MarketplaceApiAmazon(models.AbstractModel):
    """The seller's catalogue: read to its end, and asked for single products of it."""

    _inherit = "marketplace.api.amazon"

    def _list_products(self, config, cursor=None):
        """The cursor is what ``amazon_forms.next_products`` returns, as JSON."""
        place, marketplace_id = json.loads(cursor or "{}"), self._marketplace(config).id
        params = {
            "includedData": "summaries,offers,fulfillmentAvailability",
            "pageSize": CATALOGUE_PAGE,
            "sortBy": "createdDate",
            "sortOrder": "ASC",
            **({"createdAfter": place["after"]} if place.get("after") else {}),
            **({"pageToken": place["token"]} if place.get("token") else {}),
        }
        with self._paced(), self._exchange(config, "list_products") as exchange:
            answer = self._ask_listings(config, exchange, **params)
            rows = items(answer, "items")
            following = forms.next_products(place, rows, answer, marketplace_id)
            new = [row for row in rows if row.get("sku") not in place.get("skus", [])]
            products = self._readable(exchange, new, partial(forms.product_of, marketplace_id=marketplace_id))
        return products, json.dumps(following) if following else None

    def _ask_listings(self, config, exchange, sku=None, **params):
        """Search the seller's catalogue, or get one product of it."""
        path = f"{LISTINGS}/{quote(self._seller(config), safe='')}"
        path = path if sku is None else f"{path}/{quote(sku, safe='')}"
        return exchange.request("GET", path, params={"marketplaceIds": self._marketplace(config).id, **params})

    def _locate_products(self, config, external_ids):
        """Ask who stores the products: those of Amazon's own warehouses must not be told our stock."""
        # A comma ends a SKU in a list of them.
        alone = [sku for sku in external_ids if "," in sku]
        together = [sku for sku in external_ids if "," not in sku]
        with self._paced(), self._exchange(config, "locate_products", len(external_ids)) as exchange:
            rows = self._find_listings(config, exchange, together) if together else []
            rows += filter(None, (self._get_listing(config, exchange, sku) for sku in alone))
            located = {text(row, "sku", required=True): forms.remote_of(row) for row in rows}
            exchange.failed = len(set(external_ids) - located.keys())
        return located

    def _find_listings(self, config, exchange, skus):
        params = {"identifiers": ",".join(skus), "identifiersType": "SKU", "pageSize": CATALOGUE_PAGE}
        return items(self._ask_listings(config, exchange, includedData="fulfillmentAvailability", **params), "items")

    def _get_listing(self, config, exchange, sku):
        """Return one product, ``None`` where Amazon has none."""
        try:
            return self._ask_listings(config, exchange, sku, includedData="fulfillmentAvailability")
        except errors.RequestRejected as err:
            if err.status == 404:
                return None
            raise
