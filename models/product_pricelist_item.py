# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, fields, models, tools

# By what a pricelist follows another one.
BASED_ON = {"pricelist_id", "base", "base_pricelist_id"}


class ProductPricelistItem(models.Model):
    _inherit = "product.pricelist.item"

    def init(self):
        result = super().init()
        for name in ("start", "end"):  # each minute the sweeper asks which have come
            index, column = f"product_pricelist_item_marketplace_{name}_idx", f"date_{name}"
            tools.create_index(self.env.cr, index, self._table, [column], where=f"{column} IS NOT NULL")
        # What follows a pricelist, at each change of one.
        tools.create_index(
            self.env.cr,
            "product_pricelist_item_marketplace_base_idx",
            self._table,
            ["base_pricelist_id"],
            where="base = 'pricelist'",
        )
        return result

    @api.model_create_multi
    def create(self, vals_list):
        items = super().create(vals_list)
        items._mark_marketplace_price(look_again=True)
        return items

    def write(self, vals):
        self._mark_marketplace_price()  # what the rule was about so far
        result = super().write(vals)
        self._mark_marketplace_price(look_again=bool(BASED_ON & vals.keys()))
        return result

    def unlink(self):
        self._mark_marketplace_price()
        return super().unlink()

    def _mark_marketplace_price(self, look_again=False):
        """Mark the listings whose price a rule may change: of its product where it names one, else of its pricelist.

        :param look_again: who began before does not know the rules that go by another pricelist
        """
        based = self.filtered(lambda item: item.base == "pricelist") if look_again else self.browse()
        (self - based)._mark_marketplace_rules()
        based._mark_marketplace_rules(look_again=True)

    def _mark_marketplace_rules(self, look_again=False):
        products = self.filtered(lambda item: item.applied_on == "0_product_variant").product_id
        templates = self.filtered(lambda item: item.applied_on == "1_product").product_tmpl_id
        wide = self.filtered(lambda item: item.applied_on not in ("0_product_variant", "1_product"))
        self.env["marketplace.outbox"]._mark(
            "price",
            look_again=look_again,
            product=products.ids,
            template=templates.ids,
            pricelist=wide.pricelist_id.ids,
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
