# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models

from ..schemas import NOT_LEFT


class MarketplaceOrderProcessor(models.AbstractModel):
    """What the marketplace says of an open order that changes nothing by itself: a person decides. An order that is not
    confirmed is held; of one that is, a person is asked. Such as a buyer who asks to cancel, at a marketplace where the
    seller cancels or delivers."""

    _inherit = "marketplace.order.processor"

    def _matters(self):
        """Return what a person decides on, by the cause: the field of the order that says what there is, and the method
        that returns ``(why it is held, title of the question, question)`` for that."""
        return {"cancel-request": ("marketplace_cancel_request", self._cancel_request_words)}

    def _open_matters(self, sale_order):
        """Return what there is to decide on as long as the order is open there: ``[(cause, what, its words)]``."""
        open_there = sale_order.marketplace_status in NOT_LEFT
        return [
            (cause, open_there and sale_order[name] or "", words) for cause, (name, words) in self._matters().items()
        ]

    def _prepare_marketplace_values(self, order):
        return {**super()._prepare_marketplace_values(order), "marketplace_cancel_request": order.cancellation_request}

    def _hold_reasons(self, sale_order):
        reasons = super()._hold_reasons(sale_order)
        for cause, what, words in self._open_matters(sale_order):
            if what:
                reasons[f"{cause}:{what}"] = words(what)[0]
        return reasons

    def _ask_about_matters(self, sale_orders):
        """Ask about what there is to decide on of orders that are confirmed; about what is over, no more."""
        for sale_order in sale_orders.filtered(lambda order: order.state == "sale"):
            accepted = (sale_order.marketplace_hold_accepted or "").split("\n")
            for cause, what, words in self._open_matters(sale_order):
                if what and f"{cause}:{what}" not in accepted:
                    _why, title, question = words(what)
                    self._ask_person(sale_order, title, question, cause=cause, about=what)
                elif not what:
                    self._forget_question(sale_order, cause)

    def _cancel_request_words(self, request):
        return (
            _(
                "The buyer asks to cancel (%s). Cancel the order at the marketplace, or accept to deliver it all the "
                "same.",
                request,
            ),
            _("The buyer asks to cancel"),
            _(
                "The reason is: %s. If it has not left yet, cancel the order at the marketplace; or deliver it "
                "all the same.",
                request,
            ),
        )


class SaleOrder(models.Model):
    _inherit = "sale.order"

    marketplace_cancel_request = fields.Char(
        string="Asked to Cancel",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Why the buyer asks to cancel, as long as the seller has not decided.",
    )
