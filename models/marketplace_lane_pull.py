# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
from datetime import timedelta

import psycopg2

from odoo import _, fields, models
from odoo.tools import SQL, groupby

from ..database import own_transaction
from ..schemas import RowResult
from ..transport import errors
from ..transport.retry import backoff

_logger = logging.getLogger(__name__)

# A notice whose order can't be fetched so often waits for a person.
MAX_ATTEMPTS = 10
# A pull that was asked for so long ago waits for no more notices.
LATE = timedelta(minutes=1)
# So many orders are tried alone, where none is taken, to find out whose acknowledgement it is that is refused.
REFUSED_ALONE = 5
# Acknowledgements fail by themselves: orders come in without them.
ACKNOWLEDGE = "acknowledge"
# Who is alone and has failed so often is told to a person.
ACK_ATTEMPTS = 5


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
        if config.credentials_id or not self._may_talk(config):
            return False
        return bool(config._running().pull_requested_at or self._notices(config))

    def _next_attempt(self, config):
        return config._running().pull_requested_at or self._notices(config, due=False)[:1].next_attempt or None

    def _step(self, config_id):
        try:
            return self._pull_step(config_id)
        except psycopg2.Error:
            raise  # of the database, which says nothing of the marketplace
        except Exception as err:
            _logger.exception("What was pulled for account %s can't be stored", config_id)
            with own_transaction(self.env) as env:
                unforeseen = errors.TemporaryFailure(env["marketplace.api"]._unforeseen(err))
                env["marketplace.config"].browse(config_id)._running()._note_failure(unforeseen, self._lane())
            return False

    def _pull_step(self, config_id):
        if self._fetch_noticed(config_id):
            return True
        pulled = self._pull_page(config_id)
        if pulled is None:
            return False
        requested_at, more, cut, row_ids = pulled
        if self._acknowledge(config_id, row_ids) and more:
            return True
        self._finish(config_id, requested_at, complete=not more and not cut)
        return False

    # ------------------------------------------------------------------ notices

    def _notices(self, config, due=True):
        """Return notices of orders that are to be fetched, of all accounts that share these credentials; all of them,
        or those that are due."""
        waiting = [
            ("config_id", "in", config._credential_group().ids),
            ("kind", "=", "notice"),
            ("state", "=", "waiting"),
        ]
        if due:
            waiting += ["|", ("next_attempt", "=", False), ("next_attempt", "<=", fields.Datetime.now())]
        return self.env["marketplace.inbox"].search(waiting, order="next_attempt NULLS FIRST, id", limit=1)

    def _is_owed_by_pull(self, config):
        """Tell whether orders that a pull has shown are yet to be fetched. Those that a webhook names are shown by the
        pull as well."""
        ours = [("config_id", "in", config._credential_group().ids), ("source", "=", "pull")]
        waiting = [("kind", "=", "notice"), ("state", "=", "waiting")]
        return bool(self.env["marketplace.inbox"].search_count(ours + waiting, limit=1))

    def _fetch_noticed(self, config_id):
        """Fetch one order that a notice is about, store it, and acknowledge it once that is committed; tell whether
        there was one and it worked. Thousands of them, as when thousands of orders are changed at once, take hours: a
        pull that has waited for a minute goes before them, since new orders stand at the end.
        """
        with own_transaction(self.env) as env:
            config = env["marketplace.config"].browse(config_id)
            lane = env[self._name]
            notice = lane._notices(config)
            if not notice or not self._may_talk(config) or lane._is_probing(config) or lane._is_pull_late(config):
                return False
            # All that stand here before the order is fetched are about what it says then.
            same = [("config_id", "=", notice.config_id.id), ("external_id", "=", notice.external_id)]
            told = notice.search([*same, ("kind", "=", "notice"), ("state", "=", "waiting")])
            raw, error = lane._guarded(config, config._api()._fetch_order, config, notice.external_id)
            if error:
                lane._postpone_notice(notice, error)
                return False
            rows, _new = lane._store(config, [raw] if raw else [], notice.source)
            gone = "" if raw else _("The marketplace has no such order.")
            if gone:
                env["marketplace.order.processor"]._ask_about_deleted(notice.config_id, notice.external_id)
            row_ids = rows.filtered("needs_ack").ids
            if not row_ids:
                told.write({"state": "done", "last_error": gone or False})
                lane._go_on_pulling(config)
                return True
        return self._acknowledge_noticed(config_id, row_ids, (notice | told).ids)

    def _is_pull_late(self, config):
        """Tell whether orders were asked for so long ago that notices wait for them; not where that fails."""
        requested_at = config._running().pull_requested_at
        late = bool(requested_at) and requested_at < fields.Datetime.now() - LATE
        return late and not (self._failures(config) or self._limited_times(config))

    def _go_on_pulling(self, config):
        """Pull once more where stock waits for all orders, and the last that a pull has left behind is here."""
        if any(one._awaits_orders() for one in config._credential_group()) and not self._is_owed_by_pull(config):
            config._running()._request_pull()

    def _acknowledge_noticed(self, config_id, row_ids, told_ids):
        """Acknowledge what was fetched. Until that worked its notices stay: nothing else makes the order come again."""
        self._acknowledge(config_id, row_ids)
        with own_transaction(self.env) as env:
            rows, told = (env["marketplace.inbox"].browse(ids) for ids in (row_ids, told_ids))
            acknowledged = all(row.acknowledged_at for row in rows)
            if acknowledged:
                told.write({"state": "done", "last_error": False})
                env[self._name]._go_on_pulling(env["marketplace.config"].browse(config_id))
            else:
                env[self._name]._postpone_unacknowledged(told, rows[:1].ack_error)
        return acknowledged

    def _postpone_unacknowledged(self, told, refusal):
        """Come back to notices whose order is here, and that the marketplace let us not say so. Where it takes no
        acknowledgement at the moment, and did not refuse this one before, they wait for that alone."""
        untold = refusal or _("The marketplace did not take the acknowledgement.")
        running = told.config_id._credentials()._running()
        if running._is_blocked(ACKNOWLEDGE) and not refusal:
            told.write({"next_attempt": running._blocked_until(ACKNOWLEDGE), "last_error": untold})
        else:
            self._postpone_notice(told[:1], untold)

    def _is_probing(self, config):
        """Tell whether a pull is what the marketplace is to be tried with: it failed or limited our calls, and a pull
        is about no single order, which might be the reason. By turns, since it may be the pull that it can't stand."""
        running = config._running()
        return bool(running.pull_requested_at and (self._failures(config) + self._limited_times(config)) % 2)

    def _limited_times(self, config):
        """Return how often in a row its calls were too many."""
        return (config._running().limited or {}).get(self._lane(), {}).get("times", 0)

    def _postpone_notice(self, notice, error):
        """Come back to a notice later. An attempt counts where the marketplace worked until then: an outage, a limit
        of calls or wrong credentials are no fault of the order, however long they last."""
        config = notice.config_id._credentials()
        counts = self._may_talk(config) or (config._is_running() and config._running()._has_worked(self._lane()))
        attempts = notice.attempts + counts
        if attempts >= MAX_ATTEMPTS:
            notice._fail(error)
            return
        again = fields.Datetime.now() + timedelta(seconds=backoff(attempts)) if counts else self._talks_at(config)
        words = self.env["marketplace.api"]._in_words(error)
        notice.write({"attempts": attempts, "next_attempt": again, "last_error": words})

    # ------------------------------------------------------------------ business

    def _pull_page(self, config_id):
        """Pull one page and store it.

        :return: the time of the request that this answers, whether there may be more, whether some of the page is yet
            to come, and the ids of the rows to acknowledge; ``None`` when the account may not talk or the marketplace
            failed
        """
        with own_transaction(self.env) as env:
            config = env["marketplace.config"].browse(config_id)
            running = config._running()
            if not self._may_talk(config) or not running.pull_requested_at:
                return None
            requested_at = running._requested_at()
            cursor = running.order_cursor or None
            api = config._api()
            noticed = env[self._name]._last_notice(config)
            answer, error = env[self._name]._guarded(config, api._pull_orders, config, cursor)
            if error:
                if isinstance(error, (errors.RequestRejected, errors.MappingError)):
                    config._running()._note_failure(error, self._lane())  # a pull is about no row that could be blamed
                return None
            rows, new = env[self._name]._store(config, answer.documents)
            env[self._name]._close_notices(rows.filtered(lambda row: not row.stale), noticed)
            new += env[self._name]._store_later(config, answer)
            cut = bool(answer.limit or env[self._name]._is_owed_by_pull(config))
            if not config._capabilities()["needs_ack"]:
                running.order_cursor = answer.cursor or running.order_cursor
                return requested_at, answer.more, cut, rows.ids
            if not (cursor or answer.cursor or answer.more or answer.later):
                env[self._name]._note_acknowledged(config, rows)
            # A queue moves up by what was acknowledged. Where nothing will be, the cursor looks behind its head.
            moves = new and not running._is_blocked(ACKNOWLEDGE)
            running.order_cursor = False if moves else answer.cursor
            return requested_at, bool(moves or (answer.cursor and answer.documents)), cut, rows.ids

    def _store(self, config, documents, source="pull"):
        """Put raw orders into the inbox of the account they are for; return ``(rows to acknowledge, number new)``."""
        api = config._api()
        known, unknown = [], []
        named = [self._identified(api, config, raw) for raw in documents]
        accounts = config._accounts_of([(code, external_id) for external_id, code in named])
        for raw, (external_id, _code), account in zip(documents, named, accounts, strict=True):
            (known if account else unknown).append((account or config, "order", external_id, raw))
        inbox = self.env["marketplace.inbox"]
        inbox._lock_orders(unknown + known)
        held, held_new = inbox._store_locked(unknown, source)
        held._hold_unknown_supplier()
        rows, new = inbox._store_locked(known, source, needs_ack=config._capabilities()["needs_ack"])
        return rows, new + held_new

    def _last_notice(self, config):
        """Return the id of the newest notice that waits."""
        waiting = [("kind", "=", "notice"), ("state", "=", "waiting")]
        ours = [("config_id", "in", config._credential_group().ids)]
        return self.env["marketplace.inbox"].search(ours + waiting, order="id desc", limit=1).id or 0

    def _close_notices(self, rows, last):
        """Have nobody look after a notice whose order a pull has brought, nor fetch that where it stood here before the
        call, as ``last`` did: then it is about what the page says."""
        about = [("config_id", "in", rows.config_id.ids), ("external_id", "in", rows.mapped("external_id"))]
        known = ["|", ("state", "=", "failed"), "&", ("state", "=", "waiting"), ("id", "<=", last)]
        notices = [*about, ("kind", "=", "notice"), *known]
        self.env["marketplace.inbox"].search(notices).write({"state": "done", "last_error": False})

    def _store_later(self, config, page):
        """Note which orders of the page are to be fetched one by one; return how many of them are new."""
        if page.limit and page.later:
            config._running()._note_failure(self.env["marketplace.api"]._retold(page.limit), self._lane())
        api, new = config._api(), 0
        for raw in page.later:
            external_id, code = self._identified(api, config, raw)
            new += self._note_later(config._account_of(code, external_id) or config, external_id)
        return new

    def _note_later(self, config, external_id):
        """Note that this order is to be fetched; tell whether that is new. One notice of it is enough; one that failed
        has one more try, so that it stays where a person sees it."""
        Inbox = self.env["marketplace.inbox"]
        same = [("config_id", "=", config.id), ("external_id", "=", external_id), ("kind", "=", "notice")]
        known = Inbox.search([*same, ("state", "in", ("waiting", "failed"))], limit=1)
        notice = known or Inbox._store([(config, "notice", external_id, {})], "pull")[0]
        if not known or known.state == "failed":
            notice.write({"state": "waiting", "next_attempt": self._talks_at(config._credentials())})
        return not known

    def _identified(self, api, config, raw):
        """Return whose and which order a document is. One of which that can't be read is stored without, and fails when
        it is processed; its neighbours come in."""
        try:
            return api._identify(config, raw)
        except psycopg2.Error:
            raise
        except Exception:
            _logger.exception("A document of %s can't be identified", config.code)
            return "", ""

    def _acknowledge(self, config_id, row_ids):
        """Acknowledge the documents of one page, which are committed now; tell whether the pull may go on. Neither a
        refusal nor a failure of these calls alone keeps it from what stands behind.

        Only those: an order that is not on this page may have changed since it was stored, and acknowledging it would
        take the change for seen. What is not acknowledged comes again.
        """
        with own_transaction(self.env) as env:
            config = env["marketplace.config"].browse(config_id)
            waiting = (
                env["marketplace.inbox"]
                .browse(row_ids)
                .filtered(lambda row: row.needs_ack and not row.acknowledged_at and row.external_id)
            )
            lane = env[self._name]
            if waiting and config._running()._is_blocked(ACKNOWLEDGE):
                return lane._may_talk(config)
            results, failed, error = lane._acknowledge_parts(config, lane._parts_to_acknowledge(waiting))
            waiting._note_acknowledgements(results)
            if failed and not (isinstance(error, errors.RateLimited) or errors.needs_person(error)):
                waiting.filtered(lambda row: row.external_id in failed)._note_unanswered(error, ACK_ATTEMPTS)
            return not failed or lane._may_talk(config)

    def _parts_to_acknowledge(self, waiting):
        """Return the order ids of these documents in the parts that they are acknowledged in: what was refused before
        has a call of its own, as it would be halved out of the others again each time; and where the marketplace failed
        before, it is asked after all others, for fewer each time, as each failure ends what is done in one go."""

        def history(row):
            return row.ack_attempts, bool(row.ack_error)

        parts, seen = [], set()
        for (attempts, _refused), rows in groupby(waiting.sorted(history), history):
            ids = [external_id for external_id in dict.fromkeys(row.external_id for row in rows)]
            ids = [external_id for external_id in ids if external_id not in seen]
            seen.update(ids)
            size = max(1, len(ids) // 4**attempts)
            parts += [ids[start : start + size] for start in range(0, len(ids), size)]
        return parts

    def _acknowledge_parts(self, config, parts):
        """Acknowledge lists of order ids. One that is refused as a whole is halved until the bad order is alone; not
        where all that were alone were refused: then it is hardly the orders.

        :return: ``({order id: RowResult}, the ids at which the marketplace failed, its error)``
        """
        results, alone, taken = {}, 0, False
        while parts:
            ids = parts.pop(0)
            answer, error = self._guarded(config, config._api()._acknowledge, config, ids, lane=ACKNOWLEDGE)
            if error and not isinstance(error, errors.RequestRejected):
                return results, ids, error
            if error and len(ids) > 1 and (taken or alone < REFUSED_ALONE):
                parts[:0] = [ids[: len(ids) // 2], ids[len(ids) // 2 :]]
                continue
            alone += bool(error)
            answer = answer or [RowResult.rejected(error.code, str(error))] * len(ids)
            taken = taken or any(result.outcome == "accepted" for result in answer)
            results.update(zip(ids, answer, strict=True))
        return results, [], None

    def _note_acknowledged(self, config, rows):
        """Note what the marketplace has taken for acknowledged although its answer was lost: what is not among
        ``rows``, all that its queue holds now. Otherwise those documents would be kept for ever."""
        waiting = [
            ("config_id", "in", config._credential_group().ids),
            ("needs_ack", "=", True),
            ("acknowledged_at", "=", False),
            ("external_id", "not in", rows.mapped("external_id")),
        ]
        lost = self.env["marketplace.inbox"].search(waiting)
        lost.write({"acknowledged_at": fields.Datetime.now(), "ack_error": False})

    def _finish(self, config_id, requested_at, complete=True):
        """Note that all there was has been pulled, or all that can be now; a request that came meanwhile stays."""
        with own_transaction(self.env) as env:
            env.cr.execute(
                SQL(
                    """
                    UPDATE marketplace_config_state
                       SET last_pull_at = now() at time zone 'utc', pull_is_cut = %s,
                           pull_requested_at = CASE WHEN pull_requested_at = %s THEN NULL ELSE pull_requested_at END
                     WHERE config_id = %s
                    """,
                    not complete,
                    requested_at,
                    config_id,
                )
            )
            if complete:
                env["marketplace.config"].browse(config_id)._orders_are_here(requested_at)
