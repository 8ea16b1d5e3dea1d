# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, fields, models

from ..compat import TYPE_FIELDS
from .product_product import LISTING_FIELDS, PRICE_FIELDS, SALE_FIELDS


class ProductTemplate(models.Model):
    _inherit = "product.template"

    # ------------------------------------------------------------------ fields

    marketplace_sync_enabled = fields.Boolean(
        string="Enable Marketplace Sync",
        help="List the product at the marketplaces that go by its external product ID, and keep price and stock there. "
        "What can't be sold in Odoo is off sale there, too.",
    )
    cartona_id = fields.Char(
        string="External Product ID",
        compute="_compute_cartona_id",
        inverse="_inverse_cartona_id",
        search="_search_cartona_id",
        help="The product's ID at the marketplace. With several variants, each has its own.",
    )

    # ------------------------------------------------------------------ compute

    @api.depends("product_variant_ids.cartona_id")
    def _compute_cartona_id(self):
        for template in self:
            template.cartona_id = template._marketplace_only_variant().cartona_id

    def _inverse_cartona_id(self):
        for template in self:
            template._marketplace_only_variant().cartona_id = template.cartona_id

    def _search_cartona_id(self, operator, value):
        same = ("product_variant_ids.cartona_id", operator, value)
        # What is archived has archived variants alone; what is not, may have some that are of no interest any more.
        archived = self.with_context(active_test=False)._search([("active", "=", False), same])
        return ["|", same, ("id", "in", archived)]

    def _marketplace_only_variant(self):
        """Return the one variant that the template stands for, an archived one where none is active; none where there
        are several. As for Odoo's own fields of such variants."""
        self.ensure_one()
        variants = self.product_variant_ids
        if not variants:
            variants = self.with_context(active_test=False).product_variant_ids.with_env(self.env)
        return variants if len(variants) == 1 else variants.browse()

    # ------------------------------------------------------------------ CRUD

    @api.model_create_multi
    def create(self, vals_list):
        templates = super().create(vals_list)
        # The variants are made before their template's fields reach them, as for default_code.
        for template, vals in zip(templates, vals_list, strict=True):
            if vals.get("cartona_id"):
                template.cartona_id = vals["cartona_id"]
        return templates

    def write(self, vals):
        result = super().write(vals)
        if PRICE_FIELDS & vals.keys():
            self.env["marketplace.outbox"]._mark("price", look_again="taxes_id" in vals, template=self.ids)
        if SALE_FIELDS & vals.keys():
            self.env["marketplace.outbox"]._mark("price", "stock", "publication", template=self.ids)
        if (TYPE_FIELDS | {"use_expiration_date", "sale_delay"}) & vals.keys():
            self.env["marketplace.outbox"]._mark("stock", template=self.ids)
        if "categ_id" in vals:
            self.env["marketplace.outbox"]._mark("price", "stock", template=self.ids)
        if (LISTING_FIELDS - {"cartona_id"}) & vals.keys():
            self.product_variant_ids._ensure_marketplace_listings()
        return result

    def unlink(self):
        # The database deletes the variants along, without asking them.
        self.with_context(active_test=False).product_variant_ids._release_marketplace_listings()
        return super().unlink()

    # ------------------------------------------------------------------ actions

    def action_marketplace_sync(self):
        """Send price and stock of all variants to their marketplaces again."""
        return self.product_variant_ids.action_marketplace_sync()
