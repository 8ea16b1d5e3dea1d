# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields, models

# So far apart are pulls that are asked for because stock is sent.
PULLS_APART = timedelta(minutes=1)


class MarketplaceConfigState(models.Model):
    _inherit = "marketplace.config.state"

    pull_after = fields.Datetime(help="When orders are to be asked for: stock was sent shortly after the last pull.")

    def _pull_after_stock(self):
        """Ask for the orders of all accounts that sent stock when the last pull was too short ago for another one."""
        due = self.search([("pull_after", "<=", fields.Datetime.now())])
        due.pull_after = False
        pulled = due.filtered(lambda state: state.config_id._is_pulled())
        if pulled:
            pulled._request_pull()


class MarketplaceConfig(models.Model):
    """What is sold there between two pulls, where nothing else brings orders. The marketplace has taken it off its own
    stock, and the next stock that is sent gives it back."""

    _inherit = "marketplace.config"

    def _pull_beside_stock(self):
        """Have orders pulled with this very transaction, since stock is about to be sent: at once, or as soon as
        another pull may follow the last one. Not where one is asked for anyway."""
        self.ensure_one()
        running = self._credentials()._running()
        if running.pull_requested_at or self._is_told_of_orders() or not self._is_pulled():
            return
        soonest = running.last_pull_at and running.last_pull_at + PULLS_APART
        if not soonest or soonest <= fields.Datetime.now():
            running._request_pull()
        elif not running.pull_after:
            running.pull_after = soonest

    def _is_told_of_orders(self):
        """Tell whether webhooks bring the account's orders: without a secret each of them is refused."""
        return any(config._webhook_secrets() for config in self._credential_group())
