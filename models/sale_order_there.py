# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields, models
from odoo.tools import float_compare

from ..schemas import HAS_LEFT, ROUNDING_LINE

AMOUNTS = ("marketplace_quantity", "marketplace_price_unit")


class MarketplaceOrderProcessor(models.AbstractModel):
    """Lines that a marketplace changes of an order that is confirmed here. A person is asked; until that person has
    decided, the lines go on saying what both sides agreed on, and the order keeps what is there by now."""

    _inherit = "marketplace.order.processor"

    def _update_there(self, sale_order, order):
        if self._is_under_way(sale_order, order):
            self._keep_there(sale_order, order)
        elif sale_order.marketplace_status in HAS_LEFT:
            self._ask_about_left(sale_order, order)

    def _ask_about_left(self, sale_order, order):
        """Keep what is there of a confirmed order that has left by what the marketplace or we have said, and ask a
        person; not where it is changed there to what the customer gets."""
        if sale_order.state == "sale":
            self._keep_there(sale_order, order)
            sale_order._settle_there()
            if not (order.refunded and self._is_no_more(sale_order, order)):  # else the refund is asked about
                self._ask_about_difference(sale_order, order)

    def _is_no_more(self, sale_order, order):
        """Tell whether the marketplace has no line that is new, and none of more than was agreed on."""
        ours = {line.cartona_line_id: line.marketplace_quantity for line in sale_order.order_line}
        return all(line.quantity <= ours.get(line.external_id, 0.0) for line in order.lines if self._is_ordered(line))

    def _keep_there(self, sale_order, order):
        ours = {line.cartona_line_id: line for line in sale_order.order_line if line.cartona_line_id}
        known = {*self._dropped(sale_order), ROUNDING_LINE}
        there = {
            line.external_id: {**self._prepare_line_facts(line), "marketplace_comment": False}  # it may tell who it is
            for line in order.lines
            if self._is_ordered(line)
            and line.external_id not in known
            and (line.external_id not in ours or ours[line.external_id]._is_news_of(line))
        }
        sale_order._write_there(there)


class SaleOrder(models.Model):
    _inherit = "sale.order"

    marketplace_there = fields.Json(
        string="Changed There",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Lines that the marketplace has changed or added since the order was confirmed here, by its IDs and as it "
        "has them, until both sides have the same again.",
    )

    def _write_there(self, there):
        if there != (self.marketplace_there or {}):
            self.marketplace_there = there or False

    def _settle_there(self):
        """Agree to what a person has made here of what the marketplace has changed: a line of a product that it has
        added is that line, and what is here as it is there needs no telling. Called with sudo."""
        for order in self.filtered("marketplace_there"):
            for line_id, facts in order.marketplace_there.items():
                line = order._line_of_there(line_id, facts)
                if line.cartona_line_id:
                    line._accept_there()
            order._drop_settled()

    def _line_of_there(self, line_id, facts):
        """Return our line that is the marketplace's; of one that it has added, the first that nothing is known of and
        that sells the same, which is that from now on."""
        known = self.order_line.filtered(lambda line: line.cartona_line_id == line_id)
        product = facts["cartona_product_id"]
        if known or not product:
            return known[:1]
        new = self.order_line._without_marketplace().filtered("product_id")
        line = new.filtered(lambda line: line._marketplace_listing().external_id == product)[:1]
        if line:
            listing = line._marketplace_listing()
            pack = {"marketplace_listing_id": listing.id, "marketplace_pack_size": listing.pack_size}
            line.write({**facts, **pack})
        return line

    def _drop_settled(self, *line_ids):
        """Forget what is agreed on, and these lines, which are not there any more."""
        lines = {line.cartona_line_id: line for line in self.order_line if line.cartona_line_id}
        self._write_there(
            {
                line_id: facts
                for line_id, facts in (self.marketplace_there or {}).items()
                if line_id not in line_ids and not (line_id in lines and lines[line_id]._is_as_there(facts))
            }
        )

    def _note_there(self, line_id, values):
        """Note that the marketplace has this line as ``values`` say."""
        facts = (self.marketplace_there or {}).get(line_id)
        if facts:
            told = {name: values[name] for name in AMOUNTS if name in values}
            self._write_there({**self.marketplace_there, line_id: {**facts, **told}})
            self._drop_settled(*([line_id] if values.get("cartona_line_id", line_id) != line_id else ()))


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def _marketplace_now(self, name):
        """Return the quantity or price that the marketplace has now: what both sides agreed on, but for what it has
        changed since."""
        facts = (self.order_id.marketplace_there or {}).get(self.cartona_line_id) or {}
        return facts.get(name, self[name])

    def _accept_there(self):
        """Take for agreed on what is here as it is there by now."""
        ours = zip(AMOUNTS, (self._marketplace_amount(), self._marketplace_price(self._net_price())), strict=True)
        same = {name: self._marketplace_now(name) for name, value in ours if not self._differs_there(name, value)}
        self.write({name: now for name, now in same.items() if self._is_news(name, now)})

    def _is_as_there(self, facts):
        return not any(self._is_news(name, facts[name]) for name in AMOUNTS)

    def _differs_there(self, name, value):
        """Tell whether ``value`` differs from what the marketplace has now."""
        _total, digits = self._fields[name].get_digits(self.env)
        return bool(float_compare(value, self._marketplace_now(name), precision_digits=digits))

    def _is_to_tell(self, name, value):
        """Tell whether the marketplace is to be told of ``value``. What it has changed itself waits for a person, who
        decides by changing that here; a quantity is decided, too, when all has left."""
        if not self._differs_there(name, value):
            return False
        return self._is_news(name, value) or (name == "marketplace_quantity" and self.order_id._has_all_left())
