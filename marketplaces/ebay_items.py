# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models

from ..schemas import UNLIMITED
from .ebay import PLENTY

STOCK = "shipToLocationAvailability"


class MarketplaceApiEbay(models.AbstractModel):
    """The stock of an item, which is one for all marketplaces that a seller offers it on."""

    _inherit = "marketplace.api.ebay"

    def _push_offers(self, config, rows):
        self._share_items(config, rows)
        return super()._push_offers(config, rows)

    def _share_items(self, config, rows):
        """Give each item as much as any of the seller's marketplaces is to show of it. A listing shows the lesser of
        item and offer: so it is limited by its own offer, and none by that of another marketplace."""
        items = {row["external_id"]: row["wire"][STOCK] for row in rows if STOCK in row["wire"]}
        others = config._credential_group().filtered("active") - config
        if not (items and others):
            return
        wanted = [("config_id", "in", others.ids), ("external_id", "in", list(items))]
        listings = self.env["marketplace.listing"].search(wanted).filtered(lambda listing: listing._is_on_sale())
        for account, found in listings.grouped("config_id").items():
            quantities = found._quantities(account)
            for listing in found:
                shown, item = quantities[listing.id], items[listing.external_id]
                item["quantity"] = max(item["quantity"], PLENTY if shown == UNLIMITED else shown)
