# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, fields, models, tools


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    cartona_line_id = fields.Char(string="Marketplace Line ID", readonly=True, copy=False)
    marketplace_listing_id = fields.Many2one(
        "marketplace.listing", string="Listing", readonly=True, copy=False, ondelete="set null"
    )

    def init(self):
        result = super().init()
        # What is offered is less what drafts ask for: a look at few rows out of millions.
        tools.create_index(
            self.env.cr,
            "sale_order_line_marketplace_draft_idx",
            self._table,
            ["product_id"],
            where="state IN ('draft', 'sent')",
        )
        return result

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._mark_marketplace_stock()
        return lines

    def write(self, vals):
        result = super().write(vals)
        if {"product_id", "product_uom_qty", "product_uom"} & vals.keys():
            self._mark_marketplace_stock()
        return result

    def unlink(self):
        self._mark_marketplace_stock()
        return super().unlink()

    # What the marketplace charged is the price: no pricelist of ours changes it afterwards.

    def _compute_price_unit(self):
        return super(SaleOrderLine, self._without_marketplace())._compute_price_unit()

    def _compute_discount(self):
        return super(SaleOrderLine, self._without_marketplace())._compute_discount()

    def _without_marketplace(self):
        return self.filtered(lambda line: not line.cartona_line_id)

    def _mark_marketplace_stock(self):
        """The demand of marketplace orders is part of what is available. What was sent last counts no more for their
        listings: the marketplace has changed its own stock by the order."""
        lines = self.filtered(lambda line: line.order_id.marketplace_config_id)
        mark = self.env["marketplace.outbox"]._mark
        mark("stock", product=lines.product_id.ids)
        mark("stock", listing=lines.marketplace_listing_id.ids, force=True)
