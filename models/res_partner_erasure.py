# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models
from odoo.tools import SQL

from ..transport.redaction import names_person
from .res_partner import CODE

# What tells who somebody is.
PERSONAL = (
    *("phone", "email", "street", "street2", "city", "zip", "state_id", "comment", "ref", "vat", "website", "function"),
    *("marketplace_phone2", "marketplace_route_code", "marketplace_address", "marketplace_notes"),
)
# What of it the marketplace has told, in whatever form.
TOLD = ("name", "phone", "email", "street", "marketplace_phone2")
# A shorter text would be found in too much.
TELLING = 4


class ResPartner(models.Model):
    """Customers whom a marketplace asks us to forget."""

    _inherit = "res.partner"

    def _marketplace_knows(self, config, code):
        """Tell whether anything is known of the customer with this code: a contact, or a document of an order that has
        not become one."""
        if not code:
            return False
        return bool(self._marketplace_known_as(config, code) or self._marketplace_loose_documents(config, code))

    def _marketplace_loose_documents(self, config, code):
        """Return the documents that name this customer and have not become an order."""
        self.env.cr.execute(
            SQL(
                "SELECT id FROM marketplace_inbox WHERE config_id = ANY(%s) AND order_id IS NULL AND kind != 'erase' "
                "AND state IN ('waiting', 'failed') AND position(%s in payload) > 0",
                config._credential_group().ids,
                code,
            )
        )
        found = self.env["marketplace.inbox"].sudo().browse([row[0] for row in self.env.cr.fetchall()])
        keys = config._api()._account_personal_keys(config)
        return found.filtered(lambda row: names_person(row._document(), keys, code))

    def _marketplace_known_as(self, config, code):
        """Return the contact with this code, its first or one that it has of a contact that was merged into it."""
        owner, key = config._credentials(), CODE + code
        # sudo: a delivery that asks for it comes from nobody in particular
        people = self.sudo().with_context(active_test=False)
        first = people.search([("marketplace_config_id", "=", owner.id), ("cartona_id", "=", key)])
        further = (
            self.env["marketplace.customer.code"].sudo().search([("config_id", "=", owner.id), ("code", "=", key)])
        )
        return first | people.browse(further.partner_id.ids)

    def _marketplace_forget(self, config, code):
        """Remove what is known of the customer with this code: from the contact, its delivery addresses and their
        histories, from the documents of its orders, and from the log. The orders stay, as the books need them, of a
        customer without a name.

        Who is a customer of ours by other ways too stays one: then only what the marketplace told is removed, and a
        person is asked about the rest.
        """
        customer = self._marketplace_known_as(config, code)
        orders = customer._marketplace_orders(config)
        words = {code, *orders.mapped("cartona_id"), *customer._marketplace_words()}
        self._marketplace_forget_documents(config, code, orders)
        self._marketplace_forget_log(config, words)
        if not customer:
            return
        orders.write({"note": False})
        children = customer.with_context(active_test=False).child_ids
        if customer._marketplace_is_ours(config):
            ours = children.filtered(lambda child: not child.marketplace_address)
            customer._marketplace_unlink()
            (children - ours)._marketplace_anonymise()
            config._tell_responsible(
                _("%s asks to forget a customer who is yours, too", config.name),
                _("What it told of %s is removed. Decide whether the contact itself may stay.", customer.display_name),
            )
        else:
            (customer | children)._marketplace_anonymise()

    def _marketplace_orders(self, config):
        """Return the orders of these customers at the marketplace, theirs or delivered to them."""
        people = self | self.with_context(active_test=False).child_ids
        accounts = ("marketplace_config_id", "in", config._credential_group().ids)
        whose = ["|", ("partner_id", "in", people.ids), ("partner_shipping_id", "in", people.ids)]
        return self.env["sale.order"].sudo().search([accounts, *whose]) if people else self.env["sale.order"]

    def _marketplace_words(self):
        """Return the texts by which these people are found in what was written down."""
        people = self | self.with_context(active_test=False).child_ids
        return {word for partner in people for name in TOLD if (word := partner[name])}

    def _marketplace_is_ours(self, config):
        """Tell whether this contact is more than a customer of the marketplace: a user, one of the companies, or known
        by an order or invoice that has nothing to do with it."""
        self.ensure_one()
        if self.with_context(active_test=False).user_ids or self.ref_company_ids:
            return True
        people = self | self.with_context(active_test=False).child_ids
        elsewhere = [
            ("partner_id", "in", people.ids),
            ("marketplace_config_id", "not in", config._credential_group().ids),
        ]
        if self.env["sale.order"].sudo().search_count(elsewhere, limit=1):
            return True
        invoices = [("partner_id", "in", people.ids), ("move_type", "!=", "entry")]
        lines = self.env["account.move"].sudo().search(invoices).invoice_line_ids
        return bool(lines.filtered(lambda line: line.display_type == "product" and not line.sale_line_ids))

    def _marketplace_unlink(self):
        """Know this contact as a customer of the marketplace no more."""
        self.marketplace_code_ids.unlink()
        self.write(
            {
                "cartona_id": False,
                "marketplace_config_id": False,
                "marketplace_phone2": False,
                "marketplace_route_code": False,
                "marketplace_notes": False,
            }
        )

    def _marketplace_anonymise(self):
        """Remove everything that tells who these contacts are, with their histories."""
        nothing = {name: False for name in PERSONAL if name in self._fields}
        self.marketplace_code_ids.unlink()
        quiet = self.with_context(tracking_disable=True, mail_notrack=True)
        quiet.write({**nothing, "name": _("Forgotten customer"), "cartona_id": False, "image_1920": False})
        self.message_ids.sudo().unlink()

    def _marketplace_forget_documents(self, config, code, orders):
        """Remove who ordered from the documents of these orders, those that were never processed included."""
        Inbox = self.env["marketplace.inbox"].sudo()
        accounts = ("config_id", "in", config._credential_group().ids)
        told = Inbox.search([accounts, ("kind", "!=", "erase"), ("external_id", "in", orders.mapped("cartona_id"))])
        loose = self._marketplace_loose_documents(config, code)
        (told | Inbox.search([("order_id", "in", orders.ids)]) | loose)._redact()

    def _marketplace_forget_log(self, config, words):
        """Remove the excerpts that name one of these words from the log; that there was a call stays."""
        words = [word for word in words if len(word) >= TELLING]
        self.env["marketplace.sync.log"].flush_model()
        self.env.cr.execute(
            SQL(
                "UPDATE marketplace_sync_log SET request = NULL, response = NULL WHERE config_id = ANY(%s) "
                "AND EXISTS (SELECT 1 FROM unnest(%s::text[]) AS word "
                "WHERE position(word in coalesce(request, '')) > 0 OR position(word in coalesce(response, '')) > 0)",
                config._credential_group().ids,
                words,
            )
        )
        self.env["marketplace.sync.log"].invalidate_model(["request", "response"])
