# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, models

# Their module is no dependency of this one, and may be loaded after it, or never: they can't be inherited by name.
BILLS = ("mrp.bom", "mrp.bom.line")


class Base(models.AbstractModel):
    """Bills of materials, seen by what all models have in common: what a kit is made of decides what is offered of it.
    Every write of every model passes here, so it asks for no more than the model's name.

    They are not looked for by their time of writing, which tells nothing of what was deleted, and comes late where a
    transaction lasts; nor is the registry patched, as automation rules do that, and take away all patches with theirs.
    """

    _inherit = "base"

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        if self._name in BILLS:
            self.env["product.product"]._mark_marketplace_kits(records, look_again=True)
        return records

    def write(self, vals):
        if self._name not in BILLS:
            return super().write(vals)
        self.env["product.product"]._mark_marketplace_kits(self)  # what they were about so far
        result = super().write(vals)
        self.env["product.product"]._mark_marketplace_kits(self, look_again=True)
        return result

    def unlink(self):
        if self._name in BILLS:
            self.env["product.product"]._mark_marketplace_kits(self)
        return super().unlink()
