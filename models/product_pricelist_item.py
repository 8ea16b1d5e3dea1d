# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, fields, models


class ProductPricelistItem(models.Model):
    _inherit = "product.pricelist.item"

    @api.model_create_multi
    def create(self, vals_list):
        items = super().create(vals_list)
        items._mark_marketplace_price()
        return items

    def write(self, vals):
        self._mark_marketplace_price()  # what the rule was about so far
        result = super().write(vals)
        self._mark_marketplace_price()
        return result

    def unlink(self):
        self._mark_marketplace_price()
        return super().unlink()

    def _mark_marketplace_price(self):
        """Mark the listings whose price a rule may change: of its product where it names one, else of its pricelist."""
        products = self.filtered(lambda item: item.applied_on == "0_product_variant").product_id
        templates = self.filtered(lambda item: item.applied_on == "1_product").product_tmpl_id
        wide = self.filtered(lambda item: item.applied_on not in ("0_product_variant", "1_product"))
        self.env["marketplace.outbox"]._mark(
            "price", product=products.ids, template=templates.ids, pricelist=wide.pricelist_id.ids
        )

    def _mark_marketplace_dates(self, since):
        """Mark the listings of rules that have begun or ended after ``since``, in UTC."""
        now = fields.Datetime.now()
        changed = self.sudo().search(
            [
                *("|", "&", ("date_start", ">", since), ("date_start", "<=", now)),
                *("&", ("date_end", ">", since), ("date_end", "<=", now)),
            ]
        )
        changed._mark_marketplace_price()
