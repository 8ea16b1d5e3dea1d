# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, api, fields, models
from odoo.tools import float_compare, float_round

from ..compat import unit_field
from ..schemas import ENDED, Package
from ..transport.errors import RequestRejected

# The last two are those of the module `delivery`, which not everybody has.
TRACKING = {
    *("marketplace_carrier", "marketplace_tracking", "marketplace_tracking_url"),
    *("carrier_id", "carrier_tracking_ref"),
}


class StockPicking(models.Model):
    """A delivery as the marketplace wants to know of it: by whom, under which number, and what is in it."""

    _inherit = "stock.picking"

    marketplace_ships = fields.Boolean(compute="_compute_marketplace_ships")
    marketplace_carrier = fields.Char(
        string="Carrier", copy=False, help="Who brings it, as the marketplace calls the carrier."
    )
    marketplace_tracking = fields.Char(string="Tracking Number", copy=False)
    marketplace_tracking_url = fields.Char(string="Tracking Page", copy=False)
    marketplace_told_at = fields.Datetime(string="Told the Marketplace", readonly=True, copy=False)

    @api.depends(
        *("sale_id.marketplace_delivers", "picking_type_code", "location_id", "location_dest_id"),
        "move_ids.origin_returned_move_id",
    )
    def _compute_marketplace_ships(self):
        for picking in self:
            picking.marketplace_ships = picking.sudo()._is_told_as_shipped()  # whoever sees it sees what it needs

    def _is_told_as_shipped(self):
        """Tell whether the marketplace of the order wants to know of this delivery. Looks at other deliveries of the
        order, which its user may not see, and at none where no marketplace asks."""
        shipping = self.sale_id.marketplace_config_id._ships() and not self.sale_id.marketplace_delivers
        return shipping and bool(self._marketplace_outgoing()) and not self._is_sent_again()

    def _is_sent_again(self):
        """Tell whether this brings again what came back, or comes in exchange for it: the marketplace has been told of
        the first delivery, and wants to know of no other."""
        if self.move_ids and all(move.origin_returned_move_id for move in self.move_ids):
            return True
        lines = self.move_ids.sale_line_id
        return bool(lines) and all(line._has_gone_before(self._origin) for line in lines)

    # ------------------------------------------------------------------ CRUD

    def write(self, vals):
        result = super().write(vals)
        if TRACKING & vals.keys():
            self.filtered(lambda picking: picking.state == "done")._tell_marketplace_shipped()
        return result

    # ------------------------------------------------------------------ business

    def _tell_marketplace_shipped(self):
        """Leave a command for each delivery that the marketplace does not know of yet."""
        # sudo: whoever validates a delivery may lack rights on sales orders and accounts
        for picking in self.sudo()._to_be_told().filtered("marketplace_ships"):
            order = picking.sale_id
            if picking.marketplace_told_at or not order.marketplace_config_id.push_status:
                continue
            waiting = self.env["marketplace.outbox"].sudo()._shipment_of(picking)
            if waiting:
                waiting.action_retry()
            else:
                self.env["marketplace.outbox"]._command(order, "ship", payload={"picking_id": picking.id})

    def _to_be_told(self):
        """Return those that the marketplace is told of now. Where it would take one of them for the whole order: none
        before nothing of that is left to go, then all that it has, in order."""
        whole = self.sale_id.filtered(lambda order: order.marketplace_config_id._ships_whole())
        left = whole.filtered(lambda order: order._has_all_left()).picking_ids._marketplace_outgoing()
        others = self.filtered(lambda picking: picking.sale_id not in whole)
        return others | left.filtered(lambda picking: picking.state == "done").sorted("id")

    def _note_marketplace_told(self, user_id=None):
        """Note that the marketplace knows of this delivery; of the order, once it knows of all.

        :param user_id: who validated it, if that is not the current user
        """
        self.marketplace_told_at = fields.Datetime.now()
        for order in self.sale_id:
            order._note_marketplace_shipped(user_id)

    def _prepare_marketplace_package(self, repeated=False):
        """Return the ``Package`` that this delivery is, as far as the marketplace has its lines. Extend this to tell
        more.

        :raise RequestRejected: nothing of it is the marketplace's
        """
        self.ensure_one()
        lines = self._marketplace_lines()
        if not lines:
            raise RequestRejected(_("%s holds nothing that was ordered at the marketplace.", self.name))
        return Package(
            reference=self.name,
            lines=lines,
            carrier=self._marketplace_carrier_name(),
            tracking=self._marketplace_tracking_number(),
            tracking_url=self.marketplace_tracking_url or "",
            shipped_at=self.date_done,
            repeated=repeated,
            number=self.id,
        )

    def _marketplace_lines(self):
        """Return ``[(the marketplace's line id, selling units)]``. Of a kit, what its components make."""
        lines = []
        for line in self.move_ids.sale_line_id.filtered("cartona_line_id"):
            moves = self.move_ids.filtered(lambda move, line=line: move.sale_line_id == line and move.state == "done")
            unit = line[unit_field(line)]
            if moves.product_id <= line.product_id:
                quantity = sum(move.product_uom._compute_quantity(move.quantity, unit, round=False) for move in moves)
            else:
                asked = sum(line.move_ids.filtered(lambda move: move._is_of_marketplace_line()).mapped("product_qty"))
                quantity = line.product_uom_qty * moves._moved_quantity() / asked if asked else 0.0
            units = float_round(line._in_selling_units(quantity), precision_digits=4)
            if units > 0:
                lines.append((line.cartona_line_id, units))
        return lines

    # The fields of the module `delivery`, which not everybody has, come first: they are printed on the label.

    def _marketplace_carrier_name(self):
        if self.marketplace_carrier or "carrier_id" not in self._fields:
            return self.marketplace_carrier or ""
        # The marketplace is told the same name whoever works.
        return self.carrier_id.with_context(lang=None).name or ""

    def _marketplace_tracking_number(self):
        if self.marketplace_tracking or "carrier_tracking_ref" not in self._fields:
            return self.marketplace_tracking or ""
        return self.carrier_tracking_ref or ""


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def _wants_marketplace_shipments(self):
        """Tell whether the marketplace still wants to know of this order's deliveries."""
        self.ensure_one()
        if self.marketplace_delivers or self.marketplace_status == "cancelled":
            return False
        if self.marketplace_config_id._ships_whole() and self.marketplace_status in ENDED:
            return False  # it would step back from that
        open_alone = self.marketplace_config_id._capabilities()["ships_open"]
        return not (open_alone and self.marketplace_status == "shipped")

    def _tell_marketplace_packages(self):
        """Tell of what has left before the rest was given up, where that had to wait for the rest."""
        if self.marketplace_config_id._ships_whole():
            self.picking_ids._tell_marketplace_shipped()

    def _note_marketplace_shipped(self, user_id=None):
        """Note that the order has left, once nothing is left to go and the marketplace knows of each delivery."""
        gone = self.picking_ids.filtered(lambda picking: picking.marketplace_ships and picking.state == "done")
        if gone and all(picking.marketplace_told_at for picking in gone) and self._has_all_left():
            self._set_marketplace_status("shipped", user_id)


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def _has_gone_before(self, picking):
        """Tell whether all that was ordered has gone out by deliveries before this one. Newer series exchange goods by
        a delivery that names neither the first one nor the return."""
        gone = self.move_ids.filtered(
            lambda move: move.state == "done" and move._is_of_marketplace_line() and move.picking_id.id < picking.id
        )
        if not gone or gone.product_id != self.product_id:
            return False  # of a kit it is not known how much of it went out
        unit = self[unit_field(self)]
        quantity = sum(move.product_uom._compute_quantity(move.quantity, unit, round=False) for move in gone)
        return float_compare(quantity, self.product_uom_qty, precision_rounding=unit.rounding) >= 0


