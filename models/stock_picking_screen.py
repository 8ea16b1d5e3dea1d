# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, fields, models

from ..compat import check_access

SEEN = {
    "compute": "_compute_marketplace_order",
    "groups": "cartona_integration.group_marketplace_user",
}


class StockPicking(models.Model):
    """What a delivery's marketplace knows of it: for those who work with marketplaces, also without rights on sales."""

    _inherit = "stock.picking"

    marketplace_account = fields.Char(string="Marketplace", **SEEN)
    marketplace_order_number = fields.Char(string="Marketplace Order ID", **SEEN)
    marketplace_deadline = fields.Datetime(string="Leaves by", **SEEN)
    marketplace_told = fields.Char(string="Told", help="What the marketplace has accepted from us last.", **SEEN)
    marketplace_told_since = fields.Datetime(string="Told on", **SEEN)
    marketplace_problem = fields.Char(**SEEN)

    @api.depends("sale_id")
    @api.depends_context("uid", "lang")
    def _compute_marketplace_order(self):
        # sudo: whoever sees the delivery may see what its marketplace knows
        orders = self.sudo().sale_id.filtered("marketplace_config_id")
        commands = orders._marketplace_commands().grouped("order_id")
        steps = orders.marketplace_event_ids.filtered(lambda event: event.side == "here").sorted("id")
        newest = {event.order_id: event for event in steps}
        told = dict(steps._fields["status"]._description_selection(self.env))
        for picking in self:
            order = picking.sudo().sale_id & orders
            last = newest.get(order, steps.browse())
            waiting = commands.get(order.id, self.env["marketplace.outbox"]).filtered(picking._is_told_by)
            picking.update(
                {
                    "marketplace_account": order.marketplace_config_id.name,
                    "marketplace_order_number": order.cartona_id,
                    "marketplace_deadline": order.marketplace_deadline,
                    "marketplace_told": told.get(last.status),
                    "marketplace_told_since": last.at,
                    "marketplace_problem": waiting._problem(order),
                }
            )

    def _is_told_by(self, command):
        """Tell whether a command is about this delivery, or about its order as a whole."""
        return command.operation != "ship" or (command.payload or {}).get("picking_id") == self.id

    def action_marketplace_tell_again(self):
        """Have the marketplace told again of what it did not take of these deliveries' orders."""
        check_access(self, "write")
        # sudo: whoever may change the delivery may have it told, without rights on sales orders
        return self.sudo().sale_id.action_marketplace_tell_again()
