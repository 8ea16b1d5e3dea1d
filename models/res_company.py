# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models
from odoo.exceptions import UserError

from ..compat import format_list

# Whether prices are with tax is a setting of the company since 18.0.
PRICE_FIELDS = {"tax_calculation_rounding_method", "account_price_include", "currency_id"}


class ResCompany(models.Model):
    _inherit = "res.company"

    def write(self, vals):
        if not vals.get("active", True):
            self._refuse_to_leave_accounts()
        result = super().write(vals)
        if PRICE_FIELDS & vals.keys():
            # sudo: who keeps the company's settings needs no rights on accounts
            configs = self.env["marketplace.config"].sudo().search([("company_id", "child_of", self.ids)])
            self.env["marketplace.outbox"]._mark("price", config=configs.ids)
        return result

    def _refuse_to_leave_accounts(self):
        """Whoever could see and stop the accounts of an archived company is in it no more, and they would sell on.

        :raise UserError: with what is to be done first
        """
        # sudo: who archives a company needs no rights on accounts
        live = [("company_id", "child_of", self.ids), ("state", "=", "live")]
        configs = self.env["marketplace.config"].sudo().search(live)
        if configs:
            raise UserError(
                _(
                    "%(company)s can't be archived: it sells at %(accounts)s, and nobody could stop that any more. "
                    "Pause or archive these accounts first.",
                    company=format_list(self.env, configs.company_id.mapped("name")),
                    accounts=format_list(self.env, configs.mapped("name")),
                )
            )
