# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models
from odoo.exceptions import AccessError

USER = "cartona_integration.group_marketplace_user"
DASHBOARD = "cartona_integration.marketplace_dashboard_action"


class Digest(models.Model):
    """What Odoo's mail of figures tells of marketplaces, to those who may see their accounts."""

    _inherit = "digest.digest"

    kpi_marketplace_orders = fields.Boolean("Marketplace Orders")
    kpi_marketplace_orders_value = fields.Integer(compute="_compute_kpi_marketplace_orders_value")
    kpi_marketplace_sales = fields.Boolean("Marketplace Sales")
    kpi_marketplace_sales_value = fields.Monetary(compute="_compute_kpi_marketplace_sales_value")
    kpi_marketplace_failed = fields.Boolean("Failed, Wait for a Person")
    kpi_marketplace_failed_value = fields.Integer(compute="_compute_kpi_marketplace_failed_value")

    def _compute_kpi_marketplace_orders_value(self):
        orders = self._marketplace_orders()
        for digest in self:
            of_company = orders.get(digest._marketplace_company(), ())
            digest.kpi_marketplace_orders_value = sum(count for _currency, count, _total in of_company)

    def _compute_kpi_marketplace_sales_value(self):
        orders = self._marketplace_orders()
        for digest in self:
            company = digest._marketplace_company()
            digest.kpi_marketplace_sales_value = sum(
                currency._convert(total, company.currency_id, company, fields.Date.today())
                for currency, _count, total in orders.get(company, ())
            )

    def _compute_kpi_marketplace_failed_value(self):
        """What waits now: a day that is over has no other number than today."""
        self._check_marketplace_access()
        for digest in self:
            company = digest._marketplace_company()
            # sudo: who may see the accounts sees how much failed, as on the dashboard; of commands only the number
            accounts = self.env["marketplace.config"].sudo().search([("company_id", "=", company.id)])
            failed = accounts._failed_by_model()
            digest.kpi_marketplace_failed_value = sum(sum(counts.values()) for counts in failed.values())

    def _compute_kpis_actions(self, company, user):
        names = ("kpi_marketplace_orders", "kpi_marketplace_sales", "kpi_marketplace_failed")
        return {**super()._compute_kpis_actions(company, user), **dict.fromkeys(names, DASHBOARD)}

    # ------------------------------------------------------------------ helpers

    def _check_marketplace_access(self):
        """Raise where the figures are not the reader's: Odoo then leaves them out of that reader's mail."""
        if not self.env.user.has_group(USER):
            raise AccessError(_("Do not have access, skip this data for user's digest email"))

    def _marketplace_company(self):
        return self.company_id or self.env.company

    def _marketplace_orders(self):
        """Return the orders of the digest's time: ``{company: [(currency, count, total)]}``."""
        self._check_marketplace_access()
        start, end, companies = self._get_kpi_compute_parameters()
        # sudo: as on the dashboard, who may see the accounts sees how many came, without rights on each of them
        groups = (
            self.env["sale.order"]
            .sudo()
            ._read_group(
                [
                    ("company_id", "in", companies.ids),
                    ("marketplace_config_id", "!=", False),
                    ("cartona_id", "!=", False),
                    ("state", "!=", "cancel"),
                    ("create_date", ">=", start),
                    ("create_date", "<", end),
                ],
                ["company_id", "currency_id"],
                ["__count", "amount_total:sum"],
            )
        )
        result = {}
        for company, currency, count, total in groups:
            result.setdefault(company, []).append((currency, count, total))
        return result
