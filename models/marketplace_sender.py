# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
import time
from datetime import timedelta

import psycopg2

from odoo import _, fields, models

from ..database import own_transaction, session_lock
from ..schemas import RowResult
from ..transport import errors
from ..transport.retry import backoff

_logger = logging.getLogger(__name__)

LANE_PREFIX = "marketplace.lane."
# One job works this long and leaves the rest to the next: workers have limits, and other jobs want their turn.
DRAIN_SECONDS = 30
# A round that finds work and can do none of it (another sender has just done it) looks again, but not for ever.
IDLE_ROUNDS = 3
# What was refused or not answered this often waits for a person.
MAX_ATTEMPTS = 10
# A marketplace that has failed this often in a row is sent one thing alone, to see whether it answers.
PROBE_FAILURES = 2
# The code of a row whose own call had no good answer.
UNANSWERED = "unanswered"


class MarketplaceSender(models.AbstractModel):
    """Drains the lanes of the accounts, one sender for each account and lane at any time.

    The lock is what keeps a newer value from being overtaken by an older one. A sender that does not get it leaves; so
    the one that holds it must look once more, in a new snapshot, after giving it up: else the work of a transaction
    that was committed while it ended would wait for the next wake.
    """

    _name = "marketplace.sender"
    _description = "Drains the Marketplace Lanes"

    def _lanes(self):
        """Return the lanes by name: ``{"offers": model, ...}``."""
        return {
            name[len(LANE_PREFIX) :]: self.env[name]
            for name in sorted(self.env.registry)
            if name.startswith(LANE_PREFIX)
        }

    def _job_drain(self, config_id, lane):
        self._drain(config_id, lane)

    def _drain(self, config_id, lane, seconds=DRAIN_SECONDS):
        """Work until the lane of the account is empty, or for ``seconds``; the rest is queued."""
        deadline = time.monotonic() + seconds
        idle = 0
        while (worker := self._look(config_id, lane, tired=idle >= IDLE_ROUNDS)) is not None:
            with session_lock(self.env, f"marketplace:{lane}:{config_id}") as obtained:
                if not obtained:
                    return
                worked = worker._work_off(config_id, lane, deadline)
            idle = 0 if worked else idle + 1
            if time.monotonic() >= deadline:
                # In a new transaction: this job's own is too old to see whether such a drain still waits.
                with own_transaction(self.env) as env:
                    env["marketplace.wake"]._queue_drain(config_id, lane)
                return

    def _look(self, config_id, lane, tired=False):
        """Look, in a new snapshot, whether the lane has work, and return who does it: this in the language of the
        account's people, since its lanes store what they will read. Without work, or ``tired`` of it, see to it that a
        drain comes when time has brought some."""
        with own_transaction(self.env) as env:
            config = env["marketplace.config"].browse(config_id).exists()
            if config and not tired and env[LANE_PREFIX + lane]._has_work(config):
                return self.with_context(lang=config._language())
            if config:
                env[self._name]._come_back(config, lane)
            return None

    def _work_off(self, config_id, lane, deadline):
        worked = False
        worker = self.env[LANE_PREFIX + lane].with_context(marketplace_deadline=deadline)
        while time.monotonic() < deadline and worker._step(config_id):
            worked = True
            self._linger(config_id, lane)
        return worked

    def _linger(self, config_id, lane):
        """Stay on for a moment, unless much is waiting: what changes one after the other, in transactions of its own,
        then goes in few calls instead of one for each."""
        seconds = self.env[LANE_PREFIX + lane]._linger_seconds
        if not seconds:
            return
        with own_transaction(self.env) as env:
            config = env["marketplace.config"].browse(config_id)
            busy = env[LANE_PREFIX + lane]._has_backlog(config)
        if not busy:
            time.sleep(seconds)

    def _come_back(self, config, lane):
        """Queue a drain for the time at which the lane's next row may be tried again, if time is what it waits for.

        What waits although its time has come waits for a person, or is another sender's; queueing a drain for it would
        go on for ever.
        """
        if not config._is_running():
            return
        moment = self.env[LANE_PREFIX + lane]._next_attempt(config)
        if not moment:
            self.env[LANE_PREFIX + lane]._at_rest(config)
        blocked = config._running()._blocked_until(lane)
        if moment and max(moment, blocked or moment) > fields.Datetime.now():
            self.env["marketplace.wake"]._queue_drain(config.id, lane, eta=max(moment, blocked or moment))


