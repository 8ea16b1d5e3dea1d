# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields, models
from odoo.tools import SQL

HOURS = 24
# What a change may take until the marketplace has it; the chart shows it as a line.
LAG_GOAL = 5.0
# Pushes of each hour that are looked at: the dashboard asks every few seconds, and a large account has many thousands.
PUSHES = 1000


class MarketplaceConfig(models.Model):
    """How fast changes got out and how many orders came in, over the last day."""

    _inherit = "marketplace.config"

    def _dashboard_history(self):
        """Return of each account ``{account id: dict}`` with ``lag`` and ``lag_day`` (seconds from a change to the
        marketplace's word that it has it, ``[median, 95th percentile]``, of the last hour and day, ``None`` without
        any push), and ``hours``: the last 24, oldest first, each ``{"start", "lag", "orders"}``, a lag being the 95th
        percentile. What a listing was pushed with last counts, not each time it was, and of an hour the newest."""
        start = fields.Datetime.now().replace(minute=0, second=0) - timedelta(hours=HOURS - 1)
        lags, hourly_lags = self._dashboard_lags(), self._dashboard_hourly_lags(start)
        hourly_orders = self._dashboard_hourly_orders(start)
        moments = [start + timedelta(hours=hour) for hour in range(HOURS)]
        return {
            config.id: {
                "lag": lags.get(config.id, (None, None))[0],
                "lag_day": lags.get(config.id, (None, None))[1],
                "lag_goal": LAG_GOAL,
                "hours": [
                    {
                        "start": fields.Datetime.to_string(moment),
                        "lag": hourly_lags.get((config.id, moment)),
                        "orders": hourly_orders.get((config.id, moment), 0),
                    }
                    for moment in moments
                ],
            }
            for config in self
        }

    def _dashboard_pushes(self, start):
        """Return the query of what was pushed since ``start``: of each account and hour no more than the newest."""
        return SQL(
            """
            (SELECT c.id AS config_id, p.pushed_at, p.pushed_lag
               FROM unnest(%s::int[]) AS c (id)
              CROSS JOIN unnest(%s::timestamp[]) AS hour (begins)
              CROSS JOIN LATERAL (
                    SELECT pushed_at, pushed_lag FROM marketplace_listing
                     WHERE config_id = c.id AND pushed_at >= hour.begins
                       AND pushed_at < hour.begins + interval '1 hour' AND pushed_lag IS NOT NULL
                  ORDER BY pushed_at DESC LIMIT %s) AS p
            ) AS pushes
            """,
            self.ids,
            [start + timedelta(hours=hour) for hour in range(HOURS + 1)],  # counted: PostgreSQL would guess 1000
            PUSHES,
        )

    def _dashboard_lags(self):
        now = fields.Datetime.now()
        self.env.cr.execute(
            SQL(
                """
                SELECT config_id,
                       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY pushed_lag)
                           FILTER (WHERE pushed_at >= %s),
                       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY pushed_lag)
                  FROM %s GROUP BY config_id
                """,
                now - timedelta(hours=1),
                self._dashboard_pushes(now - timedelta(hours=HOURS)),
            )
        )
        return {config_id: (hour, day) for config_id, hour, day in self.env.cr.fetchall()}

    def _dashboard_hourly_lags(self, start):
        self.env.cr.execute(
            SQL(
                """
                SELECT config_id, date_trunc('hour', pushed_at),
                       percentile_cont(0.95) WITHIN GROUP (ORDER BY pushed_lag)
                  FROM %s GROUP BY 1, 2
                """,
                self._dashboard_pushes(start),
            )
        )
        return {(config_id, hour): lag for config_id, hour, lag in self.env.cr.fetchall()}

    def _dashboard_hourly_orders(self, start):
        self.env.cr.execute(
            SQL(
                """
                SELECT marketplace_config_id, date_trunc('hour', create_date), count(*)
                  FROM sale_order
                 WHERE marketplace_config_id = ANY(%s) AND create_date >= %s AND cartona_id IS NOT NULL GROUP BY 1, 2
                """,
                self.ids,
                start,
            )
        )
        return {(config_id, hour): count for config_id, hour, count in self.env.cr.fetchall()}
