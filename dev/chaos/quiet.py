"""Waiting until nothing waits any more: an end by state, not by time."""

import time

from .people import NETWORK, RpcError

POLL = 1.0
QUEUE = "queue of the marketplace"
# The minute's and the quarter's crons are run by hand, so that nobody waits for the clock. What they find is the same.
SWEEP, PULL = "cron_sweep", "cron_pull_orders"
CRON_SECONDS = 5.0
WAITING = {
    "outbox": "SELECT count(*) FROM marketplace_outbox WHERE state != 'failed'",
    "inbox": "SELECT count(*) FROM marketplace_inbox WHERE state IN ('waiting', 'imported')",
    "not acknowledged": "SELECT count(*) FROM marketplace_inbox WHERE needs_ack AND acknowledged_at IS NULL",
    "listings due": "SELECT count(*) FROM marketplace_listing "
    "WHERE (price_due OR stock_due OR publication_due) AND state != 'failed'",
    "pushes": "SELECT count(*) FROM marketplace_push",
    "tasks": "SELECT count(*) FROM marketplace_task WHERE state = 'running'",
    "pulls asked for": "SELECT count(*) FROM marketplace_config_state WHERE pull_requested_at IS NOT NULL",
    "jobs": "SELECT count(*) FROM queue_job WHERE state IN ('wait_dependencies', 'pending', 'enqueued', 'started') "
    "AND (eta IS NULL OR eta <= now() at time zone 'utc')",
}
FAILED = {
    "listings": "SELECT external_id, last_error FROM marketplace_listing WHERE state = 'failed'",
    "documents": "SELECT external_id, last_error FROM marketplace_inbox WHERE state = 'failed'",
    "commands": "SELECT order_id, last_error FROM marketplace_outbox WHERE state = 'failed'",
    "tasks": "SELECT kind, message FROM marketplace_task WHERE state = 'failed'",
}
RETRIES = 3


class NotQuiet(Exception):
    """Something still waits, the message says what."""


class Quiet:
    def __init__(self, system, account):
        self.system, self.account, self.odoo = system, account, system.stack.odoo
        self.retried = 0

    def reach(self, limit):
        """Wait until nothing waits, press Retry for what has failed, wait again. Gives the seconds it took."""
        start = time.monotonic()
        end = start + limit
        self._rest(end)
        for _retry in range(RETRIES):
            failed = sum(map(len, self.failed().values()))
            if not failed:
                break
            self.retried += failed
            self.odoo.call("marketplace.config", "action_retry_failed", [self.account])
            self._rest(end)
        return time.monotonic() - start

    def failed(self):
        """The dead letters: `{where: [[what, error]]}`."""
        return {name: self.system.query(sql) for name, sql in FAILED.items()}

    def waiting(self):
        sql = " UNION ALL ".join(f"SELECT '{name}' AS name, ({query}) AS number" for name, query in WAITING.items())
        found = dict(self.system.query(sql))
        found[QUEUE] = self.system.sandbox.get("state")["queued"]
        return {name: count for name, count in found.items() if count}

    def _rest(self, end):
        next_crons, still = 0.0, 0
        while still < 2:  # twice in a row: between two transactions nothing may seem to wait
            waiting = self.waiting()
            still = 0 if waiting else still + 1
            self.system.stack.check()
            if time.monotonic() > end:
                raise NotQuiet(", ".join(f"{name}: {count}" for name, count in waiting.items()) or "just now")
            if waiting and time.monotonic() > next_crons:
                # A pull that is asked for all the time never comes to an end.
                self._run_crons(SWEEP, *([PULL] if QUEUE in waiting else []))
                next_crons = time.monotonic() + CRON_SECONDS
            time.sleep(POLL)

    def _run_crons(self, *names):
        for name in names:
            try:
                cron = self.odoo.call("ir.model.data", "check_object_reference", "cartona_integration", name)[1]
                self.odoo.call("ir.cron", "method_direct_trigger", [cron])
            except (*NETWORK, RpcError):
                continue  # the clock runs it at the same moment; the next turn comes
