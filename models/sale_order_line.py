# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, fields, models, tools
from odoo.tools.sql import column_exists, create_column


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    cartona_line_id = fields.Char(string="Marketplace Line ID", readonly=True, copy=False, groups="base.group_user")
    marketplace_listing_id = fields.Many2one(
        "marketplace.listing",
        string="Listing",
        readonly=True,
        copy=False,
        ondelete="set null",
        index="btree_not_null",
        groups="base.group_user",
    )

    # what the marketplace says of the line, in its own selling units
    cartona_product_id = fields.Char(string="External Product ID", readonly=True, copy=False, groups="base.group_user")
    cartona_product_sku = fields.Char(string="Reference There", readonly=True, copy=False, groups="base.group_user")
    cartona_product_name = fields.Char(string="Name There", readonly=True, copy=False, groups="base.group_user")
    marketplace_unit = fields.Char(string="Unit There", readonly=True, copy=False, groups="base.group_user")
    marketplace_unit_count = fields.Float(
        string="Units in It There", readonly=True, copy=False, groups="base.group_user"
    )
    marketplace_quantity = fields.Float(
        string="Quantity There", readonly=True, copy=False, digits="Product Unit of Measure", groups="base.group_user"
    )
    # As it was then: correcting the listing's later changes nothing about what was ordered.
    marketplace_pack_size = fields.Float(readonly=True, copy=False, digits=(16, 6), groups="base.group_user")
    marketplace_price_unit = fields.Float(
        string="Price There", readonly=True, copy=False, digits="Product Price", groups="base.group_user"
    )
    marketplace_supplier_discount = fields.Float(
        string="Our Discount",
        readonly=True,
        copy=False,
        digits="Product Price",
        help="What we take off the list price of one selling unit. The price is already without it.",
        groups="base.group_user",
    )
    marketplace_discount = fields.Float(
        string="Marketplace's Discount",
        readonly=True,
        copy=False,
        digits="Product Price",
        help="What the marketplace takes off the list price of one selling unit, and pays to us. The price is already "
        "without it.",
        groups="base.group_user",
    )
    marketplace_product_id = fields.Many2one(
        "product.product",
        compute="_compute_marketplace_product_id",
        store=True,
        index="btree_not_null",
        copy=False,
        groups="base.group_user",
        help="What the listing stood for when the line was taken over.",
    )
    marketplace_comment = fields.Char(string="Comment There", readonly=True, copy=False, groups="base.group_user")

    def _auto_init(self):
        # Made here and left empty: millions of lines that have nothing to do with a marketplace are not computed.
        if not column_exists(self.env.cr, self._table, "marketplace_product_id"):
            create_column(self.env.cr, self._table, "marketplace_product_id", "int4")
        return super()._auto_init()

    def init(self):
        result = super().init()
        # What is offered is less what drafts ask for: a look at few rows out of millions.
        tools.create_index(
            self.env.cr,
            "sale_order_line_marketplace_draft_idx",
            self._table,
            ["product_id"],
            where="state IN ('draft', 'sent')",
        )
        # Held orders that wait for a product to be matched.
        tools.create_index(
            self.env.cr,
            "sale_order_line_marketplace_unknown_idx",
            self._table,
            ["order_id"],
            where="display_type = 'line_note' AND cartona_line_id IS NOT NULL",
        )
        return result

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._refuse_made_up()
        lines._mark_marketplace_stock()
        lines._mark_new_lines(vals_list)
        return lines

    def write(self, vals):
        self._refuse_told(vals)
        prices = self._prices_in_unit(vals) if "price_unit" not in vals else {}
        result = super().write(vals)
        if "qty_delivered" in vals:
            self.order_id._tell_marketplace_done()
        for line, price in prices.items():
            line.price_unit = price
        if {"product_id", "product_uom_qty", "product_uom"} & vals.keys():
            self._mark_marketplace_stock()
        self._mark_changed_lines(vals)
        return result

    def unlink(self):
        self._mark_removed_lines()
        self._mark_marketplace_stock()
        return super().unlink()

    @api.depends("marketplace_listing_id")
    def _compute_marketplace_product_id(self):
        """By the listing alone: it stays when that is matched to another product."""
        for line in self:
            line.marketplace_product_id = line.marketplace_listing_id.sudo().product_id

    def _compute_qty_delivered(self):
        """What goes out in parts of a pack comes to whole packs: Odoo rounds each delivery into the line's unit, and so
        comes to 1.01 by 9 and 15 of 24 pieces."""
        result = super()._compute_qty_delivered()
        for line in self.filtered(lambda line: line.order_id.marketplace_config_id):
            outgoing, incoming = line._get_outgoing_incoming_moves()
            unit = line.product_id.uom_id
            if line.product_uom != unit and (outgoing or incoming):  # those of a kit are of its components
                quantity = outgoing._moved_quantity() - incoming._moved_quantity()
                line.qty_delivered = unit._compute_quantity(quantity, line.product_uom, rounding_method="HALF-UP")
        return result

    # What the marketplace charged is the price: no pricelist of ours changes it afterwards.

    @api.onchange("product_uom")
    def _onchange_marketplace_unit(self):
        """Show on the form what :meth:`write` does; the unit that the line had before has its price again."""
        before = self._origin
        if self.product_uom and (before - before._without_marketplace()).product_uom:
            self.price_unit = before.product_uom._compute_price(before.price_unit, self.product_uom)

    def _prices_in_unit(self, vals):
        """Return what those lines cost whose unit ``vals`` change: the price is for a unit, and no pricelist tells it
        for another one."""
        unit = self.env["uom.uom"].browse(vals.get("product_uom"))
        ours = (self - self._without_marketplace()).filtered("product_uom") if unit else ()
        changed = [line for line in ours if line.product_uom != unit]
        return {line: line.product_uom._compute_price(line.price_unit, unit) for line in changed}

    def _compute_price_unit(self):
        return super(SaleOrderLine, self._without_marketplace())._compute_price_unit()

    def _get_display_price(self):
        """What is added here is sold at the price that the marketplace is sent: where orders hold the taxes in their
        prices, or none, with or without them as the account says."""
        price = super()._get_display_price()
        config = self.order_id.sudo().marketplace_config_id  # the seller's rights end before the account
        if config.tax_policy not in ("included", "none"):
            return price
        pack = self.product_uom._compute_quantity(1.0, self.product_id.uom_id, round=False)
        return config._taxed(self.product_id, price / pack, self.currency_id or self.order_id.currency_id, pack)

    def _compute_discount(self):
        return super(SaleOrderLine, self._without_marketplace())._compute_discount()

    def _compute_tax_id(self):
        """Where the marketplace's prices hold the taxes, or there are none, so it is with all lines of its orders, also
        those that are added here and told it: both sides come to one sum."""
        result = super()._compute_tax_id()
        for line in self.filtered(lambda line: line.order_id.marketplace_config_id):
            policy = line.order_id.sudo().marketplace_config_id.tax_policy  # the seller's rights end before the account
            if policy == "included":
                line.tax_id = line.tax_id._origin._marketplace_included()
            elif policy == "none":
                line.tax_id = False
        return result

    def _without_marketplace(self):
        return self.filtered(lambda line: not (line.cartona_line_id or line.marketplace_quantity))

    def _marketplace_waiting(self, external_ids=None, skus=()):
        """Return the notes of held orders that stand for unknown products: all, or those of these ids or references."""
        domain = [
            ("display_type", "=", "line_note"),
            ("cartona_line_id", "!=", False),
            ("order_id.state", "in", ("draft", "sent")),
        ]
        if external_ids is not None:
            by_sku = [("cartona_product_sku", "in", list(skus))]
            domain += ["|", ("cartona_product_id", "in", list(external_ids)), *by_sku]
        return self.search(domain)

    def _mark_marketplace_stock(self):
        """The demand of marketplace orders is part of what is available. What was sent last counts no more for their
        listings: the marketplace has changed its own stock by the order."""
        lines = self.filtered(lambda line: line.order_id.marketplace_config_id)
        mark = self.env["marketplace.outbox"]._mark
        mark("stock", product=lines.product_id.ids)
        mark("stock", listing=lines.marketplace_listing_id.ids, force=True)
