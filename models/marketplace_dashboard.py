# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from .marketplace_config import MANAGER
from .marketplace_failure import FAILING
from .marketplace_inbox import OPEN_STATES
from .marketplace_order_hold import HELD

SALESPERSON = "sales_team.group_sale_salesman"
SEES_ALL_ORDERS = "sales_team.group_sale_salesman_all_leads"
# Days of which it is told how many orders the webhooks missed.
LOSS_DAYS = 7
# What the figures open lists of. Orders are for those who sell, messages for managers.
LISTED = (
    "marketplace.listing",
    "marketplace.inbox",
    "marketplace.outbox",
    "marketplace.sync.log",
    "marketplace.audit",
    "sale.order",
)


class MarketplaceConfig(models.Model):
    """What the dashboard shows. Everything is counted from rows when it is asked for, never incremented."""

    _inherit = "marketplace.config"

    @api.model
    def get_dashboard_data(self):
        """Return what the dashboard shows of each account the user may see.

        :return: ``{"accounts": [dict], "manager": whether the user may act, "readable": the models that
            the user may see whole lists of}``, and by what figures are counted: moments, and domains of what failed and
            is held; times are texts in UTC, money is in the account's currency
        """
        configs = self.search([])
        now = fields.Datetime.now()
        held, late = configs._held_orders(), configs._late_orders(now)
        figures, losses = configs._dashboard_figures(), configs._webhook_losses()
        history, drift = configs._dashboard_history(), configs._dashboard_drift()
        failures, tasks = configs._dashboard_failures(), configs._dashboard_tasks()
        return {
            "manager": self.env.user.has_group(MANAGER),
            "readable": self._dashboard_readable(),
            "day_ago": fields.Datetime.to_string(now - timedelta(days=1)),
            "calls_since": fields.Datetime.to_string(self.env["marketplace.log.hour"]._first_hour()),
            "hour_ago": fields.Datetime.to_string(now - timedelta(hours=1)),
            "failed": {model: self.env[model]._failed_domain() for model in FAILING},
            "held": HELD,
            "today": fields.Datetime.to_string(self._dashboard_today()),
            "accounts": [
                {
                    **config._dashboard_account(figures),
                    **losses.get(config.id, {"webhook_loss": None}),
                    **history[config.id],
                    "held": held.get(config.id, 0),
                    "late": late.get(config.id, 0),
                    "drift": drift.get(config.id, False),
                    "failures": failures.get(config.id, []),
                    "tasks": [task._dashboard_task() for task in tasks if task.config_id == config],
                }
                for config in configs
            ],
        }

    @api.model
    def _dashboard_readable(self):
        rights = self.env["ir.model.access"]
        readable = [model for model in LISTED if rights.check(model, "read", raise_exception=False)]
        return [model for model in readable if model != "sale.order" or not self._sees_own_orders_only()]

    @api.model
    def _sees_own_orders_only(self):
        """Tell whether Odoo limits the user to orders of their own: a list of those is shorter than the figure says."""
        user = self.env.user
        return user.has_group(SALESPERSON) and not user.has_group(SEES_ALL_ORDERS)

    def _dashboard_figures(self):
        """Return what is counted of the accounts: ``{what: {(account id, state): count}}``, and ``orders`` of today."""
        return {
            "listings": self._dashboard_counts("marketplace.listing", SQL("active")),
            "failed": self._dashboard_counts("marketplace.listing", self.env["marketplace.listing"]._failed_sql()),
            "inbox": self._dashboard_counts("marketplace.inbox", SQL("state IN %s", OPEN_STATES)),
            "calls": self.env["marketplace.log.hour"]._calls(self),
            "commands": self._dashboard_counts("marketplace.outbox", SQL("lane != 'offers'")),
            "orders": self._dashboard_orders(),
        }

    def _dashboard_account(self, figures):
        def count(source, *states):
            return sum(figures[source].get((self.id, state), 0) for state in states)

        running = self._running()
        pulls = self.sudo()._credentials()  # sudo: who pulls for this account may be another company's
        done = count("calls", "success", "partial", "error")
        orders_today, value_today = figures["orders"].get(self.id, (0, 0.0))
        return {
            "id": self.id,
            "name": self.name,
            "marketplace": dict(self._fields["code"]._description_selection(self.env)).get(self.code, self.code),
            "state": self._dashboard_state(),
            "reason": self.pause_reason or running.last_error or self.condition_reason or "",
            "alarms": [*filter(None, [self._pull_stopped()]), *running._failing_in_words()],
            "limits": " ".join(running._limits_in_words()),
            "retry_at": fields.Datetime.to_string(running.blocked_until) or "",
            "last_pull": fields.Datetime.to_string(pulls._running().last_pull_at) or "",
            "pull_late": self._is_pull_late(),
            "last_push": fields.Datetime.to_string(running.last_push_at) or "",
            "listings": count("listings", "new", "waiting", "synced", "failed"),
            "synced": count("listings", "synced"),
            "waiting": count("listings", "new", "waiting"),
            "failed_listings": count("failed", "failed"),
            "waiting_documents": count("inbox", "waiting", "imported"),
            "failed_documents": count("inbox", "failed"),
            "waiting_commands": count("commands", "waiting"),
            "failed_commands": count("commands", "failed"),
            "orders_today": orders_today,
            "value_today": value_today,
            "currency": self.currency_id.id,
            "calls": done,
            "failed_calls": count("calls", "error"),
            "success_rate": round(100 * (done - count("calls", "error")) / done) if done else None,
        }

    def _is_pull_late(self):
        """Tell whether no orders were pulled for an hour, although they should have been each quarter of it."""
        self.ensure_one()
        if self.state != "live" or not self.pull_orders:
            return False
        # sudo: who pulls for this account may be another company's
        last = self.sudo()._credentials()._running().last_pull_at or self.create_date
        return last < fields.Datetime.now() - timedelta(hours=1)

    def _dashboard_state(self):
        """Return the account's condition in the dashboard's words, which tell a pause for good from a short one."""
        if self.condition == "copy":
            return "copy"
        if self.state == "live" and self.condition != "live":
            return "blocked" if self.condition == "error" else "paused"
        return self.state

    def _webhook_losses(self):
        """Return of each account whose webhooks deliver orders how many came by a pull first all the same.

        :return: ``{account id: {"webhook_loss": percent, "webhook_loss_since": text}}``, of the last week, or since the
            first delivery within it
        """
        self.env["marketplace.inbox"].flush_model()
        # The week stands in both parts: the planner can't know how long ago the first delivery was.
        self.env.cr.execute(
            SQL(
                """
                SELECT hook.config_id, hook.since, hook.delivered, (
                    SELECT count(*) FROM marketplace_inbox pulled
                     WHERE first_of_order AND source = 'pull' AND pulled.config_id = hook.config_id
                       AND create_date >= %(week)s AND create_date >= hook.since)
                  FROM (
                    SELECT config_id, min(create_date) AS since, count(*) AS delivered FROM marketplace_inbox
                     WHERE first_of_order AND source = 'webhook' AND config_id = ANY(%(accounts)s)
                       AND create_date >= %(week)s
                  GROUP BY config_id) AS hook
                """,
                accounts=self.ids,
                week=fields.Datetime.now() - timedelta(days=LOSS_DAYS),
            )
        )
        return {
            config_id: {
                "webhook_loss": round(100 * missed / (missed + delivered), 1),
                "webhook_loss_since": fields.Datetime.to_string(since),
            }
            for config_id, since, delivered, missed in self.env.cr.fetchall()
        }

    def _dashboard_counts(self, model, condition):
        """Count the rows of the accounts by their state. The user may see these accounts, so the rules of the model,
        which say the same, need not be asked for each row."""
        self.env[model].flush_model()
        self.env.cr.execute(
            SQL(
                "SELECT config_id, state, count(*) FROM %s WHERE config_id = ANY(%s) AND %s GROUP BY 1, 2",
                SQL.identifier(self.env[model]._table),
                self.ids,
                condition,
            )
        )
        return {(config_id, state): count for config_id, state, count in self.env.cr.fetchall()}

    def _dashboard_tasks(self):
        """Return the tasks that run, and those that failed and were not begun anew."""
        Task = self.env["marketplace.task"]
        newest = Task._read_group([("config_id", "in", self.ids)], ["config_id", "kind"], ["id:max"])
        tasks = Task.browse([task_id for _config, _kind, task_id in newest])
        return tasks.filtered(lambda task: task.state in ("running", "failed"))

    @api.model
    def _dashboard_today(self):
        """Return when the user's day began, in UTC."""
        now = fields.Datetime.now()
        here = fields.Datetime.context_timestamp(self, now)
        return now - (here - here.replace(hour=0, minute=0, second=0))

    def _dashboard_orders(self):
        """Return ``{account id: (orders of today, their value)}``; what was cancelled is worth nothing. Who may see the
        dashboard sees how many came, without rights on each of them."""
        self.env["sale.order"].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT marketplace_config_id, currency_id, count(*),
                       coalesce(sum(amount_total) FILTER (WHERE state != 'cancel'), 0)::float
                  FROM sale_order
                 WHERE marketplace_config_id = ANY(%s) AND cartona_id IS NOT NULL AND create_date >= %s
              GROUP BY marketplace_config_id, currency_id
                """,
                self.ids,
                self._dashboard_today(),
            )
        )
        result = {}
        for config_id, currency_id, count, total in self.env.cr.fetchall():
            config = self.browse(config_id)
            currency, company = self.env["res.currency"].browse(currency_id), config.company_id
            so_far, value = result.get(config_id, (0, 0.0))
            value += currency._convert(total, config.currency_id, company, fields.Date.today())
            result[config_id] = so_far + count, value
        return result
