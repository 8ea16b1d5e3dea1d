# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import SUPERUSER_ID, _, api, fields, models

from .sale_order import STATUSES


class MarketplaceOrderEvent(models.Model):
    """One step of an order's status: there, as the marketplace told us, or here, as it has accepted from us. Rows are
    only ever added, in the transaction that moves the order."""

    _name = "marketplace.order.event"
    _description = "Step of a Marketplace Order"
    _order = "id desc"
    _rec_name = "status"
    _log_access = False

    order_id = fields.Many2one("sale.order", required=True, readonly=True, index=True, ondelete="cascade")
    at = fields.Datetime(string="Time", required=True, readonly=True, default=fields.Datetime.now)
    status = fields.Selection(STATUSES, required=True, readonly=True)
    side = fields.Selection([("here", "Here"), ("there", "At the marketplace")], "Where", required=True, readonly=True)
    user_id = fields.Many2one("res.users", readonly=True, ondelete="set null")
    raw_status = fields.Char(string="Status as Sent", readonly=True)
    who = fields.Char(compute="_compute_who")

    @api.depends("side", "user_id", "raw_status")
    def _compute_who(self):
        """Whoever moved the order here; there, its marketplace, whose own word tells more."""
        for event in self.sudo():  # names alone
            account = event.order_id.marketplace_config_id.name
            if event.side == "there":
                event.who = f"{account} ({event.raw_status})" if event.raw_status else account
            elif event.user_id.id in (False, SUPERUSER_ID):
                event.who = _("Odoo, by the rules of %s", account)
            else:
                event.who = event.user_id.name


class SaleOrder(models.Model):
    _inherit = "sale.order"

    marketplace_event_ids = fields.One2many(
        "marketplace.order.event",
        "order_id",
        string="Timeline",
        readonly=True,
        groups="cartona_integration.group_marketplace_user",
    )

    def _moved_by(self, vals):
        """Return those whose status at the marketplace such a write changes."""
        status = vals.get("marketplace_status")
        return self.filtered(lambda order: order.marketplace_status != status) if status else self.browse()

    def _note_marketplace_step(self):
        """Add to the timeline where these orders stand now. What the marketplace has accepted from somebody here is
        written with that user's id as ``marketplace_mover`` in the context; all else came from there."""
        mover = self.env.context.get("marketplace_mover")
        user = self.env["res.users"].browse(mover or ()).exists()  # a sender may come after the user has gone
        # sudo: whoever moves an order adds to its timeline, and may do nothing else with that
        self.env["marketplace.order.event"].sudo().create(
            [
                {
                    "order_id": order.id,
                    "status": order.marketplace_status,
                    "side": "here" if mover else "there",
                    "user_id": user.id,
                    "raw_status": False if mover else order.marketplace_raw_status,
                }
                for order in self
            ]
        )


class MarketplaceOutbox(models.Model):
    _inherit = "marketplace.outbox"

    user_id = fields.Integer(string="User ID", help="Who did what is to be told.")

    def _prepare_command_values(self, order, operation):
        return {**super()._prepare_command_values(order, operation), "user_id": self.env.uid}
