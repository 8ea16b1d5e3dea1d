# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models

from ..compat import is_blocked
from ..schemas import ENDED, HAS_LEFT, RemoteProduct

# An order whose sum is off by more than this is wrong.
CENT = 0.01
# The key of the reason that the goods left by other ways than Odoo.
LEFT = "left"
# The domain of orders that can't go on.
HELD = [("marketplace_hold", "!=", False), ("state", "in", ("draft", "sent"))]


class MarketplaceOrderProcessor(models.AbstractModel):
    """Why an order can't go on: a product that nobody has listed, a sum that is not the marketplace's, a customer who
    is blocked. Such an order is in Sales as a draft, says why, and can't be confirmed."""

    _inherit = "marketplace.order.processor"

    def _hold_orders(self, sale_orders):
        """Hold the orders that can't go on, and release those that can by now."""
        for sale_order in sale_orders.filtered(lambda order: order.state in ("draft", "sent")):
            self._settle_currency(sale_order)
            reasons = self._hold_reasons(sale_order)
            key = "\n".join(reasons)  # the words may be in another language than those of last time
            if key == sale_order.marketplace_hold_accepted and not sale_order._is_in_other_currency():
                reasons, key = {}, ""  # somebody has looked at exactly this
            held = sale_order.marketplace_hold_key if sale_order.marketplace_hold else ""
            words = "\n".join(reasons.values())
            if key != held:
                sale_order.write({"marketplace_hold": words, "marketplace_hold_key": key})
                self._keep_unknown(sale_order)
                self._tell_of_hold(sale_order)
            elif words != (sale_order.marketplace_hold or ""):
                sale_order.marketplace_hold = words  # the same, for people who by now read another language

    def _settle_currency(self, sale_order):
        """Put the order in the marketplace's currency, where there is a pricelist by now that lets it."""
        config = sale_order.marketplace_config_id
        there = sale_order.marketplace_currency
        if there and not self.env["marketplace.api"]._currency_id(there):
            return  # what it is in, a person says
        pricelist = self._pricelist_in(config, there)
        if (pricelist.currency_id or config.company_id.currency_id) != sale_order.currency_id:
            sale_order.pricelist_id = pricelist

    def _keep_unknown(self, sale_order):
        """Put the unknown products where a person matches products, with suggestions."""
        remote = {
            line.cartona_product_id: RemoteProduct(
                line.cartona_product_id,
                line.cartona_product_name or "",
                line.cartona_product_sku or "",
                unit=line.marketplace_unit or "",
                unit_count=line.marketplace_unit_count or 1.0,
            )
            for line in sale_order._marketplace_unknown_lines()
            if line.cartona_product_id
        }
        if remote:
            self.env["marketplace.unmatched"]._store_ordered(sale_order.marketplace_config_id, remote)

    def _tell_of_hold(self, sale_order):
        if sale_order.marketplace_hold:
            config = sale_order.marketplace_config_id
            config._tell_responsible(
                _("Orders of %s are held", config.name),
                _("%(order)s: %(reasons)s", order=sale_order.name, reasons=sale_order.marketplace_hold),
                cause="held",
            )

    def _hold_reasons(self, sale_order):
        """Return why the order can't go on, a sentence each: ``{key: sentence}``. The key says the same in no language;
        whoever accepts a reason accepts what it names, so it changes with that. Extend this to hold for more."""
        if sale_order.marketplace_status in ENDED:
            return {}
        unknown = sale_order._marketplace_unknown_lines()
        reasons = {self._unknown_key(line): line.name for line in unknown}
        if unknown:
            reasons["match"] = _(
                "Match what is unknown under Unmatched of the account. The order then goes on by itself."
            )
        there = sale_order.marketplace_currency
        if sale_order._is_in_other_currency():
            reasons[f"currency:{there}"] = _(
                "The order is in %(there)s, and there is no pricelist in that currency. Make one, then try again.",
                there=there,
            )
        elif not unknown:
            reasons.update(self._total_reasons(sale_order))
            if there and there != sale_order.currency_id.name:
                reasons[f"currency:{there}"] = _(
                    "The marketplace says that the order is in “%(there)s”, which is no currency Odoo knows, and here "
                    "it is in %(here)s. Where that is the same, accept the order.",
                    there=there,
                    here=sale_order.currency_id.name,
                )
        partner = sale_order.partner_id
        if is_blocked(partner):
            reasons[f"blocked:{partner.id}"] = _(
                "The customer %s is blocked. Unblock the customer, then try again.", partner.name
            )
        reasons.update(self._left_reasons(sale_order))
        return reasons

    def _left_reasons(self, sale_order):
        """Goods that left by other ways must not go out once more."""
        if not self._has_left_before(sale_order):
            return {}
        if "stock_move" not in sale_order.order_line.mapped("qty_delivered_method"):
            return {}
        return {
            LEFT: _(
                "It had left before it was confirmed here. Accept it to deliver it from here, or cancel it: the "
                "marketplace is told nothing of that."
            )
        }

    def _has_left_before(self, sale_order):
        """Tell whether goods of an order that is not confirmed here have left. Lists by the time of the last change
        bring orders from before the account was live. So does a queue, of what was never acknowledged; but what it
        hands out since then, and calls on its way, is ours to deliver."""
        config, status = sale_order.marketplace_config_id, sale_order.marketplace_status
        if status == "shipped" and config._capabilities()["needs_ack"]:
            return bool(config.orders_since and sale_order.date_order < config.orders_since)
        return status in HAS_LEFT

    def _unknown_key(self, line):
        ordered = (line.cartona_product_id, line.cartona_product_sku, line.marketplace_quantity)
        return ":".join(map(str, ("unknown", line.cartona_line_id, *ordered, line.marketplace_price_unit)))

    def _total_reasons(self, sale_order):
        """Compare both sums, where the marketplace tells one, as it will be when it knows what was changed here."""
        there, here = sale_order.marketplace_total, sale_order.amount_total
        if not sale_order.marketplace_total_known or self._is_same_sum(here, there):
            return {}
        if self._is_same_sum(here, there + sale_order._marketplace_untold()):
            return {}
        sentence = _(
            "The total is %(here).2f here and %(there).2f at the marketplace. Compare the lines and the taxes; "
            "then try again, or accept the difference.",
            here=here,
            there=there,
        )
        return {f"total:{here:.2f}:{there:.2f}": sentence}

    def _is_same_sum(self, here, there):
        return abs(there - here) <= CENT + 1e-9
