# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models

from .res_partner import CODE


class BasePartnerMerge(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _update_values(self, src_partners, dst_partner):
        """Hand the marketplace's codes over to the contact that stays: each goes on finding it. No two contacts may
        have one code, not even for a moment.

        Where several have one, the marketplace's own wins over a phone number, then that of the contact that stays; the
        others become its further codes.
        """
        coded = (dst_partner | src_partners).filtered("cartona_id")
        known = coded.sorted(lambda partner: not partner.cartona_id.startswith(CODE))[:1]
        values = {"cartona_id": known.cartona_id, "marketplace_config_id": known.marketplace_config_id.id}
        others = (coded - known).filtered("marketplace_config_id")
        codes = [
            {"code": other.cartona_id, "config_id": other.marketplace_config_id.id, "partner_id": dst_partner.id}
            for other in others
        ]
        src_partners.write({"cartona_id": False, "marketplace_config_id": False})
        src_partners.flush_recordset()
        result = super()._update_values(src_partners, dst_partner)
        if known:
            dst_partner.write(values)
        # sudo: who may merge contacts thereby hands over their codes
        self.env["marketplace.customer.code"].sudo().create(codes)
        dst_partner._check_marketplace_company()  # also for codes that came with the contacts, by SQL
        return result
