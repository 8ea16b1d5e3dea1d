# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, fields, models

from ..compat import NEGATIVE_OPERATORS, asked_words
from .res_partner import CODE


class ResPartner(models.Model):
    _inherit = "res.partner"

    marketplace_code = fields.Char(
        compute="_compute_marketplace_code",
        search="_search_marketplace_code",
        groups="cartona_integration.group_marketplace_user",
        help="Every code that the customer is known by, with or without what stands before it.",
    )

    @api.depends("cartona_id", "marketplace_code_ids.code")
    def _compute_marketplace_code(self):
        for partner in self:
            codes = [partner.cartona_id, *partner.marketplace_code_ids.mapped("code")]
            partner.marketplace_code = ", ".join(filter(None, codes))

    def _search_marketplace_code(self, operator, value):
        """Find customers by the whole of a code, which an index finds among millions; merged contacts, too."""
        codes = [word for one in asked_words(value) for word in (one, CODE + one)]
        # sudo: ids alone; what is found is subject to the user's own rights
        accounts = self.env["marketplace.config"].sudo().with_context(active_test=False).search([]).ids
        further = self.env["marketplace.customer.code"].search([("config_id", "in", accounts), ("code", "in", codes)])
        own = ["&", ("marketplace_config_id", "in", accounts), ("cartona_id", "in", codes)]
        found = ["|", ("id", "in", further.partner_id.ids), *own]
        return ["!", *found] if operator in NEGATIVE_OPERATORS else found
