# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, models


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

    @api.constrains(lambda self: self._reference_names())
    def _check_references(self):
        if self.env.su:
            return
        for name in self._reference_names():
            self._check_reference(self[name])

    def _check_reference(self, record):
        """:raise AccessError: the user may not see it"""
        record.check_access_rights("read")
        record.check_access_rule("read")
