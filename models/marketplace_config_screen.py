# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from markupsafe import Markup

from odoo import _, api, models


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    @api.model
    def get_empty_list_help(self, help_message):
        """Say who can make an account, to those who can't."""
        if self.env["ir.model.access"].check(self._name, "create", raise_exception=False):
            return super().get_empty_list_help(help_message)
        title = _("No marketplace is connected yet")
        text = _("A marketplace manager connects the first one.")
        return Markup('<p class="o_view_nocontent_smiling_face">%s</p><p>%s</p>') % (title, text)
