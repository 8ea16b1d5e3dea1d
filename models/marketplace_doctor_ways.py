# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import _, fields, models
from odoo.tools import SQL

from ..compat import format_list
from .marketplace_doctor import STUCK
from .marketplace_wake import CHANNEL

SILENT_DAYS = 7
# Signatures and tokens go by the time; most marketplaces bear five minutes, some one.
APART = 60
WEBHOOKS = ("webhook_orders", "webhook_status", "webhook_test")
OURS = ("marketplace.wake", "marketplace.sender", "marketplace.audit")


class MarketplaceDoctor(models.AbstractModel):
    """The ways in and out: the job runner's channel, webhooks, tokens, clocks, and what orders need to be right."""

    _inherit = "marketplace.doctor"

    def _fixes(self):
        return {
            **super()._fixes(),
            "_fix_channel": _("Put them back"),
            "_fix_webhooks": _("Set up at the Marketplace"),
            "_fix_test": _("Test Connection"),
        }

    # ------------------------------------------------------------------ the house

    def _exam_channel(self, _configs):
        strays = self._stray_functions()
        if strays:
            title = _(
                "Jobs of ours run in another channel: %s.", format_list(self.env, sorted(strays.mapped("method")))
            )
            advice = _(
                "Behind slow jobs of other modules, prices wait. Ours belong in the channel %s.",
                CHANNEL,
            )
            yield self._finding("warning", title, advice, "_fix_channel")

    def _stray_functions(self):
        # sudo: job functions are the administrators' to see; whether ours are where they should be is what is told
        functions = self.env["queue.job.function"].sudo().search([("model_id.model", "in", OURS)])
        return functions.filtered(lambda function: function.channel != CHANNEL)

    def _fix_channel(self, _config):
        channel = self.env.ref("cartona_integration.channel_marketplace").sudo()  # as above
        channel.write({"name": "marketplace", "parent_id": self.env.ref("queue_job.channel_root").id})
        self._stray_functions().channel_id = channel

    # ------------------------------------------------------------------ an account

    def _exam_account_clock(self, config):
        last = self._last_log(config, [("direction", "=", "out"), ("http_status", ">", 0)])
        if abs(last.clock_ahead) > APART:
            title = _(
                "%(account)s: its clock and ours differ by %(seconds)d s.",
                account=config.name,
                seconds=abs(last.clock_ahead),
            )
            advice = _("Set the clock of this server by a time server: signatures and tokens go by it.")
            yield self._finding("error", title, advice, "_fix_test")

    def _exam_account_token(self, config):
        if config.state == "draft" or config.credentials_id or not config._token_url():
            return
        last = self._last_log(config, [("operation", "=", "token")])
        if last.status == "error":
            title = _("%(account)s: no new token is given: %(why)s", account=config.name, why=last.message or "")
            advice = _("The marketplace refuses what stands on the account. Connect it anew, then test the connection.")
            level = "error" if not config.sudo().token_ids._valid() else "warning"
            yield self._finding(level, title, advice, "_fix_test")

    def _exam_account_webhooks(self, config):
        if config.state != "live" or not config.sudo().webhook_secret:
            return
        # An index tells what comes in apart: who has no webhook would be looked for in all that went out.
        last = self._last_log(config, [("operation", "in", WEBHOOKS), ("direction", "=", "in")])
        week = fields.Datetime.now() - timedelta(days=SILENT_DAYS)
        if last.status == "error":
            advice = _("Compare the secret and the signature settings with the sender's.")
            title = _("%(account)s: the last webhook was refused: %(why)s", account=config.name, why=last.message)
            yield self._finding("error", title, advice, self._webhook_fix(config))
            return
        pulled = self._pulled_since(config, last.create_date or week)
        if pulled:
            yield self._finding(
                "warning", self._silence(config, last, pulled), self._silence_advice(), self._webhook_fix(config)
            )
        elif not last or last.create_date < week:
            title = _("%s: no webhook came for a week.", config.name)
            yield self._finding("warning", title, self._silence_advice(), self._webhook_fix(config))

    def _silence(self, config, last, pulled):
        if not last:
            return _(
                "%(account)s: no webhook came for a week, although %(count)d orders did, by pull.",
                account=config.name,
                count=pulled,
            )
        return _(
            "%(account)s: no webhook came since %(since)s, although %(count)d orders did, by pull.",
            account=config.name,
            since=self._told(last.create_date),
            count=pulled,
        )

    def _silence_advice(self):
        return _("Enter the account's URL for Orders at the marketplace, or remove the secret here.")

    def _webhook_fix(self, config):
        return "_fix_webhooks" if config._capabilities()["registers_webhooks"] else ""

    def _pulled_since(self, config, moment):
        """Return how many orders were first heard of by a pull, since then."""
        self.env["marketplace.inbox"].flush_model()
        # Not by the ORM, which asks for more than the index of these rows is made for.
        self.env.cr.execute(
            SQL(
                "SELECT count(*) FROM marketplace_inbox "
                "WHERE config_id = %s AND first_of_order AND source = 'pull' AND create_date > %s",
                config.id,
                moment,
            )
        )
        return self.env.cr.fetchone()[0]

    def _exam_account_stock_waits(self, config):
        since = config._running().stock_waits_since
        if config.state == "live" and since and since < fields.Datetime.now() - STUCK:
            title = _(
                "%(account)s: no stock is sent since %(since)s, but for what is sold out.",
                account=config.name,
                since=self._told(since),
            )
            advice = _(
                "Orders that came while the account was stopped, or the server off, are not here yet; its log says "
                "why. After an hour all stock is sent without them."
            )
            yield self._finding("warning", title, advice, "_fix_pull")

    def _exam_account_warehouses(self, config):
        """Where orders leave from; and places of the marketplace that have no warehouse here get no stock."""
        if config.sale_warehouse_id and not config.sale_warehouse_id.active:
            advice = _("Choose another warehouse under Deliver from on the account.")
            title = _("%s: the warehouse that orders are delivered from is archived.", config.name)
            yield self._finding("error", title, advice)
        stranded = config._stranded_warehouses()
        if stranded:
            title = _(
                "%(account)s: what is in %(warehouses)s is sold, and orders are delivered from %(warehouse)s.",
                account=config.name,
                warehouses=format_list(self.env, stranded.mapped("name")),
                warehouse=config._delivery_warehouse().name,
            )
            advice = _(
                "An order waits for goods that are there alone. On the account, sell the stock of the warehouse that "
                "orders are delivered from; or have it resupplied from the others, with the route on the products."
            )
            yield self._finding("warning", title, advice)
        unmapped = config._unmapped_places()
        if unmapped:
            places = format_list(self.env, unmapped)
            title = _("%(account)s: no warehouse for %(places)s.", account=config.name, places=places)
            advice = _("Choose a warehouse for each of them on the account: without, they get no stock.")
            yield self._finding("warning", title, advice)

    # ------------------------------------------------------------------ helpers

    def _last_log(self, config, domain):
        return self.env["marketplace.sync.log"].search(
            [("config_id", "=", config.id), *domain], order="id desc", limit=1
        )

    def _fix_webhooks(self, config):
        config.action_register_webhooks()

    def _fix_test(self, config):
        config.action_test_connection()


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    def _unmapped_places(self):
        """Return the names of places at the marketplace that get no stock from here. Adapters extend this."""
        self.ensure_one()
        return []
