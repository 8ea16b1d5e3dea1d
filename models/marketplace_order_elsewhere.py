# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models


class MarketplaceOrderProcessor(models.AbstractModel):
    """Orders that the marketplace has somebody else send, a fulfilment service or another place: delivered from here,
    they would be delivered twice."""

    _inherit = "marketplace.order.processor"

    def _prepare_marketplace_values(self, order):
        return {**super()._prepare_marketplace_values(order), "marketplace_elsewhere": order.elsewhere}

    def _matters(self):
        return {**super()._matters(), "elsewhere": ("marketplace_elsewhere", self._elsewhere_words)}

    def _elsewhere_words(self, places):
        return (
            _(
                "The marketplace has it sent from %s. Assign it to your location there, and it goes on; or accept it "
                "to deliver it from here all the same.",
                places,
            ),
            _("Delivered from elsewhere"),
            _(
                "The marketplace has it sent from %s. Take that off the delivery here, or assign it to your "
                "location there.",
                places,
            ),
        )


class SaleOrder(models.Model):
    _inherit = "sale.order"

    marketplace_elsewhere = fields.Char(
        string="Sent from",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Who else sends the order, or some of it, as the marketplace has it.",
    )
