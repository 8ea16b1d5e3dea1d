# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from .marketplace_config import MANAGER
from .marketplace_inbox import OPEN_STATES

# Days of which it is told how many orders the webhooks missed.
LOSS_DAYS = 7


class MarketplaceConfig(models.Model):
    """What the dashboard shows. Everything is counted from rows when it is asked for, never incremented."""

    _inherit = "marketplace.config"

    @api.model
    def get_dashboard_data(self):
        """Return what the dashboard shows of each account the user may see.

        :return: ``{"accounts": [dict], "now": text, "manager": whether the user may act}``; times are texts in UTC,
            money is in the account's currency
        """
        configs = self.search([])
        since = fields.Datetime.now() - timedelta(days=1)
        listings = self._dashboard_counts("marketplace.listing", configs, "state")
        inbox = self._dashboard_counts("marketplace.inbox", configs, "state", [("state", "in", OPEN_STATES)])
        calls = self._dashboard_counts("marketplace.sync.log", configs, "status", [("create_date", ">=", since)])
        orders = self._dashboard_orders(configs)
        commands = configs._dashboard_commands()
        held = configs._held_orders()
        late = configs._late_orders(fields.Datetime.now())
        losses = configs._webhook_losses()
        history = configs._dashboard_history()
        tasks = configs._dashboard_tasks()
        return {
            "manager": self.env.user.has_group(MANAGER),
            "now": fields.Datetime.to_string(fields.Datetime.now()),
            "accounts": [
                {
                    **config._dashboard_account(listings, inbox, calls, orders, commands),
                    **losses.get(config.id, {"webhook_loss": None}),
                    **history[config.id],
                    "held": held.get(config.id, 0),
                    "late": late.get(config.id, 0),
                    "tasks": [task._dashboard_task() for task in tasks if task.config_id == config],
                }
                for config in configs
            ],
        }

    def _dashboard_account(self, listings, inbox, calls, orders, commands):
        def count(source, *states):
            return sum(source.get((self.id, state), 0) for state in states)

        running = self._running()
        done = count(calls, "success", "partial", "error")
        orders_today, value_today = orders.get(self.id, (0, 0.0))
        return {
            "id": self.id,
            "name": self.name,
            "marketplace": dict(self._fields["code"]._description_selection(self.env)).get(self.code, self.code),
            "state": self._dashboard_state(running),
            "reason": self.pause_reason or running.last_error or "",
            "last_pull": fields.Datetime.to_string(running.last_pull_at) or "",
            "last_push": fields.Datetime.to_string(running.last_push_at) or "",
            "listings": count(listings, "new", "waiting", "synced", "failed"),
            "synced": count(listings, "synced"),
            "waiting": count(listings, "new", "waiting"),
            "failed_listings": count(listings, "failed"),
            "waiting_documents": count(inbox, "waiting", "imported"),
            "failed_documents": count(inbox, "failed"),
            "waiting_commands": commands.get((self.id, "waiting"), 0),
            "failed_commands": commands.get((self.id, "failed"), 0),
            "orders_today": orders_today,
            "value_today": value_today,
            "currency": (self.pricelist_id.currency_id or self.company_id.currency_id).name,
            "calls": done,
            "success_rate": round(100 * (done - count(calls, "error")) / done) if done else None,
        }

    def _dashboard_state(self, running):
        if self.state == "live" and not self.env["marketplace.identity"]._is_original():
            return "copy"
        if self.state == "live" and running._is_blocked():
            return "blocked"
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

    @api.model
    def _dashboard_counts(self, model, configs, field, domain=()):
        groups = self.env[model]._read_group(
            [("config_id", "in", configs.ids), *domain], ["config_id", field], ["__count"]
        )
        return {(config.id, value): count for config, value, count in groups}

    def _dashboard_tasks(self):
        """Return the tasks that run, and those that failed and were not begun anew."""
        Task = self.env["marketplace.task"]
        newest = Task._read_group([("config_id", "in", self.ids)], ["config_id", "kind"], ["id:max"])
        tasks = Task.browse([task_id for _config, _kind, task_id in newest])
        return tasks.filtered(lambda task: task.state in ("running", "failed"))

    def _dashboard_commands(self):
        # sudo: commands carry the numbers of accounts, not references a rule could follow; only counts leave here
        groups = (
            self.env["marketplace.outbox"]
            .sudo()
            ._read_group([("config_id", "in", self.ids), ("lane", "!=", "offers")], ["config_id", "state"], ["__count"])
        )
        return {(config_id, state): count for config_id, state, count in groups}

    @api.model
    def _dashboard_orders(self, configs):
        today = fields.Datetime.context_timestamp(self, fields.Datetime.now()).replace(hour=0, minute=0, second=0)
        start = fields.Datetime.now() - (fields.Datetime.context_timestamp(self, fields.Datetime.now()) - today)
        # sudo: who may see the dashboard sees how many orders came, without rights on each of them
        groups = (
            self.env["sale.order"]
            .sudo()
            ._read_group(
                [
                    ("marketplace_config_id", "in", configs.ids),
                    ("cartona_id", "!=", False),
                    ("create_date", ">=", start),
                ],
                ["marketplace_config_id"],
                ["__count", "amount_total:sum"],
            )
        )
        return {config.id: (count, total) for config, count, total in groups}
