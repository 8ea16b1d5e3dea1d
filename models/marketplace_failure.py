# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import re

from odoo import _, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

# Ids make the same trouble look like many; what is left without them is its cause. PostgreSQL and Python read the
# pattern alike.
IDS = "[0-9A-Za-z_-]*[0-9]{4,}[0-9A-Za-z_-]*"
LONGEST = 300
#: The models of what can fail and be tried again.
FAILING = ("marketplace.listing", "marketplace.inbox", "marketplace.outbox")


class MarketplaceFailure(models.AbstractModel):
    """What waits for a person because it failed: rows of one cause are looked at, mended and tried again together.

    Wants the fields ``state`` and ``last_error`` of the model; ``error_code`` where there is one.
    """

    _name = "marketplace.failure"
    _description = "Waits for a Person"

    cause = fields.Char(compute="_compute_cause", search="_search_cause", help="The error, but for the ids in it.")

    def _compute_cause(self):
        for row in self:
            text = row.last_error or ("error_code" in row._fields and row.error_code) or ""
            row.cause = re.sub(IDS, "…", text)[:LONGEST] if row.state == "failed" else ""

    def _search_cause(self, operator, value):
        causes = [value] if isinstance(value, str) else list(value or [False])
        if operator not in ("=", "in") or False in causes:
            raise UserError(_("Causes can only be compared as a whole."))
        self.flush_model()
        self.env.cr.execute(
            SQL(
                "SELECT id FROM %s WHERE state = 'failed' AND %s = ANY(%s)",
                SQL.identifier(self._table),
                self._cause_sql(),
                causes,
            )
        )
        return [("id", "in", [row[0] for row in self.env.cr.fetchall()])]

    # ------------------------------------------------------------------ hooks

    @api.model
    def _error_sql(self):
        """Return the expression of the error as it is told."""
        code = SQL("nullif(error_code, '')") if "error_code" in self._fields else SQL("NULL")
        return SQL("coalesce(nullif(last_error, ''), %s, '')", code)

    @api.model
    def _failed_domain(self):
        """Return the domain of what failed and concerns somebody: the one place that says so."""
        return [("state", "=", "failed")]

    @api.model
    def _retriable_sql(self):
        """Return the condition of the rows that are tried again at a button, without a look at each."""
        return SQL("TRUE")

    def _try_again(self):
        """Put these, which failed, back into their queue, but for those that need a look at each."""
        raise NotImplementedError

    # ------------------------------------------------------------------ business

    @api.model
    def _failed_sql(self):
        """Return the same as a condition of SQL."""
        # sudo: what is counted, and of whom, the caller says
        return self.sudo().with_context(active_test=False)._search(self._failed_domain()).where_clause

    @api.model
    def _cause_sql(self):
        return SQL("left(regexp_replace(%s, %s, '…', 'g'), %s)", self._error_sql(), IDS, LONGEST)

    @api.model
    def _causes_sql(self, configs):
        """Return the query of the causes: account, model, cause, how many, one error in full, how many are tried again
        at a button."""
        return SQL(
            """
            SELECT config_id, %s AS model, %s AS cause, count(*) AS found, max(%s) AS example,
                   count(*) FILTER (WHERE %s) AS retriable
              FROM %s WHERE config_id = ANY(%s) AND %s GROUP BY 1, 3
            """,
            self._name,
            self._cause_sql(),
            self._error_sql(),
            self._retriable_sql(),
            SQL.identifier(self._table),
            configs.ids,
            self._failed_sql(),
        )
