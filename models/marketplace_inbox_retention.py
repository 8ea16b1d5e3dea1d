# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
import logging
import time
from datetime import timedelta

import psycopg2

from odoo import _, api, fields, models, tools
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..database import VACUUM_SECONDS, go_on_soon, own_transaction
from ..schemas import Customer
from ..transport.errors import MarketplaceError
from ..transport.redaction import without_codes, without_personal

BATCH = 1000
# Nights that may pass before what is still there is told as a fault.
GRACE_DAYS = 2

_logger = logging.getLogger(__name__)


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    inbox_days = fields.Integer(
        string="Keep Documents",
        default=90,
        help="Days after which what a processed document says of the customer is removed: name, phones, e-mail, "
        "addresses. As many days later the document is deleted. 0: kept for ever.",
    )

    _sql_constraints = [("inbox_days_positive", "CHECK (inbox_days >= 0)", "The days can't be negative.")]


class MarketplaceInbox(models.Model):
    """What becomes of old documents: first they forget who ordered, then they go."""

    _inherit = "marketplace.inbox"

    redacted_at = fields.Datetime(string="Personal Data Removed", readonly=True)

    def init(self):
        result = super().init()
        tools.create_index(
            self.env.cr,
            "marketplace_inbox_to_redact_idx",
            self._table,
            ["config_id", "create_date"],
            where="redacted_at IS NULL AND state IN ('done', 'superseded', 'aside')",
        )
        tools.create_index(
            self.env.cr,
            "marketplace_inbox_aside_idx",
            self._table,
            ["config_id"],
            where="state = 'aside' AND redacted_at IS NULL",
        )
        tools.create_index(
            self.env.cr,
            "marketplace_inbox_to_delete_idx",
            self._table,
            ["config_id", "create_date"],
            where="redacted_at IS NOT NULL",
        )
        return result

    def _check_replayable(self):
        """:raise UserError: what these say of the customer was removed, so no order can be made of it"""
        for row in self.filtered("redacted_at"):
            if row.state == "closed":
                raise UserError(
                    _(
                        "Document %(order)s can't be replayed: its customer was forgotten on %(date)s. Have the "
                        "marketplace send the order again, or enter it by hand.",
                        order=row.external_id,
                        date=fields.Date.to_string(row.redacted_at),
                    )
                )
            raise UserError(
                _(
                    "Document %(order)s can't be replayed: its personal data was removed on %(date)s, after the days "
                    "that the account keeps documents. Change the order by hand, or have it sent again.",
                    order=row.external_id,
                    date=fields.Date.to_string(row.redacted_at),
                )
            )

    def _replayable(self):
        """Return those of which an order can still be made."""
        return self.filtered(lambda row: not row.redacted_at)

    def _failed_state(self):
        """Return the state of one that could not be processed: nobody can mend one that was taken its customer's data,
        so that one waits for nobody."""
        return "closed" if self.redacted_at else "failed"

    @api.model
    def _gone_sql(self):
        """Return the condition of those whose order is not here and can't be made of them, so that it is taken anew
        where the marketplace still has it."""
        return SQL(
            "i.state = 'closed' AND NOT EXISTS (SELECT 1 FROM sale_order o "
            "WHERE o.marketplace_config_id = i.config_id AND o.cartona_id = i.external_id)"
        )

    @api.model
    def _retriable_sql(self):
        return SQL("redacted_at IS NULL")

    def _try_again(self):
        self._replayable().action_replay()

    @api.autovacuum
    def _gc_old_documents(self):
        """Remove personal data, then documents, in pieces, each in a transaction of its own, for as long as there is
        time, and the rest soon: the accounts by turns, so that none has to wait for another's."""
        deadline = time.monotonic() + VACUUM_SECONDS
        configs = self.env["marketplace.config"].with_context(active_test=False).search([("inbox_days", ">", 0)])
        turn = configs.ids
        while turn:
            turn = [config_id for config_id in turn if self._gc_documents_of(config_id)]
            if time.monotonic() >= deadline:
                break
        if turn:
            go_on_soon(self.env)

    def _gc_documents_of(self, config_id):
        """Take one piece of each step's documents of an account; tell whether there may be more. What fails at one
        account keeps those of no other."""
        return BATCH in [self._gc_piece(config_id, step) for step in ("_redact_old", "_delete_old")]

    def _gc_piece(self, config_id, step):
        try:
            with own_transaction(self.env) as env:
                return getattr(env[self._name], step)(env["marketplace.config"].browse(config_id))
        except Exception:
            _logger.exception(
                "Old documents of account %s stay: %s failed; the next night tries again", config_id, step
            )
            return 0

    def _redact_old(self, config):
        """Redact one batch; return how many. What may be needed as it came stays: documents that still have to be
        acknowledged, and those of orders that nobody has confirmed yet."""
        if not config.active:
            self._set_aside_old(config)
        self.env.cr.execute(
            SQL(
                "SELECT id, payload FROM marketplace_inbox i WHERE %s "
                "ORDER BY create_date LIMIT %s FOR UPDATE SKIP LOCKED",
                self._old_sql(config, config.inbox_days),
                BATCH,
            )
        )
        rows = self.env.cr.fetchall()
        ids = [row_id for row_id, _payload in rows]
        keys = config._api()._account_personal_keys(config)
        self.env.cr.execute(
            SQL(
                """
                UPDATE marketplace_inbox i
                   SET payload = r.payload, private = NULL, redacted_at = now() at time zone 'utc'
                  FROM unnest(%s::int[], %s::text[]) AS r (id, payload)
                 WHERE i.id = r.id AND i.id = ANY(%s)
                """,
                ids,
                [self._dump_without_personal(row_id, payload, keys) for row_id, payload in rows],
                ids,
            )
        )
        return len(rows)

    def _set_aside_old(self, config):
        """Have what waits for an archived account, and so for nobody, go with time as what a person has set aside; what
        is processed waits for no acknowledgement any more."""
        moment = self._days_ago(config.inbox_days)
        old = SQL("config_id = %s AND kind != 'erase' AND create_date < %s", config.id, moment)
        for values, waiting in (
            ("state = 'aside', needs_ack = FALSE", "state IN ('waiting', 'imported')"),
            ("state = 'aside', needs_ack = FALSE", "state = 'failed'"),
            ("needs_ack = FALSE", "needs_ack AND acknowledged_at IS NULL"),
        ):
            self.env.cr.execute(SQL("UPDATE marketplace_inbox SET %s WHERE %s AND %s", SQL(values), SQL(waiting), old))

    def _old_sql(self, config, days):
        """Return the condition of those that are older than that and still tell who ordered, though they should not."""
        return SQL(
            """
            config_id = %s AND create_date < %s AND redacted_at IS NULL AND state IN ('done', 'superseded', 'aside')
               AND (acknowledged_at IS NOT NULL OR NOT needs_ack)
               AND NOT EXISTS (SELECT 1 FROM sale_order o WHERE o.id = i.order_id AND o.state IN ('draft', 'sent'))
            """,
            config.id,
            self._days_ago(days),
        )

    def _dump_without_personal(self, row_id, payload, keys):
        """Return the text of a document without what it says of the customer; of one that can't be read, nothing."""
        try:
            return self._dump(without_personal(json.loads(payload or "null"), keys))
        except (ValueError, RecursionError):
            _logger.exception("Document %s can't be read: all of it goes", row_id)
            return "null"

    def _keep_too_long(self, config):
        """Tell whether documents of the account still tell who ordered, days after they should."""
        if not config.inbox_days:
            return False
        late = self._old_sql(config, config.inbox_days + GRACE_DAYS)
        # In the order of the index: where there is none, no table is read to its end.
        self.env.cr.execute(SQL("SELECT 1 FROM marketplace_inbox i WHERE %s ORDER BY create_date LIMIT 1", late))
        return bool(self.env.cr.rowcount)

    def _redact(self, codes=frozenset()):
        """Remove what these documents say of the customer now, whatever their age and state, these codes included.
        Those that failed are closed."""
        for row in self:
            api = row.config_id._api()
            clean = without_personal(row._document(), api._account_personal_keys(row.config_id))
            clean = without_codes(clean, codes, api._account_code_keys(row.config_id))
            row.write({"payload": self._dump(clean), "private": False, "redacted_at": fields.Datetime.now()})
            if row.state == "failed":
                row.state = row._failed_state()

    def _customer(self):
        """Return the neutral customer of a document; an empty one where it can't be told, for whatever reason: what the
        adapter stumbles over must not keep its customer from being forgotten."""
        self.ensure_one()
        if self.kind != "order":
            return Customer("")
        try:
            return self.config_id._api()._parse_order(self.config_id, self._document()).customer
        except MarketplaceError:
            return Customer("")
        except psycopg2.Error:
            raise  # the transaction is lost
        except Exception:
            _logger.exception("The customer of document %s can't be told", self.id)
            return Customer("")

    def _personal_words(self):
        """Return the texts by which the customers of these documents are found in what was written down."""
        words = set()
        for customer in [row._customer() for row in self]:
            for place in filter(None, (customer, customer.billing)):
                words |= {place.name, place.phone, place.phone2, place.email, place.street, place.street2, place.notes}
        return words - {""}

    def _delete_old(self, config):
        """Delete one batch of documents that have been without personal data for as long as they were kept; return how
        many."""
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM marketplace_inbox WHERE id IN (
                    SELECT id FROM marketplace_inbox
                     WHERE config_id = %s AND create_date < %s AND redacted_at IS NOT NULL
                  ORDER BY create_date LIMIT %s FOR UPDATE SKIP LOCKED)
                """,
                config.id,
                self._days_ago(2 * config.inbox_days),
                BATCH,
            )
        )
        return self.env.cr.rowcount

    def _days_ago(self, days):
        return fields.Datetime.now() - timedelta(days=days)
