# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields, models
from odoo.tools import plaintext2html


class MarketplaceOrderProcessor(models.AbstractModel):
    """Asking a person about an order, once for as long as the question is the same."""

    _inherit = "marketplace.order.processor"

    def _ask_person(self, sale_order, summary, note, cause, about=""):
        """Give the account's responsible person an activity on the order. While one of this cause is open, that tells
        the newest; once it is done, the same is not asked again.

        :param cause: as for ``marketplace.config._tell_responsible``
        :param about: by what it is known whether this is the same question as last time; ``""``: it never is
        """
        asked = sale_order.marketplace_asked or {}
        if about and asked.get(cause) == about:
            return
        if about:
            sale_order.marketplace_asked = {**asked, cause: about}
        known = sale_order.activity_ids.filtered(lambda activity: activity.marketplace_cause == cause)
        if known:
            known.note = plaintext2html(note)
        else:
            sale_order.marketplace_config_id._schedule_activity(sale_order, summary, note, cause)

    def _forget_question(self, sale_order, *causes):
        """The reason of these questions has gone: should it come back, that is news."""
        asked = sale_order.marketplace_asked or {}
        left = {cause: about for cause, about in asked.items() if cause not in causes}
        if left != asked:
            sale_order.marketplace_asked = left


class SaleOrder(models.Model):
    _inherit = "sale.order"

    marketplace_asked = fields.Json(
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="What a person was asked of the order, by cause: the same is not asked again.",
    )
