# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
import re
from datetime import timedelta

from odoo import api, fields, models, tools
from odoo.tools import SQL

from ..database import VACUUM_SECONDS, delete_old, own_transaction, transaction_lock

_logger = logging.getLogger(__name__)

KEEP_DAYS = 30
# Rows that go in one piece.
VACUUM_ROWS = 10_000


class MarketplaceSyncLog(models.Model):
    """One row for each exchange with a marketplace. Rows are only ever added, on a transaction of their own, so that
    the log tells of failures that were rolled back too. Excerpts come redacted from the transport."""

    _name = "marketplace.sync.log"
    _description = "Marketplace Log"
    _order = "id desc"
    _rec_name = "operation"
    _log_access = False

    config_id = fields.Many2one("marketplace.config", string="Account", required=True, ondelete="cascade")
    create_date = fields.Datetime(string="Time", readonly=True)
    operation = fields.Selection(
        [
            ("test_connection", "Test connection"),
            ("list_products", "Read catalogue"),
            ("match_products", "Match products"),
            ("locate_products", "Look up products"),
            ("push_offers", "Send prices and stock"),
            ("poll_push", "Ask about what was sent"),
            ("token", "Ask for a token"),
            ("register_webhooks", "Register webhooks"),
            ("pull_orders", "Pull orders"),
            ("fetch_order", "Fetch an order"),
            ("acknowledge", "Acknowledge orders"),
            ("push_status", "Send order status"),
            ("push_lines", "Send order lines"),
            ("ship", "Tell of a delivery"),
            ("cancel", "Cancel an order"),
            ("webhook_orders", "Webhook: orders"),
            ("webhook_status", "Webhook: status"),
            ("webhook_test", "Webhook: test"),
        ],
        readonly=True,
    )
    direction = fields.Selection([("out", "Out"), ("in", "In")], readonly=True)
    status = fields.Selection(
        [("success", "OK"), ("partial", "Partly"), ("error", "Failed")], readonly=True, required=True
    )
    row_count = fields.Integer(string="Rows", readonly=True)
    failed_count = fields.Integer(string="Failed Rows", readonly=True)
    http_status = fields.Integer(string="HTTP Status", readonly=True)
    duration_ms = fields.Integer(string="Milliseconds", readonly=True)
    clock_ahead = fields.Integer(
        string="Clock Ahead (s)", readonly=True, help="Seconds that the marketplace's clock was ahead of ours."
    )
    method = fields.Char(readonly=True)
    url = fields.Char(string="Address", readonly=True)
    request = fields.Text(readonly=True)
    response = fields.Text(readonly=True)
    message = fields.Char(readonly=True)

    def init(self):
        tools.create_index(self.env.cr, "marketplace_sync_log_config_idx", self._table, ["config_id", "id"])
        # What the dashboard counts of the last day stands in the index: of millions of rows it reads none.
        tools.create_index(
            self.env.cr, "marketplace_sync_log_day_idx", self._table, ["create_date", "config_id", "status"]
        )
        tools.create_index(
            self.env.cr, "marketplace_sync_log_in_idx", self._table, ["config_id", "id"], where="direction = 'in'"
        )
        # The index alone is enough where PostgreSQL knows that all see the rows. It looks by itself once a fifth of the
        # table is new: after weeks, here.
        if self.env.cr._cnx.server_version >= 130000:
            self.env.cr.execute(
                "ALTER TABLE marketplace_sync_log SET "
                "(autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_insert_scale_factor = 0)"
            )

    def _record_exchange(self, config, operation, exchange, seconds, error):
        """Write down one call of the marketplace, whatever becomes of the caller's transaction."""
        seen = exchange.seen
        values = {
            "operation": operation,
            "direction": "out",
            "status": "error" if error else "partial" if exchange.failed else "success",
            "row_count": exchange.count,
            "failed_count": exchange.count if error else exchange.failed,
            "duration_ms": round(seconds * 1000),
            "message": str(error) if error else False,
        }
        if seen:
            values.update(
                http_status=seen.status or 0,
                method=seen.method,
                url=seen.url,
                clock_ahead=round(seen.ahead or 0),
                request=seen.request_excerpt,
                response=seen.response_excerpt,
            )
        self._record(config, values)

    def _record(self, config, values):
        """Add one row on a transaction of its own. Never raises: a log that fails must not stop what it tells of."""
        try:
            with own_transaction(self.env) as env:
                env[self._name].create({"config_id": config.id, "create_date": fields.Datetime.now(), **values})
        except Exception:
            _logger.exception("Could not write to the marketplace log")

    def _insert(self, config_id, values):
        """Add one row in this transaction, by one statement."""
        names = SQL(", ").join(SQL.identifier(name) for name in ("config_id", "create_date", *values))
        row = SQL(", ").join(SQL("%s", value) for value in values.values())
        self.env.cr.execute(
            SQL(
                "INSERT INTO marketplace_sync_log (%s) VALUES (%s, now() at time zone 'utc', %s)", names, config_id, row
            )
        )

    def _record_refusal(self, config, operation, message):
        """Note a delivery that was refused: one row for each account, reason and minute, which counts them, so that
        whoever knocks a thousand times fills no table. Never raises."""
        try:
            with own_transaction(self.env) as env:
                env[self._name]._count_refusal(config.id, operation, message)
        except Exception:
            _logger.exception("Could not write to the marketplace log")

    def _count_refusal(self, config_id, operation, message):
        reason = re.sub(r"\d+", "#", message)  # an age is no reason of its own
        key = f"marketplace:refusal:{config_id}:{operation}:{reason}"
        transaction_lock(self.env.cr, key)
        self.env.cr.execute(
            SQL(
                """
                UPDATE marketplace_sync_log SET failed_count = failed_count + 1, row_count = row_count + 1
                 WHERE id = (SELECT max(id) FROM marketplace_sync_log
                              WHERE create_date >= date_trunc('minute', now() at time zone 'utc')
                                AND config_id = %s AND operation = %s AND status = 'error' AND direction = 'in'
                                AND regexp_replace(message, '[0-9]+', '#', 'g') = %s)
                """,
                config_id,
                operation,
                reason,
            )
        )
        if not self.env.cr.rowcount:
            values = {"operation": operation, "direction": "in", "status": "error", "message": message}
            self._insert(config_id, {**values, "row_count": 1, "failed_count": 1})

    @api.autovacuum
    def _gc_old_rows(self):
        """Delete what is older than the retention."""
        oldest = fields.Datetime.now() - timedelta(days=KEEP_DAYS)
        delete_old(self.env, self._table, "create_date", oldest, VACUUM_ROWS, VACUUM_SECONDS)
