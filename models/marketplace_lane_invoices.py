# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
from datetime import timedelta
from functools import partial

from odoo import _, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..database import CONFLICTS, own_transaction, retried_transaction
from ..transport.retry import backoff

_logger = logging.getLogger(__name__)

BATCH = 20
MAX_ATTEMPTS = 5


class MarketplaceLaneInvoices(models.AbstractModel):
    """Invoices of what was delivered, order by order, each in a transaction of its own. One that fails is kept, a
    person is told, and the others go on. Nothing is sent to a marketplace: whether it answers does not matter."""

    _name = "marketplace.lane.invoices"
    _inherit = "marketplace.lane"
    _description = "Lane of Invoices"

    # ------------------------------------------------------------------ lane

    def _has_work(self, config):
        return bool(self._waiting_ids(config, 1))

    def _next_attempt(self, config):
        self.env.cr.execute(
            SQL(
                "SELECT min(next_attempt) FROM marketplace_outbox "
                "WHERE lane = 'invoices' AND config_id = %s AND state = 'waiting'",
                config.id,
            )
        )
        return self.env.cr.fetchone()[0]

    def _step(self, config_id):
        with own_transaction(self.env) as env:
            row_ids = env[self._name]._waiting_ids(env["marketplace.config"].browse(config_id), BATCH)
        for row_id in row_ids:
            if self._is_late():
                break
            self._invoice(row_id)
        return bool(row_ids)

    # ------------------------------------------------------------------ business

    def _waiting_ids(self, config, limit):
        self.env.cr.execute(
            SQL(
                "SELECT id FROM marketplace_outbox WHERE lane = 'invoices' AND config_id = %s AND state = 'waiting' "
                "AND (next_attempt IS NULL OR next_attempt <= now() at time zone 'utc') "
                "ORDER BY attempts NULLS FIRST, id LIMIT %s",
                config.id,
                limit,
            )
        )
        return [row[0] for row in self.env.cr.fetchall()]

    def _invoice(self, row_id):
        """Make the invoice that one row asks for; a failure is kept with the row and told to a person."""
        if not self._begin(row_id):
            return
        try:
            retried_transaction(self.env, partial(self._invoice_once, row_id), repeatable_read=True)
        except CONFLICTS as err:  # with a user who works at the same order: not its fault
            _logger.info("The invoice of row %s is tried again later: %s", row_id, err)
            self._postpone(row_id, err)
        except Exception as err:
            if not isinstance(err, UserError):
                _logger.exception("The invoice of row %s failed", row_id)
            self._fail(row_id, err)

    def _begin(self, row_id):
        """Count the attempt before it is made: one that ends the process each time makes way for the others, and is
        left to a person in the end. Tell whether to go on."""
        with own_transaction(self.env) as env:
            row = env["marketplace.outbox"].browse(row_id).exists()
            ended = row.attempts >= MAX_ATTEMPTS
            if row and not ended:
                row.attempts += 1
        if ended:
            self._fail(row_id, self._ended_each_time())
        return not ended

    def _invoice_once(self, row_id, env):
        row = env["marketplace.outbox"].browse(row_id).exists()
        if row.sale_order_id:
            row.sale_order_id._make_marketplace_invoice()
        row.unlink()

    def _postpone(self, row_id, error):
        with own_transaction(self.env) as env:
            row = env["marketplace.outbox"].browse(row_id)
            message = self.env["marketplace.api"]._in_words(error)
            moment = fields.Datetime.now() + timedelta(seconds=backoff(row.attempts))
            row.write({"attempts": row.attempts - 1, "next_attempt": moment, "last_error": message})

    def _fail(self, row_id, error):
        with own_transaction(self.env) as env:
            row = env["marketplace.outbox"].browse(row_id)
            message = self.env["marketplace.api"]._in_words(error)
            row.write({"state": "failed", "last_error": message})
            row.account_id._tell_responsible(
                _("Orders of %s could not be invoiced", row.account_id.name),
                _(
                    "%(order)s: %(error)s Correct that, then press Retry Failed on the account; or invoice the orders "
                    "that the outbox shows as failed yourself.",
                    order=row.sale_order_id.name,
                    error=message,
                ),
                cause="invoices",
            )
