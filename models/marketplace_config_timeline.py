# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).

from odoo import _, fields, models
from odoo.tools import SQL, format_datetime


class MarketplaceIdentity(models.AbstractModel):
    _inherit = "marketplace.identity"

    def _timeline(self):
        """Return the number of the history that PostgreSQL writes its log in: another one begins when a standby is
        promoted, or files are restored. ``""`` where it does not say."""
        return self._ask_server("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)")


class MarketplaceConfigState(models.Model):
    """Whether the database is still the one that it was a minute ago. A standby that replaces it may lack what was
    committed last, and looks the same else: by name, number and fingerprint."""

    _inherit = "marketplace.config.state"

    timeline = fields.Char(help="The number of PostgreSQL's history when it was looked at last.")
    timeline_at = fields.Datetime(help="When that was. What was committed before is here, if this is.")

    def _watch_timeline(self):
        """See whether another history has begun since the last look, and note this look."""
        timeline = self.env["marketplace.identity"]._timeline()
        live = self.env["marketplace.config"].search([("state", "=", "live")])
        live = live.filtered(lambda config: config._is_running())
        if not timeline or not live:
            return
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                UPDATE marketplace_config_state SET timeline = %(timeline)s, timeline_at = now() at time zone 'utc'
                 WHERE id IN (SELECT id FROM marketplace_config_state
                               WHERE config_id = ANY(%(live)s) AND coalesce(timeline, %(timeline)s) = %(timeline)s
                                 FOR NO KEY UPDATE SKIP LOCKED)
                """,
                timeline=timeline,
                live=live.ids,
            )
        )
        self.invalidate_model(["timeline", "timeline_at"])
        passed = [("config_id", "in", live.ids), ("timeline", "!=", False), ("timeline", "!=", timeline)]
        for state in self.search(passed):
            self.env["marketplace.wake"]._keep_house(state, "_follow_timeline", timeline)

    def _follow_timeline(self, timeline):
        """Note another history, tell it and have everything compared, or none of these."""
        # Who holds the row may be waiting for a marketplace, and the next minute looks again.
        self.env.cr.execute(
            "SELECT timeline_at FROM marketplace_config_state WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED", [self.id]
        )
        for (since,) in self.env.cr.fetchall():
            self.write({"timeline": timeline, "timeline_at": fields.Datetime.now()})
            self.config_id._in_language()._tell_gap(since)
            self.env["marketplace.audit"]._start(self.config_id)


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    def _tell_gap(self, since):
        """Tell what a marketplace that hands orders out until it is told that they are here does not hand out again;
        all others are asked from where this database knows to have asked."""
        if not self._capabilities()["needs_ack"]:
            return
        until, tz = fields.Datetime.now(), self.user_id.tz
        self._tell_within(
            _("%s: orders may be missing", self.name),
            _(
                "PostgreSQL goes on from other files: a standby was promoted, or a backup restored. What was committed "
                "between %(since)s and %(until)s may be lost. Orders that the marketplace was told are here do not "
                "come again by themselves: compare its list of that time with Sales, and enter what is missing. Prices "
                "and stock are compared now.",
                since=format_datetime(self.env, since, tz=tz),
                until=format_datetime(self.env, until, tz=tz),
            ),
            cause=f"timeline {fields.Datetime.to_string(since)}",  # each gap is news
        )
