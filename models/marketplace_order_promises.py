# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields, models


class MarketplaceOrderProcessor(models.AbstractModel):
    """The day that an order is promised for, at first and where the marketplace moves it. One that somebody chose here
    stays."""

    _inherit = "marketplace.order.processor"

    def _prepare_order_values(self, config, order, partners, listings):
        values = super()._prepare_order_values(config, order, partners, listings)
        promised = self._promised(order)
        if promised:
            values.update(commitment_date=promised, marketplace_promised_at=promised)
        return values

    def _promised(self, order):
        """Return for when the marketplace promises the order, ``None`` where it does not."""
        return fields.Datetime.to_datetime(order.delivery_date) or order.ship_by

    def _is_promised_anew(self, sale_order, order):
        promised = self._promised(order)
        return bool(promised) and promised != sale_order.marketplace_promised_at

    def _promise(self, sale_order, order):
        """Take over for when the marketplace promises the order now, and have what has not left planned with it."""
        if not self._is_promised_anew(sale_order, order):
            return
        chosen_here = sale_order.commitment_date != sale_order.marketplace_promised_at
        sale_order.marketplace_promised_at = self._promised(order)
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
