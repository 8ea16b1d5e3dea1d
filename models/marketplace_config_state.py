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
# What refuses us and is not the marketplace pauses the account when it has done so that often in a row, for that long.
BARRED_FAILURES = 5
BARRED_PATIENCE = timedelta(minutes=15)
# So long a lane waits at most for what is another's failure, or its own where others work: else what a marketplace can
# not stand in one lane would stop them all, or all that comes after it.
APART_SECONDS = 60


class MarketplaceConfigState(models.Model):
    """What changes while an account runs, kept apart from the settings that a person edits: nothing hot shares a row
    with the form, so neither waits for the other."""

    _name = "marketplace.config.state"
    _description = "Running State of a Marketplace Account"
    _log_access = False

    config_id = fields.Many2one("marketplace.config", required=True, ondelete="cascade")
    failures = fields.Integer(help="Temporary failures in a row.")
    blocked_until = fields.Datetime(help="Nothing is sent before this time.")
    others_until = fields.Datetime(help="Until when lanes wait that have not failed themselves.")
    barred = fields.Json(
        help="Since when, and how often in a row, something refuses us that is not the marketplace (a firewall, a "
        "portal, a name server), or the key to the credentials is away."
    )
    failing = fields.Json(
        help="The lanes that fail: how often in a row, whether the marketplace has answered another lane since "
        "('others'), whether it had answered this one before the last failure ('worked'), until when this lane alone "
        "waits, and why; and how many rows it sends at once."
    )
    limited = fields.Json(help="The lanes whose calls the marketplace limits: until when, and how often in a row.")
    last_error = fields.Char()
    last_pull_at = fields.Datetime()
    last_push_at = fields.Datetime()
    pull_requested_at = fields.Datetime(help="Orders are asked for and not pulled yet, since this time.")
    pull_is_cut = fields.Boolean(help="The last pull came to its end before all orders were here.")
    told = fields.Json(help="The causes that a person was told of lately, with the day: each once a day.")
    deadlines_told = fields.Json(help="The orders that a person was told have to leave, with the time: each once.")
    order_cursor = fields.Char(help="Where the next pull goes on, by the marketplace's own clock.")

    _sql_constraints = [("config_unique", "UNIQUE (config_id)", "An account has one running state.")]

    def _blocked_until(self, lane=""):
        """Return until when nothing is sent, by this lane or by any, ``None`` where nothing was in the way."""
        self.ensure_one()
        own = [fields.Datetime.to_datetime(of_lanes.get(lane, {}).get("until")) for of_lanes in self._waits()]
        return max(filter(None, (self._whole_until(lane), *own)), default=None)

    def _whole_until(self, lane):
        """Return until when the account as a whole is left alone: a lane that has not failed itself is soon let try, as
        nothing else would show that the marketplace answers."""
        if lane and self.failing and not self._times(lane) and self.others_until and self.blocked_until:
            return min(self.others_until, self.blocked_until)
        return self.blocked_until

    def _waits(self):
        return self.limited or {}, self.failing or {}

    def _times(self, lane):
        """Return how often in a row calls of this lane have failed."""
        return (self.failing or {}).get(lane, {}).get("times", 0)

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

    def _request_pull(self):
        """Ask for new orders with this very transaction."""
        for config in self.config_id:
            config._await_orders_after_absence()
        self.flush_recordset(["pull_requested_at"])
        # To the microsecond: a pull that is under way must not take this for the request it answers.
        self.env.cr.execute(
            "UPDATE marketplace_config_state SET pull_requested_at = clock_timestamp() at time zone 'utc' "
            "WHERE id = ANY(%s)",
            [self.ids],
        )
        self.invalidate_recordset(["pull_requested_at"])
        self.env["marketplace.wake"]._request()

    def _is_first_today(self, cause):
        """Tell whether nobody was told of this cause today, and note that somebody is now."""
        self.ensure_one()
        today = fields.Date.to_string(fields.Date.today())
        told = {word: day for word, day in (self.told or {}).items() if today in day}
        self.told = {**told, cause: today}
        return told.get(cause) != today

    def _note_over(self, cause):
        """Note that what somebody was told of is over: should it come again today, that is news."""
        self.told = {**(self.told or {}), cause: self._over_today()}

    def _was_over_today(self, cause):
        return (self.told or {}).get(cause) == self._over_today()

    def _over_today(self):
        return f"over {fields.Date.today()}"

    def _note_success(self, lane=""):
        """Forget past failures: the marketplace answers, or a person has mended the account.

        :param lane: whose call it took, so that no other lane's limit is over; ``""``: all are
        """
        failed = self.filtered(lambda state: state.failures or state.blocked_until or state.last_error)
        failed.write(
            {"failures": 0, "blocked_until": False, "others_until": False, "last_error": False, "barred": False}
        )
        limited = self.filtered(lambda state: lane in (state.limited or {}) if lane else state.limited)
        limited._write_json("limited", SQL("limited - %s", lane) if lane else SQL("NULL::jsonb"))
        for state in self.filtered("failing"):
            state._note_working(lane)

    def _note_failure(self, error, lane=""):
        """Take in what ``error`` says of the account as a whole, so that its rows need not be blamed for it.

        Rejected credentials or settings pause it, since only a person can help; what only looks like that, since it was
        not said by the marketplace, when it lasts. Anything else blocks it for a while that grows with each failure in
        a row, or for as long as the marketplace asks; the first call after that is the probe, and its success resumes
        the work in order. Where others were answered since the ``lane`` failed last, it
        is this lane alone that waits. So it does after too many calls: most marketplaces count them by operation, and
        orders must not wait for prices.
        """
        self.ensure_one()
        if lane and isinstance(error, errors.RateLimited):
            self._note_limited(error, lane)
            return
        if errors.needs_person(error):
            self.last_error = str(error)
            self.config_id._pause_for(error)
            return
        self.invalidate_recordset()  # it was read before the call, and other lanes have gone on
        if not (lane and self._note_failing(error, lane)):
            self._block(error)
            if self._has_lasted():
                self.config_id._pause_for(error)
                return
        if self.failures == CIRCUIT_FAILURES:
            self._tell_silent(error)
        elif self._times(lane) == CIRCUIT_FAILURES:
            self._tell_failing(error, lane)

    def _block(self, error):
        """Leave the account alone for a while that grows with each failure in a row, or as long as it is asked to."""
        failures = self.failures + 1
        asked = getattr(error, "seconds", None)
        seconds = backoff(failures) if asked is None else max(1, asked)
        now = fields.Datetime.now()
        # Before the lane that failed, so that it gets to know whether others work.
        others = seconds if asked is not None else min(seconds / 2, APART_SECONDS)
        self.write(
            {
                "failures": failures,
                "blocked_until": now + timedelta(seconds=seconds),
                "others_until": now + timedelta(seconds=others),
                "last_error": str(error),
                "barred": error.may_pass and self._barred_again(now),
            }
        )

    def _barred_again(self, now):
        before = self.barred or {}
        since = before.get("since") or fields.Datetime.to_string(now)
        return {"since": since, "times": before.get("times", 0) + 1}

    def _has_lasted(self):
        """Tell whether what might have passed did not."""
        barred = self.barred or {}
        began = fields.Datetime.to_datetime(barred.get("since"))
        long_ago = began and began <= fields.Datetime.now() - BARRED_PATIENCE
        return bool(long_ago and barred["times"] >= BARRED_FAILURES)

    # ------------------------------------------------------------------ lanes that fail

    def _note_failing(self, error, lane):
        """Note a failure of one lane; tell whether others work, so that it says nothing of the account."""
        before = (self.failing or {}).get(lane, {})
        times, others = before.get("times", 0) + 1, bool(before.get("others"))
        worked = times == 1 and not before.get("resumed")
        entry = {"times": times, "worked": worked, "size": before.get("size"), "error": str(error)}
        if others:
            asked = getattr(error, "seconds", None)
            seconds = backoff(times, cap=APART_SECONDS) if asked is None else max(1, asked)
            entry["until"] = self._in_seconds(seconds)
        self._write_failing(lane, entry)
        return others

    def _note_working(self, lane):
        """Note that the marketplace has answered ``lane``, ``""``: that a person has mended the account."""
        if not lane:
            # That is no answer of the marketplace: who resumes the account during an outage blames no row by that.
            self._write_json(
                "failing",
                SQL("""(SELECT jsonb_object_agg(key, '{"resumed": true}'::jsonb) FROM jsonb_each(failing))"""),
            )
            return
        if lane in self.failing:
            size = self.failing[lane].get("size")
            self._write_failing(lane, {"size": size} if size else None)
        if any(not entry.get("others") for name, entry in (self.failing or {}).items() if name != lane):
            others = """(SELECT jsonb_object_agg(key, CASE key WHEN %s THEN value ELSE value || '{"others": true}' END)
                           FROM jsonb_each(failing))"""
            self._write_json("failing", SQL(others, lane))

    def _write_failing(self, lane, entry):
        without = SQL("coalesce(failing, '{}'::jsonb) - %s", lane)
        self._write_json("failing", SQL("(%s) || %s::jsonb", without, json.dumps({lane: entry})) if entry else without)

    def _has_worked(self, lane):
        """Tell whether this lane was answered before it failed last: then what failed is to blame, rather than the
        marketplace, or what it offers for this kind of calls."""
        return bool((self.failing or {}).get(lane, {}).get("worked"))

    def _size(self, lane, size):
        """Return how many of ``size`` rows the lane is to send at once."""
        return min(size, (self.failing or {}).get(lane, {}).get("size") or size)

    def _narrow(self, lane, size):
        """Have the lane send fewer rows at once, until that works: it may be one of them that is not stood."""
        entry = (self.failing or {}).get(lane)
        if entry:
            self._write_failing(lane, {**entry, "size": max(1, size // 2)})

    def _widen(self, lane, sent):
        """Have the lane send more rows at once again, where as many as it may were taken."""
        size = ((self.failing or {}).get(lane) or {}).get("size")
        if size and sent >= size:
            wider = 2 * size
            self._write_failing(lane, {"size": wider} if wider < self.config_id.batch_size else None)

    def _tell_lasting(self):
        """Tell of what lasts: who was to tell of it when it began may have ended before. Nobody is told twice a day."""
        for state in self:
            if state.failures >= CIRCUIT_FAILURES:
                state._tell_silent(state.last_error)
            for lane, entry in (state.failing or {}).items():
                if entry.get("times", 0) >= CIRCUIT_FAILURES:
                    state._tell_failing(entry.get("error", ""), lane)

    def _tell_silent(self, error):
        summary = _("%s does not answer", self.config_id.name)
        self.config_id._tell_responsible(summary, str(error), cause="silent")

    def _tell_failing(self, error, lane):
        name = self.config_id.name
        summaries = {
            "offers": _("%s: prices and stock do not get through", name),
            "orders": _("%s: what is told of orders does not get through", name),
            "pull": _("%s: orders can not be pulled", name),
            "tasks": _("%s: the catalogue can not be read", name),
            "acknowledge": _("%s does not let us say that its orders are here", name),
        }
        self.config_id._tell_responsible(summaries.get(lane, name), str(error), cause=f"failing {lane}")

    # ------------------------------------------------------------------ limits of calls

    def _note_limited(self, error, lane):
        times = (self.limited or {}).get(lane, {}).get("times", 0) + 1
        self._limit(lane, backoff(times) if error.seconds is None else max(1, error.seconds), times)
        if times == CIRCUIT_FAILURES:
            summary = _("%s limits our calls again and again", self.config_id.name)
            self.config_id._tell_responsible(summary, str(error), cause="limited")

    def _limit(self, lane, seconds, times=1):
        """Have one lane make no call for so long."""
        own = json.dumps({lane: {"until": self._in_seconds(seconds), "times": times}})
        self._write_json("limited", SQL("coalesce(limited, '{}'::jsonb) || %s::jsonb", own))

    def _in_seconds(self, seconds):
        return fields.Datetime.to_string(fields.Datetime.now() + timedelta(seconds=math.ceil(seconds)))

    def _write_json(self, name, value):
        """Write in the database what depends on what stands there: each lane has a sender of its own, and all of them
        write to this row."""
        if self:
            self.flush_recordset([name])
            query = "UPDATE marketplace_config_state SET %s = nullif(%s, '{}'::jsonb) WHERE id = ANY(%s)"
            self.env.cr.execute(SQL(query, SQL.identifier(name), value, self.ids))
            self.invalidate_recordset([name])

    def _lane_names(self):
        return {
            "offers": _("Prices and stock"),
            "orders": _("What is told of orders"),
            "pull": _("The pull of orders"),
            "tasks": _("Reading the catalogue"),
            "acknowledge": _("The acknowledgement of orders"),
        }

    def _failing_in_words(self):
        """Return a sentence for each lane of which a person was told that it does not get through, also in the moment
        in which it is tried again."""
        self.ensure_one()
        names, failing = self._lane_names(), self.failing or {}
        return [
            _(
                "%(what)s: it does not get through. %(error)s",
                what=names.get(lane, lane),
                error=entry.get("error") or "",
            )
            for lane, entry in sorted(failing.items())
            if entry.get("times", 0) >= CIRCUIT_FAILURES
        ]

    def _limits_in_words(self, *lanes):
        """Return a sentence for each lane, of ``lanes`` or of all, that waits although the account does not: because
        the marketplace limits its calls, or fails at them alone."""
        self.ensure_one()
        names = self._lane_names()
        limited, failing = self._waits()
        sentences = []
        for lane in lanes or sorted({*limited, *failing}):
            if self._is_limited(lane):
                values = {"what": names.get(lane, lane), "time": format_datetime(self.env, self._blocked_until(lane))}
                if (failing.get(lane, {}).get("until") or "") > limited.get(lane, {}).get("until", ""):
                    error = failing[lane].get("error", "")
                    sentences.append(_("%(what)s, tried again at %(time)s: %(error)s", error=error, **values))
                else:
                    sentences.append(_("%(what)s: the marketplace limits our calls. It goes on at %(time)s.", **values))
        return sentences
