# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from dataclasses import replace

from odoo import fields, models

from ..schemas import OrderLine


class MarketplaceOrderProcessor(models.AbstractModel):
    """Documents that are looked at again, for a product that was matched, say. Of what the marketplace was told since
    they came they know nothing, so of that it is no news that they say otherwise."""

    _inherit = "marketplace.order.processor"

    def _as_told(self, sale_order, row, order):
        """Return the neutral ``order`` of a document with the lines and the total as the marketplace has them since it
        was told of ours; as it is where the document came after that."""
        if row.id > sale_order.marketplace_told_document:
            return order
        ours = {line.cartona_line_id: line for line in sale_order.order_line if line.cartona_line_id}
        there = (sale_order.marketplace_there or {}).keys() - ours.keys()
        known = [(ours.pop(line.external_id), line) for line in order.lines if line.external_id in ours]
        lines = [self._line_as_told(line, theirs) for line, theirs in known]
        lines += [self._line_as_told(line, self._line_added_here(line)) for line in ours.values()]
        lines += [line for line in order.lines if line.external_id in there]
        total = sale_order.marketplace_total if sale_order.marketplace_total_known else None
        return replace(order, lines=lines, total=total)

    def _line_as_told(self, line, theirs):
        quantity, price = map(line._marketplace_now, ("marketplace_quantity", "marketplace_price_unit"))
        return replace(theirs, quantity=quantity, price_unit=price)

    def _line_added_here(self, line):
        listing = line.marketplace_listing_id
        return OrderLine(
            line.cartona_line_id, 0.0, 0.0, listing.external_id or "", listing.product_id.default_code or ""
        )


class SaleOrder(models.Model):
    _inherit = "sale.order"

    marketplace_told_document = fields.Integer(
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="The newest document that had been taken over when the marketplace was last told of lines.",
    )

    def _marketplace_taken_document(self):
        """Return the id of the newest document whose lines were taken over here, 0 for none. What differs from a
        confirmed order is taken over, or asked about, by its follow-up: before that it is still news."""
        self.ensure_one()
        states = ("done",) if self.state == "sale" else ("done", "imported", "failed")
        taken = [("order_id", "=", self.id), ("kind", "=", "order"), ("state", "in", states)]
        return self.env["marketplace.inbox"].search(taken, order="id desc", limit=1).id or 0
