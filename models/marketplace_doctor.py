# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
from datetime import timedelta
from urllib.parse import urlsplit

from odoo import _, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..compat import check_access, format_list
from ..transport.address import is_loopback
from .marketplace_listing import DUE

_logger = logging.getLogger(__name__)

# What waits longer than this although nothing keeps it from being sent is stuck.
STUCK = timedelta(minutes=5)
# So long a marketplace may take to judge what it has taken.
JUDGED = timedelta(hours=2)
# A clock of ours that is so late that it has stopped.
CRON_LATE = timedelta(minutes=10)
CRONS = ("cron_pull_orders", "cron_sweep", "cron_audit", "cron_deadlines", "cron_erasure")


class MarketplaceDoctor(models.AbstractModel):
    """Looks at everything that has to work for changes to get out and orders to come in, and says of what does not
    how it is mended.

    A check is a method ``_exam_<name>`` that yields findings of the whole database, or ``_exam_account_<name>`` of
    one account; adding one is adding it to the doctor.
    """

    _name = "marketplace.doctor"
    _description = "Check of the Marketplace Integration"

    def _examine(self, configs):
        """Return what was found, worst first.

        :return: list of dicts ``level`` (``error``, ``warning``, ``ok``), ``account`` (id or ``False``), ``title``,
            ``advice``, and ``fix`` with ``fix_label`` where a button can mend it
        """
        found = []
        for name in dir(type(self)):
            if name.startswith("_exam_account_"):
                for config in configs:
                    found += [{"account": config.id, **finding} for finding in self._look_at(name, config)]
            elif name.startswith("_exam_"):
                found += [{"account": False, **finding} for finding in self._look_at(name, configs)]
        rank = ("error", "warning", "ok")
        return sorted(found, key=lambda finding: rank.index(finding["level"]))

    def _look_at(self, name, configs):
        """Return what one check finds; that it breaks is a finding, and hides no other."""
        try:
            with self.env.cr.savepoint(flush=False):
                return list(getattr(self, name)(configs))
        except Exception:
            _logger.exception("The check %s failed", name)
            advice = _("Whoever looks after Odoo finds the reason in the server's log.")
            return [self._finding("error", _("A check failed: %s.", name.removeprefix("_exam_")), advice)]

    def _finding(self, level, title, advice="", fix=""):
        return {"level": level, "title": title, "advice": advice, "fix": fix, "fix_label": self._fixes().get(fix, "")}

    def _fixes(self):
        """Return what a button may mend: ``{name of the method: label of the button}``."""
        return {
            "_fix_crons": _("Switch them on"),
            "_fix_sweep": _("Do it now"),
            "_fix_resume": _("Resume"),
            "_fix_retry": _("Retry"),
            "_fix_pull": _("Pull Orders"),
            "_fix_match": _("Match Products"),
            "_fix_responsible": _("Take it on"),
        }

    # ------------------------------------------------------------------ the house

    def _exam_runner(self, _configs):
        wake = self.env["marketplace.wake"]
        since, done = wake._unclaimed_since(), wake._last_done()
        if since:
            advice = _(
                "Start Odoo with server_wide_modules = web,queue_job in odoo.conf (or --load=web,queue_job). Where "
                "that is so, restart it: the runner looks for databases as it starts. Until then changes go out once a "
                "minute."
            )
            title = _("No job runner works: a job waits since %s.", self._told(since))
            yield self._finding("error", title, advice, "_fix_sweep")
        elif done:
            yield self._finding("ok", _("The job runner takes up its work, the last time at %s.", self._told(done)))
        else:
            yield self._finding("ok", _("The job runner has had nothing to do yet."))

    def _told(self, moment):
        """Return a time as people read it: the hour of today, else the day too."""
        here = fields.Datetime.context_timestamp(self, moment)
        today = fields.Datetime.context_timestamp(self, fields.Datetime.now()).date()
        return here.strftime("%H:%M" if here.date() == today else "%Y-%m-%d %H:%M")

    def _exam_crons(self, _configs):
        found = {name: self._cron(name) for name in CRONS}
        crons = [cron for cron in found.values() if cron]
        gone = [name for name, cron in found.items() if not cron]
        if gone:
            advice = _("Update the module: that brings them back.")
            yield self._finding("error", _("Deleted: %s.", format_list(self.env, gone)), advice)
        off = [cron.name for cron in crons if not cron.active]
        late = [cron.name for cron in crons if cron.active and cron.nextcall < fields.Datetime.now() - CRON_LATE]
        if off:
            yield self._finding(
                "error",
                _("Switched off: %s.", format_list(self.env, off)),
                _("Without them no orders are pulled."),
                "_fix_crons",
            )
        if late:
            advice = _("Odoo's scheduled actions do not run. Start Odoo with max_cron_threads of 1 or more.")
            yield self._finding("error", _("Late: %s.", format_list(self.env, late)), advice)
        if not off and not late and not gone:
            yield self._finding("ok", _("The scheduled actions are on time."))

    def _cron(self, name):
        # sudo: crons are the administrators' to see; whether ours run is told, and managers may switch them on
        cron = self.env.ref(f"cartona_integration.{name}", raise_if_not_found=False)
        return (cron or self.env["ir.cron"]).sudo()

    def _exam_address(self, configs):
        url = urlsplit(self.env["ir.config_parameter"].sudo().get_param("web.base.url") or "")
        wanted = any(config._api()._capabilities()["has_webhook"] or config.sudo().webhook_secret for config in configs)
        if url.scheme == "https" or not wanted:
            return
        advice = _(
            "Marketplaces send webhooks to https alone. Set the system parameter web.base.url to an https address, "
            "and web.base.url.freeze to True, so that no login changes it."
        )
        level = "warning" if is_loopback(url.hostname or "") else "error"
        yield self._finding(level, _("Webhooks can't reach %s.", url.geturl() or "?"), advice)

    def _exam_clock(self, _configs):
        self.env.cr.execute("SELECT clock_timestamp() at time zone 'utc'")
        apart = abs((self.env.cr.fetchone()[0] - fields.Datetime.now()).total_seconds())
        if apart > 30:
            advice = _("Set both clocks by a time server: signatures and waits go by them.")
            yield self._finding("error", _("The clocks of Odoo and PostgreSQL differ by %d s.", apart), advice)

    def _exam_copy(self, configs):
        identity = self.env["marketplace.identity"]
        is_copy, live = identity._is_copy(), configs.filtered(lambda config: config.state == "live")
        if is_copy or (live and not identity._is_original()):
            title = _("This database is a copy.") if is_copy else _("Nobody has said that this database sells.")
            yield self._finding("error" if live else "warning", title, configs._not_original_reason(is_copy))

    # ------------------------------------------------------------------ an account

    def _exam_account_state(self, config):
        if config.state == "paused":
            title = _("%(account)s is paused. %(why)s", account=config.name, why=config.pause_reason or "")
            yield self._finding(
                "error", title, _("Mend what it says, test the connection, then resume."), "_fix_resume"
            )
        elif config.state == "live" and config._running()._is_blocked():
            running = config._running()
            title = _("%(account)s: %(error)s", account=config.name, error=running.last_error or "")
            yield self._finding("warning", title, _("It is tried again by itself."))

    def _exam_account_limits(self, config):
        for sentence in config._running()._limits_in_words():
            title = _("%(account)s: %(error)s", account=config.name, error=sentence)
            advice = _(
                "Other kinds of calls go on. Where calls are limited often, ask the marketplace for a higher limit; "
                "where they fail, ask it why."
            )
            yield self._finding("warning", title, advice)

    def _exam_account_age(self, config):
        """The oldest row that nothing keeps from being sent or processed."""
        if not config._is_running() or config._running()._is_blocked():
            return
        oldest = self._oldest(config)
        if oldest and oldest < fields.Datetime.now() - STUCK:
            since = self._told(oldest)
            advice = _("See whether the job runner works, and whether its channel has room (root.marketplace).")
            yield self._finding(
                "error",
                _("%(account)s: work waits since %(since)s.", account=config.name, since=since),
                advice,
                "_fix_sweep",
            )
        elif config.state == "live":
            yield self._finding("ok", _("%s: nothing waits longer than it should.", config.name))

    def _oldest(self, config):
        """Return since when the oldest row waits, of those that wait for nothing: not for a limit of calls either."""
        limited = [lane for lane in self.env["marketplace.sender"]._lanes() if config._running()._is_blocked(lane)]
        # What a notice is about is fetched by the account whose credentials these are.
        fetches = not config.sudo()._credentials()._running()._is_blocked("pull")
        now, pushed = fields.Datetime.now(), config._running().last_push_at
        self.env.cr.execute(
            SQL(
                """
                SELECT least(
                    (SELECT created_at FROM marketplace_outbox
                      WHERE config_id = %(account)s AND lane = 'offers' ORDER BY id LIMIT 1),
                    (SELECT min(created_at) FROM marketplace_outbox
                      WHERE config_id = %(account)s AND lane != 'offers' AND state = 'waiting'
                        AND next_attempt IS NULL AND lane != ALL(%(limited)s)),
                    -- What changes of the whole account touch goes out one after the other, however many there are.
                    (SELECT min(due_since) FROM marketplace_listing
                      WHERE config_id = %(account)s AND %(due)s AND push_id IS NULL AND next_attempt IS NULL
                        AND 'offers' != ALL(%(limited)s::text[]) AND (wide_due IS NOT TRUE OR %(idle)s)),
                    (SELECT min(created_at) FROM marketplace_push
                      WHERE config_id = %(account)s AND created_at < %(judged)s),
                    (SELECT min(create_date) FROM marketplace_inbox
                      WHERE config_id = %(account)s AND state IN ('waiting', 'imported') AND next_attempt IS NULL
                        AND (kind != 'notice' OR %(fetches)s)))
                """,
                account=config.id,
                due=SQL(DUE),
                limited=limited,
                fetches=fetches,
                idle=not pushed or pushed < now - STUCK,
                judged=now - JUDGED,
            )
        )
        return self.env.cr.fetchone()[0]

    def _exam_account_failed(self, config):
        labels = {
            "marketplace.listing": _("listings"),
            "marketplace.inbox": _("documents"),
            "marketplace.outbox": _("statuses"),
        }
        # sudo: only the number leaves here
        failed = config.sudo()._failed_by_model()
        counts = {label: failed[model].get(config.id, 0) for model, label in labels.items()}
        if any(counts.values()):
            retriable = any(row["retriable"] for row in config._dashboard_failures().get(config.id, ()))
            told = format_list(self.env, (f"{label}: {count}" for label, count in counts.items() if count))
            advice = _("Open them from the dashboard: each says why. What was mended is tried again by a button.")
            yield self._finding(
                "warning",
                _("%(account)s: failed (%(what)s).", account=config.name, what=told),
                advice,
                "_fix_retry" if retriable else "",
            )

    def _exam_account_pull(self, config):
        if config._is_pull_late():
            advice = _("Press Pull Orders on the account and look at its log.")
            title = _("%s: no orders were pulled for an hour.", config.name)
            yield self._finding("error", title, advice, "_fix_pull")

    def _exam_account_retention(self, config):
        if self.env["marketplace.inbox"]._keep_too_long(config):
            title = _("%s: old documents still tell who ordered.", config.name)
            advice = _("Odoo's nightly clean-up has not got to them. See that it runs, and what the server's log says.")
            yield self._finding("warning", title, advice)

    def _exam_account_audit(self, config):
        audit = self.env["marketplace.audit"].search([("config_id", "=", config.id)], limit=1)
        if config.state == "live" and audit.state == "failed":
            title = _(
                "%(account)s could not be compared with Odoo: %(error)s", account=config.name, error=audit.last_error
            )
            advice = _("What was changed at the marketplace stays unseen until then. Press Audit on the account.")
            yield self._finding("warning", title, advice)
        elif config.state == "live" and audit.state == "approval":
            title = _(
                "%(account)s: what differs at the marketplace waits for a person (%(count)s).",
                account=config.name,
                count=audit.drift_count,
            )
            yield self._finding("warning", title, _("Open the last audit of the account, look at them, press Heal."))

    def _exam_account_setup(self, config):
        if not config._warehouses():
            advice = _("Choose warehouses on the account: without, nothing is available.")
            yield self._finding("error", _("%s: the warehouses whose stock is sold are archived.", config.name), advice)
        listed = self.env["marketplace.listing"].search_count([("config_id", "=", config.id)], limit=1)
        if config.state == "live" and not listed:
            advice = _("Press Match Products on the account.")
            yield self._finding("warning", _("%s: no product is listed.", config.name), advice, "_fix_match")
        if not config.user_id.active:
            advice = _("Choose who receives an activity when something needs a person.")
            yield self._finding("warning", _("%s: nobody is responsible.", config.name), advice, "_fix_responsible")

    # ------------------------------------------------------------------ fixes

    def _fix(self, name, config):
        if name not in self._fixes():
            raise UserError(_("This can't be mended by a button."))
        return getattr(self, name)(config)

    def _fix_crons(self, _config):
        for name in CRONS:
            self._cron(name).active = True

    def _fix_sweep(self, _config):
        self._cron("cron_sweep")._trigger()

    def _fix_resume(self, config):
        config.action_go_live()

    def _fix_retry(self, config):
        config.action_retry_failed()

    def _fix_pull(self, config):
        config.action_pull_orders()

    def _fix_match(self, config):
        config.action_match_products()

    def _fix_responsible(self, config):
        config.user_id = self.env.user


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    @api.model
    def get_doctor_findings(self):
        """Return what the doctor finds, see ``marketplace.doctor._examine``, of the accounts that the user may see."""
        check_access(self, "read")
        return self.env["marketplace.doctor"]._examine(self.search([]))

    @api.model
    def apply_doctor_fix(self, name, account):
        """Carry out a fix that the doctor offered: its name, and the account's id or ``False``."""
        check_access(self, "write")
        config = self.search([("id", "=", account)]) if account else self
        if account and not config:
            raise UserError(_("This account is not there any more."))
        self.env["marketplace.doctor"]._fix(name, config)
        return self.get_doctor_findings()
