# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from itertools import chain, count

from odoo import Command, _, fields, models

from ..compat import included_tax_values
from ..database import transaction_lock

PRICE_FIELDS = {
    "amount",
    "amount_type",
    "price_include",
    "price_include_override",  # its name since 18.0
    "include_base_amount",
    "is_base_affected",
    "sequence",
    "children_tax_ids",
    "active",
}
# What the same tax, included in prices, has in common with it.
TWIN_FIELDS = {
    *("amount", "amount_type", "include_base_amount", "is_base_affected", "sequence", "active", "tax_group_id"),
    *("tax_exigibility", "cash_basis_transition_account_id", "analytic"),
}
# Where its amounts are booked: lines of the tax's own.
DISTRIBUTION = {"repartition_line_ids", "invoice_repartition_line_ids", "refund_repartition_line_ids"}
BOOKED = ("factor_percent", "account_id", "tag_ids", "use_in_tax_closing")


class AccountTax(models.Model):
    _inherit = "account.tax"

    marketplace_included_id = fields.Many2one(
        "account.tax",
        string="Same Tax, Included in Prices",
        copy=False,
        help="Used on orders of marketplaces whose prices hold the taxes.",
    )

    def write(self, vals):
        result = super().write(vals)
        if PRICE_FIELDS & vals.keys():
            # Who began before does not know what is in the group by now.
            self.env["marketplace.outbox"]._mark("price", look_again="children_tax_ids" in vals, tax=self.ids)
        shared = {name: vals[name] for name in TWIN_FIELDS & vals.keys()}
        if shared and self.marketplace_included_id:
            self.marketplace_included_id.write(shared)
        for tax in self.filtered("marketplace_included_id"):
            if "name" in vals:
                tax._name_marketplace_twin(tax.marketplace_included_id)
            if DISTRIBUTION & vals.keys():
                tax._distribute_marketplace_twin()
        return result

    def unlink(self):
        self.marketplace_included_id.active = False  # orders have it still
        # By the products: what ties them to the tax is gone when the marks are resolved.
        # sudo: who keeps taxes needs no rights on products
        templates = self.env["product.template"].sudo().search([("taxes_id", "in", self.ids)])
        self.env["marketplace.outbox"]._mark("price", template=templates.ids)
        return super().unlink()

    # ------------------------------------------------------------------ business

    def _marketplace_included(self):
        """Return the taxes of the same amounts that prices include, made where there is none yet."""
        found = self.browse()
        for tax in self:
            if tax.amount_type == "group":
                found |= tax.children_tax_ids._marketplace_included()
            else:
                found |= tax if tax.price_include else tax._marketplace_included_twin()
        return found

    def _marketplace_included_twin(self):
        self.ensure_one()
        # sudo: taxes are the accountants', and whoever changes an order's line needs the one that fits
        tax = self.sudo()
        if tax._lacks_marketplace_twin():
            transaction_lock(self.env.cr, f"marketplace:tax:{tax.id}")
            tax.invalidate_recordset(["marketplace_included_id"])
        if tax._lacks_marketplace_twin():
            tax.marketplace_included_id = tax._marketplace_included_copy()
        return tax.marketplace_included_id.with_env(self.env)

    def _marketplace_apart(self, price, currency, product):
        """Return these taxes and the price as an ordinary order has them: what prices include for marketplaces alone is
        added to them again. A twin whose tax is gone stays as it is."""
        # sudo: taxes are the accountants'. One that was archived has archived its twin, and the order has it still.
        originals = self.sudo().with_context(active_test=False).search([("marketplace_included_id", "in", self.ids)])
        twins = originals.marketplace_included_id
        exact = self.sudo().with_context(round=False, round_base=False)
        amounts = exact.compute_all(price, currency=currency, product=product)["taxes"] if twins else ()
        held = sum(tax["amount"] for tax in amounts if tax["id"] in twins.ids)
        return (self - twins) | originals.with_env(self.env), price - held

    def _lacks_marketplace_twin(self):
        """An archived tax may still be mapped to, and its twin is archived with it."""
        twin = self.marketplace_included_id
        return not twin or self.active and not twin.active

    def _marketplace_included_copy(self):
        """Return a copy that prices include."""
        tax = self.with_context(lang=None)
        included = tax.copy({"name": tax._marketplace_included_name(), **included_tax_values(tax)})
        tax._name_marketplace_twin(included)
        return included.with_env(self.env)

    def _name_marketplace_twin(self, twin):
        """Customers read its name, so it is in each language what the tax is there, whoever works."""
        for lang in (None, *(code for code, _label in self.env["res.lang"].get_installed())):
            twin.with_context(lang=lang).name = self.with_context(lang=lang)._marketplace_included_name(twin)

    def _marketplace_included_name(self, twin=None):
        """Return a name that no other tax has: Odoo takes each once, and one that was deleted left its twin."""
        name = _("%s, included", self.name)
        others = self.search([("company_id", "child_of", self.company_id.root_id.id), ("name", "=like", f"{name}%")])
        taken = set((others - (twin or self.browse())).mapped("name"))
        numbered = (f"{name} ({number})" for number in count(2))
        return next(free for free in chain([name], numbered) if free not in taken)

    def _distribute_marketplace_twin(self):
        """Book what the twin comes to where the tax's own amounts are. Lines that invoices stand on can't be replaced,
        so where they are others than before, the next order gets another twin."""
        twin = self.marketplace_included_id
        ours, theirs = self._marketplace_distribution(), twin._marketplace_distribution()
        if [line.repartition_type for line in ours] != [line.repartition_type for line in theirs]:
            twin.active = self.marketplace_included_id = False
            return
        twin.repartition_line_ids = [
            Command.update(copy.id, {name: line._fields[name].convert_to_write(line[name], line) for name in BOOKED})
            for line, copy in zip(ours, theirs, strict=True)
        ]

    def _marketplace_distribution(self):
        return self.repartition_line_ids.sorted(lambda line: (line.document_type, line.sequence, line.id))