class StockMove(models.Model):
    _inherit = "stock.move"

    def _is_of_marketplace_line(self):
        """Tell whether the move is part of what was to go to the customer at first: no return, nothing that goes out
        again after one, no step on the way; what was given up with a backorder is part of it."""
        self.ensure_one()
        if self.location_dest_id.usage != "customer" or self.origin_returned_move_id:
            return False
        return self.state != "cancel" or bool(self.picking_id.backorder_id)


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    def _ships(self):
        """Tell whether the marketplace wants to know of each delivery."""
        return bool(self) and bool(self._capabilities()["ships"])

    def _ships_whole(self):
        """Tell whether it wants to know, but takes each for all that was ordered."""
        return self._ships() and self._capabilities()["ships_whole"]


class MarketplaceOutbox(models.Model):
    _inherit = "marketplace.outbox"

    operation = fields.Selection(selection_add=[("ship", "Delivery")], ondelete={"ship": "cascade"})

    def _tell_again(self, orders):
        """Deliveries that were refused, and that the marketplace by now wants to know nothing of, are dropped by the
        sender, which looks at them once more."""
        result = super()._tell_again(orders)
        refused = [("lane", "=", "orders"), ("operation", "=", "ship"), ("state", "=", "failed")]
        failed = self.search([*refused, ("order_id", "in", orders.ids)]) if orders else self
        needless = failed.filtered(lambda command: not command.sale_order_id._wants_marketplace_shipments())
        if needless:
            needless.action_retry()
        return result

    def _shipment_of(self, picking):
        """Return the command about this delivery that waits, if any."""
        waiting = self.search(
            [("lane", "=", "orders"), ("order_id", "=", picking.sale_id.id), ("operation", "=", "ship")]
        )
        return waiting.filtered(lambda command: (command.payload or {}).get("picking_id") == picking.id)
