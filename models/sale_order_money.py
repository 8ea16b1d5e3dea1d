# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, fields, models
from odoo.tools.sql import column_exists, create_column

MONEY = {"readonly": True, "copy": False, "digits": "Product Price", "groups": "base.group_user"}


class SaleOrder(models.Model):
    """Who pays what for an order of a marketplace. The rules are those of Cartona's contract: the customer pays the
    total less what the marketplace covers, and what he tops his wallet up with is the marketplace's."""

    _inherit = "sale.order"

    marketplace_total_known = fields.Boolean(readonly=True, copy=False, groups="base.group_user")
    marketplace_rebate = fields.Float(string="Rebate", **MONEY)
    marketplace_to_collect = fields.Float(
        string="Cash to Collect", compute="_compute_marketplace_money", store=True, help="From the customer.", **MONEY
    )
    marketplace_owes = fields.Float(
        string="Marketplace Owes Us",
        compute="_compute_marketplace_money",
        store=True,
        help="Credit, installments and the marketplace's own discounts.",
        **MONEY,
    )
    marketplace_owed = fields.Float(
        string="We Owe the Marketplace", compute="_compute_marketplace_money", store=True, help="Top-ups.", **MONEY
    )
    marketplace_balance = fields.Float(
        string="Balance", compute="_compute_marketplace_money", store=True, help="Above 0: in our favour.", **MONEY
    )

    def _auto_init(self):
        # Made here and left empty: millions of orders that have nothing to do with a marketplace are not computed.
        for name, field in self._fields.items():
            if field.compute == "_compute_marketplace_money" and not column_exists(self.env.cr, self._table, name):
                create_column(self.env.cr, self._table, name, "numeric")
        return super()._auto_init()

    @api.depends(
        "marketplace_config_id",
        "marketplace_status",
        "marketplace_total",
        "marketplace_total_known",
        "marketplace_refunded",
        "marketplace_there",
        "marketplace_credit",
        "marketplace_installment",
        "marketplace_top_up",
        "order_line.marketplace_discount",
        "order_line.marketplace_quantity",
        "order_line.marketplace_price_unit",
    )
    def _compute_marketplace_money(self):
        for order in self:
            discounts = sum(line.marketplace_discount * line.marketplace_quantity for line in order.order_line)
            ours = order.marketplace_config_id and not order._is_paid_by_nobody()
            covered = order.marketplace_credit + order.marketplace_installment
            left = order._marketplace_sum() - order.marketplace_refunded - covered
            order.marketplace_to_collect = left + order.marketplace_top_up if ours else 0.0
            order.marketplace_owes = covered + discounts if ours else 0.0
            order.marketplace_owed = order.marketplace_top_up if ours else 0.0
            order.marketplace_balance = order.marketplace_owes - order.marketplace_owed

    def _is_paid_by_nobody(self):
        """Nobody pays what was cancelled or comes back; money that had come in before a cancellation is what was
        refunded. Where refunds are told, they say what is left to pay of what comes back."""
        status = self.marketplace_status
        return status == "cancelled" or (status == "returned" and not self.marketplace_refunded)

    def _marketplace_sum(self):
        """Return what the order comes to at the marketplace: its total, where that is not told, its lines."""
        if self.marketplace_total_known or self.marketplace_total:
            return self.marketplace_total
        return sum(line._marketplace_sum() for line in self.order_line)
