# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models

from .res_partner import CODE


class BasePartnerMerge(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _update_values(self, src_partners, dst_partner):
        """Hand the marketplace's code over to the contact that stays: two may not have it, not even for a moment.

        Where several have one, the marketplace's own wins over a phone number, then that of the contact that stays.
        """
        coded = (dst_partner | src_partners).filtered("cartona_id")
        known = coded.sorted(lambda partner: not partner.cartona_id.startswith(CODE))[:1]
        values = {"cartona_id": known.cartona_id, "marketplace_config_id": known.marketplace_config_id.id}
        src_partners.write({"cartona_id": False, "marketplace_config_id": False})
        src_partners.flush_recordset()
        result = super()._update_values(src_partners, dst_partner)
        if known:
            dst_partner.write(values)
        return result
