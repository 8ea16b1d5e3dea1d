# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import _, fields, models
from odoo.tools import SQL

from ..database import own_transaction
from ..schemas import RowResult
from ..transport import errors
from ..transport.retry import backoff

MAX_ATTEMPTS = 10
BATCH = 20
PROBE_FAILURES = 2


class MarketplaceLaneOrders(models.AbstractModel):
    """Commands about orders on their way out, first in first out for each order: one that fails holds back the later
    ones of the same order, and no others. Never behind prices and stock, since it is a lane of its own."""

    _name = "marketplace.lane.orders"
    _inherit = "marketplace.lane"
    _description = "Lane of Order Commands"

    # ------------------------------------------------------------------ lane

    def _has_work(self, config):
        return config._may_talk() and bool(self._heads(config, limit=1))

    def _next_attempt(self, config):
        self.env.cr.execute(SQL("SELECT min(coalesce(next_attempt, %s)) FROM %s", self._now(), self._waiting(config)))
        return self.env.cr.fetchone()[0]

    def _step(self, config_id):
        with own_transaction(self.env) as env:
            config = env["marketplace.config"].browse(config_id)
            heads = env[self._name]._heads(config, BATCH) if config._may_talk() else []
        for row_id in heads:
            with own_transaction(self.env) as env:
                if not env[self._name]._send(env["marketplace.outbox"].browse(row_id)):
                    return False
        return bool(heads)

    # ------------------------------------------------------------------ business

    def _now(self):
        return SQL("now() at time zone 'utc'")

    def _waiting(self, config):
        """Return the query of the next command of each order, where that does not wait for a person.

        A cancellation goes before everything: nothing that was said earlier matters any more.
        """
        return SQL(
            """
            (SELECT * FROM (
                SELECT DISTINCT ON (order_id) id, state, next_attempt FROM marketplace_outbox
                 WHERE lane = 'orders' AND config_id = %s ORDER BY order_id, (status = 'cancelled') DESC, id
            ) AS head WHERE state = 'waiting') AS waiting
            """,
            config.id,
        )

    def _heads(self, config, limit):
        """Return ids of the next command of each order, where it may be tried now."""
        self.env.cr.execute(
            SQL(
                "SELECT id FROM %s WHERE next_attempt IS NULL OR next_attempt <= %s ORDER BY id LIMIT %s",
                self._waiting(config),
                self._now(),
                limit,
            )
        )
        return [row[0] for row in self.env.cr.fetchall()]

    def _send(self, command):
        """Carry out one command; tell whether the next one may follow."""
        config = self.env["marketplace.config"].browse(command.config_id)
        order = self.env["sale.order"].browse(command.order_id).exists()
        if not order or not order._may_tell(command.status):
            command.unlink()  # the marketplace knows better by now, or nobody cares any more
            return True
        result, error = self._guarded(config, self._call, config, order, command)
        if isinstance(error, errors.RequestRejected):
            result = RowResult.rejected(error.code or str(error.status or ""), str(error))
        if result is None:
            # The account is blocked or paused, and the command waits. When that lasts, the marketplace is tried again
            # with another order, in case it was this one that it can't stand.
            failures = config._running().failures
            if failures > PROBE_FAILURES:
                moment = fields.Datetime.now() + timedelta(seconds=2 * backoff(failures))
                command.write({"next_attempt": moment, "last_error": str(error)})
            return False
        self._store(command, order, result)
        return True

    def _call(self, config, order, command):
        return config._api()._push_order_status(config, order.cartona_id, command.status, command.payload or {})

    def _store(self, command, order, result):
        if result.outcome == "accepted":
            order._set_marketplace_status(command.status)
            if command.status == "cancelled":
                command |= command.search([("lane", "=", "orders"), ("order_id", "=", order.id)])
            command.unlink()
            return
        attempts = command.attempts + 1
        again = result.outcome in ("retry", "pending") and attempts < MAX_ATTEMPTS
        seconds = result.after if result.after is not None else backoff(attempts)
        command.write(
            {
                "state": "waiting" if again else "failed",
                "attempts": attempts,
                "next_attempt": again and fields.Datetime.now() + timedelta(seconds=seconds),
                "error_code": result.code,
                "last_error": result.message,
            }
        )
        if not again:
            config = order.marketplace_config_id
            config._tell_responsible(
                _("%s refuses what it is told of orders", config.name),
                _(
                    "%(order)s: %(error)s The outbox of the account shows all of them.",
                    order=order.name,
                    error=result.message,
                ),
            )
