# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models
from odoo.tools import SQL

from ..transport.redaction import names_person
from .res_partner import CODE

# What tells who somebody is, besides all numbers of phones that Odoo knows of.
PERSONAL = (
    *("phone", "email", "street", "street2", "city", "zip", "state_id", "comment", "ref", "vat", "website", "function"),
    *("marketplace_phone", "marketplace_phone2", "marketplace_route_code", "marketplace_address", "marketplace_notes"),
)
# What of it the marketplace has told, in whatever form.
TOLD = ("name", "phone", "email", "street", "marketplace_phone", "marketplace_phone2")
# Documents that are read at a time.
PIECE = 500
# Documents without an order that may name somebody: those that may still become one, and those that never will.
OPEN = (
    "order_id IS NULL AND (state IN ('waiting', 'failed') OR state = 'aside' AND redacted_at IS NULL)"  # have indexes
)
LOOSE = (
    "order_id IS NULL AND (state IN ('waiting', 'failed') "
    "OR state IN ('done', 'superseded', 'aside') AND redacted_at IS NULL)"
)


class ResPartner(models.Model):
    """Customers whom a marketplace asks us to forget."""

    _inherit = "res.partner"

    def _marketplace_knows(self, config, code):
        """Tell whether anything is known of the customer with this code: a contact, or a document of an order that has
        not become one."""
        if not code:
            return False
        # Asked for thousands of strangers a day, so not of all that was replaced or is done.
        return bool(self._marketplace_known_as(config, code) or self._marketplace_naming(config, code, OPEN))

    def _marketplace_naming(self, config, code, which):
        """Return those of the documents of these accounts that name this customer."""
        self.env["marketplace.inbox"].flush_model()
        self.env.cr.execute(
            SQL(
                "SELECT id FROM marketplace_inbox WHERE config_id = ANY(%s) AND kind != 'erase' AND %s "
                "AND position(%s in payload) > 0",
                config._credential_group().ids,
                SQL(which),
                code,
            )
        )
        found = self.env["marketplace.inbox"].sudo().browse([row[0] for row in self.env.cr.fetchall()])
        keys = config._api()._account_personal_keys(config) | config._api()._code_keys()
        naming = found.browse()
        for start in range(0, len(found), PIECE):
            rows = found.browse(found.ids[start : start + PIECE])
            naming |= rows.filtered(
                # A short code may be a number of somebody's address: of an order it is known whose it is.
                lambda row: (
                    row._customer().code == code or not row.order_id and names_person(row._document(), keys, code)
                )
            )
            rows.invalidate_recordset(["payload"])
        return naming

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
        """Remove what is known of the customer with this code at the marketplace of ``config``; whether one who is ours
        by other ways too may stay as a contact is asked of a person."""
        customer = self._marketplace_known_as(config, code)
        if not customer._marketplace_forget_as({config: {code}}):
            config._tell_responsible(
                _("%s asks to forget a customer who is yours, too", config.name),
                _("What it told of %s is removed. Decide whether the contact itself may stay.", customer.display_name),
                cause="erasure",
            )

    def _marketplace_forget_as(self, codes):
        """Remove what is known of this customer, who may be no contact yet, by ``{account: codes}``: from the contact,
        its delivery addresses and their histories, from the documents of its orders, what was written of them, and, a
        little later, the log. The orders stay, as the books need them, of a customer without a name.

        Who is a customer of ours by other ways too stays one: then only what the marketplaces told is removed.

        :return: whether nothing of the contact is left
        """
        # Archived ones that share the credentials, too.
        codes = {config.with_context(active_test=False): names for config, names in codes.items()}
        accounts = self.env["marketplace.config"].union(*(config._credential_group() for config in codes))
        orders = self._marketplace_orders(accounts) | self._marketplace_orders_told(codes)
        documents = self._marketplace_documents(codes, accounts, orders)
        words = documents._personal_words() | self._marketplace_words().union(*codes.values())
        ours = bool(self) and self._marketplace_is_ours(accounts)
        documents._redact(set().union(*codes.values()))
        self.env["marketplace.erasure"]._begin(accounts, words, set(documents.mapped("external_id")) - {False, ""})
        for order in orders:  # it is handed on to the invoice
            order.invoice_ids.filtered(lambda move, order=order: move.narration == order.note).narration = False
        orders.write({"note": False})
        orders.order_line._marketplace_forget_comments()
        self._marketplace_scrub(accounts, orders, words)
        people = self.with_context(active_test=False).child_ids
        if ours:
            people = people.filtered("marketplace_address")
            self._marketplace_unlink(accounts)
        else:
            people |= self
        people._marketplace_anonymise()
        return not ours

    def _marketplace_orders(self, accounts):
        """Return the orders of these customers at the accounts, theirs or delivered to them."""
        people = self | self.with_context(active_test=False).child_ids
        whose = ["|", ("partner_id", "in", people.ids), ("partner_shipping_id", "in", people.ids)]
        of_accounts = ("marketplace_config_id", "in", accounts.ids)
        return self.env["sale.order"].sudo().search([of_accounts, *whose]) if people else self.env["sale.order"]

    def _marketplace_orders_told(self, codes):
        """Return the orders whose documents name these customers: somebody may have given them to another contact."""
        orders = self.env["sale.order"].sudo()
        for config, names in codes.items():
            for code in names - {""}:
                told = self._marketplace_naming(config, code, "order_id IS NOT NULL AND redacted_at IS NULL")
                orders |= told.order_id
        return orders

    def _marketplace_words(self):
        """Return the texts by which these people are found in what was written down."""
        people = self | self.with_context(active_test=False).child_ids
        names = {*TOLD, *self._phone_get_number_fields()}
        return {word for partner in people for name in names if (word := partner[name])}

    def _marketplace_is_ours(self, accounts):
        """Tell whether this contact is more than a customer of these accounts: a user, one of the companies, or known
        by an order or invoice that has nothing to do with them."""
        self.ensure_one()
        if self.with_context(active_test=False).user_ids or self.ref_company_ids:
            return True
        people = self | self.with_context(active_test=False).child_ids
        elsewhere = [("partner_id", "in", people.ids), ("marketplace_config_id", "not in", accounts.ids)]
        if self.env["sale.order"].sudo().search_count(elsewhere, limit=1):
            return True
        invoices = [("partner_id", "in", people.ids), ("move_type", "!=", "entry")]
        lines = self.env["account.move"].sudo().search(invoices).invoice_line_ids
        return bool(lines.filtered(lambda line: line.display_type == "product" and not line.sale_line_ids))

    def _marketplace_unlink(self, accounts):
        """Know this contact as a customer of these accounts no more."""
        self.marketplace_code_ids.filtered(lambda row: row.config_id in accounts).unlink()
        self.filtered(lambda partner: partner.marketplace_config_id in accounts).write(
            {
                "cartona_id": False,
                "marketplace_config_id": False,
                "marketplace_phone": False,
                "marketplace_phone2": False,
                "marketplace_route_code": False,
                "marketplace_notes": False,
            }
        )

    def _marketplace_anonymise(self):
        """Remove everything that tells who these contacts are, with their histories."""
        names = (*PERSONAL, *self._phone_get_number_fields())
        nothing = {name: False for name in names if name in self._fields}
        self.marketplace_code_ids.unlink()
        quiet = self.with_context(tracking_disable=True, mail_notrack=True)
        quiet.write({**nothing, "name": _("Forgotten customer"), "cartona_id": False, "image_1920": False})
        self.message_ids.sudo().unlink()

    def _marketplace_documents(self, codes, accounts, orders):
        """Return the documents of these orders, and those that name the customer and have none."""
        Inbox = self.env["marketplace.inbox"].sudo()
        of_accounts = [("config_id", "in", accounts.ids), ("kind", "!=", "erase")]
        told = Inbox.search([*of_accounts, ("external_id", "in", orders.mapped("cartona_id"))])
        loose = [
            self._marketplace_naming(config, code, LOOSE) for config, names in codes.items() for code in names if code
        ]
        return (told | Inbox.search([("order_id", "in", orders.ids)])).union(*loose)


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def _marketplace_forget_comments(self):
        """Take what customers wrote of these lines off them and off their invoices, but for those that a hash seals. As
        statements, since Odoo refuses to change lines of what is locked."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                r"""
                UPDATE account_move_line SET name = replace(account_move_line.name, E'\n' || marketplace_comment, '')
                  FROM sale_order_line
                  JOIN sale_order_line_invoice_rel ON order_line_id = sale_order_line.id, account_move
                 WHERE invoice_line_id = account_move_line.id AND account_move.id = account_move_line.move_id
                   AND inalterable_hash IS NULL AND sale_order_line.id = ANY(%s) AND marketplace_comment != ''
                """,
                self.ids,
            )
        )
        self.env.cr.execute(
            SQL(
                r"UPDATE sale_order_line SET name = replace(name, E'\n' || marketplace_comment, ''), "
                "marketplace_comment = NULL WHERE id = ANY(%s) AND marketplace_comment IS NOT NULL",
                self.ids,
            )
        )
        self.env.invalidate_all()
