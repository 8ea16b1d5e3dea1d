# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models

from ..schemas import ENDED


class MarketplaceOrderProcessor(models.AbstractModel):
    """An order that replaces another one, and of which the marketplace tells no price: it comes in for nothing, and a
    person looks at it once before goods are given away."""

    _inherit = "marketplace.order.processor"

    def _prepare_marketplace_values(self, order):
        return {**super()._prepare_marketplace_values(order), "marketplace_replaces": order.replaces}

    def _hold_reasons(self, sale_order):
        reasons = super()._hold_reasons(sale_order)
        original = sale_order.marketplace_replaces
        if original and sale_order.marketplace_status not in ENDED:
            reasons[f"replaces:{original}"] = _(
                "It replaces the order %s, and the marketplace tells no price of it: it comes in for nothing. Accept "
                "it to deliver it.",
                original,
            )
        return reasons


class SaleOrder(models.Model):
    _inherit = "sale.order"

    marketplace_replaces = fields.Char(
        string="Replaces",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="The order at the marketplace that this one replaces, where it tells no price of this one.",
    )
