# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
import time
from datetime import timedelta
from functools import partial

import psycopg2.errors

from odoo import _, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..database import CONFLICTS, is_of_database, own_transaction, retried_transaction, try_transaction_locks
from ..transport.errors import MappingError
from ..transport.retry import backoff

_logger = logging.getLogger(__name__)

BATCH = 100
WAKE_SECONDS = 1.0
MAX_ATTEMPTS = 5
# Seconds after which what failed first is tried again; a request to forget somebody is heavy.
SOON = 5
FORGET_SOON = 60


class MarketplaceLaneInbox(models.AbstractModel):
    """Stored documents on their way to sales orders. A batch goes in as one; when it fails it is halved until the bad
    document is alone, which stays behind with its error. What follows an import (confirming, say) is done order by
    order, each in a transaction of its own, so that one that can't be confirmed undoes nothing."""

    _name = "marketplace.lane.inbox"
    _inherit = "marketplace.lane"
    _description = "Lane of Received Documents"

    # ------------------------------------------------------------------ lane

    def _has_work(self, config):
        # Orders that are here are processed whether or not the marketplace answers, unless the account is paused.
        return config.state == "live" and bool(self._open_ids(config, ("waiting", "imported"), 1))

    def _next_attempt(self, config):
        self.env.cr.execute(
            SQL(
                "SELECT min(coalesce(next_attempt, now() at time zone 'utc')) FROM marketplace_inbox "
                "WHERE config_id = %s AND state IN ('waiting', 'imported') AND kind != 'notice'",
                config.id,
            )
        )
        return self.env.cr.fetchone()[0]

    def _step(self, config_id):
        with own_transaction(self.env) as env:
            lane = env[self._name]
            config = env["marketplace.config"].browse(config_id)
            rows = env["marketplace.inbox"].browse(lane._open_ids(config, ("waiting",), BATCH, erase=False))
            left = lane._supersede(rows)
            worked = len(left) < len(rows)
            rows = lane._lock(left)
            if rows:
                lane._import(config, rows)
            imported = lane._open_ids(config, ("imported",), BATCH)
            erases = lane._open_ids(config, ("waiting",), 1, erase=True)
            worked |= bool(rows)
        worked |= self._follow_all(imported)
        # Seldom: no order pays for another transaction to find that out.
        return bool(erases and self._forget_next(config_id)) or worked

    # ------------------------------------------------------------------ business

    def _open_ids(self, config, states, limit, erase=None):
        """Return the documents that can go on now, the oldest first.

        :param erase: only the requests to forget somebody, or none of them
        """
        self.env.cr.execute(
            SQL(
                """
                SELECT id FROM marketplace_inbox
                 WHERE config_id = %s AND state IN ('waiting', 'imported') AND state = ANY(%s) AND kind != 'notice'
                   AND (next_attempt IS NULL OR next_attempt <= now() at time zone 'utc')
                   AND (%s IS NULL OR (kind = 'erase') = %s)
              ORDER BY id LIMIT %s
                """,
                config.id,
                list(states),
                erase,
                erase,
                limit,
            )
        )
        return [row[0] for row in self.env.cr.fetchall()]

    def _supersede(self, rows):
        """Set aside full documents of orders of which a newer one is stored; return those that are left."""
        if not rows:
            return rows
        self.env.cr.execute(
            SQL(
                """
                UPDATE marketplace_inbox i SET state = 'superseded'
                 WHERE i.id = ANY(%s) AND i.kind = 'order' AND EXISTS (
                    SELECT 1 FROM marketplace_inbox newer
                     WHERE newer.config_id = i.config_id AND newer.external_id = i.external_id
                       AND newer.kind = 'order' AND newer.stale IS NOT TRUE AND newer.external_id != ''
                       AND (newer.version COLLATE "C" > i.version COLLATE "C"
                            OR newer.id > i.id AND (newer.version COLLATE "C" < i.version COLLATE "C") IS NOT TRUE))
             RETURNING i.id
                """,
                rows.ids,
            )
        )
        old = [row[0] for row in self.env.cr.fetchall()]
        rows.invalidate_recordset(["state"])
        return rows - rows.browse(old)

    def _lock(self, rows):
        """Return the rows whose order nobody else works at, locked until the commit. Of the others it waits for none:
        they are left to who has them."""
        keys = {row: f"marketplace:order:{row.config_id.id}:{row.external_id or row.id}" for row in rows.sorted("id")}
        obtained = try_transaction_locks(self.env.cr, set(keys.values()))
        return rows.browse(row.id for row, key in keys.items() if key in obtained)

    def _import(self, config, rows, again=True):
        """Import documents as one; on failure halve them until the bad one is alone."""
        processor = self.env["marketplace.order.processor"]
        try:
            with self.env.cr.savepoint():
                processor._process(config, rows)
        except Exception as err:
            if is_of_database(err):
                raise
            self.env.invalidate_all()
            if len(rows) > 1:
                middle = len(rows) // 2
                self._import(config, rows[:middle])
                self._import(config, rows[middle:])
            elif isinstance(err, psycopg2.errors.UniqueViolation) and again:
                self._import(config, rows, again=False)  # somebody else has just made that customer: now it is found
            else:
                self._give_up(rows, err)

    def _give_up(self, row, err):
        if not isinstance(err, (MappingError, UserError)):
            _logger.exception("Document %s of account %s could not be processed", row.id, row.config_id.id)
        row._fail(err)

    def _forget_next(self, config_id):
        """Forget one customer whom the marketplace asks us to forget, apart from all orders; tell whether there was
        one. It may be so much that the worker is ended for it: so the attempt is counted before, and ends some day."""
        with own_transaction(self.env) as env:
            lane, config = env[self._name], env["marketplace.config"].browse(config_id)
            row = lane._lock(env["marketplace.inbox"].browse(lane._open_ids(config, ("waiting",), 1, erase=True)))
            if not row:
                return False
            if row.attempts >= MAX_ATTEMPTS:
                row._fail(_("Forgetting this customer was begun %s times and never came to its end.", row.attempts))
                return True
            attempts = row.attempts + 1
            row.write({"attempts": attempts, "next_attempt": lane._later(attempts, FORGET_SOON)})
            row_id = row.id
        try:
            retried_transaction(self.env, partial(self._forget_once, row_id))
        except CONFLICTS as err:
            _logger.info("The request %s to forget a customer is tried again later: %s", row_id, err)
            self._postpone(row_id, err, blamed=False, base=FORGET_SOON)
        except Exception as err:
            _logger.exception("The request %s to forget a customer failed", row_id)
            self._postpone(row_id, err, base=FORGET_SOON)
        return True

    def _forget_once(self, row_id, env):
        row = env["marketplace.inbox"].browse(row_id)
        if env[self._name]._lock(row) and row.state == "waiting":
            env["marketplace.order.processor"]._process_erasure(row.config_id, row)

    def _follow_all(self, row_ids):
        """Do what follows the import of each order; tell whether anything was done.

        Each commit would wake the senders for the stock it moved; once a second is enough, and leaves the processor to
        this work.
        """
        worked, woken = False, time.monotonic()
        for row_id in row_ids:
            if self._is_late():
                break
            worked |= self._follow_up(row_id)
            if time.monotonic() - woken > WAKE_SECONDS:
                self._wake()
                woken = time.monotonic()
        if worked:
            self._wake()
        return worked

    def _wake(self):
        with own_transaction(self.env) as env:
            env["marketplace.wake"]._request()

    def _follow_up(self, row_id):
        """Do what follows the import of one order; a failure is stored with the document and tried again later."""
        if not self._begin(row_id):
            return True
        try:
            return retried_transaction(self.env, partial(self._follow_up_once, row_id), repeatable_read=True)
        except CONFLICTS as err:  # with a user who works at the same products: not the order's fault
            _logger.info("What follows document %s is tried again later: %s", row_id, err)
            self._postpone(row_id, err, blamed=False)
        except Exception as err:
            if not isinstance(err, UserError):
                _logger.exception("What follows document %s failed", row_id)
            self._postpone(row_id, err)
        return True

    def _follow_up_once(self, row_id, env):
        env["marketplace.wake"]._hold_back()
        # First of all: who acknowledges the document meanwhile waits, instead of failing all that follows here.
        lock = "SELECT 1 FROM marketplace_inbox WHERE id = %s FOR NO KEY UPDATE"
        env.cr.execute(lock, [row_id], log_exceptions=False)
        row = env["marketplace.inbox"].browse(row_id)
        if not env[self._name]._lock(row) or row.state != "imported":
            row.attempts -= row.state == "imported"  # it was not made after all
            return False
        if not env["marketplace.order.processor"]._follow_up(row):
            row.attempts -= 1  # it stays until the newer document is imported, or can't be
            return False
        row.write({"state": "done", "attempts": 0, "next_attempt": False, "last_error": False})
        return True

    def _begin(self, row_id):
        """Count the attempt before it is made: one that ends the process each time makes way for the others, and is
        left to a person in the end. Tell whether to go on."""
        with own_transaction(self.env) as env:
            row = env["marketplace.inbox"].browse(row_id)
            if row.attempts >= MAX_ATTEMPTS:
                row._fail(env[self._name]._ended_each_time())
                return False
            attempts = row.attempts + 1
            row.write({"attempts": attempts, "next_attempt": self._later(attempts)})
            return True

    def _postpone(self, row_id, err, blamed=True, base=SOON):
        with own_transaction(self.env) as env:
            row = env["marketplace.inbox"].browse(row_id)
            attempts = row.attempts if blamed else row.attempts - 1
            if attempts >= MAX_ATTEMPTS:
                row.attempts -= 1  # it is counted once more as the failure that it is
                row._fail(err)
                return
            words = env["marketplace.api"]._in_words(err)
            row.write({"attempts": attempts, "next_attempt": self._later(attempts, base), "last_error": words})

    def _later(self, attempts, base=SOON):
        return fields.Datetime.now() + timedelta(seconds=backoff(attempts, base=base))
