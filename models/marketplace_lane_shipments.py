# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models


class MarketplaceLaneOrders(models.AbstractModel):
    """Deliveries told to marketplaces that want to know of each, with what it holds and its tracking number."""

    _inherit = "marketplace.lane.orders"

    def _is_wanted_ship(self, command, order):
        picking = self._picking_of(command)
        return picking.state == "done" and not picking.marketplace_told_at and order._wants_marketplace_shipments()

    def _call_ship(self, config, order, command):
        package = self._picking_of(command)._prepare_marketplace_package(repeated=self._was_tried(command))
        return self._call_noted(config, command, lambda api: api._ship(config, order.cartona_id, package))

    def _store_ship(self, command, order):
        self._picking_of(command)._note_marketplace_told(command.user_id)
        command.unlink()

    def _picking_of(self, command):
        return self.env["stock.picking"].browse((command.payload or {}).get("picking_id")).exists()
