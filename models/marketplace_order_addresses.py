# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models

from .res_partner import _words
from .stock_picking import DROPSHIP


class MarketplaceOrderProcessor(models.AbstractModel):
    """Orders that the marketplace has delivered to another address than at first, as long as nothing of them has left;
    after that a person is asked."""

    _inherit = "marketplace.order.processor"

    def _prepare_order_values(self, config, order, partners, listings):
        values = super()._prepare_order_values(config, order, partners, listings)
        return {**values, "marketplace_shipping_id": values.get("partner_shipping_id")}

    def _note_phone(self, sale_order, customer):
        """Say on the order that there is another number, where a person has entered one on the contact. The number
        stands in the document, with which it is forgotten; a message would keep it."""
        contact = sale_order.partner_shipping_id
        country = contact.country_id or sale_order.company_id.country_id
        if customer.phone and not contact._marketplace_has_phone(customer.phone, country):
            sale_order.message_post(
                body=_("The marketplace names another phone for this order than its contact has: see the Inbox.")
            )

    def _is_moved(self, sale_order, order):
        """Tell whether the marketplace names another address than it did. A customer who was forgotten gets no new
        one."""
        partner, there = sale_order.partner_id, _words(order.customer.address)
        if not there or not (partner.cartona_id or partner.marketplace_code_ids):
            return False
        told = sale_order._marketplace_shipping()
        return there != _words(told.marketplace_address or told.street)

    def _redirect(self, sale_order, order):
        """Have the order delivered to the address that the marketplace names now, where that is another one, or ask a
        person."""
        if not self._is_moved(sale_order, order):
            return
        contacts = sale_order.partner_id
        address = contacts._marketplace_addresses([(contacts, order.customer)], contacts.browse())[0]
        before = sale_order._marketplace_shipping()
        sale_order.marketplace_shipping_id = address
        if sale_order.partner_shipping_id == before and sale_order._may_be_redirected():
            sale_order._redirect_to(address)
            return
        self._ask_person(
            sale_order,
            _("Another delivery address at the marketplace"),
            _(
                "It is among the customer's contacts. The address here stays as it was, since part of the order has "
                "left, a vendor delivers it, or somebody chose another one here. See to it that the rest gets there."
            ),
            cause="address",
            about=str(address.id),
        )


class SaleOrder(models.Model):
    _inherit = "sale.order"

    marketplace_shipping_id = fields.Many2one(
        "res.partner",
        string="Address There",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        groups="base.group_user",
        help="The delivery contact as the marketplace had it last.",
    )

    def _marketplace_shipping(self):
        return self.marketplace_shipping_id or self.partner_shipping_id

    def _may_be_redirected(self):
        """Tell whether it is in our hands alone where all of the order goes: none has left, and no vendor brings it."""
        if self.state in ("draft", "sent"):
            return True
        outgoing = self.picking_ids._marketplace_outgoing()
        goods = self.order_line.filtered(
            lambda line: line.qty_delivered_method == "stock_move" and line.product_uom_qty
        )
        by_vendor = DROPSHIP in outgoing.mapped("picking_type_code") or not all(line.move_ids for line in goods)
        return not by_vendor and "done" not in outgoing.mapped("state")

    def _redirect_to(self, address):
        """Deliver to ``address`` what has not left, and say so to whoever works at it."""
        before, position = self.partner_shipping_id, self.fiscal_position_id
        # Odoo would ask a person to change the deliveries.
        self.with_context(mail_activity_automation_skip=True).partner_shipping_id = address
        pickings = self.picking_ids.filtered(
            lambda picking: picking.state not in ("done", "cancel") and picking.partner_id == before
        )
        pickings.partner_id = address
        if self.state != "sale" and self.fiscal_position_id != position:
            self._recompute_taxes()
        for record in (self, *pickings):
            record.message_post(body=_("The marketplace has changed the delivery address. It is delivered there now."))
