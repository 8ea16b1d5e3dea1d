# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, api, fields, models
from odoo.exceptions import ValidationError

from .amazon_marketplaces import BY_ID, MARKETPLACES, REGIONS


class MarketplaceConfig(models.Model):
    """Where at Amazon an account sells. Accounts for several marketplaces of one region share their credentials."""

    _inherit = "marketplace.config"

    amazon_region = fields.Selection(
        [(code, region[0]) for code, region in REGIONS.items()],
        compute="_compute_amazon_region",
        help="Decides where Amazon's API answers. Follows from the marketplace.",
    )
    amazon_marketplace = fields.Selection(
        [(row.id, row.domain) for row in MARKETPLACES],
        help="Where the products of this account are sold. For another one, make another account; in the same region "
        "it may share the credentials of this one.",
    )
    amazon_seller_id = fields.Char(
        string="Seller ID",
        help="The merchant token: Seller Central, Settings, Account Info, Business Information.",
    )
    amazon_product_type = fields.Char(
        default="PRODUCT",
        help="The product type that offers are sent with. PRODUCT suits offers of all kinds of products.",
    )

    def _place_fields(self):
        return {*super()._place_fields(), "amazon_seller_id", "amazon_marketplace"}

    @api.depends("amazon_marketplace")
    def _compute_amazon_region(self):
        for config in self:
            row = BY_ID.get(config.amazon_marketplace)
            config.amazon_region = row and row.region

    @api.onchange("amazon_marketplace")
    def _onchange_amazon_marketplace(self):
        hosts = [url for _name, url in REGIONS.values()]
        if self.code == "amazon" and self.amazon_region and (not self.base_url or self.base_url in hosts):
            self.base_url = REGIONS[self.amazon_region][1]

    @api.constrains("amazon_marketplace", "credentials_id")
    def _check_amazon_region(self):
        for config in self.filtered("amazon_marketplace"):
            group = config.sudo()._credential_group().filtered("amazon_marketplace")
            if len(set(group.mapped("amazon_region"))) > 1:
                raise ValidationError(
                    _("%s: accounts that share credentials sell in one region of Amazon.", config.name)
                )
            if len(set(group.mapped("amazon_marketplace"))) < len(group):
                raise ValidationError(
                    _("%s: another account that shares these credentials sells there already.", config.name)
                )
