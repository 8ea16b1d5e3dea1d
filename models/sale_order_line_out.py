# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models
from odoo.tools import float_compare

from ..schemas import ROUNDING_LINE, LineChange

# A change of one of these may be news for the marketplace.
TOLD = {"product_id", "product_uom_qty", "product_uom", "price_unit", "discount"}
DIGITS = 4


class SaleOrderLine(models.Model):
    """What the marketplace has of a line, and what it does not know yet.

    Who writes ``marketplace_quantity`` says by that what the marketplace has: such a write is never told to it. All
    else is compared with it, so there is no echo of what came from there.
    """

    _inherit = "sale.order.line"

    # ------------------------------------------------------------------ steps of create, write and unlink

    def _mark_new_lines(self, vals_list):
        ours = [line.id for line, vals in zip(self, vals_list, strict=True) if "marketplace_quantity" not in vals]
        self.browse(ours)._mark_marketplace_lines()
        # sudo: what is known of the marketplace is our own code's to write; whoever may add the line causes it
        for line in self.sudo().filtered(lambda line: line.order_id.marketplace_dropped and not line.cartona_line_id):
            line._replace_dropped()

    def _mark_changed_lines(self, vals):
        if TOLD & vals.keys() and "marketplace_quantity" not in vals:
            self._mark_marketplace_lines()
        if "product_uom_qty" in vals:
            self._mark_marketplace_left()

    def _mark_removed_lines(self):
        for line in self.filtered(lambda line: line.cartona_line_id and line.marketplace_quantity):
            if line._is_known_there():
                line.order_id._mark_marketplace_lines(removed={line.cartona_line_id: line._marketplace_sum()})
            line.order_id._note_marketplace_dropped(line)

    def _replace_dropped(self):
        """Be the marketplace's line of this product that was deleted here, where it was not told of that: so the goods
        are told as shipped under the line that it has."""
        order = self.order_id
        if order.marketplace_config_id.push_lines and order._may_change_lines():
            return
        dropped = order.marketplace_dropped
        same = (line_id for line_id, kept in dropped.items() if kept["product"] == self.product_id.id)
        line_id = next(same, None) if self.product_id else None
        if line_id:
            known = dropped[line_id]["known"]
            listing = self.env["marketplace.listing"].browse(known["marketplace_listing_id"] or ()).exists()
            self.write({**known, "marketplace_listing_id": listing.id})
            order.marketplace_dropped = {key: kept for key, kept in dropped.items() if key != line_id} or False

    def _mark_marketplace_lines(self):
        orders = self.order_id.filtered(lambda order: order.cartona_id)
        if orders:
            orders._mark_marketplace_lines()

    # ------------------------------------------------------------------ units

    def _marketplace_amount(self, gone=None):
        """Return how many selling units of the line the customer gets: what is ordered, until the customer has anything
        of the order; then what has gone and is to go of this line. So what was given up is not sold again because
        another line goes out. Where all of it has come back, it is what is ordered once more: nobody was at home, and
        it is brought again, or a person cancels the order.

        :param bool gone: whether the customer has anything of the order, where that is known already
        """
        self.ensure_one()
        quantity = self.product_uom_qty
        if gone is None:
            gone = self.order_id.state == "sale" and self.order_id.order_line._is_marketplace_gone()
        if gone and self.qty_delivered_method == "stock_move" and not self._is_to_be_procured():
            to_go = self._marketplace_to_go()
            quantity = min(quantity, self.qty_delivered + to_go) if to_go else self.qty_delivered
        return self._in_selling_units(quantity)

    def _marketplace_pack(self):
        """Return how many units of the product are in a selling unit: as it was ordered, else as it is listed."""
        listing = self._marketplace_listing()
        ordered = self.marketplace_pack_size if listing == self.marketplace_listing_id else 0.0
        return ordered or listing.pack_size or 1.0

    def _from_selling_units(self, quantity):
        """Turn selling units into the line's unit."""
        quantity *= self._marketplace_pack()
        if self.product_id and self.product_uom != self.product_id.uom_id:
            quantity = self.product_id.uom_id._compute_quantity(quantity, self.product_uom, round=False)
        return round(quantity, DIGITS)

    def _in_selling_units(self, quantity):
        """Turn a quantity in the line's unit into selling units of its listing."""
        if self.product_id and self.product_uom != self.product_id.uom_id:
            quantity = self.product_uom._compute_quantity(quantity, self.product_id.uom_id, round=False)
        return round(quantity / self._marketplace_pack(), DIGITS)

    def _marketplace_price(self, price):
        """Turn a price for the line's unit into the price of one selling unit of its listing."""
        if self.product_id and self.product_uom != self.product_id.uom_id:
            price = self.product_uom._compute_price(price, self.product_id.uom_id)
        return round(price * self._marketplace_pack(), DIGITS)

    def _is_known_there(self):
        """Tell whether the marketplace has the line by its id, and it is none that we made of what rounding lost."""
        return bool(self.cartona_line_id) and self.cartona_line_id != ROUNDING_LINE

    def _marketplace_known(self):
        """Return the values that say what the marketplace has of this line."""
        names = (
            "cartona_line_id",
            "marketplace_listing_id",
            "marketplace_pack_size",
            "marketplace_quantity",
            "marketplace_price_unit",
        )
        return {name: self._fields[name].convert_to_write(self[name], self) for name in names}

    def _marketplace_sum(self):
        """Return what the line comes to at the marketplace."""
        return self._marketplace_now("marketplace_quantity") * self._marketplace_now("marketplace_price_unit")

    def _net_price(self):
        return self.price_unit * (1 - (self.discount or 0.0) / 100)

    # ------------------------------------------------------------------ what the marketplace has to be told

    def _marketplace_listing(self):
        """Return the listing that the line sells: its own, or for a product that was chosen here, the account's."""
        self.ensure_one()
        own = self.marketplace_listing_id
        if own and own.product_id in (self.product_id, self.env["product.product"]):
            return own
        found = self.env["marketplace.listing"].search(
            [("config_id", "=", self.order_id.marketplace_config_id.id), ("product_id", "=", self.product_id.id)],
        )
        pack = self.product_uom._compute_quantity(1.0, self.product_id.uom_id, round=False) if found else 0.0
        same = found.filtered(lambda listing: not float_compare(listing.pack_size, pack, precision_digits=6))
        return (same or found)[:1]

    def _marketplace_changes(self, again=False, gone=None, unsure=()):
        """Return the changes that make the marketplace's line what this one is; none where it is so.

        :param bool again: it was sent as a new line before and is to be sent once more
        :param bool gone: as for :meth:`_marketplace_amount`
        :param unsure: the amounts of which nobody knows what the marketplace has: it was told last, without an answer
        """
        if self.display_type or not self.product_id or self.is_downpayment or self.cartona_line_id == ROUNDING_LINE:
            return []
        if not self.marketplace_quantity or (again and not self.cartona_line_id):
            return self._marketplace_addition(gone)
        if self.marketplace_listing_id and self._marketplace_listing() != self.marketplace_listing_id:
            removal = [LineChange(external_id=self.cartona_line_id or "", quantity=0.0)]
            return removal + self._marketplace_addition(gone)  # another product is another line
        quantity, price = self._marketplace_amount(gone), self._marketplace_price(self._net_price())
        change = LineChange(external_id=self.cartona_line_id or "")
        if "quantity" in unsure or self._is_to_tell("marketplace_quantity", quantity):
            change.quantity = quantity
        if change.quantity != 0.0 and ("price_unit" in unsure or self._is_to_tell("marketplace_price_unit", price)):
            change.price_unit = price
        return [] if change.quantity is None and change.price_unit is None else [change]

    def _is_news(self, name, value):
        """Tell whether ``value`` differs from what the marketplace has, as far as the field can hold it."""
        _total, digits = self._fields[name].get_digits(self.env)
        return bool(float_compare(value, self[name], precision_digits=digits))

    def _is_news_of(self, theirs):
        """Tell whether the neutral line ``theirs`` differs from what the marketplace had of this one."""
        quantity = self._is_news("marketplace_quantity", theirs.quantity)
        return quantity or self._is_news("marketplace_price_unit", theirs.price_unit)

    def _is_changed_here(self):
        """Tell whether the marketplace is still to be told of this line, or would be if it took changes of lines."""
        self.ensure_one()
        if not self._marketplace_changes():
            return False
        return self._marketplace_listing() == self.marketplace_listing_id or self._is_product_chosen_here()

    def _is_product_chosen_here(self):
        """Tell whether a person chose another product than was taken over; else its listing was matched anew. Of a line
        that was taken over before that was kept, a message that waits tells."""
        if self.marketplace_product_id:
            return self.product_id != self.marketplace_product_id
        return bool(self.order_id._marketplace_line_commands())

    def _marketplace_addition(self, gone=None):
        """Return the change that adds this line, as long as it is something that a marketplace sells: a fee or a gift
        that was added here is none of its business."""
        listing = self._marketplace_listing()
        quantity, price = self._marketplace_amount(gone), self._marketplace_price(self._net_price())
        if quantity <= 0 or price <= 0 or (self.product_id.type == "service" and not listing):
            return []
        return [LineChange(product_external_id=listing.external_id or "", quantity=quantity, price_unit=price)]
