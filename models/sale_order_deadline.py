# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
from datetime import datetime, time, timedelta

import pytz

from odoo import _, api, fields, models, tools
from odoo.tools import plaintext2html

from ..compat import is_asked
from ..database import own_transaction

_logger = logging.getLogger(__name__)

OPEN_STATUSES = ("pending", "approved")
# A person is told this long before an order is late.
WARN = timedelta(hours=4)
DEADLINES = "deadlines"


def late_domain(moment):
    """Return the domain of the orders that have not left and should by ``moment``."""
    return [
        ("marketplace_deadline", "<", moment),
        ("marketplace_status", "in", OPEN_STATUSES),
        ("state", "!=", "cancel"),
    ]


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    ship_within_hours = fields.Integer(
        string="Ship Within (hours)",
        help="By when an order has to leave where the marketplace names no time. 0: no such time.",
    )

    _sql_constraints = [("ship_within_positive", "CHECK (ship_within_hours >= 0)", "The hours can't be negative.")]

    def _late_orders(self, moment):
        """Return how many orders of each account have not left and should by ``moment``: ``{account id: count}``."""
        return self._count_orders(late_domain(moment))

    def _zone(self):
        """Return the name of the time zone of the account: that by which its days begin and end."""
        return self.company_id.partner_id.tz or self.user_id.tz or "UTC"

    def _cron_deadlines(self):
        """Tell the responsible person of each account that orders have to leave soon: of each order once, by one
        activity that says how many there are, until that is seen to."""
        for config in self.search([("state", "=", "live")]):
            try:
                with own_transaction(self.env) as env:
                    env[self._name].browse(config.id)._in_language()._tell_of_deadlines()
            except Exception:
                _logger.exception("Could not tell of the deadlines of account %s", config.id)

    def _tell_of_deadlines(self):
        """Not by the causes of the day: an order that is late by noon is news, whatever was told in the morning."""
        running = self._running()
        before, due = running.deadlines_told or {}, self._due_orders(fields.Datetime.now() + WARN)
        if due != before:
            running.deadlines_told = due or False
        activity = self.activity_ids.filtered(lambda activity: activity.marketplace_cause == DEADLINES)
        if not due:
            activity.unlink()
            return
        note = _(
            "Late or to leave within %(hours)d hours: %(count)d. See Leaves by in Sales.",
            count=len(due),
            hours=WARN.total_seconds() // 3600,
        )
        if activity and due.keys() != before.keys():
            activity.note = plaintext2html(note)
        elif not activity and due.items() - before.items():
            self._schedule_activity(self, _("Orders of %s have to leave", self.name), note, DEADLINES)

    def _due_orders(self, moment):
        """Return the orders of the account that have not left and should by ``moment``: ``{id: deadline}``, both as
        texts."""
        orders = self.env["sale.order"].search([("marketplace_config_id", "=", self.id), *late_domain(moment)])
        return {str(order.id): fields.Datetime.to_string(order.marketplace_deadline) for order in orders}


class SaleOrder(models.Model):
    """Until when an order has to leave, so that the marketplace does not fine or cancel it."""

    _inherit = "sale.order"

    marketplace_deadline = fields.Datetime(
        string="Leaves by",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="What the marketplace asks for; else the end of the delivery day, else the account's own time.",
    )
    marketplace_late = fields.Boolean(
        string="Late",
        compute="_compute_marketplace_late",
        search="_search_marketplace_late",
        groups="base.group_user",
    )

    def init(self):
        result = super().init()
        tools.create_index(
            self.env.cr,
            "sale_order_marketplace_deadline_idx",
            self._table,
            ["marketplace_config_id", "marketplace_deadline"],
            where="marketplace_status IN ('pending', 'approved') AND marketplace_deadline IS NOT NULL",
        )
        return result

    @api.depends("marketplace_deadline", "marketplace_status", "state")
    def _compute_marketplace_late(self):
        now = fields.Datetime.now()
        for order in self:
            order.marketplace_late = bool(
                order.marketplace_deadline
                and order.marketplace_deadline < now
                and order.marketplace_status in OPEN_STATUSES
                and order.state != "cancel"
            )

    def _search_marketplace_late(self, operator, value):
        late = late_domain(fields.Datetime.now())
        return late if is_asked(operator, value) else ["!", "&", "&", *late]


class MarketplaceOrderProcessor(models.AbstractModel):
    _inherit = "marketplace.order.processor"

    def _prepare_order_values(self, config, order, partners, listings):
        values = super()._prepare_order_values(config, order, partners, listings)
        return {**values, "marketplace_deadline": self._deadline(config, order)}

    def _update_deadline(self, sale_order, order):
        deadline = self._deadline(sale_order.marketplace_config_id, order, came=sale_order.create_date)
        if sale_order.marketplace_deadline != deadline:
            sale_order.marketplace_deadline = deadline

    def _deadline(self, config, order, came=None):
        """Return by when the order has to leave: what the marketplace says, else the end of the day that was agreed, or
        that it delivers, else the account's own time; ``False`` where nobody says, or the marketplace fetches the
        order and names no time.

        :param came: when the order came here, if not just now
        """
        if order.ship_by:
            return order.ship_by
        if order.delivered_by_marketplace:
            return False
        agreed = order.delivery_date if order.delivery_date != order.preferred_day else None  # a wish binds nobody
        day = agreed or order.estimated_day
        if day:
            zone = pytz.timezone(config._zone())
            end = zone.localize(datetime.combine(day, time(23, 59, 59)))
            return end.astimezone(pytz.utc).replace(tzinfo=None)
        ordered = order.ordered_at or came or fields.Datetime.now()
        return bool(config.ship_within_hours) and ordered + timedelta(hours=config.ship_within_hours)
