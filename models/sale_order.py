# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields, models

from ..schemas import STATUS_RANK

STATUSES = [
    ("pending", "Pending"),
    ("editing", "Being edited"),
    ("approved", "Approved"),
    ("shipped", "Shipped"),
    ("delivered", "Delivered"),
    ("cancelled", "Cancelled"),
    ("returned", "Returned"),
]
FINAL = ("delivered", "cancelled", "returned")


class SaleOrder(models.Model):
    _inherit = "sale.order"

    # ------------------------------------------------------------------ fields

    marketplace_config_id = fields.Many2one(
        "marketplace.config", string="Marketplace Account", readonly=True, copy=False, ondelete="restrict"
    )
    cartona_id = fields.Char(string="Marketplace Order ID", readonly=True, copy=False)
    marketplace_status = fields.Selection(STATUSES, readonly=True, copy=False, tracking=True)
    marketplace_raw_status = fields.Char(string="Status as Sent", readonly=True, copy=False)
    marketplace_total = fields.Float(readonly=True, copy=False, digits="Product Price")
    marketplace_credit = fields.Float(
        readonly=True,
        copy=False,
        digits="Product Price",
        help="Part of the price that the marketplace pays to us.",
    )
    marketplace_installment = fields.Float(
        string="Installment",
        readonly=True,
        copy=False,
        digits="Product Price",
        help="Part of the price that the customer pays to the marketplace in installments, and the marketplace to us.",
    )
    marketplace_top_up = fields.Float(
        string="Wallet Top-up",
        readonly=True,
        copy=False,
        digits="Product Price",
        help="What the customer pays us in cash for the wallet at the marketplace; we owe it to the marketplace.",
    )
    marketplace_delivers = fields.Boolean(string="Delivered by the Marketplace", readonly=True, copy=False)
    marketplace_reason = fields.Char(
        string="Reason Given", readonly=True, copy=False, help="Why the order was cancelled or returned."
    )
    marketplace_edited_by_admin = fields.Boolean(string="Edited by the Marketplace", readonly=True, copy=False)
    marketplace_preferred_day = fields.Date(string="Day the Customer Prefers", readonly=True, copy=False)
    marketplace_estimated_day = fields.Date(string="Estimated Delivery Day", readonly=True, copy=False)
    marketplace_pickup_at = fields.Datetime(string="Pickup", readonly=True, copy=False)
    marketplace_otp_required = fields.Boolean(string="Delivery needs an OTP", readonly=True, copy=False)

    def init(self):
        result = super().init()
        # Partial: most rows of a grown database have nothing to do with a marketplace.
        self.env.cr.execute(
            "CREATE UNIQUE INDEX IF NOT EXISTS sale_order_cartona_id_unique "
            "ON sale_order (marketplace_config_id, cartona_id) WHERE cartona_id IS NOT NULL"
        )
        return result

    # ------------------------------------------------------------------ CRUD

    def write(self, vals):
        result = super().write(vals)
        if {"warehouse_id", "state"} & vals.keys():
            self._mark_marketplace_stock()
        return result

    def unlink(self):
        self._mark_marketplace_stock()
        return super().unlink()

    # ------------------------------------------------------------------ actions

    def _action_confirm(self):
        result = super()._action_confirm()
        self._tell_marketplace("approved")
        return result

    def _action_cancel(self):
        result = super()._action_cancel()
        self._tell_marketplace("cancelled")
        return result

    # ------------------------------------------------------------------ business

    def _tell_marketplace(self, status):
        """Leave a command that tells the marketplace the new status, unless it knows that or better already.

        A status that came from the marketplace is stored before Odoo acts upon it; so it is never sent back to it.
        """
        for order in self.sudo():  # the seller's rights end before the account's settings
            config = order.marketplace_config_id
            if not config.push_status or not order._may_tell(status):
                continue
            payload = {"reason": config.cancellation_reason} if status == "cancelled" else {}
            self.env["marketplace.outbox"]._command(order, "status", status, payload)

    def _may_tell(self, status):
        self.ensure_one()
        if self.marketplace_delivers and status != "cancelled":
            return False  # the marketplace moves the order itself; the supplier may only cancel
        if self.marketplace_status in FINAL:
            return False
        return STATUS_RANK[status] > STATUS_RANK.get(self.marketplace_status, 0)

    def _has_all_left(self):
        """Tell whether goods have gone out and nothing is left to go: a backorder is not delivery."""
        self.ensure_one()
        outgoing = self.picking_ids.filtered(lambda picking: picking.picking_type_code == "outgoing")
        states = set(outgoing.mapped("state"))
        return "done" in states and states <= {"done", "cancel"}

    def _set_marketplace_status(self, status):
        """Note that the marketplace has accepted ``status``, unless it has told us better while we were asking."""
        self.ensure_one()
        self.env.cr.execute("SELECT 1 FROM sale_order WHERE id = %s FOR UPDATE", [self.id])
        self.invalidate_recordset(["marketplace_status"])
        if STATUS_RANK[status] >= STATUS_RANK.get(self.marketplace_status, 0):
            # What we did ourselves is in the chatter already.
            self.with_context(tracking_disable=True).marketplace_status = status

    def _mark_marketplace_stock(self):
        self.filtered("marketplace_config_id").order_line._mark_marketplace_stock()
