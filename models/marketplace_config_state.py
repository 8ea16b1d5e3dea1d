# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
import math
from datetime import timedelta

from odoo import _, fields, models
from odoo.tools import SQL, format_datetime

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
    limited = fields.Json(help="The lanes whose calls the marketplace limits: until when, and how often in a row.")
    last_error = fields.Char()
    last_pull_at = fields.Datetime()
    last_push_at = fields.Datetime()
    pull_requested_at = fields.Datetime(help="Orders are asked for and not pulled yet, since this time.")
    told = fields.Json(help="The causes that a person was told of lately, with the day: each once a day.")
    order_cursor = fields.Char(help="Where the next pull goes on, by the marketplace's own clock.")

    _sql_constraints = [("config_unique", "UNIQUE (config_id)", "An account has one running state.")]

    def _blocked_until(self, lane=""):
        """Return until when nothing is sent, by this lane or by any, ``None`` where nothing was in the way."""
        self.ensure_one()
        own = fields.Datetime.to_datetime((self.limited or {}).get(lane, {}).get("until"))
        return max(filter(None, (self.blocked_until, own)), default=None)

    def _is_blocked(self, lane=""):
        until = self._blocked_until(lane)
        return bool(until and until > fields.Datetime.now())

    def _is_limited(self, lane):
        return self._is_blocked(lane) and not self._is_blocked()

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

    def _note_success(self, lane=""):
        """Forget past failures: the marketplace answers, or a person has mended the account.

        :param lane: whose call it took, so that no other lane's limit is over; ``""``: all are
        """
        failed = self.filtered(lambda state: state.failures or state.blocked_until or state.last_error)
        failed.write({"failures": 0, "blocked_until": False, "last_error": False})
        limited = self.filtered(lambda state: lane in (state.limited or {}) if lane else state.limited)
        limited._write_limited(SQL("limited - %s", lane) if lane else SQL("NULL::jsonb"))

    def _note_failure(self, error, lane=""):
        """Take in what ``error`` says of the account as a whole, so that its rows need not be blamed for it.

        Rejected credentials or settings pause it, since only a person can help. Anything else blocks it for a while
        that grows with each failure in a row, or for as long as the marketplace asks; the first call after that is the
        probe, and its success resumes the work in order. Too many calls block the ``lane`` that made them alone: most
        marketplaces count them by operation, and orders must not wait for prices.
        """
        self.ensure_one()
        if lane and isinstance(error, errors.RateLimited):
            self._note_limited(error, lane)
            return
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

    def _note_limited(self, error, lane):
        times = (self.limited or {}).get(lane, {}).get("times", 0) + 1
        self._limit(lane, backoff(times) if error.seconds is None else max(1, error.seconds), times)
        if times == CIRCUIT_FAILURES:
            summary = _("%s limits our calls again and again", self.config_id.name)
            self.config_id._tell_responsible(summary, str(error), cause="limited")

    def _limit(self, lane, seconds, times=1):
        """Have one lane make no call for so long."""
        until = fields.Datetime.to_string(fields.Datetime.now() + timedelta(seconds=math.ceil(seconds)))
        own = json.dumps({lane: {"until": until, "times": times}})
        self._write_limited(SQL("coalesce(limited, '{}'::jsonb) || %s::jsonb", own))

    def _write_limited(self, value):
        """Write in the database what depends on what stands there: each lane has a sender of its own, and all of them
        write to this row."""
        if self:
            self.flush_recordset(["limited"])
            query = "UPDATE marketplace_config_state SET limited = nullif(%s, '{}'::jsonb) WHERE id = ANY(%s)"
            self.env.cr.execute(SQL(query, value, self.ids))
            self.invalidate_recordset(["limited"])

    def _limits_in_words(self, *lanes):
        """Return a sentence for each lane, of ``lanes`` or of all, that waits because the marketplace limits its
        calls."""
        self.ensure_one()
        names = {
            "offers": _("Prices and stock"),
            "orders": _("What is told of orders"),
            "pull": _("The pull of orders"),
            "tasks": _("Reading the catalogue"),
        }
        return [
            _(
                "%(what)s: the marketplace limits our calls. It goes on at %(time)s.",
                what=names.get(lane, lane),
                time=format_datetime(self.env, self._blocked_until(lane)),
            )
            for lane in lanes or sorted(self.limited or {})
            if self._is_limited(lane)
        ]
