# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, fields, models


class SaleOrderCancel(models.TransientModel):
    """Odoo's question before a confirmed order is cancelled, with the reason that the marketplace is told."""

    _inherit = "sale.order.cancel"

    marketplace_config_id = fields.Many2one(related="order_id.marketplace_config_id", related_sudo=True)
    marketplace_cancel_reason = fields.Selection(
        selection=lambda self: self.env["marketplace.api"]._cancellation_reasons(),
        string="Reason for the Marketplace",
        compute="_compute_marketplace_cancel_reason",
        readonly=False,
        store=True,
    )
    marketplace_cancel_reasons = fields.Char(related="order_id.marketplace_cancel_reasons")

    @api.depends("order_id")
    def _compute_marketplace_cancel_reason(self):
        for wizard in self:
            order = wizard.order_id.sudo()  # the seller's rights end before the account's settings
            known = (order.marketplace_cancel_reasons or "").split()
            usual = order.marketplace_cancel_reason, order.marketplace_config_id.cancellation_reason
            wizard.marketplace_cancel_reason = next((reason for reason in usual if reason in known), False)

    def action_cancel(self):
        if self.marketplace_config_id:
            self.order_id.marketplace_cancel_reason = self.marketplace_cancel_reason
        return super().action_cancel()
