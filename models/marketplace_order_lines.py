# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command, _, models

from ..compat import pack_unit, unit_field


class MarketplaceOrderProcessor(models.AbstractModel):
    """Lines of a marketplace's order as lines of a sales order: one for one, in the marketplace's selling units and at
    its prices, so that both sides come to the same sum.

    A line whose product nobody has listed becomes a note. It keeps what the marketplace said, so that the order can be
    completed when the product is matched.
    """

    _inherit = "marketplace.order.processor"

    # ------------------------------------------------------------------ finding

    def _resolve_listings(self, config, orders):
        """Return the listings that the lines of the orders are about: ``{("id"|"sku", value): listing}``."""
        lines = [line for order in orders for line in order.lines]
        Listing = self.env["marketplace.listing"].with_context(active_test=False)
        account = [("config_id", "=", config.id), ("product_id", "!=", False)]
        ids = {line.product_external_id for line in lines if line.kind == "product"} - {""}
        by_id = {
            listing.external_id: listing for listing in Listing.search([*account, ("external_id", "in", list(ids))])
        }
        # Two searches, each by its index: together they would read the whole table.
        skus = {line.product_sku for line in lines if not line.product_external_id} - {""}
        products = self.env["product.product"].search([("default_code", "in", list(skus))]) if skus else ()
        by_sku = {}
        for listing in Listing.search([*account, ("product_id", "in", products.ids)]) if products else ():
            by_sku.setdefault(listing.product_id.default_code, []).append(listing)
        resolved = {("sku", sku): group[0] for sku, group in by_sku.items() if len(group) == 1}
        resolved.update({("id", external_id): listing for external_id, listing in by_id.items()})
        return resolved

    def _listing_of(self, line, listings):
        """Return the listing that the line is about; none when its product is unknown.

        The reference counts where there is no id: one reference under two ids is the box and the piece of one product,
        which matching refuses, too.
        """
        key = ("id", line.product_external_id) if line.product_external_id else ("sku", line.product_sku)
        return listings.get(key) or self.env["marketplace.listing"]

    # ------------------------------------------------------------------ values

    def _prepare_order_lines(self, config, order, listings):
        """Return the commands for the lines of a new order, in the marketplace's sequence."""
        return [
            Command.create(self._prepare_line_values(config, line, self._listing_of(line, listings)))
            for line in order.lines
            if self._is_ordered(line)
        ]

    def _is_ordered(self, line):
        return bool(not line.cancelled and line.quantity)

    def _prepare_line_values(self, config, line, listing):
        """Return the values of a line; of a note when there is no ``listing``. Extend this to take over more."""
        values = self._prepare_line_facts(line)
        if line.kind == "delivery":
            return {**values, **self._prepare_delivery_values(config, line)}
        if not listing:
            return {**values, "display_type": "line_note", "name": self._unknown_text(line)}
        product = listing.product_id
        values.update(
            {
                "product_id": product.id,
                "marketplace_listing_id": listing.id,
                "marketplace_pack_size": listing.pack_size,
                "product_uom_qty": line.quantity,
                unit_field(self.env["sale.order.line"]): pack_unit(product.uom_id, listing.pack_size).id,
                "price_unit": line.price_unit,
                "discount": 0.0,
            }
        )
        if line.comment:
            described = self._for_customer(product).get_product_multiline_description_sale()
            values["name"] = f"{described}\n{line.comment}"
        if config.tax_policy == "none":
            values["tax_id"] = [Command.clear()]
        return values

    def _prepare_delivery_values(self, config, line):
        """Return the values of a line for what the marketplace charges for the delivery."""
        product = config._charge_product()
        values = {
            "product_id": product.id,
            "name": line.name or self._for_customer(product).name,
            "product_uom_qty": line.quantity,
            "price_unit": line.price_unit,
            "discount": 0.0,
        }
        if config.tax_policy == "none":
            values["tax_id"] = [Command.clear()]
        return values

    def _prepare_line_facts(self, line):
        """Return what the marketplace says of a line, in its own units, for a product and a note alike."""
        return {
            "cartona_line_id": line.external_id,
            "cartona_product_id": line.product_external_id,
            "cartona_product_sku": line.product_sku,
            "cartona_product_name": line.name,
            "marketplace_unit": line.unit,
            "marketplace_unit_count": line.unit_count,
            "marketplace_quantity": line.quantity,
            "marketplace_price_unit": line.price_unit,
            "marketplace_supplier_discount": line.supplier_discount,
            "marketplace_discount": line.marketplace_discount,
            "marketplace_comment": line.comment,
        }

    def _unknown_text(self, line):
        return _(
            "Product not found: “%(name)s” (external ID %(id)s, reference %(sku)s), %(quantity)s at %(price)s.",
            name=line.name or "?",
            id=line.product_external_id or "-",
            sku=line.product_sku or "-",
            quantity=format(line.quantity, "g"),
            price=format(line.price_unit, "g"),
        )
