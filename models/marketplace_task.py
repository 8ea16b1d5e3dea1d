# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import psycopg2.errors

from odoo import _, api, fields, models
from odoo.tools import SQL, mute_logger

from ..compat import check_access
from .marketplace_listing import DUE


class MarketplaceTask(models.Model):
    """Work on an account that takes minutes: how far it is, and a way to stop it.

    The lane of tasks does the work in small steps, so that a kill costs one step and two at once do none twice. Sending
    everything again is the exception: the offers lane does that, and the task only tells of it.
    """

    _name = "marketplace.task"
    _description = "Long Task of a Marketplace Account"
    _order = "id desc"
    _rec_name = "kind"

    config_id = fields.Many2one("marketplace.config", string="Account", required=True, index=True, ondelete="cascade")
    kind = fields.Selection(
        [
            ("list", "List products with an external ID"),
            ("match", "Match products"),
            ("suggest", "Find suggestions for unmatched products"),
            ("sync", "Send everything again"),
        ],
        required=True,
        readonly=True,
    )
    state = fields.Selection(
        [("running", "Running"), ("done", "Done"), ("stopped", "Stopped"), ("failed", "Failed")],
        default="running",
        required=True,
        readonly=True,
    )
    cursor = fields.Char(readonly=True, help="Where the next step goes on.")
    total = fields.Integer(readonly=True, help="How many there are; 0 when the marketplace does not tell.")
    done = fields.Integer(readonly=True)
    listed = fields.Integer(readonly=True)
    finished_at = fields.Datetime(readonly=True)
    attempts = fields.Integer(readonly=True, help="How often in a row the next step has failed.")
    next_attempt = fields.Datetime(readonly=True)
    message = fields.Char(readonly=True)
    progress = fields.Float(compute="_compute_progress")
    summary = fields.Char(compute="_compute_progress")

    def init(self):
        # One of a kind at a time, and how the lane finds them.
        self.env.cr.execute(
            "CREATE UNIQUE INDEX IF NOT EXISTS marketplace_task_running_idx ON marketplace_task (config_id, kind) "
            "WHERE state = 'running'"
        )

    # ------------------------------------------------------------------ compute

    def _compute_progress(self):
        for task in self:
            done = task.total - task._left() if task.kind == "sync" and task.state == "running" else task.done
            task.progress = 100.0 * done / task.total if task.total else 100.0 * (task.state == "done")
            task.summary = task._summary(done)

    def _summary(self, done):
        self.ensure_one()
        if self.kind in ("suggest", "sync"):
            return _("%(done)s of %(total)s", done=done, total=self.total)
        return _("%(done)s read, %(listed)s new listings", done=done, listed=self.listed)

    def _dashboard_task(self):
        self.ensure_one()
        kind = dict(self._fields["kind"]._description_selection(self.env))[self.kind]
        return {
            "id": self.id,
            "name": kind,
            "failed": self.state == "failed",
            "progress": round(self.progress),
            "endless": not self.total,
            "summary": self.summary,
            "message": self.message or "",
        }

    # ------------------------------------------------------------------ actions

    def action_stop(self):
        """Stop what runs; what is done stays done, and what has changed meanwhile is still sent."""
        check_access(self.config_id, "write")
        # sudo: nobody writes tasks but the machinery; that the user may change the account was just checked
        running = self.sudo().filtered(lambda task: task.state == "running")
        for task in running:
            done = task.total - task._left() if task.kind == "sync" else task.done
            task._finish("stopped", done=done, message=_("Stopped by %s.", self.env.user.name))
        for config in running.filtered(lambda task: task.kind == "sync").config_id:
            self.env["marketplace.outbox"]._cancel_force(config)

    def action_retry(self):
        """Begin what failed anew."""
        check_access(self.config_id, "write")
        for task in self.filtered(lambda task: task.state == "failed"):
            self._start(task.config_id, task.kind, total=task.total)

    def action_dismiss(self):
        """Have what failed, and is not to be begun anew, wait for nobody."""
        check_access(self.config_id, "write")
        # sudo: as above
        for task in self.sudo().filtered(lambda task: task.state == "failed"):
            dismissed = _("Dismissed by %(user)s: %(error)s", user=self.env.user.name, error=task.message or "?")
            task.write({"state": "stopped", "message": dismissed})

    # ------------------------------------------------------------------ business

    @api.model
    def _start(self, config, kind, total=0, cursor=False):
        """Start work of ``kind``, at ``cursor``, unless it is running already; tell whether it was started here."""
        # sudo: the caller has checked that the user may change the account
        tasks = self.sudo()
        running = tasks.search([("config_id", "=", config.id), ("kind", "=", kind), ("state", "=", "running")])
        if total > running.total:  # else nothing is written: the sender may be at work on the row
            running.total = total
        values = {"config_id": config.id, "kind": kind, "total": total, "cursor": cursor}
        started = not running and tasks._create_running(values)
        self.env["marketplace.wake"]._request()
        return bool(started)

    def _create_running(self, values):
        """Create a task; nothing where somebody else has started the same at this moment."""
        try:
            with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                return self.create(values)
        except psycopg2.errors.UniqueViolation:
            return self.browse()

    def _advance(self, cursor, done, listed):
        """Note a step; without a cursor there is no next one."""
        self.ensure_one()
        self.write(
            {
                "cursor": cursor,
                "done": self.done + done,
                "listed": self.listed + listed,
                "message": False,
                "attempts": 0,
                "next_attempt": False,
            }
        )
        if not cursor:
            self._finish("done")

    def _finish(self, state, **values):
        self.write({"state": state, "finished_at": fields.Datetime.now(), "cursor": False, **values})

    def _finish_syncs(self):
        """What was to be sent again has been, where the offers lane has nothing to do; a sender tells that when it
        ends, and the sweeper after one that was killed."""
        lane = self.env["marketplace.lane.offers"]
        # Tasks first: with one that was started just now comes an outbox row.
        for task in self.search([("kind", "=", "sync"), ("state", "=", "running")]):
            config = task.config_id
            if config._is_running() and not lane._has_work(config) and not lane._next_attempt(config):
                task._finish("done", done=task.total)

    def _left(self):
        """Return how many listings still wait to be sent again."""
        self.ensure_one()
        self.env.cr.execute(
            SQL(
                "SELECT 1 FROM marketplace_outbox "
                "WHERE lane = 'offers' AND config_id = %s AND listing_id IS NULL AND force LIMIT 1",
                self.config_id.id,
            )
        )
        if self.env.cr.fetchone():
            return self.total  # the sender has not begun
        self.env.cr.execute(
            SQL(
                "SELECT count(*) FROM marketplace_listing WHERE config_id = %s AND forced AND %s",
                self.config_id.id,
                SQL(DUE),
            )
        )
        return min(self.total, self.env.cr.fetchone()[0])
