# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command, _, api, fields, models
from odoo.exceptions import ValidationError

# What happens to an order here, and what a marketplace is told of it unless its adapter knows better.
EVENTS = [
    ("confirmed", "Order confirmed"),
    ("left", "Last delivery validated, or services done"),
    ("delivery_confirmed", "Delivery confirmed"),
    ("cancelled", "Order cancelled"),
]
DEFAULT_STATUSES = {
    "confirmed": "approved",
    "left": "shipped",
    "delivery_confirmed": "delivered",
    "cancelled": "cancelled",
}


class MarketplaceStatusRule(models.Model):
    """What an account tells its marketplace when something happens to an order in Odoo: one row for each event."""

    _name = "marketplace.status.rule"
    _inherit = "marketplace.owned"
    _description = "Marketplace Status Rule"
    _order = "config_id, id"

    config_id = fields.Many2one("marketplace.config", required=True, index=True, ondelete="cascade")
    event = fields.Selection(EVENTS, string="In Odoo", required=True)
    status = fields.Selection(
        [
            ("approved", "Approved"),
            ("shipped", "Assigned to salesman"),
            ("delivered", "Delivered"),
            ("cancelled", "Cancelled"),
            ("nothing", "Nothing"),
        ],
        string="The Marketplace is Told",
        required=True,
    )

    _sql_constraints = [("event_unique", "UNIQUE (config_id, event)", "There is a row for this event already.")]

    @api.constrains("status", "config_id")
    def _check_status(self):
        for rule in self.filtered(lambda rule: rule.status != "nothing"):
            if rule.status not in rule.config_id._capabilities()["statuses"]:
                name = rule.config_id._api()._label()
                label = dict(self._fields["status"]._description_selection(self.env))[rule.status]
                raise ValidationError(
                    _("%(name)s can't be told “%(status)s”. Choose another.", name=name, status=label)
                )


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    status_rule_ids = fields.One2many(
        "marketplace.status.rule",
        "config_id",
        string="Statuses",
        copy=True,
    )
    push_lines = fields.Boolean(
        string="Send Changed Lines",
        default=True,
        help="Quantities, prices, added and removed lines that are changed here, and what was delivered where that is "
        "less than what was ordered.",
    )

    def _prepare_adapter_values(self, code):
        able = self.env["marketplace.api"]._adapter(code)._capabilities()
        usual = {
            event: status if status in able["statuses"] else "nothing" for event, status in DEFAULT_STATUSES.items()
        }
        wanted = {**usual, **able.get("default_statuses", {})}
        rules = [Command.create({"event": event, "status": status}) for event, status in wanted.items()]
        return {**super()._prepare_adapter_values(code), "status_rule_ids": [Command.clear(), *rules]}

    def _status_for(self, event):
        """Return the neutral status that the marketplace is told at ``event``; ``None``: it is told nothing."""
        self.ensure_one()
        rule = self.status_rule_ids.filtered(lambda rule: rule.event == event)
        return None if rule.status in (False, "nothing") else rule.status
