# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields, models

# Of so long it is looked at how the newest order came.
RECENTLY = timedelta(days=1)


class MarketplaceConfigState(models.Model):
    _inherit = "marketplace.config.state"

    pull_after = fields.Datetime(help="When orders are to be asked for: stock was sent shortly after the last pull.")

    def _pull_after_stock(self):
        """Ask for the orders of all accounts that sent stock when the last pull was too short ago for another one."""
        due = self.search([("pull_after", "<=", fields.Datetime.now())])
        due.pull_after = False
        pulled = due.filtered(lambda state: any(config._is_pulled() for config in state.config_id._credential_group()))
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
        if running.pull_requested_at or not running.last_pull_at or not self._is_pulled():
            return
        soonest, now = running.last_pull_at + self._pulls_apart(), fields.Datetime.now()
        if (soonest > now and running.pull_after) or self._is_told_of_orders():
            return
        if soonest <= now:
            running._request_pull()
        else:
            running.pull_after = soonest

    def _pulls_apart(self):
        """Return how far apart pulls are that are asked for because stock is sent."""
        return timedelta(minutes=self._capabilities()["pulls_apart"])

    def _is_told_of_orders(self):
        """Tell whether webhooks bring the orders of these credentials: the newest of late came by one. That they could
        says nothing: a secret is there for other notices, too, and nobody may have set them up."""
        accounts = self._credential_group()
        if not any(config._webhook_secrets() for config in accounts):
            return False  # each of them is refused
        by_webhook, by_pull = (accounts._newest_order_at(source) for source in ("webhook", "pull"))
        return bool(by_webhook) and (not by_pull or by_webhook > by_pull)

    def _newest_order_at(self, source):
        """Return when of late an order came first by this way; of each account an index has it, however many came."""
        late = [("first_of_order", "=", True), ("source", "=", source)]
        late += [("create_date", ">", fields.Datetime.now() - RECENTLY)]
        Inbox = self.env["marketplace.inbox"]
        newest = (Inbox.search([("config_id", "=", id_), *late], order="create_date desc", limit=1) for id_ in self.ids)
        return max((row.create_date for row in newest if row), default=None)
