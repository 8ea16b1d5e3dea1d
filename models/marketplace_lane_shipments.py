# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models


class MarketplaceLaneOrders(models.AbstractModel):
    """Deliveries told to marketplaces that want to know of each, with what it holds and its tracking number."""

    _inherit = "marketplace.lane.orders"

    def _is_wanted(self, command, order):
        if command.operation != "ship":
            return super()._is_wanted(command, order)
        picking = self._picking_of(command)
        return picking.state == "done" and not picking.marketplace_told_at and order.marketplace_status != "cancelled"

    def _call(self, config, order, command):
        if command.operation != "ship":
            return super()._call(config, order, command)
        package = self._picking_of(command)._prepare_marketplace_package(
            repeated=bool(command.attempts or command.payload.get("tried"))
        )
        return config._api()._ship(config, order.cartona_id, package)

    def _conclude(self, config, order, command, result, error):
        if command.operation == "ship" and (result is None or result.outcome != "accepted"):
            # It may have been told, and the answer was lost: from now on it is a repetition, whoever asks for it.
            command.payload = {**command.payload, "tried": True}
        return super()._conclude(config, order, command, result, error)

    def _store(self, command, order, result):
        if command.operation != "ship" or result.outcome != "accepted":
            return super()._store(command, order, result)
        self._picking_of(command)._note_marketplace_told(command.user_id)
        command.unlink()
        return None

    def _picking_of(self, command):
        return self.env["stock.picking"].browse((command.payload or {}).get("picking_id")).exists()
