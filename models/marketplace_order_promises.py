# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import datetime, time

import pytz

from odoo import fields, models


class MarketplaceOrderProcessor(models.AbstractModel):
    """The day that an order is promised for, at first and where the marketplace moves it. One that somebody chose here
    stays."""

    _inherit = "marketplace.order.processor"

    def _prepare_order_values(self, config, order, partners, listings):
        values = super()._prepare_order_values(config, order, partners, listings)
        promised = self._promised(config, order)
        if promised:
            values.update(commitment_date=promised, marketplace_promised_at=promised)
        return values

    def _promised(self, config, order):
        """Return for when the marketplace promises the order, ``None`` where it does not. Of a day, its noon where the
        company is: everybody there reads that day."""
        if not order.delivery_date:
            return order.ship_by
        noon = pytz.timezone(config._zone()).localize(datetime.combine(order.delivery_date, time(12)))
        return noon.astimezone(pytz.utc).replace(tzinfo=None)

    def _is_promised_anew(self, sale_order, order):
        """A day that is the same there is no news, by whatever hour it stands here."""
        config, before = sale_order.marketplace_config_id, sale_order.marketplace_promised_at
        if order.delivery_date and before:
            local = fields.Datetime.context_timestamp(config.with_context(tz=config._zone()), before)
            return local.date() != order.delivery_date
        promised = self._promised(config, order)
        return bool(promised) and promised != before

    def _promise(self, sale_order, order):
        """Take over for when the marketplace promises the order now, and have what has not left planned with it."""
        if not self._is_promised_anew(sale_order, order):
            return
        chosen_here = sale_order.commitment_date != sale_order.marketplace_promised_at
        sale_order.marketplace_promised_at = self._promised(sale_order.marketplace_config_id, order)
        if not chosen_here:
            sale_order._promise_for(sale_order.marketplace_promised_at)


class SaleOrder(models.Model):
    _inherit = "sale.order"

    marketplace_promised_at = fields.Datetime(
        string="Promised There",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="The delivery date as the marketplace had it last.",
    )

    def _promise_for(self, moment):
        """Promise the order for ``moment``: what has not left is planned by as much later, or earlier, in all steps."""
        steps = moves = self.order_line.move_ids
        while steps := steps.move_orig_ids - moves:
            moves |= steps
        moves = moves.filtered(lambda move: move.state not in ("done", "cancel"))
        before = self.commitment_date or self.expected_date
        self.commitment_date = moment
        for move in moves if before else ():
            move.date += moment - before
