# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
import traceback
from datetime import timedelta

import psycopg2

from odoo import _, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..database import is_of_database, own_transaction, session_lock, try_transaction_lock
from ..schemas import RowResult
from ..transport import errors
from ..transport.retry import backoff
from .marketplace_api import Reach
from .marketplace_line_changes import DOUBT
from .marketplace_sender import MAX_ATTEMPTS

_logger = logging.getLogger(__name__)

BATCH = 20
# How long to wait before looking whether the customer has done with changing an order.
EDITING_SECONDS = 300
# How long customers take for that at most; then a person is told that something waits for them, once for each command.
EDITING_PATIENCE = timedelta(hours=1)
EDITING = "editing"
COMMANDS = "commands"
# How long to wait for a document of the same order to be processed.
VERSION_SECONDS = 2


class MarketplaceLaneOrders(models.AbstractModel):
    """Commands about orders on their way out, first in first out for each order: one that fails holds back the later
    ones of the same order, and no others. Never behind prices and stock, since it is a lane of its own."""

    _name = "marketplace.lane.orders"
    _inherit = "marketplace.lane"
    _description = "Lane of Order Commands"

    # ------------------------------------------------------------------ lane

    def _has_work(self, config):
        return self._may_talk(config) and bool(self._heads(config, limit=1))

    def _next_attempt(self, config):
        self.env.cr.execute(SQL("SELECT min(coalesce(next_attempt, %s)) FROM %s", self._now(), self._waiting(config)))
        return self.env.cr.fetchone()[0]

    def _at_rest(self, config):
        """Once nothing waits for a person any more, have nobody look for it."""
        told = config.activity_ids.filtered(lambda activity: activity.marketplace_cause == COMMANDS)
        stuck = [("config_id", "=", config.id), ("lane", "=", "orders"), ("state", "!=", "waiting")]
        if told and not self.env["marketplace.outbox"].search_count(stuck, limit=1):
            told.unlink()
            config._running()._note_over(COMMANDS)

    def _step(self, config_id):
        with own_transaction(self.env) as env:
            config = env["marketplace.config"].browse(config_id)
            heads = env[self._name]._heads(config, BATCH) if self._may_talk(config) else []
        worked = False
        for row_id in heads:
            if self._is_late():
                break
            with own_transaction(self.env) as env:
                command = env[self._name]._obtain(env["marketplace.outbox"].browse(row_id))
                if not command:
                    continue
                worked = True
                if not env[self._name]._carry_out(command):
                    return False
        return worked

    def _obtain(self, command):
        """Return the command with its order locked; none where a person is telling the marketplace something of this
        very order, or has told it meanwhile, so that this is not what comes next any more."""
        command = command.exists()
        config, order = command.account_id, self.env["sale.order"].browse(command.order_id or ())
        locked = order and try_transaction_lock(self.env.cr, self._lock_key(order.id))
        return command if locked and command.id in self._heads(config, 1, order) else command.browse()

    # ------------------------------------------------------------------ which command is next

    def _now(self):
        return SQL("now() at time zone 'utc'")

    def _lock_key(self, order_id):
        return f"marketplace:order-out:{order_id}"

    def _waiting(self, config, order=None):
        """Return the query of the next command of each order, or of one, where that does not wait for a person.

        A cancellation goes before everything, the newest of them: nothing that was said earlier matters any more. One
        that was refused waits for nobody once the order was opened again: it is dropped. Lines are sent as they are
        now; so when sending them failed, a later change of them is another try.
        """
        return SQL(
            """
            (SELECT * FROM (
                SELECT DISTINCT ON (order_id) id, order_id, operation, status, state, error_code, next_attempt
                  FROM marketplace_outbox
                 WHERE lane = 'orders' AND config_id = %s AND %s
              ORDER BY order_id, (status = 'cancelled') IS TRUE DESC,
                       CASE WHEN status = 'cancelled' THEN -id ELSE id END
            ) AS head
             WHERE state != 'failed'
                OR status = 'cancelled' AND EXISTS (
                SELECT 1 FROM sale_order o WHERE o.id = head.order_id AND o.state != 'cancel')
                OR operation = 'lines' AND error_code IS DISTINCT FROM 'doubt' AND EXISTS (
                SELECT 1 FROM marketplace_outbox later
                 WHERE later.lane = 'orders' AND later.config_id = %s AND later.order_id = head.order_id
                   AND later.id > head.id AND later.operation = 'lines' AND later.state = 'waiting')
            ) AS waiting
            """,
            config.id,
            SQL("order_id = %s", order.id) if order else SQL("TRUE"),
            config.id,
        )

    def _heads(self, config, limit, order=None):
        """Return ids of the next command of each order, where it may be tried now; what failed before at last."""
        self.env.cr.execute(
            SQL(
                "SELECT id FROM %s WHERE next_attempt IS NULL OR next_attempt <= %s "
                "ORDER BY next_attempt NULLS FIRST, id LIMIT %s",
                self._waiting(config, order),
                self._now(),
                limit,
            )
        )
        return [row[0] for row in self.env.cr.fetchall()]

    # ------------------------------------------------------------------ carrying out a command

    def _carry_out(self, command):
        """Carry out one command; tell whether the next one may follow. What nobody foresaw holds back this order alone,
        and is not tried without end."""
        try:
            with self.env.cr.savepoint():
                return self._send(command)
        except Exception as err:
            self._note_broken(command, err)
            return True

    def _note_broken(self, command, error):
        self.env.invalidate_all()
        passing = is_of_database(error)
        if passing:
            _logger.info("Command %s is tried again later: %s", command.id, error)
        else:
            _logger.exception("Command %s could not be carried out", command.id)
        if not command.exists():
            return
        result = RowResult.retry(self._words(error))
        if command.error_code == DOUBT:
            self._tell_failed(command)  # it may be there, and only a person may have it sent again
        elif passing:  # somebody else was in the way, or the database is short of something: not the command's fault
            moment = self._retry_time(result, command.attempts + 1)
            command.write({"next_attempt": moment, "last_error": result.message})
        else:
            self._store_failure(command, result)

    def _words(self, error):
        return self.env["marketplace.api"]._in_words(error)

    def _send(self, command):
        """Carry out one command; tell whether the next one may follow."""
        config = self.env["marketplace.config"].browse(command.config_id)
        order = self.env["sale.order"].browse(command.order_id).exists()
        if command.state == "accepted" and order:
            self._store_accepted(command, order)
            return True
        if not order or not self._is_wanted(command, order):
            self._ask_about_undone(command, order)
            command.unlink()  # the marketplace knows better by now, or nobody cares any more
            return True
        waits = self._waits_for_marketplace(command, order)
        if waits:
            seconds, why = waits
            moment = fields.Datetime.now() + timedelta(seconds=seconds)
            command.write({"next_attempt": moment, "last_error": why})
            self._tell_of_editing(command, order)
            return True
        if command.operation == "lines":
            return self.env["marketplace.line.changes"]._send(config, order, command)
        result, error = self._guarded(config, self._call, config, order, command)
        return self._conclude(config, order, command, result, error)

    def _is_wanted(self, command, order):
        return getattr(self, f"_is_wanted_{command.operation}")(command, order)

    def _is_wanted_lines(self, command, order):
        return order._may_change_lines()

    def _is_wanted_status(self, command, order):
        if command.status == "cancelled" and order.state != "cancel":
            return False  # it was opened again here
        if command.status != "cancelled" and order.state == "cancel":
            return False  # nothing is to be delivered any more
        return order._may_tell(command.status)

    def _waits_for_marketplace(self, command, order):
        """Return ``(seconds, why)`` where the command has to wait for what comes from there, else ``None``."""
        if order.marketplace_status == "editing":
            return EDITING_SECONDS, _("The customer is changing the order. It is sent when that is over.")
        if command.status != "cancelled" and order._has_newer_document():
            # Sent before, our lines would be undone by a document that does not know them yet, and a status would be
            # told of an order that is another one by now.
            return VERSION_SECONDS, _("A newer version of the order is taken over first.")
        return None

    def _tell_of_editing(self, command, order):
        """Tell a person once when a customer does not come to an end with changing an order."""
        waited = fields.Datetime.now() - (command.created_at or fields.Datetime.now())
        if order.marketplace_status != "editing" or waited < EDITING_PATIENCE or command.error_code == EDITING:
            return
        command.error_code = EDITING
        config = command.account_id
        config._tell_responsible(
            _("Customers of %s do not finish changing their orders", config.name),
            _(
                "%(order)s has been open for changes at the marketplace for more than an hour. What was done with it "
                "here is not sent as long as it is. Ask the customer to finish, or the marketplace to end that, then "
                "pull orders. The outbox of the account shows all of them.",
                order=order.name,
            ),
            cause="editing",
        )

    def _call(self, config, order, command):
        return getattr(self, f"_call_{command.operation}")(config, order, command)

    def _call_status(self, config, order, command):
        values = {key: value for key, value in (command.payload or {}).items() if key != "tried"}
        if command.status != "cancelled":
            return config._api()._push_order_status(config, order.cartona_id, command.status, values)
        # It may be undone here while nobody knows whether it was heard there.
        return self._call_noted(
            config, command, lambda api: api._push_order_status(config, order.cartona_id, command.status, values)
        )

    def _call_noted(self, config, command, call):
        """Make ``call(api)``, and have it noted on the command, as long as nobody knows that nothing got there."""
        tried, reach, result = self._was_tried(command), Reach(), None
        self._note_tried(command, True)
        try:
            result = call(config._api().with_context(marketplace_reach=reach))
            return result
        except errors.MarketplaceError as err:
            reach.there |= errors.maybe_applied(err)
            raise
        finally:
            if not (tried or reach.there or result and result.outcome == "accepted"):
                self._note_tried(command, False)

    def _was_tried(self, command):
        return bool((command.payload or {}).get("tried"))

    def _note_tried(self, command, tried):
        """Store, before the call, that it may have been carried out: a process that ends or an answer that is lost
        leaves it at that, and from then on it is a repetition, whoever asks for it. Take it back where nothing got
        there."""
        with own_transaction(self.env) as env:
            row = env["marketplace.outbox"].browse(command.id).exists()
            if row:
                payload = {key: value for key, value in (row.payload or {}).items() if key != "tried"}
                row.payload = {**payload, "tried": True} if tried else payload
        command.invalidate_recordset(["payload"])

    def _conclude(self, config, order, command, result, error):
        """Note what became of a command; tell whether the next one may follow."""
        if isinstance(error, errors.RequestRejected):
            result = RowResult.rejected(error.code or str(error.status or ""), str(error))
        if result is None:
            # The lane waits, or the account is paused, and the command with it. When that lasts, the marketplace is
            # tried again with another order, in case it was this one that it can't stand.
            blamed = self._put_off(config, command, error)
            if blamed:
                self._store_failure(command, blamed)
            return False
        if result.outcome == "accepted":
            self._store_accepted(command, order)
        else:
            self._store_failure(command, result)
        return True

    def _store_accepted(self, command, order):
        """Note on the order what the marketplace has accepted. Where that fails it is tried again, and the call is
        not: it is accepted."""
        try:
            with self.env.cr.savepoint():
                self._store(command, order)
        except Exception as err:
            self.env.invalidate_all()
            _logger.exception("That command %s was accepted could not be noted", command.id)
            attempts, words = command.attempts + 1, self._words(err)
            moment = fields.Datetime.now() + timedelta(seconds=backoff(attempts))
            command.write({"state": "accepted", "attempts": attempts, "next_attempt": moment, "last_error": words})
            if attempts == MAX_ATTEMPTS:
                self._tell_failed(command)

    def _store(self, command, order):
        getattr(self, f"_store_{command.operation}")(command, order)

    def _store_status(self, command, order):
        order._set_marketplace_status(command.status, command.user_id)
        if command.status == "cancelled":
            order._mark_marketplace_stock()  # it puts the goods back itself, on top of what it was sent meanwhile
            self._ask_about_opened_again(order)
            command |= command.search([("lane", "=", "orders"), ("order_id", "=", order.id)])
        command.unlink()

    def _ask_about_opened_again(self, order):
        """Ask a person about an order that was opened again here while its cancellation was on its way."""
        order.invalidate_recordset(["state"])
        if order.state != "cancel":
            self.env["marketplace.order.processor"]._ask_person(
                order,
                _("Cancelled at the marketplace"),
                _("It was opened again here while the marketplace was told that it is cancelled. Cancel it here, too."),
                cause="opened-again",
            )

    def _ask_about_undone(self, command, order):
        """Ask a person about an order that was opened again here, and whose cancellation may have been heard there."""
        if order and command.status == "cancelled" and order.state != "cancel" and self._was_tried(command):
            self.env["marketplace.order.processor"]._ask_person(
                order,
                _("Cancelled at the marketplace?"),
                _(
                    "It was opened again here after the marketplace was told that it is cancelled, and did not answer. "
                    "Look there: where it is cancelled, cancel it here, too."
                ),
                cause="opened-again",
            )

    def _store_failure(self, command, result):
        attempts = command.attempts + 1
        again = result.outcome in ("retry", "pending") and attempts < MAX_ATTEMPTS
        command.write(
            {
                "state": "waiting" if again else "failed",
                "attempts": attempts,
                "next_attempt": again and self._retry_time(result, attempts),
                "error_code": result.code,
                "last_error": result.message,
            }
        )
        if not again:
            self._fail_together(command)
            self._tell_failed(command)

    def _fail_together(self, command):
        """All changes of an order's lines are sent as one, so they fail as one: else the first would be tried again for
        those behind it, without end."""
        if command.operation == "lines":
            others = command.sale_order_id._marketplace_line_commands() - command
            others.write({"state": "failed", "last_error": command.last_error})

    def _tell_failed(self, command):
        """Tell the account's responsible person that commands wait for one."""
        config, order = command.account_id, command.sale_order_id
        config._tell_responsible(
            _("%s refuses what it is told of orders", config.name),
            _(
                "%(order)s: %(error)s The outbox of the account shows all of them.",
                order=order.name,
                error=command.last_error,
            ),
            cause=COMMANDS,
        )

    # ------------------------------------------------------------------ while a person waits

    def _ask(self, order, status, values):
        """Tell the marketplace a status while a person waits for its answer, after what waits of this order and what
        its lines are now. That it has accepted is stored for good, whatever becomes of the caller's transaction.

        :param dict values: as for ``marketplace.api._push_order_status``
        :raise UserError: it was not accepted, with the next step
        """
        with session_lock(self.env, self._lock_key(order.id)) as obtained:
            if not obtained:
                raise UserError(_("The marketplace is being told of %s right now. Try again in a moment.", order.name))
            self._leave_lines(order)
            problem = self._send_waiting(order)
            if problem:
                raise UserError(
                    _(
                        "An earlier message about %(order)s has not reached the marketplace, and this one must not "
                        "overtake it. Try again in a moment, or mend it in the account's outbox. %(why)s",
                        order=order.name,
                        why=problem,
                    )
                )
            problem = self._ask_now(order, status, values)
        if problem:
            raise UserError(problem)

    def _leave_lines(self, order):
        """Leave the command about what the marketplace does not know of the order's lines, unless there is one."""
        with own_transaction(self.env) as env:
            order = env["sale.order"].browse(order.id)
            if not order._marketplace_line_commands():
                order._tell_marketplace_lines()

    def _send_waiting(self, order):
        """Carry out the commands of one order; return what keeps the next one from it, ``""`` when none is left."""
        while True:
            with own_transaction(self.env) as env:
                fresh = env["sale.order"].browse(order.id)
                config = fresh.marketplace_config_id
                # What is stored is for the account's people, whoever pressed the button.
                lane = config._in_language().env[self._name]
                waiting = env["marketplace.outbox"].search(
                    [("lane", "=", "orders"), ("order_id", "=", order.id)], order="id", limit=1
                )
                if not waiting:
                    return ""
                if not self._may_talk(config):
                    return self._why_silent(config)
                command = lane.env["marketplace.outbox"].browse(lane._heads(config, 1, fresh))
                if command:
                    lane._carry_out(command)
                if not command or command.exists():
                    why = (command or waiting).last_error or config._running().last_error
                    return self._limit_in_words(config) or why or _("It waits.")

    def _ask_now(self, order, status, values):
        with own_transaction(self.env) as env:
            order = env["sale.order"].browse(order.id)
            config = order.marketplace_config_id
            lane = config._in_language().env[self._name]
            order = order.with_env(lane.env)
            if order.marketplace_status == status:
                return ""  # accepted while this request waited for another one, or heard from the marketplace
            if not self._may_talk(config):
                return self._why_silent(config)
            result, error = lane._guarded(order.marketplace_config_id, lane._call_secretly, order, status, values)
            if result and result.outcome == "accepted":
                lane.env["marketplace.outbox"]._store_acceptance(order, status)
                return ""
        error = self.env["marketplace.api"]._retold(error)  # stored in the account's language, told in the user's
        if (result or error).code == "otp":
            return _("The OTP is wrong. Ask the customer for it once more, then enter it here.")
        if isinstance(error, errors.RequestRejected) or result and result.outcome == "rejected":
            return _("The marketplace refuses: %s", error or result.message)
        return _(
            "%s\nThe marketplace gave no good answer, so nothing was validated here. Try again in a moment.",
            error or result.message,
        )

    def _call_secretly(self, order, status, values):
        """Make the call whose values must stand nowhere, not in the words of an unforeseen error either."""
        config = order.marketplace_config_id
        try:
            return config._api()._push_order_status(config, order.cartona_id, status, values)
        except (errors.MarketplaceError, psycopg2.Error):
            raise
        except Exception as err:
            # Where, not what: an exception's words may hold the OTP.
            frames = "".join(traceback.format_tb(err.__traceback__))
            _logger.error("Adapter %s failed: %s\n%s", config.code, type(err).__name__, frames)
            raise errors.TemporaryFailure(config._api()._unforeseen()) from None
