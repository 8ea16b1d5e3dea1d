# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields, models
from odoo.tools import SQL

HOURS = 24
# Whoever writes into the log has committed by then.
SETTLED = timedelta(minutes=2)


class MarketplaceLogHour(models.Model):
    """How many calls an account made in an hour that is over, counted once from the log: of hundreds of thousands of
    rows a day the dashboard then counts those of the current hour alone. Where it was not counted, it is counted then.
    """

    _name = "marketplace.log.hour"
    _description = "Calls of an Hour"
    _log_access = False

    config_id = fields.Many2one("marketplace.config", required=True, index=True, ondelete="cascade")
    hour = fields.Datetime(required=True, index=True)
    status = fields.Char(required=True)
    calls = fields.Integer(required=True)

    _sql_constraints = [("hour_unique", "UNIQUE (config_id, hour, status)", "This hour is counted already.")]

    def _first_hour(self):
        """Return the beginning of the last day, by full hours."""
        return (fields.Datetime.now() - timedelta(hours=HOURS)).replace(minute=0, second=0, microsecond=0)

    def _counted_until(self):
        """Return the end of what is counted: hours without a call are none that were not counted."""
        # A clock that was ahead has left hours that have not come yet.
        self.env.cr.execute(SQL("SELECT max(hour) FROM marketplace_log_hour WHERE hour <= %s", fields.Datetime.now()))
        last = self.env.cr.fetchone()[0]
        return max(last + timedelta(hours=1) if last else self._first_hour(), self._first_hour())

    def _count(self):
        """Count the hours that are over, and forget those that nobody asks for any more."""
        start = self._counted_until()
        end = (fields.Datetime.now() - SETTLED).replace(minute=0, second=0, microsecond=0)
        if end <= start:
            return
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO marketplace_log_hour (config_id, hour, status, calls)
                     SELECT config_id, date_trunc('hour', create_date), status, count(*)
                       FROM marketplace_sync_log WHERE create_date >= %s AND create_date < %s GROUP BY 1, 2, 3
                ON CONFLICT DO NOTHING
                """,
                start,
                end,
            )
        )
        self.env.cr.execute(SQL("DELETE FROM marketplace_log_hour WHERE hour < %s", self._first_hour()))
        self.invalidate_model()

    def _calls(self, configs):
        """Return the calls of the last day: ``{(account id, status): count}``."""
        self.env["marketplace.sync.log"].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT config_id, status, sum(calls)::int FROM (
                    SELECT config_id, status, calls FROM marketplace_log_hour
                     WHERE config_id = ANY(%(accounts)s) AND hour >= %(first)s
                     UNION ALL
                    SELECT config_id, status, count(*) FROM marketplace_sync_log
                     WHERE config_id = ANY(%(accounts)s) AND create_date >= %(rest)s GROUP BY 1, 2
                ) AS counted GROUP BY 1, 2
                """,
                accounts=configs.ids,
                first=self._first_hour(),
                rest=self._counted_until(),
            )
        )
        return {(config_id, status): calls for config_id, status, calls in self.env.cr.fetchall()}
