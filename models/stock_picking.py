# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models
from odoo.exceptions import UserError
from odoo.tools import float_compare

from ..compat import format_list

# Goods go to the customer by these; by the second (stock_dropshipping) from a vendor, and back to him by the same.
OUT, DROPSHIP = "outgoing", "dropship"


class StockPicking(models.Model):
    _inherit = "stock.picking"

    def _marketplace_outgoing(self):
        """Return those that bring goods to the customer: the last step out of a warehouse, or a vendor's delivery. A
        type of delivery that names none for returns takes them back, too, and by a warehouse's own another one of the
        company is supplied."""
        return self.filtered(
            lambda picking: (
                (
                    picking.picking_type_code == OUT
                    and picking.location_id.usage != "customer"
                    and not picking._is_to_another_warehouse()
                )
                or (picking.picking_type_code == DROPSHIP and picking.location_dest_id.usage == "customer")
            )
        )

    def _is_to_another_warehouse(self):
        transit = self.location_dest_id
        return transit.usage == "transit" and bool(transit.company_id)  # between companies it has none

    def _action_done(self):
        result = super()._action_done()
        # sudo: whoever validates a delivery may lack rights on sales orders and accounts
        orders = self.sudo().sale_id.filtered("marketplace_config_id")
        # What was sent is told with the last of it; what comes back after that, at once.
        orders.filtered(lambda order: order._has_all_left())._mark_marketplace_lines()
        self._tell_marketplace_left()
        return result

    def _tell_marketplace_left(self):
        """Tell the marketplace that the goods of an order have left, once nothing of it is left to go out."""
        # sudo: whoever validates a delivery may lack rights on sales orders and accounts
        done = self.sudo()._marketplace_outgoing()
        done.filtered(lambda picking: picking.state == "done")._tell_marketplace_shipped()
        done.sale_id._tell_marketplace_left()

    # ------------------------------------------------------------------ OTP

    def _pre_action_done_hook(self):
        """Ask for the customer's OTP where validating these tells the marketplace *delivered*. Comes after Odoo's own
        questions, so that it is known what stays behind as a backorder."""
        result = super()._pre_action_done_hook()
        orders = self._orders_to_deliver_with_otp() if result is True else ()
        if not orders:
            return result
        if len(orders) > 1:
            raise UserError(
                _(
                    "Validate these deliveries one by one: each needs an OTP of its own customer. %s",
                    format_list(self.env, orders.mapped("name")),
                )
            )
        return self.env["marketplace.otp"]._open(orders, self)

    def _orders_to_deliver_with_otp(self):
        """Return the orders that are delivered to the last piece by validating these, at an account that tells
        *delivered* then, and of which the marketplace wants an OTP.

        When less or more is delivered than was ordered, the marketplace has to know the quantities first, which are
        known only after validating: it is then told that the goods are on their way, and the OTP is asked by Confirm
        Delivery.
        """
        # sudo: whoever validates a delivery may lack rights on sales orders and accounts
        outgoing = self.sudo()._marketplace_outgoing()
        orders = outgoing.sale_id.filtered("marketplace_otp_required")
        return orders.filtered(
            lambda order: (
                order.marketplace_config_id._status_for("left") == "delivered"
                and not outgoing.filtered(lambda picking: picking.sale_id == order)._is_other_than_asked()
                and not (order.picking_ids - outgoing)._is_to_go_out()
                and not order.order_line.move_ids._is_on_its_way_out()
                and not order.order_line._is_to_be_procured()
                and order._needs_otp()
            )
        )

    def _is_other_than_asked(self):
        """Tell whether less or more is about to be moved than was asked for."""
        moves = self.move_ids.filtered(lambda move: move.state not in ("done", "cancel"))
        return any(
            float_compare(
                move._get_picked_quantity() if move.picked else 0.0,
                move.product_uom_qty,
                precision_rounding=move.product_uom.rounding,
            )
            for move in moves
        )

    def _is_to_go_out(self):
        return any(picking.state not in ("done", "cancel") for picking in self._marketplace_outgoing())
