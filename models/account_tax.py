# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models

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


class AccountTax(models.Model):
    _inherit = "account.tax"

    def write(self, vals):
        result = super().write(vals)
        if PRICE_FIELDS & vals.keys():
            self.env["marketplace.outbox"]._mark("price", tax=self.ids)
        return result

    def unlink(self):
        # By the products: what ties them to the tax is gone when the marks are resolved.
        # sudo: who keeps taxes needs no rights on products
        templates = self.env["product.template"].sudo().search([("taxes_id", "in", self.ids)])
        self.env["marketplace.outbox"]._mark("price", template=templates.ids)
        return super().unlink()
