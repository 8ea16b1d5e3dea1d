# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models

from ..compat import included_tax_values
from ..database import transaction_lock

PRICE_FIELDS = {
    "amount",
    "amount_type",
    "price_include",
    "price_include_override",  # its name since 18.0
    "include_base_amount",
    "is_base_affected",
    "sequence",
    "children_tax_ids",
    "active",
}
# What the same tax, included in prices, has in common with it.
TWIN_FIELDS = {"amount", "amount_type", "include_base_amount", "is_base_affected", "sequence"}


class AccountTax(models.Model):
    _inherit = "account.tax"

    marketplace_included_id = fields.Many2one(
        "account.tax",
        string="Same Tax, Included in Prices",
        copy=False,
        help="Used on orders of marketplaces whose prices hold the taxes.",
    )

    def write(self, vals):
        result = super().write(vals)
        if PRICE_FIELDS & vals.keys():
            self.env["marketplace.outbox"]._mark("price", tax=self.ids)
        shared = {name: vals[name] for name in TWIN_FIELDS & vals.keys()}
        if shared and self.marketplace_included_id:
            self.marketplace_included_id.write(shared)
        return result

    def unlink(self):
        # By the products: what ties them to the tax is gone when the marks are resolved.
        # sudo: who keeps taxes needs no rights on products
        templates = self.env["product.template"].sudo().search([("taxes_id", "in", self.ids)])
        self.env["marketplace.outbox"]._mark("price", template=templates.ids)
        return super().unlink()

    # ------------------------------------------------------------------ business

    def _marketplace_included(self):
        """Return the taxes of the same amounts that prices include, made where there is none yet."""
        found = self.browse()
        for tax in self:
            if tax.amount_type == "group":
                found |= tax.children_tax_ids._marketplace_included()
            else:
                found |= tax if tax.price_include else tax._marketplace_included_twin()
        return found

    def _marketplace_included_twin(self):
        self.ensure_one()
        # sudo: taxes are the accountants', and whoever changes an order's line needs the one that fits
        tax = self.sudo()
        if not tax.marketplace_included_id.active:
            transaction_lock(self.env.cr, f"marketplace:tax:{tax.id}")
            tax.invalidate_recordset(["marketplace_included_id"])
        if not tax.marketplace_included_id.active:
            tax.marketplace_included_id = tax._marketplace_included_copy()
        return tax.marketplace_included_id.with_env(self.env)

    def _marketplace_included_copy(self):
        """Return a copy that prices include. Customers read its name, so it is in each language what the tax is there,
        whoever works."""
        tax = self.with_context(lang=None)
        included = tax.copy({"name": tax._marketplace_included_name(), **included_tax_values(tax)})
        for lang, _label in self.env["res.lang"].get_installed():
            included.with_context(lang=lang).name = tax.with_context(lang=lang)._marketplace_included_name()
        return included.with_env(self.env)

    def _marketplace_included_name(self):
        return _("%s, included", self.name)
