# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
from datetime import timedelta

from odoo import _, fields, models

from ..database import is_of_database, own_transaction, retried_transaction
from ..transport import errors
from ..transport.retry import backoff

_logger = logging.getLogger(__name__)

# Products that one step lists.
LIST_PRODUCTS = 1000
STEPPED = ("list", "match", "suggest")
# A step that fails this often in a row ends its task.
MAX_ATTEMPTS = 5


class MarketplaceLaneTasks(models.AbstractModel):
    """Long work on an account, a step at a time: a page of the marketplace's catalogue, or a thousand products.

    Reading the catalogue writes nothing, so an account that is not live yet may be matched too.
    """

    _name = "marketplace.lane.tasks"
    _inherit = "marketplace.lane"
    _description = "Lane of Long Tasks"

    def _has_work(self, config):
        in_setup = config.state == "draft" and not self.env["marketplace.identity"]._is_copy()
        may_work = in_setup or config._is_running()
        return may_work and not config._running()._is_blocked(self._lane()) and bool(self._task(config))

    def _next_attempt(self, config):
        blocked = config._running()._blocked_until(self._lane())
        tasks = self.env["marketplace.task"].search(self._waiting_domain(config))
        return min(filter(None, [task.next_attempt or blocked for task in tasks]), default=None)

    def _step(self, config_id):
        with own_transaction(self.env) as env:
            lane, config = env[self._name], env["marketplace.config"].browse(config_id)
            task = lane._task(config)
            if not task or not lane._has_work(config):
                return False
            task_id, kind, cursor = task.id, task.kind, task.cursor
        try:
            return getattr(self, f"_step_{kind}")(config_id, task_id, cursor)
        except Exception as err:
            if is_of_database(err):
                _logger.info("A step of the marketplace task %s is tried again later: %s", task_id, err)
            else:
                _logger.exception("A step of the marketplace task %s failed", task_id)
            with own_transaction(self.env) as env:
                env[self._name]._note_failure(task_id, err)
            return True

    def _task(self, config):
        """Return the first task of the account that is to be worked at here now."""
        due = ["|", ("next_attempt", "=", False), ("next_attempt", "<=", fields.Datetime.now())]
        return self.env["marketplace.task"].search([*self._waiting_domain(config), *due], order="id", limit=1)

    def _waiting_domain(self, config):
        return [("config_id", "=", config.id), ("state", "=", "running"), ("kind", "in", STEPPED)]

    # ------------------------------------------------------------------ kinds

    def _step_match(self, config_id, task_id, cursor):
        """Read one page of the catalogue, and list what is found of it here."""
        with own_transaction(self.env) as env:
            config = env["marketplace.config"].browse(config_id)
            answer, error = self._guarded(config, config._api()._list_products, config, cursor or None)
            if error:
                return env[self._name]._note_error(env["marketplace.task"].browse(task_id), error)
        products, following = answer

        def store(env):
            task = env[self._name]._running(task_id)
            if task:
                listings = env["marketplace.matching"]._match_page(task.config_id, products)
                task._advance(following, len(products), len(listings))
                if not following:
                    env["marketplace.matching"]._finish_catalogue(task.config_id, task.create_date)

        retried_transaction(self.env, store)
        return True

    def _step_suggest(self, config_id, task_id, cursor):
        """Find suggestions for up to a thousand unmatched products. Nothing is locked while names are compared."""
        with own_transaction(self.env) as env:
            config = env["marketplace.config"].browse(config_id)
            found = env["marketplace.unmatched"]._find_suggestions(config, int(cursor or 0))

        def store(env):
            task = env[self._name]._running(task_id)
            if task:
                unmatched = env["marketplace.unmatched"]
                unmatched._store_suggestions(found)
                last = max(found, default=0)
                more = last and unmatched._count_unknown(task.config_id, last)
                task._advance(str(last) if more else False, len(found), 0)

        retried_transaction(self.env, store)
        return True

    def _step_list(self, config_id, task_id, cursor):
        """List the products that had an external id before the account was there."""

        def store(env):
            task = env[self._name]._running(task_id)
            if task:
                config = task.config_id
                products = env["product.product"].search(
                    [
                        ("cartona_id", "!=", False),
                        ("marketplace_sync_enabled", "=", True),
                        ("company_id", "in", [False, *config.company_id.parent_ids.ids]),
                        ("id", ">", int(cursor or 0)),
                    ],
                    order="id",
                    limit=LIST_PRODUCTS,
                )
                listings = env["marketplace.listing"]._ensure_for_products(products, config)
                following = str(products[-1].id) if len(products) == LIST_PRODUCTS else False
                task._advance(following, len(products), len(listings))

        retried_transaction(self.env, store)
        return True

    # ------------------------------------------------------------------ helpers

    def _running(self, task_id):
        """Return the task, locked until the commit, or nothing when somebody has stopped it."""
        self.env.cr.execute(
            "SELECT id FROM marketplace_task WHERE id = %s AND state = 'running' FOR NO KEY UPDATE", [task_id]
        )
        return self.env["marketplace.task"].browse([row[0] for row in self.env.cr.fetchall()])

    def _note_failure(self, task_id, error):
        """What went wrong here stands on the task, and is tried again, but not for ever; then a person is told. That
        somebody else was in the way, or the database away, is no attempt."""
        task = self._running(task_id)
        if not task:
            return
        attempts = task.attempts + (not is_of_database(error))
        message = self.env["marketplace.api"]._in_words(error)
        moment = fields.Datetime.now() + timedelta(seconds=backoff(max(attempts, 1), base=60))
        task.write({"attempts": attempts, "message": message, "next_attempt": moment})
        if attempts >= MAX_ATTEMPTS:
            self._give_up(task, message)

    def _give_up(self, task, message):
        task._finish("failed", message=message)
        config = task.config_id
        config._tell_responsible(_("Products of %s could not be matched", config.name), message, cause="tasks")

    def _note_error(self, task, error):
        """What may pass is tried again, by the account's own clock; anything else ends the task, and a person is told.
        Tell whether there is anything to do at once."""
        if isinstance(error, (errors.TemporaryFailure, errors.RateLimited)):
            task.message = str(error)
            return False
        self._give_up(task, self.env["marketplace.api"]._in_words(error))
        return True
