# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models


class MarketplaceOrderProcessor(models.AbstractModel):
    """A buyer who asks to cancel, at a marketplace where that changes nothing until the seller has cancelled or
    delivered: a person decides. An order that is not confirmed is held; of one that is, a person is asked."""

    _inherit = "marketplace.order.processor"

    def _prepare_marketplace_values(self, order):
        return {**super()._prepare_marketplace_values(order), "marketplace_cancel_request": order.cancellation_request}

    def _hold_reasons(self, sale_order):
        reasons = super()._hold_reasons(sale_order)
        request = sale_order._open_cancel_request()
        if request:
            reasons[self._request_key(request)] = _(
                "The buyer asks to cancel (%s). Cancel the order at the marketplace, or accept to deliver it all the "
                "same.",
                request,
            )
        return reasons

    def _process_orders(self, config, rows):
        result = super()._process_orders(config, rows)
        for sale_order in rows.order_id.filtered(lambda order: order.state == "sale"):
            request = sale_order._open_cancel_request()
            accepted = (sale_order.marketplace_hold_accepted or "").split("\n")
            if request and self._request_key(request) not in accepted:
                self._ask_person(
                    sale_order,
                    _("The buyer asks to cancel"),
                    _(
                        "The reason is: %s. If it has not left yet, cancel the order at the marketplace; or deliver it "
                        "all the same.",
                        request,
                    ),
                    cause="cancel-request",
                    about=request,
                )
            elif not request:
                self._forget_question(sale_order, "cancel-request")
        return result

    def _request_key(self, request):
        return f"cancel-request:{request}"


class SaleOrder(models.Model):
    _inherit = "sale.order"

    marketplace_cancel_request = fields.Char(
        string="Asked to Cancel",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Why the buyer asks to cancel, as long as the seller has not decided.",
    )

    def _open_cancel_request(self):
        open_there = self.marketplace_status in ("pending", "editing", "approved")
        return open_there and self.marketplace_cancel_request or ""
