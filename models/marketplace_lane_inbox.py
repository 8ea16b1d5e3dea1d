# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
from datetime import timedelta

import psycopg2

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..database import own_transaction, try_transaction_lock
from ..transport.errors import MappingError
from ..transport.retry import backoff

_logger = logging.getLogger(__name__)

BATCH = 100
MAX_ATTEMPTS = 5


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
                "WHERE config_id = %s AND state IN ('waiting', 'imported')",
                config.id,
            )
        )
        return self.env.cr.fetchone()[0]

    def _step(self, config_id):
        with own_transaction(self.env) as env:
            lane = env[self._name]
            config = env["marketplace.config"].browse(config_id)
            rows = env["marketplace.inbox"].browse(lane._open_ids(config, ("waiting",), BATCH))
            rows = lane._lock(lane._supersede(rows))
            if rows:
                lane._import(config, rows)
            imported = lane._open_ids(config, ("imported",), BATCH)
            worked = bool(rows)
        for row_id in imported:
            worked |= self._follow_up(row_id)
        return worked

    # ------------------------------------------------------------------ business

    def _open_ids(self, config, states, limit):
        self.env.cr.execute(
            SQL(
                """
                SELECT id FROM marketplace_inbox
                 WHERE config_id = %s AND state IN ('waiting', 'imported') AND state = ANY(%s)
                   AND (next_attempt IS NULL OR next_attempt <= now() at time zone 'utc')
              ORDER BY id LIMIT %s
                """,
                config.id,
                list(states),
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
                       AND newer.kind = 'order' AND newer.id > i.id AND newer.external_id != '')
             RETURNING i.id
                """,
                rows.ids,
            )
        )
        old = [row[0] for row in self.env.cr.fetchall()]
        rows.invalidate_recordset(["state"])
        return rows - rows.browse(old)

    def _lock(self, rows):
        """Return the rows whose order nobody else works at, locked until the commit; in sorted order, so that two of
        these never wait for each other."""
        obtained = self.env["marketplace.inbox"]
        for row in rows.sorted("external_id"):
            if try_transaction_lock(self.env.cr, f"marketplace:order:{row.config_id.id}:{row.external_id or row.id}"):
                obtained |= row
        return obtained.sorted("id")

    def _import(self, config, rows):
        """Import documents as one; on failure halve them until the bad one is alone."""
        processor = self.env["marketplace.order.processor"]
        try:
            with self.env.cr.savepoint():
                processor._process(config, rows)
        except psycopg2.OperationalError:
            raise  # a deadlock or a lost connection says nothing about the documents
        except Exception as err:
            self.env.invalidate_all()
            if len(rows) > 1:
                middle = len(rows) // 2
                self._import(config, rows[:middle])
                self._import(config, rows[middle:])
                return
            if not isinstance(err, (MappingError, UserError)):
                _logger.exception("Document %s of account %s could not be processed", rows.id, config.id)
            rows._fail(err)

    def _follow_up(self, row_id):
        """Do what follows the import of one order; a failure is stored with the document and tried again later."""
        try:
            with own_transaction(self.env) as env:
                row = env["marketplace.inbox"].browse(row_id)
                if not env[self._name]._lock(row) or row.state != "imported":
                    return False
                env["marketplace.order.processor"]._follow_up(row)
                row.write({"state": "done", "last_error": False})
        except Exception as err:
            if not isinstance(err, UserError):
                _logger.exception("What follows document %s failed", row_id)
            self._postpone(row_id, err)
        return True

    def _postpone(self, row_id, err):
        with own_transaction(self.env) as env:
            row = env["marketplace.inbox"].browse(row_id)
            attempts = row.attempts + 1
            row.write(
                {
                    "attempts": attempts,
                    "state": "imported" if attempts < MAX_ATTEMPTS else "failed",
                    "next_attempt": fields.Datetime.now() + timedelta(seconds=backoff(attempts)),
                    "last_error": str(err),
                }
            )
