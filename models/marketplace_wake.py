# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools import SQL

from ..database import own_transaction

_logger = logging.getLogger(__name__)

REQUESTED = "marketplace.wake.requested"
# The second name is taken while a job of the first one waits for its time: after a concurrency error queue_job
# postpones a job by seconds, and a job that waits would swallow every wake of the same name.
DISPATCH_KEYS = ("marketplace:dispatch", "marketplace:dispatch:again")
# A wake that nobody took up for this long means that no job runner works.
RUNNER_SECONDS = 60
CHANNEL = "root.marketplace"
HEARTBEAT_KEY = "marketplace:heartbeat"
# Models whose jobs are ours: another addon may name its models and its jobs much like ours.
OUR_MODELS = """
    SELECT m.model FROM ir_model m JOIN ir_model_data d ON d.model = 'ir.model' AND d.res_id = m.id
     WHERE d.module = 'cartona_integration' AND starts_with(m.model, 'marketplace.')"""
HEARTBEAT_SECONDS = 600
# What has dates that make a price or a stock another one, and since when they were not looked at, where that failed.
DATED = ("product.pricelist.item", "res.currency.rate", "stock.quant")
DATES_SINCE = "cartona_integration.dates_since"
# What is done each minute beside work, each in a transaction of its own.
EACH_MINUTE = (
    ("marketplace.task", "_finish_syncs"),
    ("marketplace.wake", "_look_again"),
    ("marketplace.wake", "_beat"),
    ("marketplace.log.hour", "_count"),
    ("marketplace.config", "_tell_lasting"),
    ("marketplace.config", "_stop_awaiting_orders"),
    ("marketplace.config.state", "_pull_after_stock"),
    ("marketplace.config.state", "_watch_timeline"),
)


