# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields, models
from odoo.tools import float_round

from ..schemas import ENDED

# Set while the lane of invoices makes an invoice: goods are invoiced as delivered, whatever their product says.
AS_DELIVERED = "marketplace_as_delivered"


class SaleOrder(models.Model):
    """Invoices of what was delivered, for accounts that say so; made by the lane of invoices."""

    _inherit = "sale.order"

    def _request_marketplace_invoice(self):
        """Ask for an invoice after this transaction, where the account wants one and it is time."""
        for order in self.sudo():  # the seller's rights end before the account's settings
            config = order.marketplace_config_id
            if config and config.invoice_policy != "never" and order._is_to_invoice_now():
                # Only an INSERT: the transaction of a delivery neither waits for this nor fails by it.
                self.env["marketplace.outbox"].sudo().create(
                    {
                        "config_id": config.id,
                        "company_id": order.company_id.id,
                        "lane": "invoices",
                        "created_at": fields.Datetime.now(),
                        "order_id": order.id,
                    }
                )
                self.env["marketplace.wake"]._request()

    def _is_to_invoice_now(self):
        """Tell whether nothing is left to be delivered, here or, where there never was, by the marketplace's word."""
        self.ensure_one()
        if self.state != "sale" or self.marketplace_status in ENDED:
            return False  # what was called off or comes back is a person's to settle
        if self.picking_ids._marketplace_outgoing():
            return self._has_all_left()
        return self.marketplace_status == "delivered"

    def _make_marketplace_invoice(self):
        """Invoice what was delivered; nothing where that was done already."""
        self.ensure_one()
        config = self.marketplace_config_id
        # The day is the company's: by that of UTC, what is made after midnight would be of the day before.
        order = self.with_company(self.company_id).with_context(**{AS_DELIVERED: True, "tz": config._zone()})
        if config.invoice_policy == "never" or not order._is_to_invoice_now():
            return
        if not order._get_invoiceable_lines(final=True).filtered(lambda line: not line.display_type):
            return
        invoice = order._create_invoices(final=True).with_context(**{AS_DELIVERED: False})
        if config.invoice_policy == "posted":
            invoice.action_post()

    def _get_invoiceable_lines(self, final=False):
        lines = super()._get_invoiceable_lines(final)
        if not self.env.context.get(AS_DELIVERED):
            return lines
        return lines.filtered(lambda line: not line._is_marketplace_own() or line._marketplace_to_invoice())


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def _compute_qty_to_invoice(self):
        """Nobody delivers a charge: what of it was ordered is invoiced, whatever the company says of services."""
        result = super()._compute_qty_to_invoice()
        for line in self.filtered(lambda line: line.state == "sale" and line._is_marketplace_charge()):
            line.qty_to_invoice = line.product_uom_qty - line.qty_invoiced
        return result

    def _is_marketplace_charge(self):
        """Tell whether the line is what the marketplace charges beside its products."""
        if not self.cartona_line_id or self.display_type or self.marketplace_listing_id:
            return False
        return self.product_id.type == "service" and not (self.cartona_product_id or self.cartona_product_sku)

    def _is_marketplace_own(self):
        """Tell whether it is ours to say how much of the line is invoiced: of goods, and of what was credited."""
        if self.display_type or self.is_downpayment:
            return False
        return self._is_marketplace_goods() or self._marketplace_conceded() > 0

    def _is_marketplace_goods(self):
        return not self.display_type and self.qty_delivered_method == "stock_move"

    def _marketplace_to_invoice(self):
        wanted = self.qty_delivered - self.qty_invoiced if self._is_marketplace_goods() else self.qty_to_invoice
        return max(0.0, wanted - self._marketplace_conceded())

    def _marketplace_conceded(self):
        """Return how much a person has credited of what the customer has and keeps: that is not charged again."""
        credited = self.invoice_lines.filtered(
            lambda line: line.move_id.move_type == "out_refund" and line.move_id.state != "cancel"
        )
        quantity = sum(line.product_uom_id._compute_quantity(line.quantity, self.product_uom) for line in credited)
        return max(0.0, quantity - self._marketplace_back())

    def _marketplace_back(self):
        """Return how much of the line has come back, in its unit."""
        if not self.move_ids.product_id <= self.product_id:
            return self._marketplace_kits_back()
        _outgoing, incoming = self._get_outgoing_incoming_moves()
        return self.product_id.uom_id._compute_quantity(incoming._moved_quantity(), self.product_uom)

    def _marketplace_kits_back(self):
        """Return how many kits have come back, as Odoo counts them: by the component of which most has, and a kit that
        lacks one is none."""
        asked = self.move_ids.filtered(lambda move: move._is_of_marketplace_line()).grouped("product_id")
        back = self.move_ids.filtered(lambda move: move.to_refund and move.location_id.usage == "customer")
        parts = [
            back.filtered(lambda move, part=part: move.product_id == part)._moved_quantity() / quantity
            for part, moves in asked.items()
            if (quantity := sum(moves.mapped("product_qty")))
        ]
        unit = self.product_id.uom_id
        kits = self.product_uom._compute_quantity(self.product_uom_qty, unit, round=False) * max(parts, default=0.0)
        whole = float_round(kits, precision_rounding=1.0, rounding_method="UP")
        return unit._compute_quantity(whole, self.product_uom, round=False)

    def _marketplace_posted(self):
        """Return how much of the line stands on invoices that are posted, less what was credited."""
        posted = self.invoice_lines.filtered(lambda line: line.parent_state == "posted")
        sign = {"out_invoice": 1, "out_refund": -1}
        return sum(
            sign.get(line.move_id.move_type, 0)
            * line.product_uom_id._compute_quantity(line.quantity, self.product_uom, round=False)
            for line in posted
        )

    def _prepare_invoice_line(self, **optional_values):
        values = super()._prepare_invoice_line(**optional_values)
        if self.env.context.get(AS_DELIVERED) and self._is_marketplace_own():
            values["quantity"] = self._marketplace_to_invoice()
        return values
