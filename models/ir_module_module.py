# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models
from odoo.exceptions import UserError

from ..compat import format_list

MODULE = "cartona_integration"


class Module(models.Model):
    """Taken away in the middle of its work, the addon would leave shops that go on selling by the last stock they were
    told, and orders that nobody pulls."""

    _inherit = "ir.module.module"

    def button_uninstall(self):
        if MODULE in (self | self.downstream_dependencies()).mapped("name"):
            self._refuse_while_live()
        return super().button_uninstall()

    def _refuse_while_live(self):
        # sudo: an administrator may not see every company
        live = self.env["marketplace.config"].sudo().search([("state", "=", "live")])
        if live:
            raise UserError(
                _(
                    "%s is live. Pause it first. What the marketplace shows then stays as it is: close the shop there, "
                    "take down its webhooks, and see to the orders that have not left. Uninstalling deletes the "
                    "accounts, the listings and what is known of orders there.",
                    format_list(self.env, live.mapped("name")),
                )
            )
