# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields, models


class MarketplaceCustomerCode(models.Model):
    """A further code that a customer is known by: that of a contact which was merged into this one. Odoo's merging
    hands these over by itself."""

    _name = "marketplace.customer.code"
    _inherit = "marketplace.owned"
    _description = "Further Code of a Marketplace's Customer"
    _rec_name = "code"

    config_id = fields.Many2one("marketplace.config", string="Account", required=True, ondelete="cascade")
    code = fields.Char(required=True)
    partner_id = fields.Many2one("res.partner", string="Customer", required=True, index=True, ondelete="cascade")

    _sql_constraints = [("code_unique", "UNIQUE (config_id, code)", "A customer is known by this code already.")]
