# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, api, fields, models
from odoo.exceptions import ValidationError

from ..schemas import UNLIMITED
from .marketplace_offer import whole_units


class MarketplaceStockRule(models.Model):
    """How much of what is available an account offers, for a product, a category with all below it, or everything. The
    nearest rule wins: the product's, then that of its category, then of the categories above, then the account's."""

    _name = "marketplace.stock.rule"
    _inherit = "marketplace.owned"
    _description = "Marketplace Stock Rule"
    _order = "config_id, product_tmpl_id, categ_id, id"

    config_id = fields.Many2one("marketplace.config", required=True, index=True, ondelete="cascade")
    categ_id = fields.Many2one(
        "product.category",
        string="Category",
        ondelete="cascade",
        help="The rule is for its products, and for those of the categories below it. Neither category nor product: "
        "the rule is for everything.",
    )
    product_tmpl_id = fields.Many2one("product.template", string="Product", ondelete="cascade")
    safety_quantity = fields.Float(
        string="Keep Back",
        digits="Product Unit of Measure",
        help="Never offered, in units of the product. It takes the place of the account's safety quantity.",
    )
    threshold = fields.Integer(string="Sold Out At", help="Offer 0 when this many selling units are left, or fewer.")
    maximum = fields.Integer(string="At Most", help="Never offer more selling units than this. 0: no limit.")
    unlimited = fields.Boolean(help="Always available, whatever is in stock.")

    _sql_constraints = [
        ("safety_positive", "CHECK (safety_quantity >= 0)", "What is kept back can't be negative."),
        ("threshold_positive", "CHECK (threshold >= 0)", "The sold-out quantity can't be negative."),
        ("maximum_positive", "CHECK (maximum >= 0)", "The limit can't be negative."),
    ]

    @api.constrains("config_id", "categ_id", "product_tmpl_id")
    def _check_scope(self):
        for rule in self:
            if rule.categ_id and rule.product_tmpl_id:
                raise ValidationError(_("A rule is for a product or for a category, not for both."))
            same = rule.config_id.stock_rule_ids.filtered(
                lambda other, rule=rule: (
                    (other.categ_id, other.product_tmpl_id) == (rule.categ_id, rule.product_tmpl_id)
                )
            )
            if len(same) > 1:
                raise ValidationError(_("There is a rule for this product or category already. Change that one."))

    @api.model_create_multi
    def create(self, vals_list):
        rules = super().create(vals_list)
        rules._mark_marketplace_stock()
        return rules

    def write(self, vals):
        self._mark_marketplace_stock()
        result = super().write(vals)
        self._mark_marketplace_stock()
        return result

    def unlink(self):
        self._mark_marketplace_stock()
        return super().unlink()

    def _mark_marketplace_stock(self):
        mark = self.env["marketplace.outbox"]._mark
        mark("stock", template=self.product_tmpl_id.ids)
        mark("stock", config=self.filtered(lambda rule: not rule.product_tmpl_id).config_id.ids)

    def _quantity(self, available, pack_size):
        """Return the quantity to offer of ``available`` units, in selling units. An empty rule keeps nothing back."""
        if self.unlimited:
            return UNLIMITED
        quantity = whole_units(available - self.safety_quantity, pack_size)
        if quantity <= self.threshold:
            return 0
        return min(quantity, self.maximum) if self.maximum else quantity

    def _quantity_untracked(self, policy):
        """Return the quantity to offer of a product that Odoo keeps no stock of: nothing can be kept back of it, and
        what the account says of such products is nearer to them than a rule for everything."""
        if policy == "unlimited":
            return UNLIMITED if self.unlimited else self.maximum or UNLIMITED
        return UNLIMITED if self.unlimited and (self.product_tmpl_id or self.categ_id) else 0
