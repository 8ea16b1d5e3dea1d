# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models
from odoo.exceptions import UserError

from ..database import own_transaction
from ..transport.errors import MarketplaceError

# Products that one job lists; the next job goes on.
LIST_PRODUCTS = 1000


class MarketplaceConfig(models.Model):
    """What people do with an account by its buttons, and what the clock and the jobs do."""

    _inherit = "marketplace.config"

    # ------------------------------------------------------------------ actions

    def action_test_connection(self):
        """Ask the marketplace who we are, and tell it. One of the few calls that a person waits for."""
        self.ensure_one()
        self.check_access_rights("write")
        try:
            found = self._api()._test_connection(self)
        except MarketplaceError as err:
            raise UserError(str(err)) from err
        message = _("Connected to %(marketplace)s as %(name)s.", marketplace=self._api()._label(), name=found["name"])
        return self._notify(message, "success")

    def action_go_live(self):
        """Start sending and receiving; from now on this database is the one that may speak for the account."""
        self.check_access_rights("write")
        for config in self:
            if not config._credentials().sudo().base_url:
                raise UserError(_("%s: enter the API URL first, then test the connection.", config.name))
        self.env["marketplace.identity"]._claim()
        new = self.filtered(lambda config: config.state == "draft")
        self.write({"state": "live", "pause_reason": False})
        self.env["marketplace.outbox"]._mark("price", "stock", config=new.ids)
        for config in new.filtered("use_cartona_id"):
            config.with_delay(identity_key=f"marketplace:list:{config.id}")._job_list_products()
        self.sudo().state_ids._note_success()
        self.env["marketplace.wake"]._request()

    def action_pause(self):
        self.write({"state": "paused", "pause_reason": _("Paused by %s.", self.env.user.name)})

    def action_match_products(self):
        """Read the marketplace's catalogue in a job and list the products that are found in it."""
        self.check_access_rights("write")
        for config in self:
            config.with_delay(
                identity_key=f"marketplace:match:{config.id}", description=_("Match products of %s", config.name)
            )._job_match_products()
        return self._notify(_("Matching has started. The listings appear as they are found."), "info")

    def action_pull_orders(self):
        """Ask for the marketplace's new orders now, without waiting for the next turn of the clock."""
        self.check_access_rights("write")
        not_live = (self | self._credentials()).filtered(lambda config: config.state != "live")
        if not_live:
            raise UserError(_("%s is not live. Start it first.", ", ".join(not_live.mapped("name"))))
        self._credentials()._request_pull()
        return self._notify(_("Orders are being pulled. They appear in Sales."), "info")

    def action_sync_all(self):
        """Send the current price and stock of every listing again, whether it changed or not."""
        self.check_access_rights("write")
        self.env["marketplace.outbox"]._mark("price", "stock", config=self.ids, force=True)
        return self._notify(_("All listings are queued."), "info")

    def action_audit(self):
        """Compare what the marketplace shows with Odoo, in a job."""
        self.check_access_rights("write")
        self.env["marketplace.audit"]._start(self)
        return self._notify(_("The audit has started. Its result appears under Audits."), "info")

    def action_open_audits(self):
        return self._open("cartona_integration.marketplace_audit_action")

    def action_open_listings(self):
        return self._open("cartona_integration.marketplace_listing_action")

    def action_open_failed(self):
        return self._open("cartona_integration.marketplace_listing_action", [("state", "=", "failed")])

    def action_open_inbox(self):
        return self._open("cartona_integration.marketplace_inbox_action")

    def action_open_log(self):
        return self._open("cartona_integration.marketplace_sync_log_action")

    def action_open_outbox(self):
        return self._open("cartona_integration.marketplace_outbox_action")

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
        self.env["marketplace.audit"]._start(live.filtered(lambda config: config._may_talk()))

    def _job_list_products(self, after=0):
        """List the products that had an external id before the account was there, in bounded pieces."""
        self.ensure_one()
        with own_transaction(self.env) as env:
            config = env["marketplace.config"].browse(self.id)
            products = env["product.product"].search(
                [
                    ("cartona_id", "!=", False),
                    ("marketplace_sync_enabled", "=", True),
                    ("company_id", "in", [False, config.company_id.id]),
                    ("id", ">", after),
                ],
                order="id",
                limit=LIST_PRODUCTS,
            )
            env["marketplace.listing"]._ensure_for_products(products, config)
            if len(products) == LIST_PRODUCTS:
                following = config.with_delay(identity_key=f"marketplace:list:{config.id}")
                following._job_list_products(products[-1].id)

    def _job_match_products(self, cursor=None):
        self.ensure_one()
        self.env["marketplace.matching"]._match(self, cursor)

    # ------------------------------------------------------------------ helpers

    def _notify(self, message, kind):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"message": message, "type": kind, "sticky": False},
        }

    def _open(self, xmlid, domain=()):
        action = self.env["ir.actions.act_window"]._for_xml_id(xmlid)
        return dict(action, domain=[("config_id", "in", self.ids), *domain], context={"default_config_id": self.id})
