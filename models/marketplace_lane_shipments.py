# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models

from ..database import own_transaction
from ..transport import errors
from .marketplace_api import Reach


class MarketplaceLaneOrders(models.AbstractModel):
    """Deliveries told to marketplaces that want to know of each, with what it holds and its tracking number."""

    _inherit = "marketplace.lane.orders"

    def _is_wanted_ship(self, command, order):
        picking = self._picking_of(command)
        return picking.state == "done" and not picking.marketplace_told_at and order._wants_marketplace_shipments()

    def _call_ship(self, config, order, command):
        tried, reach, result = bool(command.payload.get("tried")), Reach(), None
        package = self._picking_of(command)._prepare_marketplace_package(repeated=tried)
        self._note_tried(command, True)
        try:
            api = config._api().with_context(marketplace_reach=reach)
            result = api._ship(config, order.cartona_id, package)
            return result
        except errors.MarketplaceError as err:
            reach.there |= errors.maybe_applied(err)
            raise
        finally:
            if not (tried or reach.there or result and result.outcome == "accepted"):
                self._note_tried(command, False)

    def _note_tried(self, command, tried):
        """Store, before the call, that it may have told the delivery: a process that ends or an answer that is lost
        leaves it at that, and from then on it is a repetition, whoever asks for it. Take it back where nothing got
        there."""
        with own_transaction(self.env) as env:
            row = env["marketplace.outbox"].browse(command.id).exists()
            if row:
                payload = {key: value for key, value in (row.payload or {}).items() if key != "tried"}
                row.payload = {**payload, "tried": True} if tried else payload
        command.invalidate_recordset(["payload"])

    def _store_ship(self, command, order):
        self._picking_of(command)._note_marketplace_told(command.user_id)
        command.unlink()

    def _picking_of(self, command):
        return self.env["stock.picking"].browse((command.payload or {}).get("picking_id")).exists()
