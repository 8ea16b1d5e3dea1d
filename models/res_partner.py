# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import re
import unicodedata

from markupsafe import Markup

from odoo import _, api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

# What a customer is known by: the marketplace's code; without one the phone; without both, one order. The last two are
# provisional: the code takes their place when it comes.
CODE = "retailer_"
PHONE = "phone_"
ORDER = "order_"

# What is longer is no name, and fits into no index.
NAME = 255
# Where a cursor keeps the countries and states that it has found.
NAMED = "cartona_integration.named"

# The end of a phone number, in whatever way it is written. What Odoo keeps of numbers (`phone_sanitized`) is no help:
# on contacts only with the sms module in 17.0, of one number only, by the country of whoever wrote it, not indexed.
TAIL = 7
TAIL_OF = (
    "right(regexp_replace(translate(%s::text, '٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹', '01234567890123456789'), '[^0-9]', '', 'g'), 7)"
)


class ResPartner(models.Model):
    _inherit = "res.partner"

    # ------------------------------------------------------------------ fields

    cartona_id = fields.Char(
        string="Marketplace Customer ID",
        copy=False,
        readonly=True,
        help="retailer_ and the marketplace's own code. A customer without one is known by the phone.",
        groups="base.group_user",
    )
    marketplace_config_id = fields.Many2one(
        "marketplace.config",
        string="Customer of",
        copy=False,
        readonly=True,
        ondelete="restrict",
        help="The account whose credentials the customer's code belongs to.",
        groups="base.group_user",
    )
    marketplace_code_ids = fields.One2many(
        "marketplace.customer.code",
        "partner_id",
        string="Further Customer IDs",
        readonly=True,
        groups="cartona_integration.group_marketplace_user",
        help="Those of contacts that were merged into this one.",
    )
    # Not `mobile`: that comes first where Odoo writes messages to a number, and is gone in newer series.
    marketplace_phone2 = fields.Char(string="Second Phone", copy=False, readonly=True, groups="base.group_user")
    marketplace_phone = fields.Char(
        string="Phone as Sent",
        copy=False,
        readonly=True,
        help="Of contacts that were made for the marketplace: the phone that it told last.",
        groups="base.group_user",
    )
    marketplace_route_code = fields.Char(string="Route Code", copy=False, readonly=True, groups="base.group_user")
    marketplace_address = fields.Text(
        string="Address as Sent",
        copy=False,
        readonly=True,
        help="Orders with this address are delivered to this contact, also when the address here was corrected.",
        groups="base.group_user",
    )
    marketplace_notes = fields.Text(string="Address Notes", copy=False, readonly=True, groups="base.group_user")

    def init(self):
        result = super().init()
        # Partial: most rows of a grown database have nothing to do with a marketplace.
        self.env.cr.execute(
            "CREATE UNIQUE INDEX IF NOT EXISTS res_partner_cartona_id_unique "
            "ON res_partner (marketplace_config_id, cartona_id) WHERE cartona_id IS NOT NULL"
        )
        for name in self._phone_get_number_fields():
            self.env.cr.execute(
                SQL(
                    "CREATE INDEX IF NOT EXISTS %s ON res_partner ((%s)) WHERE parent_id IS NULL AND %s IS NOT NULL",
                    SQL.identifier(f"res_partner_marketplace_{name}_idx"),
                    self._marketplace_tail(name),
                    SQL.identifier(name),
                )
            )
        return result

    @api.constrains("company_id", "marketplace_config_id")
    def _check_marketplace_company(self):
        """An order of the account could not be entered for a contact of another company. One of no company is shared,
        which is why Odoo's own check of companies is no help: it would refuse that one."""
        # sudo: whoever edits a contact may not see the accounts of other companies, and is told no name of them
        for partner in self.sudo():
            companies = (partner.marketplace_config_id | partner.marketplace_code_ids.config_id).company_id
            if any(not partner.filtered_domain(partner._check_company_domain(company)) for company in companies):
                raise ValidationError(
                    _(
                        "%s is a customer of a marketplace account of another company. Leave the contact without a "
                        "company, or make one for each company.",
                        partner.display_name,
                    )
                )

    # ------------------------------------------------------------------ business: customers

    def _marketplace_resolve(self, config, orders):
        """Return ``{order id: (customer, delivery contact)}`` for neutral orders, creating what is new, in batches.

        A customer is known by the marketplace's code; else by the phone, never by name: two shops of one name stay two.
        Without an address of its own the order has an empty delivery contact.
        """
        customers, created = {}, self.browse()
        # Those with a code first: an order without one may be of a customer who comes with it in this batch.
        for group in ([o for o in orders if o.customer.code], [o for o in orders if not o.customer.code]):
            found, made = self._marketplace_customers(config, group)
            customers.update(found)
            created |= made
        pairs = [(customers[order.external_id], order.customer) for order in orders]
        addresses = self._marketplace_addresses(pairs, created)
        return {
            order.external_id: (customers[order.external_id], address)
            for order, address in zip(orders, addresses, strict=True)
        }

    def _marketplace_customers(self, config, orders):
        """Return ``{order id: customer}``, and those of them that are new."""
        owner = config._credentials()
        keys = {order.external_id: self._marketplace_key(config, order) for order in orders}
        if not keys:
            return {}, self.browse()
        found = self.with_context(active_test=False).search(
            [("marketplace_config_id", "=", owner.id), ("cartona_id", "in", list(set(keys.values())))]
        )
        known = {partner.cartona_id: partner for partner in found}
        further = self.env["marketplace.customer.code"].search(
            [("config_id", "=", owner.id), ("code", "in", list(set(keys.values()) - known.keys()))]
        )
        known.update({row.code: row.partner_id for row in further})
        missing = {keys[order.external_id]: order.customer for order in orders if keys[order.external_id] not in known}
        taken, created = self._marketplace_take_or_create(config, owner, missing)
        known.update(taken | created)
        return {external_id: known[key] for external_id, key in keys.items()}, self.concat(*created.values())

    def _marketplace_key(self, config, order):
        if order.customer.code:
            return CODE + order.customer.code
        number = self._marketplace_number(order.customer.phone, config.company_id.country_id)
        return PHONE + number if number else ORDER + order.external_id

    def _marketplace_take_or_create(self, config, owner, missing):
        """Find the customers ``{key: neutral customer}`` by their phone, and create the others; return those that were
        found and those that were created, each ``{key: partner}``."""
        country = config.company_id.country_id
        numbers = {key: self._marketplace_number(customer.phone, country) for key, customer in missing.items()}
        same_phone = self._marketplace_same_phone(config, set(numbers.values()) - {False})
        taken, notes = {}, {}
        for key in missing:
            candidates = same_phone.get(numbers[key], self.browse())
            fitting = candidates.filtered(lambda partner, key=key: partner._marketplace_fits(owner, key, numbers[key]))
            if len(fitting) == 1:
                taken[key] = fitting
                fitting._marketplace_take_over(owner, key)
            elif candidates:
                notes[key] = candidates
        new = {key: customer for key, customer in missing.items() if key not in taken}
        values = [self._prepare_marketplace_partner(config, key, customer) for key, customer in new.items()]
        created = dict(zip(new, self.create(values), strict=True))
        for key, candidates in notes.items():
            created[key]._marketplace_note(
                _("A new contact, since which of those with this phone number it is can't be told. Merge it if it is:"),
                candidates,
            )
        return taken, created

    def _marketplace_fits(self, owner, key, number):
        """Tell whether this contact may be the customer ``key``, whose phone it has. A code belongs to one shop: who
        has another is another one, or that of other credentials, and keeps it. Whoever has a user may have entered any
        number there, and would read another one's orders: only a person says that it is the same."""
        self.ensure_one()
        known = (self.marketplace_config_id, self.cartona_id) == (owner, PHONE + number)
        if self.with_context(active_test=False).user_ids and not known:
            return False
        if not self.cartona_id or not key.startswith(CODE):
            return True
        return self.marketplace_config_id == owner and not self.cartona_id.startswith(CODE)

    def _marketplace_take_over(self, owner, key):
        """Know this contact by ``key`` from now on. What it says of itself stays as it is."""
        self.ensure_one()
        if self.cartona_id and not key.startswith(CODE):
            return  # it is known by something better than a phone number
        self.write({"cartona_id": key, "marketplace_config_id": owner.id})
        self._marketplace_note(_("Recognised by the phone number as the customer %s of:", key), owner)

    def _marketplace_note(self, text, records):
        links = Markup(", ").join(record._get_html_link() for record in records)
        self.message_post(body=Markup("%s %s") % (text, links))

    def _prepare_marketplace_partner(self, config, key, customer):
        """Return the values of a new customer. Extend this to take over more."""
        owner = config._credentials()
        return {
            "name": (customer.name or customer.code or customer.phone or key)[:NAME],
            "lang": False,  # which language the customer reads is not known; Odoo would take that of the job
            "cartona_id": key,
            "marketplace_config_id": owner.id,
            "phone": customer.phone,
            "marketplace_phone": customer.phone,
            "email": customer.email,
            **self._prepare_marketplace_place(customer.billing or customer, config.company_id.country_id),
            "company_id": owner.company_id.id,
            "customer_rank": 1,
            **self._prepare_marketplace_details(customer),
        }

    def _prepare_marketplace_details(self, customer):
        """Return what the marketplace tells anew with each order, as far as it does."""
        details = {
            "marketplace_phone2": customer.phone2,
            "marketplace_route_code": customer.route_code,
            "marketplace_notes": customer.notes,
        }
        return {name: value for name, value in details.items() if value}

    # ------------------------------------------------------------------ business: phones

    def _marketplace_number(self, number, country):
        """Return the phone number as E.164, ``False`` when it is none."""
        return self._phone_format_number(_plain_digits(number or ""), country)

    def _marketplace_has_phone(self, number, country):
        """Tell whether the contact has this number, however it is written; one that is no number, as it is written."""
        same = {self[name] for name in self._phone_get_number_fields()} - {False}
        wanted = self._marketplace_number(number, country)
        return number in same or (wanted and wanted in {self._marketplace_number(one, country) for one in same})

    def _marketplace_same_phone(self, config, numbers):
        """Return ``{E.164 number: contacts}``: those that may be customers of the account's company, a branch's by what
        its company has, locked, so that nobody else takes one over meanwhile."""
        if not numbers:
            return {}
        names = self._phone_get_number_fields()
        tails = [number[-TAIL:] for number in numbers]
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT id FROM res_partner p
                 WHERE active AND parent_id IS NULL AND type = 'contact' AND partner_share
                   AND (company_id IS NULL OR company_id = ANY(%s)) AND (%s)
                   AND NOT EXISTS (SELECT 1 FROM res_company WHERE partner_id = p.id)
              ORDER BY id FOR NO KEY UPDATE
                """,
                config.company_id.parent_ids.ids,
                SQL(" OR ").join(SQL("%s = ANY(%s)", self._marketplace_tail(name), tails) for name in names),
            )
        )
        found = {}
        for partner in self.browse([row[0] for row in self.env.cr.fetchall()]):
            country = partner.country_id or config.company_id.country_id
            for number in {self._marketplace_number(partner[name], country) for name in names} & numbers:
                found[number] = found.get(number, self.browse()) | partner
        return found

    def _marketplace_tail(self, name):
        before, after = TAIL_OF.split("%s")
        return SQL("%s%s%s", SQL(before), SQL.identifier(name), SQL(after))

    # ------------------------------------------------------------------ business: addresses

    def _marketplace_addresses(self, pairs, created):
        """Return the delivery contact of each ``(customer, neutral customer)``: one that has the same address, else a
        new one. So an older order keeps the address it was placed with.

        :param created: those customers that are new
        """
        parents = self.browse({partner.id for partner, customer in pairs if customer.address})
        children = self.search([("parent_id", "in", parents.ids), ("type", "=", "delivery")], order="id desc")
        known = {(child.parent_id.id, _words(child.marketplace_address or child.street)): child for child in children}
        new = {}
        for partner, customer in pairs:
            place = (partner.id, _words(customer.address))
            if place in known:
                known[place]._marketplace_refresh(customer)
            elif place[1]:
                new[place] = self._prepare_marketplace_address(partner, customer)
            else:
                partner._marketplace_refresh(customer)
        quiet = self.with_context(mail_create_nolog=True)  # an address has no history to tell
        # A new customer has nothing yet that its contacts would have to share; looking for that costs 8 ms each.
        skipping = quiet.with_context(_partners_skip_fields_sync=True)
        for contacts, ours in ((skipping, True), (quiet, False)):
            places = [place for place in new if (place[0] in created.ids) == ours]
            if places:
                made = contacts.create([new[place] for place in places])
                known.update(zip(places, made.with_env(self.env), strict=True))
        return [known.get((partner.id, _words(customer.address)), self.browse()) for partner, customer in pairs]

    def _prepare_marketplace_address(self, partner, customer):
        """Return the values of a new delivery contact. Extend this to take over more."""
        return {
            "parent_id": partner.id,
            "lang": partner.lang,
            "type": "delivery",
            "marketplace_address": customer.address,
            **self._prepare_marketplace_place(customer, partner.country_id),
            "phone": customer.phone,
            "marketplace_phone": customer.phone,
            "company_id": partner.company_id.id,
            **self._prepare_marketplace_details(customer),
        }

    def _prepare_marketplace_place(self, customer, country):
        """Return where a customer is; ``country`` is meant where the marketplace names none."""
        if customer.country:
            country = _named(self.env["res.country"], [], customer.country) or country
        state = _named(self.env["res.country.state"], [("country_id", "=", country.id)], customer.state)
        return {
            "street": customer.street,
            "street2": customer.street2,
            "city": customer.city or (not state and customer.state),
            "zip": customer.zip,
            "state_id": state.id,
            "country_id": country.id,
        }

    def _marketplace_refresh(self, customer):
        """Take over what the marketplace tells of a place, or a customer without one, that is known: the phone where it
        is still the one that it told before."""
        details = self._prepare_marketplace_details(customer)
        if customer.phone and self.marketplace_phone:
            details["marketplace_phone"] = customer.phone
            if self.phone == self.marketplace_phone:
                details["phone"] = customer.phone
        changed = {name: value for name, value in details.items() if self[name] != value}
        if changed:
            self.write(changed)


def _named(records, domain, word):
    """Return the country or state with this code, else with this name; none when there is no such one."""
    if not word:
        return records.browse()
    # Asked for each customer of a page; what is not there may come.
    known, key = records.env.cr.cache.setdefault(NAMED, {}), (records._name, repr(domain), word)
    if key not in known and (found := _search_named(records, domain, word)):
        known[key] = found.id
    return records.browse(known.get(key, ()))


def _search_named(records, domain, word):
    # Marketplaces write names in English, whatever the language in which the job works.
    english = records.with_context(lang=None)
    found = english.search([*domain, ("code", "=", word.upper())], limit=1)
    return found or english.search([*domain, ("name", "=ilike", word)], limit=1)


def _plain_digits(text):
    """Return the text with Arabic and other digits as 0 to 9."""
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)


def _words(text):
    """Return an address as it is compared: spelled alike, whatever its spaces, commas and digits."""
    return re.sub(r"\W+", " ", _plain_digits(unicodedata.normalize("NFKC", text or "")).casefold()).strip()
