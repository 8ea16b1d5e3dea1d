# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models
from odoo.exceptions import UserError

from ..schemas import ENDED, HAS_LEFT, STATUS_RANK
from ..transport.errors import MappingError


class MarketplaceOrderProcessor(models.AbstractModel):
    """What a marketplace says of an order that nobody but a person can judge: money that was given back, and steps back
    that are meant, since they come with the newest version of the order."""

    _inherit = "marketplace.order.processor"

    def _prepare_marketplace_values(self, order):
        return {**super()._prepare_marketplace_values(order), "marketplace_refunded": order.refunded}

    def _ask_about_doubts(self, taken, refunded):
        """Ask about what documents say that were just taken over.

        :param list taken: ``[(row, what it says by now)]``
        :param dict refunded: what had been given back of the orders that were here before
        """
        newest = [(row.order_id, order) for row, order in taken if row.version and row.order_id in refunded]
        for sale_order, order in newest:
            self._take_over_behind(sale_order, order)
        for sale_order in (row.order_id for row, _order in taken):
            ended = sale_order.marketplace_status in ENDED
            if not ended and sale_order.marketplace_refunded > refunded.get(sale_order, 0.0):
                self._ask_about_refund(sale_order)
        for sale_order, order in newest:
            self._ask_about_step_back(sale_order, order)
        for sale_order, before in refunded.items():
            self._forget_question(sale_order, "deleted")
            self._mark_moved(sale_order, before)

    def _mark_moved(self, sale_order, refunded):
        """The marketplace may have moved its own stock by what it tells: taken it once the order was paid, put it back
        with a refund, or after a cancellation of ours. That goods have left moves nothing more."""
        left = sale_order.marketplace_status in HAS_LEFT and sale_order.marketplace_refunded == refunded
        if not left and sale_order.marketplace_config_id._capabilities()["moves_stock"]:
            sale_order._mark_marketplace_stock()

    def _take_over_behind(self, sale_order, order):
        """Of an order that has left, take over the newest version that says less: something was added, or it was said
        by mistake. The status stays, the money counts, and about the lines a person is asked."""
        if sale_order.marketplace_status not in HAS_LEFT or not self._is_stale(sale_order, order.status):
            return
        kept = {name: sale_order[name] for name in ("marketplace_status", "marketplace_heard_status")}
        sale_order.write({**self._prepare_marketplace_values(order), **kept})
        self._ask_about_left(sale_order, order)

    def _ask_about_refund(self, sale_order):
        self._ask_person(
            sale_order,
            _("Refunded at the marketplace"),
            _(
                "%.2f were given back. Take what is not wanted off the delivery, or credit the invoice.",
                sale_order.marketplace_refunded,
            ),
            cause="refunded",
        )

    def _ask_about_step_back(self, sale_order, order):
        """A version that the marketplace calls the newest is not stale: the order was opened again, or stopped."""
        if not self._has_stepped_back(sale_order, order):
            asked = "stepped-back" in (sale_order.marketplace_asked or {})
            if asked and not self._is_stale(sale_order, order.status):
                # It was open in between: that it has ended once more is news.
                self._forget_question(sale_order, "stepped-back", "cancelled-late", "returned")
            return
        self._ask_person(
            sale_order,
            _("Stepped back at the marketplace"),
            _(
                "It is %s there by now. Decide whether it is to be delivered, and change it here or there.",
                order.raw_status,
            ),
            cause="stepped-back",
            about=order.raw_status,
        )

    def _has_stepped_back(self, sale_order, order):
        here = sale_order.marketplace_status
        if here in HAS_LEFT:
            # What it has not said itself yet, it may not know yet. Where lines differ, a person was asked about those.
            return self._is_stale(sale_order, order.status) and not self._differs(sale_order, order)
        return here in (*ENDED, "approved") and STATUS_RANK[order.status] < STATUS_RANK[here]

    def _ask_about_deleted(self, config, external_id):
        """An order that is gone at the marketplace may be wanted all the same."""
        for sale_order in self._find_orders(config, [external_id]).values():
            if sale_order.state != "cancel" and sale_order.marketplace_status not in ("delivered", *ENDED):
                self._ask_person(
                    sale_order,
                    _("Deleted at the marketplace"),
                    _("Cancel the order, unless it is to be delivered all the same."),
                    cause="deleted",
                    about="deleted",
                )


class SaleOrder(models.Model):
    _inherit = "sale.order"

    marketplace_refunded = fields.Float(
        string="Refunded There",
        readonly=True,
        copy=False,
        digits="Product Price",
        groups="base.group_user",
        help="What the marketplace has given back of the order's total.",
    )

    def _open_again(self):
        """A person goes on with orders that the marketplace had ended and has opened again: they stand here as they do
        there by now. Return those that are held by that.

        :raise UserError: the marketplace's newest document can't be understood
        """
        # sudo: what the marketplace has told is our own code's to write; whoever may confirm the order decides here
        ended = self.sudo().filtered(lambda order: order.marketplace_status in ENDED)
        opened = ended.filtered(lambda order: "stepped-back" in order.marketplace_asked)
        for order in opened:
            order.with_company(order.company_id)._stand_as_told()
        return opened.filtered("marketplace_hold")

    def _stand_as_told(self):
        """Take over the newest document, unless the order has ended by that."""
        processor = self.env["marketplace.order.processor"]
        for document in self._marketplace_documents():
            try:
                told = processor._parse(self.marketplace_config_id, document)
            except MappingError as err:
                raise UserError(str(err)) from err
            if told.status not in ENDED:
                opened = {"marketplace_status": told.status, "marketplace_heard_status": told.status}
                self.write({**opened, "marketplace_raw_status": told.raw_status})
                processor._take_over(self, document, told)
                processor._hold_orders(self)
