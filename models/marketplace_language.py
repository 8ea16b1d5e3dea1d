# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields, models

# In the context of what writes lines for a customer: that customer's language, if it is known.
CUSTOMER_LANG = "marketplace_customer_lang"


class MarketplaceConfig(models.Model):
    """In which language jobs write down what a person will read: errors, why an order is held, activities, messages.

    A job works as if the account's responsible person did it, so it works in that person's language (``lang`` in the
    context), which ``database.own_transaction`` hands on. Nothing else would do: half of what is stored is words
    of Odoo's own, such as why an order can't be confirmed. Odoo puts what customers read into their language whatever
    the context says. Where this addon reads or writes data that depends on a language it leaves that of the context:
    the names of countries and carriers, the unit of a pack, the language of a new customer, the description of a line.
    """

    _inherit = "marketplace.config"

    def _language(self):
        """Return the code of the language in which this account's people are told: that of the responsible person,
        else of the company, else of whoever does the work."""
        # sudo: in which language somebody reads is no secret, and the account's user may be of another company
        config = self.sudo()
        asked = (config.user_id.filtered("active").lang, config.company_id.partner_id.lang, self.env.user.lang)
        installed = {code for code, _name in self.env["res.lang"].get_installed()}
        return next((code for code in asked if code in installed), None)

    def _in_language(self):
        """Return the account in the language of its people, for what is stored for them."""
        self.ensure_one()
        return self.with_context(lang=self._language())


class MarketplaceOrderProcessor(models.AbstractModel):
    """What a job writes for customers: lines are described in the customer's language, as Odoo does. Where that is not
    known, Odoo would take the job's, which is that of its readers; the products' own names do not depend on those."""

    _inherit = "marketplace.order.processor"

    def _in_language_of(self, customer):
        """Return the processor as it writes lines for this customer, or for customers that the orders name."""
        return self.with_context(**{CUSTOMER_LANG: customer.lang})

    def _for_customer(self, product):
        return product.with_context(lang=self.env.context.get(CUSTOMER_LANG) or None)


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def _get_lang(self):
        if CUSTOMER_LANG in self.env.context:
            return self.partner_id.lang or None
        return super()._get_lang()


class MailActivity(models.Model):
    _inherit = "mail.activity"

    marketplace_cause = fields.Char(
        readonly=True, help="What it is about, in no language: the same is told once, whoever reads it."
    )
