# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, models

from ..compat import check_access


class MarketplaceOwned(models.AbstractModel):
    """What belongs to an account, and stays with what the user may see: record rules look at a row as it was before it
    is written, so without this it could be moved to an account of another company."""

    _name = "marketplace.owned"
    _description = "Belongs to an Account"

    def _reference_names(self):
        """Return the names of the fields that refer to records of ours."""
        return [
            name
            for name, field in self._fields.items()
            if field.type == "many2one" and field.store and field.comodel_name.startswith("marketplace.")
        ]

    # Not constraints: newer series run those as superuser, who may see everything.
    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        records._check_references(self._reference_names())
        return records

    def write(self, vals):
        result = super().write(vals)
        self._check_references([name for name in self._reference_names() if name in vals])
        return result

    def _check_references(self, names):
        if not self.env.su:
            for name in names:
                self._check_reference(self[name])

    def _check_reference(self, record):
        """:raise AccessError: the user may not see it"""
        check_access(record, "read")
