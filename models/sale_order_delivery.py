# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, api, fields, models
from odoo.exceptions import UserError

from ..compat import check_access, format_list
from ..screen import notification
from .sale_order_out import FINAL

# The orders whose OTP this very transaction has had accepted. Kept by the cursor: a context is the client's to fill.
ACCEPTED = "marketplace.delivery.accepted"


class SaleOrder(models.Model):
    """That the customer has the goods: told the marketplace by a person, with the customer's OTP where money is at
    stake."""

    _inherit = "sale.order"

    marketplace_to_deliver = fields.Boolean(
        compute="_compute_marketplace_to_deliver",
        help="On the way to the customer, or nothing that goes out from stock, and we tell when it is there.",
        groups="base.group_user",
    )

    marketplace_pickup_otp = fields.Char(
        string="Pickup OTP",
        compute="_compute_marketplace_pickup_otp",
        groups="cartona_integration.group_marketplace_manager",
        help="By this the marketplace's driver proves who he is, where the marketplace delivers.",
    )

    # ------------------------------------------------------------------ compute

    def _compute_marketplace_pickup_otp(self):
        """Shown from the newest document of the order as long as it is under way; kept nowhere else."""
        for order in self:
            order.marketplace_pickup_otp = False
            if order.marketplace_delivers and order.marketplace_status not in FINAL:
                order.marketplace_pickup_otp = (order._marketplace_documents().private or {}).get("pickup_otp")

    @api.depends(
        "marketplace_status", "marketplace_delivers", "marketplace_config_id", "state", "order_line", "picking_ids"
    )
    def _compute_marketplace_to_deliver(self):
        for order in self:
            config = order.sudo().marketplace_config_id  # whoever sees the order may see what is to be done with it
            order.marketplace_to_deliver = bool(
                order._is_with_customer()
                and not order.marketplace_delivers
                and config.push_status
                and config._status_for("delivery_confirmed")
            )

    def _is_with_customer(self):
        """Tell whether the customer may have what was ordered by now: what is on its way, and what needs none."""
        self.ensure_one()
        return self.marketplace_status == "shipped" or (
            self.marketplace_status == "approved" and self.sudo()._is_without_goods()
        )

    # ------------------------------------------------------------------ what goes out without a delivery

    def _is_without_goods(self):
        """Tell whether nothing of a confirmed order goes out from stock, so that no delivery tells that it has left."""
        self.ensure_one()
        lines = self._marketplace_sold_lines()
        methods = lines.mapped("qty_delivered_method")
        return bool(lines) and self.state == "sale" and not self.picking_ids and "stock_move" not in methods

    def _marketplace_sold_lines(self):
        return self.order_line.filtered(
            lambda line: line.product_id and not line.display_type and not line.is_downpayment
        )

    def _tell_marketplace_done(self):
        """Tell the marketplace of orders without goods that they have left, once all of it was done."""
        for order in self.sudo().filtered("marketplace_config_id"):  # the seller's rights end before the account
            if order._is_without_goods() and order._is_all_done():
                order._tell_marketplace("left")

    def _is_all_done(self):
        lines = self._marketplace_sold_lines()
        all_done = all(line.qty_delivered >= line.product_uom_qty for line in lines)
        return all_done and any(lines.mapped("qty_delivered"))

    # ------------------------------------------------------------------ actions

    def action_confirm_marketplace_delivery(self):
        """Tell the marketplace that the customer has the goods. One order that needs an OTP opens the question for it;
        of several, those are left, and named."""
        check_access(self, "write")
        ready = self.filtered("marketplace_to_deliver")
        if not ready:
            raise UserError(
                _(
                    "Nothing to confirm: the marketplace does not know these orders to be on their way. Validate their "
                    "deliveries first."
                )
            )
        with_otp = ready.filtered(lambda order: order.sudo()._needs_otp())
        if len(self) == 1 and with_otp:
            return self.env["marketplace.otp"]._open(with_otp)
        (ready - with_otp)._tell_marketplace("delivery_confirmed")
        return self._notify_delivered(ready - with_otp, with_otp, self - ready)

    def _notify_delivered(self, delivered, with_otp, others):
        """Tell what became of each of the orders; the list of orders is read again."""
        words = [_("Delivery confirmed: %s.", len(delivered))]
        if with_otp:
            words.append(_("Open one by one, since they need the customer's OTP: %s.", self._names(with_otp)))
        if others:
            words.append(_("Not on their way: %s.", self._names(others)))
        left = bool(with_otp or others)
        return notification(" ".join(words), "warning" if left else "success", sticky=left)

    def _names(self, orders):
        return format_list(self.env, orders.mapped("name"))

    # ------------------------------------------------------------------ OTP

    def _needs_otp(self):
        """Tell whether *delivered* can be told the marketplace only with an OTP that it has not accepted yet."""
        self.ensure_one()
        return (
            self.marketplace_otp_required
            and self.marketplace_config_id.push_status
            and self._may_tell("delivered")
            and not self._is_delivery_accepted()
        )

    def _is_delivery_accepted(self):
        """Tell whether the marketplace has accepted *delivered* and the sender has not noted it on the order yet."""
        if self.id in self.env.cr.postcommit.data.get(ACCEPTED, ()):
            return True  # stored by a transaction of its own, which this one is too old to see
        told = [("lane", "=", "orders"), ("order_id", "=", self.id), ("operation", "=", "status")]
        accepted = [*told, ("status", "=", "delivered"), ("state", "=", "accepted")]
        return bool(self.marketplace_otp_required and self.env["marketplace.outbox"].search_count(accepted, limit=1))

    def _ask_marketplace_delivered(self, otp):
        """Tell the marketplace *delivered* with the customer's OTP, unless it has accepted that already.

        :raise UserError: it was not accepted, with the next step
        """
        self.ensure_one()
        if self._needs_otp():
            self.env["marketplace.lane.orders"]._ask(self, "delivered", {"otp": otp})
            self.env.cr.postcommit.data.setdefault(ACCEPTED, set()).add(self.id)
            self.env["marketplace.wake"]._request()
