# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models


class MarketplaceOrderProcessor(models.AbstractModel):
    """Orders that the marketplace has somebody else send, a fulfilment service or another place: delivered from here,
    they would be delivered twice. Those that are not confirmed are held; of those that are, a person is asked."""

    _inherit = "marketplace.order.processor"

    def _prepare_marketplace_values(self, order):
        return {**super()._prepare_marketplace_values(order), "marketplace_elsewhere": order.elsewhere}

    def _hold_reasons(self, sale_order):
        reasons = super()._hold_reasons(sale_order)
        places = sale_order._open_elsewhere()
        if places:
            reasons[self._elsewhere_key(places)] = _(
                "The marketplace has it sent from %s. Assign it to your location there, and it goes on; or accept it "
                "to deliver it from here all the same.",
                places,
            )
        return reasons

    def _process_orders(self, config, rows):
        result = super()._process_orders(config, rows)
        for sale_order in rows.order_id.filtered(lambda order: order.state == "sale"):
            places = sale_order._open_elsewhere()
            accepted = (sale_order.marketplace_hold_accepted or "").split("\n")
            if places and self._elsewhere_key(places) not in accepted:
                self._ask_person(
                    sale_order,
                    _("Delivered from elsewhere"),
                    _(
                        "The marketplace has it sent from %s. Take that off the delivery here, or assign it to your "
                        "location there.",
                        places,
                    ),
                    cause="elsewhere",
                    about=places,
                )
            elif not places:
                self._forget_question(sale_order, "elsewhere")
        return result

    def _elsewhere_key(self, places):
        return f"elsewhere:{places}"


class SaleOrder(models.Model):
    _inherit = "sale.order"

    marketplace_elsewhere = fields.Char(
        string="Sent from",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Who else sends the order, or some of it, as the marketplace has it.",
    )

    def _open_elsewhere(self):
        open_there = self.marketplace_status in ("pending", "editing", "approved")
        return open_there and self.marketplace_elsewhere or ""
