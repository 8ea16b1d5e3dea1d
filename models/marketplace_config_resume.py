# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import _, fields, models
from odoo.tools import SQL

# So long stock waits at most for orders that can't be pulled. And so long nobody asks for orders only where nothing
# runs: the clock does every quarter of an hour.
PATIENCE = timedelta(hours=1)


class MarketplaceConfigState(models.Model):
    _inherit = "marketplace.config.state"

    stock_waits_since = fields.Datetime(
        help="Since when no stock is sent, but for what is sold out: orders that came while the account was stopped, "
        "or the server off, are not here yet."
    )


class MarketplaceConfig(models.Model):
    """What goes out after an account was stopped, or the server off. The marketplace went on selling meanwhile and
    counted that off its own stock, of which nobody here knows: to send ours would have it sell the same goods twice. So
    orders are pulled first. What is stored of them counts at once, imported or not."""

    _inherit = "marketplace.config"

    def _await_orders(self):
        """Ask for the orders that came while these accounts were stopped, and send no stock before they are here."""
        accounts = (self | self.shared_config_ids).filtered(lambda config: config._is_pulled())
        pullers = accounts._credentials()
        state = self.env["marketplace.config.state"]
        state.flush_model()
        # One moment for both: only a pull that was asked for since then brings all of them.
        self.env.cr.execute(
            SQL(
                """
                WITH now AS MATERIALIZED (SELECT clock_timestamp() AT TIME ZONE 'utc' AS moment)
                UPDATE marketplace_config_state s
                   SET stock_waits_since =
                           CASE WHEN s.config_id = ANY(%(accounts)s) THEN now.moment ELSE s.stock_waits_since END,
                       pull_requested_at =
                           CASE WHEN s.config_id = ANY(%(pullers)s) THEN now.moment ELSE s.pull_requested_at END
                  FROM now WHERE s.config_id = ANY(%(accounts)s) OR s.config_id = ANY(%(pullers)s)
                """,
                accounts=accounts.ids,
                pullers=pullers.ids,
            )
        )
        state.invalidate_model(["stock_waits_since", "pull_requested_at"])

    def _await_orders_after_absence(self):
        """Do the same where the server was off. A pull that fails is asked for all the same, so nobody waits again for
        one that goes on failing."""
        running = self._credentials()._running()
        asked = max(filter(None, (running.last_pull_at, running.pull_requested_at)), default=None)
        if not asked or asked >= fields.Datetime.now() - PATIENCE:
            return
        if any(config._is_pulled() for config in self._credential_group()):
            self._credentials()._await_orders()
            self.env["marketplace.wake"]._request()

    def _is_pulled(self):
        """Tell whether the account's orders are pulled, by itself or by the one whose credentials it uses."""
        self.ensure_one()
        both = self | self._credentials()
        return self.pull_orders and all(config.active and config.state == "live" for config in both)

    def _awaits_orders(self):
        return bool(self._running().stock_waits_since)

    def _orders_are_here(self, requested_at):
        """Send stock again, of all accounts with these credentials: a pull that was asked for then has ended."""
        self.env.cr.execute(
            "UPDATE marketplace_config_state SET stock_waits_since = NULL "
            "WHERE config_id = ANY(%s) AND stock_waits_since <= %s RETURNING config_id",
            [self._credential_group().ids, requested_at],
        )
        waited = [row[0] for row in self.env.cr.fetchall()]
        if waited:
            self.env["marketplace.outbox"]._mark("stock", config=waited)

    def _stop_awaiting_orders(self):
        """Send stock again where the orders can't be pulled: shops that show nothing for ever help nobody."""
        waiting = [("stock_waits_since", "<", fields.Datetime.now() - PATIENCE), ("config_id.state", "=", "live")]
        late = self.env["marketplace.config.state"].search(waiting).filtered(lambda one: one.config_id._is_running())
        for config in late.config_id:
            self.env["marketplace.wake"]._keep_house(config, "_send_stock_without_orders")

    def _send_stock_without_orders(self):
        """Send the account's stock again and tell that, or neither: the mark is all that knows of it."""
        self._running().stock_waits_since = False
        # Who goes on asking in vain was not away: nobody is to wait again for that.
        asked = self._credentials()._running().filtered("pull_requested_at")
        asked.pull_requested_at = fields.Datetime.now()
        self.env["marketplace.outbox"]._mark("stock", config=self.ids)
        self._in_language()._tell_missing_orders()

    def _tell_missing_orders(self):
        self._tell_within(
            _("%s: stock is sent, and orders are missing", self.name),
            _(
                "Orders that came while the account was stopped, or the server off, could not be pulled for an hour. "
                "What they ask for is not taken off the stock that is sent from now on, so more may be sold than is "
                "there. The account's log says why; then pull orders."
            ),
            cause="stock without orders",
        )
