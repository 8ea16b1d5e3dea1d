# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import _, fields, models

from ..transport import errors
from ..transport.retry import backoff

# This many temporary failures in a row, and a person is told that the marketplace does not answer.
CIRCUIT_FAILURES = 5


class MarketplaceConfigState(models.Model):
    """What changes while an account runs, kept apart from the settings that a person edits: nothing hot shares a row
    with the form, so neither waits for the other."""

    _name = "marketplace.config.state"
    _description = "Running State of a Marketplace Account"
    _log_access = False

    config_id = fields.Many2one("marketplace.config", required=True, ondelete="cascade")
    failures = fields.Integer(help="Temporary failures in a row.")
    blocked_until = fields.Datetime(help="Nothing is sent before this time.")
    last_error = fields.Char()
    last_pull_at = fields.Datetime()
    last_push_at = fields.Datetime()
    pull_requested_at = fields.Datetime(help="Orders are asked for and not pulled yet, since this time.")
    told = fields.Json(help="The causes that a person was told of lately, with the day: each once a day.")
    order_cursor = fields.Char(help="Where the next pull goes on, by the marketplace's own clock.")

    _sql_constraints = [("config_unique", "UNIQUE (config_id)", "An account has one running state.")]

    def _is_blocked(self):
        self.ensure_one()
        return bool(self.blocked_until and self.blocked_until > fields.Datetime.now())

    def _requested_at(self):
        """Return when orders were asked for, to the microsecond (the field shows seconds)."""
        self.ensure_one()
        self.env.cr.execute("SELECT pull_requested_at FROM marketplace_config_state WHERE id = %s", [self.id])
        return self.env.cr.fetchone()[0]

    def _is_first_today(self, cause):
        """Tell whether nobody was told of this cause today, and note that somebody is now."""
        self.ensure_one()
        today = fields.Date.to_string(fields.Date.today())
        told = {word for word, day in (self.told or {}).items() if day == today}
        self.told = dict.fromkeys({*told, cause}, today)
        return cause not in told

    def _note_success(self):
        """Forget past failures: the marketplace answers, or a person has mended the account."""
        failed = self.filtered(lambda state: state.failures or state.blocked_until or state.last_error)
        failed.write({"failures": 0, "blocked_until": False, "last_error": False})

    def _note_failure(self, error):
        """Take in what ``error`` says of the account as a whole, so that its rows need not be blamed for it.

        Rejected credentials or settings pause it, since only a person can help. Anything else blocks it for a while
        that grows with each failure in a row, or for as long as the marketplace asks; the first call after that is the
        probe, and its success resumes the work in order.
        """
        self.ensure_one()
        if isinstance(error, (errors.AuthenticationFailed, errors.ConfigurationError)):
            self.last_error = str(error)
            self.config_id._pause_for(error)
            return
        failures = self.failures + 1
        seconds = getattr(error, "seconds", None)
        if seconds is None:
            seconds = backoff(failures)
        self.write(
            {
                "failures": failures,
                "blocked_until": fields.Datetime.now() + timedelta(seconds=max(1, seconds)),
                "last_error": str(error),
            }
        )
        if failures == CIRCUIT_FAILURES:
            summary = _("%s does not answer", self.config_id.name)
            self.config_id._tell_responsible(summary, str(error), cause="silent")
