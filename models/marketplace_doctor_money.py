# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models
from odoo.tools import SQL

# Enough to know that it is many.
MOST = 1000


class MarketplaceDoctor(models.AbstractModel):
    """What would make sums wrong: currencies, taxes that are missing, and prices without the taxes they are said to
    hold."""

    _inherit = "marketplace.doctor"

    def _exam_account_currency(self, config):
        problem = config._currency_problem(config.connected_currency)
        if problem and config.sync_price and config.state != "draft":
            title = _("%(account)s: %(error)s", account=config.name, error=problem)
            advice = _("Stock is still sent. If the marketplace has another currency now, test the connection again.")
            yield self._finding("error", title, advice, "_fix_test")

    def _exam_account_net_prices(self, config):
        hint = config._net_prices_hint() if config.state != "draft" else ""
        if hint:
            advice = _("Choose under Prices are Sent, on the account, what they are.")
            title = _("%(account)s: %(error)s", account=config.name, error=hint)
            yield self._finding("warning", title, advice)

    def _exam_account_taxes(self, config):
        """Where no listed product has a tax, the house has none, and nothing is missing."""
        if config.state == "draft" or config.tax_policy == "none" or not config._is_any_taxed():
            return
        yield from self._untaxed_products(config)
        yield from self._untaxed_charges(config)

    def _untaxed_products(self, config):
        listed, taxed = config._listed_sql(), config._taxed_sql()
        self.env.flush_all()
        self.env.cr.execute(
            SQL("SELECT count(*) FROM (SELECT 1 %s AND NOT %s LIMIT %s) AS untaxed", listed, taxed, MOST)
        )
        count = self.env.cr.fetchone()[0]
        if count:
            told = f"{MOST}+" if count == MOST else count
            title = _("%(account)s: %(count)s listed products have no tax, others do.", account=config.name, count=told)
            advice = _("Enter the customer taxes on the products, or choose No taxes on the account.")
            yield self._finding("warning", title, advice)

    def _untaxed_charges(self, config):
        """A marketplace's charges have a product of their own, and so taxes of their own."""
        product = config._charge_product()
        # sudo: taxes are the accountants'
        if not product or product.sudo().taxes_id._filter_taxes_by_company(config.company_id):
            return
        ordered = [("order_id.marketplace_config_id", "=", config.id), ("product_id", "=", product.id)]
        if self.env["sale.order.line"].sudo().search_count(ordered, limit=1):  # sudo: only whether there is one
            title = _(
                "%(account)s: %(product)s has no tax, other products have.",
                account=config.name,
                product=product.display_name,
            )
            advice = _("Enter the customer taxes of what the marketplace charges for deliveries on that product.")
            yield self._finding("warning", title, advice)


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    net_prices_hint = fields.Char(compute="_compute_net_prices_hint")

    def _compute_net_prices_hint(self):
        for config in self:
            config.net_prices_hint = config._origin._net_prices_hint() if config.setup_step == "policies" else False

    def _net_prices_hint(self):
        """Return what is wrong where prices are sent without the taxes that orders are said to hold in them."""
        if not self.sync_price or self.price_tax != "as_is" or self.tax_policy != "included":
            return ""
        if not self._is_any_taxed(self._taxes_on_top()) or self._has_entered_prices():
            return ""
        return _(
            "Prices are sent as they are in Odoo, without the taxes that come on top there; orders take the same "
            "prices for what holds them. Each sale loses the taxes."
        )

    def _has_entered_prices(self):
        """Tell whether somebody has entered what the marketplace shows: its pricelist computes none. Of a long one no
        rule is read."""
        rules = self.env["product.pricelist.item"].sudo()  # sudo: only whether there are any
        of_list = ("pricelist_id", "=", self.sudo().pricelist_id.id)
        computed = [of_list, ("compute_price", "!=", "fixed")]
        return bool(rules.search_count([of_list], limit=1)) and not rules.search_count(computed, limit=1)

    def _charge_product(self):
        """Return what the marketplace's charges are lines of."""
        default = self.env.ref("cartona_integration.product_delivery", raise_if_not_found=False)
        return self.delivery_product_id or default or self.env["product.product"]

    def _taxes_on_top(self):
        # sudo: taxes are the accountants'
        taxes = self.env["account.tax"].sudo().search([("company_id", "in", self.company_id.parent_ids.ids)])
        return taxes.filtered(lambda tax: not all((tax.children_tax_ids or tax).mapped("price_include")))

    def _is_any_taxed(self, taxes=None):
        """Tell whether any listed product has one of the taxes, of any of the company where none are given."""
        self.env.flush_all()
        self.env.cr.execute(SQL("SELECT 1 %s AND %s LIMIT 1", self._listed_sql(), self._taxed_sql(taxes)))
        return bool(self.env.cr.fetchone())

    def _listed_sql(self):
        return SQL(
            "FROM marketplace_listing l WHERE active AND product_tmpl_id IS NOT NULL AND config_id = %s", self.id
        )

    def _taxed_sql(self, taxes=None):
        """A branch that has no taxes uses those of the company that it belongs to."""
        return SQL(
            "EXISTS (SELECT 1 FROM product_taxes_rel AS r (template_id, applied_tax_id) "
            "JOIN account_tax t ON t.id = r.applied_tax_id "
            "WHERE r.template_id = l.product_tmpl_id AND t.company_id = ANY(%s) AND %s)",
            self.company_id.parent_ids.ids,
            SQL("TRUE") if taxes is None else SQL("t.id = ANY(%s)", taxes.ids),
        )
