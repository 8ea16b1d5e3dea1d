# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, api, fields, models
from odoo.exceptions import ValidationError

from ..compat import format_list
from ..schemas import ENDED, HAS_LEFT

NEUTRAL = ("pending", "approved", *HAS_LEFT, *ENDED)


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    woocommerce_statuses = fields.Char(
        string="Own Statuses",
        help="What statuses mean that a plugin has added to the shop, such as: packed=approved, courier=shipped. "
        "The words on the right are pending, approved, shipped, delivered, cancelled and returned.",
    )

    @api.constrains("woocommerce_statuses")
    def _check_woocommerce_statuses(self):
        for config in self:
            for status, meaning in config._woocommerce_own_statuses().items():
                if not status or meaning not in NEUTRAL:
                    raise ValidationError(
                        _(
                            "Own statuses look like packed=approved, courier=shipped. Use the words %s.",
                            format_list(self.env, NEUTRAL),
                        )
                    )

    def _woocommerce_own_statuses(self):
        """Return ``{status of the shop: neutral status}``."""
        pairs = (pair.partition("=") for pair in (self.woocommerce_statuses or "").split(",") if pair.strip())
        return {status.strip().removeprefix("wc-"): meaning.strip() for status, _equal, meaning in pairs}
