# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models

from ..database import own_transaction


class MarketplaceLanePull(models.AbstractModel):
    """Orders on their way in. A step pulls one page, stores it, commits, and only then acknowledges it: a marketplace
    that was told "I have it" never sends the order again.

    One pull serves all accounts that share credentials; the supplier code tells whose an order is.
    """

    _name = "marketplace.lane.pull"
    _inherit = "marketplace.lane"
    _description = "Lane of Pulled Orders"

    # ------------------------------------------------------------------ lane

    def _has_work(self, config):
        return not config.credentials_id and bool(config._running().pull_requested_at) and config._may_talk()

    def _next_attempt(self, config):
        return config._running().pull_requested_at

    def _step(self, config_id):
        pulled = self._pull_page(config_id)
        if pulled is None:
            return False
        requested_at, more = pulled
        acknowledged = self._acknowledge(config_id)
        if more and acknowledged:
            return True
        self._finish(config_id, requested_at)
        return False

    # ------------------------------------------------------------------ business

    def _pull_page(self, config_id):
        """Pull one page and store it.

        :return: the time of the request that this answers, and whether there may be more; ``None`` when the account may
            not talk or the marketplace failed
        """
        with own_transaction(self.env) as env:
            config = env["marketplace.config"].browse(config_id)
            running = config._running()
            if not config._may_talk() or not running.pull_requested_at:
                return None
            requested_at = running.pull_requested_at
            cursor = running.order_cursor or None
            answer, error = env[self._name]._guarded(config, config._api()._pull_orders, config, cursor)
            if error:
                if not config._running()._is_blocked() and config.state == "live":
                    config._running()._note_failure(error)
                return None
            documents, next_cursor = answer
            new = env[self._name]._store(config, documents)
            if next_cursor:
                config._running().order_cursor = next_cursor
            return requested_at, bool(new or (next_cursor and documents))

    def _store(self, config, documents):
        """Put raw orders into the inbox of the account they are for; return how many were new."""
        api = config._api()
        accounts = config._credential_group().filtered(lambda account: account.active)
        by_code = {account.supplier_code: account for account in accounts if account.supplier_code}
        known, unknown = [], []
        for raw in documents:
            external_id, code = api._identify(config, raw)
            account = by_code.get(code) or (accounts if len(accounts) == 1 and not accounts.supplier_code else None)
            (known if account else unknown).append((account or config, "order", external_id, raw))
        inbox = self.env["marketplace.inbox"]
        held, held_new = inbox._store(unknown, "pull")
        for row in held.filtered(lambda row: row.state == "waiting"):
            code = api._identify(config, row._document())[1]
            row._fail(
                _("No account has the supplier code %r. Enter it on the account it belongs to, then replay.", code)
            )
        _rows, new = inbox._store(known, "pull", needs_ack=api._capabilities()["needs_ack"])
        return new + held_new

    def _acknowledge(self, config_id):
        """Acknowledge all that is stored and not acknowledged yet, from earlier runs too; tell whether it worked."""
        with own_transaction(self.env) as env:
            config = env["marketplace.config"].browse(config_id)
            waiting = env["marketplace.inbox"].search(
                [
                    ("config_id", "in", config._credential_group().ids),
                    ("needs_ack", "=", True),
                    ("acknowledged_at", "=", False),
                    ("external_id", "!=", ""),
                ],
                limit=1000,
            )
            if not waiting:
                return True
            ids = list(dict.fromkeys(waiting.mapped("external_id")))
            results, error = env[self._name]._guarded(config, config._api()._acknowledge, config, ids)
            if error:
                return False
            accepted = {ext for ext, result in zip(ids, results, strict=True) if result.outcome == "accepted"}
            done = waiting.filtered(lambda row: row.external_id in accepted)
            done.write({"acknowledged_at": fields.Datetime.now()})
            return bool(done)

    def _finish(self, config_id, requested_at):
        """Note that all there was has been pulled; a request that came meanwhile stays."""
        with own_transaction(self.env) as env:
            running = env["marketplace.config"].browse(config_id)._running()
            values = {"last_pull_at": fields.Datetime.now()}
            if running.pull_requested_at == requested_at:
                values["pull_requested_at"] = False
            running.write(values)
