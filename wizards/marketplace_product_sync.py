# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, api, fields, models

from ..compat import format_list

NAMED = 5


class MarketplaceProductSync(models.TransientModel):
    """Puts products on sale at accounts, or takes them off there and leaves them on sale everywhere else."""

    _name = "marketplace.product.sync"
    _description = "Sync of Products at Accounts"

    config_ids = fields.Many2many("marketplace.config", string="Accounts", required=True)
    sync = fields.Selection([("on", "On"), ("off", "Off")], default="on", required=True)
    product_ids = fields.Many2many("product.product", readonly=True)
    product_count = fields.Integer(string="Products", compute="_compute_product_count")

    @api.model
    def default_get(self, names):
        values = super().default_get(names)
        chosen = self.env[self.env.context.get("active_model") or "product.product"].browse(
            self.env.context.get("active_ids")
        )
        products = chosen.product_variant_ids if chosen._name == "product.template" else chosen
        accounts = self.env["marketplace.config"].search([], limit=2)
        return {
            **values,
            "product_ids": [fields.Command.set(products.ids)],
            "config_ids": [fields.Command.set(accounts.ids if len(accounts) == 1 else [])],
        }

    @api.depends("product_ids")
    def _compute_product_count(self):
        for wizard in self:
            wizard.product_count = len(wizard.product_ids)

    def action_apply(self):
        self.ensure_one()
        listings = self.env["marketplace.listing"].with_context(active_test=False)
        listings = listings.search(
            [("config_id", "in", self.config_ids.ids), ("product_id", "in", self.product_ids.ids)]
        )
        if self.sync == "off":
            listings.write({"active": False})
            words = _(
                "Off sale at %s. The marketplaces are told.", format_list(self.env, self.config_ids.mapped("name"))
            )
            return self.config_ids._notify(words, "info")
        listings.filtered(lambda listing: not listing.active).write({"active": True})
        self._enable()
        listings |= listings._ensure_for_products(self.product_ids, self.config_ids, new_id=True)
        return self._tell_unlisted(self.product_ids - listings.product_id)

    def _enable(self):
        """Switch on the products that are off everywhere: what was listed of them and not chosen here stays off."""
        # sudo: who may list a product may thereby put it on sale, see marketplace.listing
        disabled = self.product_ids.product_tmpl_id.sudo().filtered(lambda one: not one.marketplace_sync_enabled)
        disabled.marketplace_listing_ids.filtered(
            lambda listing: listing.config_id not in self.config_ids or listing.product_id not in self.product_ids
        ).active = False
        # In the name of matching: what is switched on here is listed at these accounts alone.
        disabled.with_context(marketplace_matching=True).marketplace_sync_enabled = True

    def _tell_unlisted(self, products):
        """Tell what was put on sale, and which products no chosen account can list."""
        if not products:
            return self.config_ids._notify(_("On sale: %s products.", self.product_count), "info")
        return self.config_ids._notify(
            _(
                "Missing external ID: %(count)s of the products are listed at none of these accounts: %(names)s. Enter "
                "their external product IDs, or match them under Unmatched of the account.",
                count=len(products),
                names=format_list(self.env, products[:NAMED].mapped("display_name")),
            ),
            "warning",
        )
