# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..compat import check_access
from .marketplace_failure import FAILING

# So many causes are told of each account, those of the most rows first.
CAUSES = 5


class MarketplaceConfig(models.Model):
    """What failed and waits for a person, by its cause; and what the last audit found to differ."""

    _inherit = "marketplace.config"

    def _failed_by_model(self):
        """Return what failed and waits for a person, of what the user may read: ``{model: {account id: count}}``."""
        check_access(self, "read")
        rights = self.env["ir.model.access"]
        readable = [model for model in FAILING if rights.check(model, "read", raise_exception=False)]
        found = {model: self._dashboard_counts(model, self.env[model]._failed_sql()) for model in readable}
        return {model: {config: count for (config, _state), count in counts.items()} for model, counts in found.items()}

    def action_open_failed(self):
        """Open what failed; of the three kinds the one that there is most of, as the dashboard does."""
        found = self._failed_by_model()
        most = max(found, key=lambda model: sum(found[model].values()))
        return self._open(f"cartona_integration.{most.replace('.', '_')}_action", self.env[most]._failed_domain())

    def retry_cause(self, model, cause):
        """Try again what of ``model`` failed of this cause, and nothing else."""
        check_access(self, "write")
        if model not in FAILING:
            raise UserError(_("This can't be tried again by a button."))
        self._retry_failed(model, [("cause", "=", cause)])

    def _retry_failed(self, model, domain=()):
        """Put what failed back into its queue.

        :param model: one of ``FAILING``
        """
        Failing = self.env[model]
        Failing.search([("config_id", "in", self.ids), *Failing._failed_domain(), *domain])._try_again()

    def _dashboard_failures(self):
        """Return of each account its most frequent causes: ``{account id: [{"model", "cause", "text", "count",
        "retriable"}]}``; ``text`` is the error in full where there is a single one."""
        self.env.flush_all()
        # Only accounts that the user may see are asked for; of commands, which users may not read, this is all.
        found = SQL(" UNION ALL ").join(SQL("(%s)", self.env[model]._causes_sql(self)) for model in FAILING)
        self.env.cr.execute(
            SQL(
                """
                SELECT * FROM (
                    SELECT *, row_number() OVER (PARTITION BY config_id ORDER BY found DESC, model, cause) AS place
                      FROM (%s) AS causes
                ) AS ranked WHERE place <= %s ORDER BY config_id, place
                """,
                found,
                CAUSES,
            )
        )
        result = {}
        for row in self.env.cr.dictfetchall():
            result.setdefault(row["config_id"], []).append(
                {
                    "model": row["model"],
                    "cause": row["cause"],
                    "text": row["example"] if row["found"] == 1 else row["cause"],
                    "count": row["found"],
                    "retriable": row["retriable"],
                }
            )
        return result

    def _dashboard_drift(self):
        """Return what the last audit that ended says of each account: ``{account id: {"audit", "state", "at", "count",
        "at_risk"}}``; ``count`` is of listings that differed."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                SELECT account AS config_id, audit.id AS audit, audit.state, drift.count, drift.at_risk,
                       to_char(coalesce(audit.finished_at, audit.write_date), 'YYYY-MM-DD HH24:MI:SS') AS at
                  FROM unnest(%s::int[]) AS account
                  JOIN LATERAL (SELECT * FROM marketplace_audit WHERE config_id = account AND state != 'running'
                              ORDER BY id DESC LIMIT 1) AS audit ON TRUE
                  JOIN LATERAL (SELECT count(DISTINCT listing_id), coalesce(sum(amount_at_risk), 0) AS at_risk
                                  FROM marketplace_drift WHERE audit_id = audit.id) AS drift ON TRUE
                """,
                self.ids,
            )
        )
        return {row.pop("config_id"): row for row in self.env.cr.dictfetchall()}
