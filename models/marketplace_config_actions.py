# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models
from odoo.exceptions import UserError

from ..compat import check_access, format_list
from ..screen import notification
from ..transport.errors import MarketplaceError


class MarketplaceConfig(models.Model):
    """What people do with an account by its buttons, and what the clock and the jobs do."""

    _inherit = "marketplace.config"

    # ------------------------------------------------------------------ actions

    def action_test_connection(self):
        """Ask the marketplace who we are, and tell it. One of the few calls that a person waits for."""
        self.ensure_one()
        check_access(self, "write")
        try:
            found = self._api()._test_connection(self)
        except MarketplaceError as err:
            raise UserError(str(self.env["marketplace.api"]._retold(err))) from err
        self._credentials().tested_at = fields.Datetime.now()
        message = _("Connected to %(marketplace)s as %(name)s.", marketplace=self._api()._label(), name=found["name"])
        warnings = [*found.get("warnings", ()), *self._warn_of_currency(found), *self._take_connection(found)]
        self._keep_connection(found, warnings)
        self._note_mended()
        return self._notify(" ".join([message, *warnings]), "warning" if warnings else "success")

    def action_go_live(self):
        """Start sending and receiving; from now on this database is the one that may speak for the account."""
        check_access(self, "write")
        for config in self:
            if not config._credentials().sudo().base_url:
                raise UserError(_("%s: enter the API URL first, then test the connection.", config.name))
        claimed = self.env["marketplace.identity"]._claim()
        stopped = self.filtered(lambda config: config.state != "live").sudo()
        new = self.filtered(lambda config: config.state == "draft")
        self.write({"state": "live", "pause_cause": False, "pause_reason": False})
        new.filtered(lambda config: not config.orders_since).orders_since = fields.Datetime.now()
        self.env["marketplace.outbox"]._mark("price", "stock", config=new.ids)
        if claimed:
            # Nobody knows what was sent since the backup, or by the database that this one takes the place of. sudo: of
            # all accounts, since all go on; the user may not see those of other companies.
            live = self.sudo().search([("state", "=", "live")])
            self.env["marketplace.audit"].sudo()._start(live - new.sudo())
            stopped |= live
        stopped._await_orders()
        for config in new.filtered("use_cartona_id"):
            self.env["marketplace.task"]._start(config, "list")
        self.sudo().state_ids._note_success()
        # Whatever fails from now on has a new cause.
        self.sudo().state_ids.write({"told": False, "deadlines_told": False})
        self.env["marketplace.wake"]._request()

    def action_pause(self):
        reason = _("Paused by %s. Resume it, and what waits is sent.", self.env.user.name)
        self.write({"state": "paused", "pause_cause": False, "pause_reason": reason})

    def action_match_products(self):
        """Read the marketplace's catalogue in the background and list the products that are found in it."""
        check_access(self, "write")
        started = [self.env["marketplace.task"]._start(config, "match") for config in self]
        if not any(started):
            return self._notify(_("Matching runs already. Its progress is on the dashboard."), "warning")
        return self._notify(
            _("Matching has started. What is found appears under Listings, the rest under Unmatched."), "info"
        )

    def action_pull_orders(self):
        """Ask for the marketplace's new orders now, without waiting for the next turn of the clock."""
        check_access(self, "write")
        not_live = (self | self._credentials()).filtered(lambda config: not config.active or config.state != "live")
        if not_live:
            raise UserError(_("%s is not live. Start it first.", format_list(self.env, not_live.mapped("name"))))
        self._credentials()._request_pull()
        return self._notify(_("Orders are being pulled. They appear in Sales."), "info")

    def action_sync_all(self):
        """Send the current price and stock of every listing again, whether it changed or not."""
        check_access(self, "write")
        started = [self.env["marketplace.task"]._start(config, "sync", total=config.listing_count) for config in self]
        self.env["marketplace.outbox"]._mark("price", "stock", config=self.ids, force=True)
        if not any(started):
            return self._notify(_("Sending everything runs already. It begins anew with today's values."), "warning")
        return self._notify(_("All listings are queued. Changes of today go before them."), "info")

    def action_retry_failed(self):
        """Put everything of the account that failed back into its queue: listings, documents, statuses."""
        check_access(self, "write")
        for model in ("marketplace.listing", "marketplace.inbox", "marketplace.outbox"):
            self._retry_failed(model)
        return self._notify(_("What had failed is tried again."), "info")

    def action_audit(self):
        """Compare what the marketplace shows with Odoo, in a job."""
        check_access(self, "write")
        self.env["marketplace.audit"]._start(self)
        return self._notify(_("The audit has started. Its result appears under Audits."), "info")

    def action_open_audits(self):
        return self._open("cartona_integration.marketplace_audit_action")

    def action_open_listings(self):
        return self._open("cartona_integration.marketplace_listing_action")

    def action_open_unmatched(self):
        return self._open("cartona_integration.marketplace_unmatched_action")

    def action_open_inbox(self):
        return self._open("cartona_integration.marketplace_inbox_action")

    def action_open_log(self):
        return self._open("cartona_integration.marketplace_sync_log_action")

    def action_open_outbox(self):
        return self._open("cartona_integration.marketplace_outbox_action")

    def action_open_settlement(self):
        action = self.env["ir.actions.act_window"]._for_xml_id("cartona_integration.marketplace_settlement_action")
        domain = [("marketplace_config_id", "in", self.ids), ("cartona_id", "!=", False)]
        return dict(action, domain=domain, context={"search_default_delivered": 1})

    def action_open_orders(self):
        action = self.env["ir.actions.act_window"]._for_xml_id("sale.action_orders")
        return dict(action, domain=[("marketplace_config_id", "in", self.ids)], context={})

    # ------------------------------------------------------------------ crons and jobs

    def _cron_pull_orders(self):
        """Ask for the new orders of every live account, once for those that share credentials."""
        self.search([("state", "=", "live"), ("pull_orders", "=", True)])._credentials()._request_pull()

    def _cron_audit(self):
        """Compare what each live account's marketplace shows with Odoo."""
        live = self.search([("state", "=", "live")])
        self.env["marketplace.audit"]._start(live.filtered(lambda config: config._is_running()))

    # ------------------------------------------------------------------ helpers

    def _take_connection(self, found):
        """Keep what testing the connection has found, and return what a person has to do about it, a sentence each.
        Extend this with settings of an adapter.

        :param dict found: see ``marketplace.api._test_connection``
        """
        return []

    def _notify(self, message, kind):
        return notification(message, kind)

    def _open(self, xmlid, domain=()):
        action = self.env["ir.actions.act_window"]._for_xml_id(xmlid)
        return dict(action, domain=[("config_id", "in", self.ids), *domain], context={"default_config_id": self.id})
