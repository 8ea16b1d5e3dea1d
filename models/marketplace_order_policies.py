# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command, fields, models


class MarketplaceConfig(models.Model):
    """What an account's orders are given when they come, and whether they are invoiced by themselves."""

    _inherit = "marketplace.config"

    payment_term_id = fields.Many2one(
        "account.payment.term",
        string="Payment Terms",
        check_company=True,
        ondelete="restrict",
        help="Payment terms of imported orders. Empty: those of the customer.",
    )
    sale_tag_ids = fields.Many2many("crm.tag", string="Order Tags", help="Tags of imported orders.")
    invoice_policy = fields.Selection(
        [("never", "Never: a person does"), ("draft", "As a draft"), ("posted", "Posted")],
        string="Invoice on Delivery",
        default="never",
        required=True,
        help="What was delivered is invoiced as soon as the last delivery of an order is done. Without anything to "
        "deliver, as soon as the marketplace says delivered.",
    )


class MarketplaceOrderProcessor(models.AbstractModel):
    _inherit = "marketplace.order.processor"

    def _prepare_policy_values(self, config, order):
        """Return what the account's settings give a new order. Extend this for more settings."""
        values = {"user_id": config.sale_user_id.id, "warehouse_id": config._delivery_warehouse().id}
        if config.sale_team_id:
            values["team_id"] = config.sale_team_id.id
        if config.payment_term_id:
            values["payment_term_id"] = config.payment_term_id.id
        if config.sale_tag_ids:
            values["tag_ids"] = [Command.set(config.sale_tag_ids.ids)]
        return values