class MarketplaceLane(models.AbstractModel):
    """What a lane answers. One lane is one model ``marketplace.lane.<name>``."""

    _name = "marketplace.lane"
    _description = "Contract of a Marketplace Lane"

    # Seconds that a sender stays on after each step.
    _linger_seconds = 0.0

    def _has_work(self, config):
        """Tell whether a step of this lane would do anything for the account now. Runs often: one indexed look."""
        raise NotImplementedError

    def _next_attempt(self, config):
        """Return the earliest time at which something that waits here may be tried, ``None`` when nothing waits."""
        raise NotImplementedError

    def _at_rest(self, config):
        """Called when nothing is left to do for the account, now or later."""

    def _has_backlog(self, config):
        """Tell whether at least one more full batch waits."""
        return False

    def _step(self, config_id):
        """Do one batch in short transactions of its own, and begin nothing more of it once the time is over; tell
        whether anything was done."""
        raise NotImplementedError

    def _is_late(self):
        """Tell whether the time is over that this sender works."""
        deadline = self.env.context.get("marketplace_deadline")
        return deadline is not None and time.monotonic() >= deadline

    def _ended_each_time(self):
        """Return what a person reads of that whose attempts were begun, and never came to an end."""
        return _(
            "Each time this was begun the server's process ended: it takes too long, or too much memory. Tell who "
            "looks after Odoo, then try again."
        )

    def _retry_time(self, result, attempts):
        """Return when a row may be tried again that was in vain for the ``attempts``th time: as its ``RowResult`` says,
        else later each time."""
        seconds = result.after if result.after is not None else backoff(attempts)
        return fields.Datetime.now() + timedelta(seconds=seconds)

    def _aside_until(self, config):
        """Return until when something that failed as a probe makes way for another one, which may be what the
        marketplace can stand; ``None`` as long as there are no probes."""
        failures = self._failures(config)
        if failures <= PROBE_FAILURES:
            return None
        return fields.Datetime.now() + timedelta(seconds=2 * backoff(failures))

    def _failures(self, config):
        """Return how often in a row this lane has failed, or the account."""
        return max(config._running().failures, config._running()._times(self._lane()))

    def _put_off(self, config, row, error):
        """Come back later to a row, a command or a listing, whose own call had no good answer.

        It is to blame where others of its lane were answered since it failed for the last time; else it may be the
        marketplace that is away, or that part of it, however long, and then it makes way as a probe.

        :return: the ``RowResult`` to store where it is to blame, ``None`` where it is put off without
        """
        if isinstance(error, errors.RateLimited) or errors.needs_person(error):
            return None  # says nothing of the row
        running, words = config._running(), self.env["marketplace.api"]._in_words(error)
        if row.error_code == UNANSWERED and running._has_worked(self._lane()):
            # After this lane's own wait, so that what else waits here goes first.
            now = fields.Datetime.now()
            wait = max(now, running._blocked_until(self._lane()) or now) - now
            return RowResult.retry(words, after=wait.total_seconds() + backoff(row.attempts + 1), code=UNANSWERED)
        values = {"error_code": UNANSWERED, "last_error": words}
        moment = self._aside_until(config)
        row.write({**values, "next_attempt": moment} if moment else values)
        return None

    def _lane(self):
        return self._name[len(LANE_PREFIX) :]

    def _may_talk(self, config):
        """Tell whether this lane may call the account's marketplace now."""
        return config._is_running() and not config._running()._is_blocked(self._lane())

    def _talks_at(self, config):
        """Return when this lane may call the account's marketplace again, ``None`` where time alone does not help: the
        account is paused, not live, a copy; or nothing keeps it from calling."""
        running = config._running()
        return running._blocked_until(self._lane()) if config._is_running() and not self._may_talk(config) else None

    def _why_silent(self, config):
        """Return why the account does not call its marketplace, for a person who wanted it to."""
        if config._is_running():
            return self._limit_in_words(config) or _(
                "The marketplace does not answer at the moment. Try again in a minute."
            )
        return _("%s is paused or not live here, so its marketplace can't be asked. Resume it first.", config.name)

    def _limit_in_words(self, config):
        """Return until when the marketplace takes no call of this lane, by the user's clock; ``""`` where it does."""
        return " ".join(config.with_user(self.env.user)._running()._limits_in_words(self._lane()))

    def _guarded(self, config, call, *args, lane=""):
        """Run ``call(*args)`` against the marketplace and give ``(answer, error)``, one of them ``None``.

        A failure that says something of the account as a whole is taken in by its running state, so that rows are not
        blamed for an outage; a refusal of the request itself is the caller's to judge.

        :param lane: whose failure it is, where a lane has calls that may fail by themselves
        """
        lane = lane or self._lane()
        api = self.env["marketplace.api"]
        try:
            answer = self._called(config, call, *args)
        except (errors.RequestRejected, errors.MappingError) as err:
            return None, api._retold(err)
        except errors.MarketplaceError as err:
            api._retold(err)
            config._running()._note_failure(err, lane)
            return None, err
        except psycopg2.Error:
            raise  # the transaction is lost, so nothing can be noted in it
        except Exception as err:  # an adapter's bug must not be retried without end, nor be invisible
            _logger.exception("Adapter %s failed", config.code)
            unforeseen = errors.TemporaryFailure(api._unforeseen(err))
            config._running()._note_failure(unforeseen, lane)
            return None, err
        config._running()._note_success(lane)
        return answer, None

    def _called(self, config, call, *args):
        """Run ``call(*args)``; whatever comes of it tells none of the account's secrets."""
        try:
            answer = call(*args)
        except psycopg2.Error:
            raise
        except Exception as err:
            config._api()._covered(err, config._api()._secrets(config))
            raise
        return config._api()._covered(answer, config._api()._secrets(config))
