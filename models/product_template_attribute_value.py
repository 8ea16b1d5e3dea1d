# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models


class ProductTemplateAttributeValue(models.Model):
    _inherit = "product.template.attribute.value"

    def write(self, vals):
        result = super().write(vals)
        if "price_extra" in vals:
            self.env["marketplace.outbox"]._mark("price", template=self.product_tmpl_id.ids)
        return result
