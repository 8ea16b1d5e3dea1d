# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models


class MarketplaceConfig(models.Model):
    """What an account's numbers mean: prices with taxes or without, in a currency that both sides have."""

    _inherit = "marketplace.config"

    def _taxed(self, product, unit_price, currency, quantity):
        """Return what ``quantity`` of the product cost, with or without its taxes as prices are sent."""
        if self.price_tax == "as_is":
            return unit_price * quantity
        # sudo: taxes are the accountants'; a branch that has none uses those of the company it belongs to
        taxes = product.sudo().taxes_id._filter_taxes_by_company(self.company_id)
        amounts = taxes.compute_all(unit_price, currency=currency, quantity=quantity, product=product)
        return amounts["total_included" if self.price_tax == "included" else "total_excluded"]

    def _warn_of_currency(self, found):
        """Marketplaces are sent numbers: in another currency they are wrong prices."""
        problem = self._currency_problem(found.get("currency"))
        return [problem] if problem and self.sync_price else []

    def _currency_problem(self, theirs):
        """Return why prices can't be sent where they are in the currency ``theirs``, ``""`` where they can."""
        ours, theirs = self.currency_id.name, (theirs or "").strip().upper()
        if not theirs or theirs == ours or not self.env["marketplace.api"]._currency_id(theirs):
            return ""  # a word that Odoo knows for no currency says nothing
        return _(
            "Prices there are in %(theirs)s, and yours are in %(ours)s, so none is sent: choose a pricelist in "
            "%(theirs)s.",
            theirs=theirs,
            ours=ours,
        )