class MarketplaceWake(models.AbstractModel):
    """Gets a sender going as soon as the transaction that left work is committed: one wake per transaction, one
    dispatcher job for all accounts. Losing a wake delays work by a minute at most: the sweeper looks for itself."""

    _name = "marketplace.wake"
    _description = "Wakes the Senders"

    # ------------------------------------------------------------------ after the commit

    def _request(self, *lanes):
        """Ask for a wake after the commit of this transaction.

        :param lanes: the ``(account id, lane)`` pairs that it is for, where that is known: one whose sender is at work
            then needs none
        """
        postcommit = self.env.cr.postcommit
        asked = postcommit.data.get(REQUESTED)
        if asked is None:
            postcommit.add(self._after_commit)
        if asked is not True:
            postcommit.data[REQUESTED] = {*(asked or ()), *lanes} if lanes else True

    def _hold_back(self):
        """Let the commit of this transaction wake nobody: the caller does, for many transactions at once."""
        self.env.cr.postcommit.data[REQUESTED] = True

    def _after_commit(self):
        self._wake(self.env.cr.postcommit.data.get(REQUESTED))

    def _wake(self, lanes):
        """Queue the dispatcher, for the lanes that :meth:`_request` was told, or for all. Never raises: the user's
        transaction is committed, and the sweeper repairs. Needs no transaction, so it may come after a request."""
        try:
            with self.env.registry.cursor() as cr:
                if isinstance(lanes, set) and self._are_at_work(cr, lanes):
                    return
                key = self._free_key(cr)
                if key:
                    env = api.Environment(cr, SUPERUSER_ID, {})
                    env[self._name].with_delay(identity_key=key)._job_dispatch()
        except Exception:
            _logger.exception("Could not wake the marketplace senders; the sweeper will, within a minute")

    def _are_at_work(self, cr, lanes):
        """Tell whether each of the lanes has a sender at work. It looks once more, in a new snapshot, after it gave its
        lock up; so it finds whatever was committed while it held it."""
        cr.execute(
            SQL(
                """
                SELECT bool_and(EXISTS (
                    SELECT 1 FROM pg_locks
                     WHERE locktype = 'advisory' AND granted AND objsubid = 1
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                       AND classid::bigint = (lock.number >> 32) & 4294967295
                       AND objid::bigint = lock.number & 4294967295))
                  FROM (SELECT hashtextextended(key, 0) AS number FROM unnest(%s) AS key) AS lock
                """,
                [f"marketplace:{lane}:{config_id}" for config_id, lane in lanes],
            )
        )
        return cr.fetchone()[0]

    def _free_key(self, cr):
        """Return the name under which to queue the dispatcher; nothing when one is about to start anyway."""
        cr.execute(
            SQL(
                """
                SELECT identity_key, eta IS NULL OR eta <= now() at time zone 'utc' AS immediate FROM queue_job
                 WHERE identity_key = ANY(%s) AND state IN ('wait_dependencies', 'pending', 'enqueued')
                """,
                list(DISPATCH_KEYS),
            )
        )
        waiting = cr.fetchall()
        if any(immediate for _key, immediate in waiting):
            return None
        taken = {key for key, _immediate in waiting}
        return next((key for key in DISPATCH_KEYS if key not in taken), None)

    # ------------------------------------------------------------------ dispatcher

    def _job_dispatch(self):
        """Queue one drain for each account and lane that has work; where it is a single one, do it at once."""
        work = self._work()
        if len(work) == 1:
            self.env["marketplace.sender"]._drain(*work[0])
            return
        self._queue_drains(work)

    def _queue_drains(self, work):
        for config_id, lane in work:
            self._queue_drain(config_id, lane)

    def _queue_drain(self, config_id, lane, eta=None):
        """Queue a drain. Timed and immediate ones have different names, so that neither swallows the other; of two
        timed ones the earlier is enough, as it looks for itself when the next has to come."""
        key = f"marketplace:{'timed' if eta else 'drain'}:{config_id}:{lane}"
        if eta:
            self._bring_forward(key, eta)
        self.env["marketplace.sender"].with_delay(identity_key=key, eta=eta)._job_drain(config_id, lane)

    def _bring_forward(self, key, eta):
        """Have the job of this name come at ``eta``, where one waits that would come later."""
        jobs = self.env["queue.job"]
        jobs.flush_model()
        query = "UPDATE queue_job SET eta = %s WHERE identity_key = %s AND state = 'pending' AND eta > %s"
        self.env.cr.execute(query, [eta, key, eta])
        jobs.invalidate_model(["eta"])

    def _work(self):
        """Return the ``(account id, lane)`` pairs that have something to do now."""
        configs = self.env["marketplace.config"].search([])  # drafts too: they fold, and send nothing
        lanes = self.env["marketplace.sender"]._lanes()
        return [(config.id, lane) for config in configs for lane, model in lanes.items() if model._has_work(config)]

    # ------------------------------------------------------------------ sweeper

    def _cron_sweep(self):
        """Find what a crash left behind and prices whose date has come; where no job runner works, do the work here,
        bounded in time."""
        self._look_at_dates(self.env.context.get("lastcall") or fields.Datetime.now())
        for model, method in EACH_MINUTE:
            self._keep_house(self.env[model], method)
        work = self._work()
        dead = self._is_runner_dead()
        if dead and work:
            _logger.warning(
                "No job runner takes up marketplace jobs; working inline. Check the queue_job configuration."
            )
        if dead or len(work) == 1:
            self._work_inline(work)
        else:
            self._queue_drains(work)
        if dead:
            self.env["marketplace.audit"]._go_on(RUNNER_SECONDS / 2)

    def _work_inline(self, work):
        """Do here what jobs are for. A lane that fails keeps no other from its turn."""
        if not work:
            return
        seconds = max(5, RUNNER_SECONDS / 2 / len(work))
        for config_id, lane in work:
            try:
                self.env["marketplace.sender"]._drain(config_id, lane, seconds=seconds)
            except Exception:
                _logger.exception("Lane %s of account %s failed; the others go on", lane, config_id)

    def _look_at_dates(self, last):
        """Mark what a date has made due since ``last``, or since that could not be done: the clock goes on whatever
        happens here."""
        for model in DATED:
            name = f"{DATES_SINCE}.{model}"
            kept = self.env["ir.config_parameter"].sudo().get_param(name)
            since = last - timedelta(minutes=1)  # a little twice, and nothing between two runs is missed
            since = min(since, fields.Datetime.to_datetime(kept or since))
            done = self._keep_house(self.env[model], "_mark_marketplace_dates", since)
            if done == bool(kept):
                self._keep_house(self, "_note_dates", name, not done and fields.Datetime.to_string(since))

    def _note_dates(self, name, since):
        """Keep since when these dates have to be looked at; ``False`` where that is done."""
        self.env["ir.config_parameter"].sudo().set_param(name, since)

    def _keep_house(self, records, method, *arguments):
        """Do one thing that is due each minute, in a transaction of its own, and tell whether it went well: what fails
        keeps neither other things nor work from being done, and the next minute tries it again."""
        try:
            with own_transaction(self.env) as env:
                getattr(records.with_env(env), method)(*arguments)
        except Exception:
            _logger.exception("%s of %s failed; the next minute tries again", method, records)
            return False
        return True

    def _is_runner_dead(self):
        """Tell whether a job of ours waits that should have been taken up long ago."""
        return bool(self._unclaimed_since())

    def _unclaimed_since(self):
        """Return since when the oldest job of ours waits that should have been taken up long ago, ``None`` without."""
        self.env.cr.execute(
            SQL(
                """
                SELECT min(coalesce(eta, date_created)) FROM queue_job
                 WHERE (identity_key = ANY(%s) OR identity_key LIKE %s) AND state = 'pending'
                   AND coalesce(eta, date_created) < %s
                """,
                [*DISPATCH_KEYS, HEARTBEAT_KEY],
                "marketplace:drain:%",
                fields.Datetime.subtract(fields.Datetime.now(), seconds=RUNNER_SECONDS),
            )
        )
        return self.env.cr.fetchone()[0]

    # ------------------------------------------------------------------ heartbeat

    def _last_done(self):
        """Return when the job runner did something in our channel for the last time, ``None`` when that is not known.
        Jobs that are done are kept for a day."""
        self.env["queue.job"].flush_model()
        self.env.cr.execute(
            "SELECT date_done FROM queue_job WHERE channel = %s AND date_done IS NOT NULL "
            "ORDER BY date_done DESC LIMIT 1",
            [CHANNEL],
        )
        row = self.env.cr.fetchone()
        return row and row[0]

    def _beat(self):
        """Have the job runner do nothing, where it had nothing to do for long: that it does is how we know that it
        lives, before somebody's change has to find out."""
        if not self.env["marketplace.config"].search_count([("state", "=", "live")], limit=1):
            return
        done = self._last_done()
        if not done or done < fields.Datetime.subtract(fields.Datetime.now(), seconds=HEARTBEAT_SECONDS):
            self.with_delay(identity_key=HEARTBEAT_KEY, description="Heartbeat")._job_heartbeat()

    def _job_heartbeat(self):
        """Do nothing: that it was done is all."""
