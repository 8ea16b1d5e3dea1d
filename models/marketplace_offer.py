# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import math

from odoo import _, fields, models
from odoo.tools import SQL, float_compare

from ..schemas import Offer

# Floats that should be whole may lack the last bit: 11.999999999 boxes are 12.
WHOLE = 1e-9
# More than anybody has: a barcode that was scanned into a quantity. Neither we nor a marketplace can store any number.
MOST = 10**9


class MarketplaceListing(models.Model):
    """What a listing should show at the marketplace now, and what of it has to be sent."""

    _inherit = "marketplace.listing"

    currency_id = fields.Many2one(related="config_id.currency_id")
    pushed_price = fields.Float(string="Price There", readonly=True, copy=False, digits="Product Price")
    pushed_quantity = fields.Integer(string="Quantity There", readonly=True, copy=False)
    pushed_publication = fields.Selection([("on", "On sale"), ("off", "Off sale")], readonly=True, copy=False)
    price_pushed_at = fields.Datetime(readonly=True, copy=False)
    quantity_pushed_at = fields.Datetime(readonly=True, copy=False)
    publication_pushed_at = fields.Datetime(readonly=True, copy=False)
    doubt_since = fields.Datetime(
        readonly=True, copy=False, help="Since when something may be on sale there that the marketplace never answered."
    )

    # ------------------------------------------------------------------ what is true now

    def _offers(self, due_only=False):
        """Return what each listing should show now: ``{listing id: Offer}``.

        What is not on sale any more has a quantity of 0 and is not published; its price does not matter.

        :param due_only: leave out prices and quantities that are not due, each of which costs about as much as the
            other; they do not matter then
        """
        offers = {}
        for config, listings in self.grouped("config_id").items():
            selling = listings.filtered(lambda listing: listing._is_on_sale())
            prices = (selling.filtered("price_due") if due_only else selling)._prices(config)
            quantities = (selling.filtered("stock_due") if due_only else selling)._quantities(config)
            on_sale = set(selling.ids)
            for listing in listings:
                offers[listing.id] = Offer(
                    prices.get(listing.id), quantities.get(listing.id, 0), published=listing.id in on_sale
                )
        return offers

    def _is_on_sale(self):
        self.ensure_one()
        product = self.product_id
        if not (self.active and product and product.active):
            return False
        # Asked of the template: the variant's own fields are copies that Odoo would make for each of them.
        template = product.product_tmpl_id
        return template.sale_ok and template.marketplace_sync_enabled and self._is_of_company(template)

    def _is_of_company(self, template):
        """Tell whether the account's company may sell the product: a branch sells its company's, too, as in Odoo."""
        return not template.company_id or template.company_id in self.config_id.company_id.parent_ids

    def _prices(self, config):
        """Return ``{listing id: price}`` for one selling unit by the account's pricelist and tax setting, rounded by
        the pricelist's currency."""
        pricelist = config.pricelist_id.with_company(config.company_id)
        currency = pricelist.currency_id or config.company_id.currency_id
        prices = {}
        for pack_size, listings in self.grouped("pack_size").items():
            products = listings.product_id.with_company(config.company_id)
            # An empty pricelist gives the sales price.
            by_product = pricelist._get_products_price(products, pack_size, currency=currency)
            for listing in listings:
                price = currency.round(listing._taxed(config, by_product[listing.product_id.id], currency))
                prices[listing.id] = round(price, currency.decimal_places)  # no 137.70000000000002 on the wire
        return prices

    def _taxed(self, config, unit_price, currency):
        """Return the price of a selling unit with or without the product's taxes, as the account's marketplace shows
        prices."""
        return config._taxed(self.product_id, unit_price, currency, self.pack_size)

    def _quantities(self, config):
        """Return ``{listing id: quantity}`` in whole selling units, never negative; ``UNLIMITED``: without end."""
        if not self:
            return {}
        available = self.product_id._marketplace_available(config)
        counted = self.product_id._marketplace_counted(config.company_id)
        rules = config._stock_rules(self.product_id)
        quantities = {}
        for listing in self:
            product = listing.product_id
            rule = rules[product.id]
            if product in counted:
                quantities[listing.id] = rule._quantity(available[product.id], listing.pack_size)
            else:
                quantities[listing.id] = rule._quantity_untracked(config.untracked_policy)
        return quantities

    # ------------------------------------------------------------------ what has to be sent

    def _prepare_offer_row(self, offer):
        """Return the neutral row to send, or ``None`` when the marketplace already has these values.

        A price that can't be sent does not hold back the stock: the row then goes without it, and says so under the
        key ``problem``; nor does a quantity that waits, which stands under the key ``quantity_waits``.
        """
        self.ensure_one()
        config = self.config_id
        values = {}
        if config.sync_price and self.price_due and offer.published and self._differs_price(offer.price):
            foreign = config._currency_problem(config.connected_currency)
            if foreign:
                values["problem"] = foreign
            elif offer.price > 0 or (config.allow_zero_price and offer.price == 0):
                values["price"] = offer.price
            else:
                values["problem"] = _(
                    "The price is %s. Set a sales price above 0, or stop selling the product here.", offer.price
                )
        if config.sync_stock and self.stock_due and self._differs_quantity(offer.quantity):
            # What is sold out is so whatever else was ordered.
            waits = offer.quantity and config._awaits_orders()
            values["quantity_waits" if waits else "quantity"] = offer.quantity
        if self._is_publication_to_send(offer.published):
            values["published"] = offer.published
        if not values:
            return None
        subjects = {name for name, key in SUBJECT_KEYS.items() if key in values}
        return {**config._api()._prepare_product_data(self, subjects), **values}

    def _differs_price(self, price):
        if self.forced or not self._is_known_since(self.price_pushed_at):
            return True
        return bool(float_compare(price, self.pushed_price, precision_digits=6))

    def _differs_quantity(self, quantity):
        known = self._is_known_since(self.quantity_pushed_at, self.config_id.stock_since)
        return self.forced or not known or quantity != self.pushed_quantity

    def _is_known_since(self, moment, moved=False):
        """Tell whether what was sent at ``moment`` went where the account is now; ``moved``: since when it goes there,
        if that is another time than for the rest."""
        since = max(filter(None, (self.config_id.place_since, moved)), default=None)
        return bool(moment and (not since or moment >= since))

    def _is_publication_to_send(self, published):
        """A listing is taken off when we stop selling, and put back only if it was us who took it off: what a person
        has hidden at the marketplace stays hidden."""
        if not self.publication_due or "publication" not in self.config_id._capabilities()["subjects"]:
            return False
        if published:
            return self.pushed_publication == "off"
        known = self._is_known_since(self.publication_pushed_at)
        return self.forced or not known or self.pushed_publication != "off"

    def _hold(self, config, rows, wait):
        """Lock the listings of ``rows`` until the commit; return the rows whose listing is there still, at the account
        and under the id that it was claimed by.

        Each gets ``begun``: the moment, ``unsent``: it has not left yet, and ``known``: what is known now of its
        listing, should it not be sent after all.

        :param wait: for the locks of others; else their rows are left out
        """
        self.env.cr.execute(
            SQL(
                """
                SELECT id, external_id, (clock_timestamp() at time zone 'utc')::text AS begun,
                       price_pushed_at, quantity_pushed_at, publication_pushed_at, pushed_publication, doubt_since
                  FROM marketplace_listing
                 WHERE id = ANY(%s) AND config_id = %s ORDER BY id FOR NO KEY UPDATE %s
                """,
                [row["listing_id"] for row in rows],
                config.id,
                SQL("" if wait else "SKIP LOCKED"),
            )
        )
        found = {values.pop("id"): values for values in self.env.cr.dictfetchall()}
        names = {listing_id: values.pop("external_id") for listing_id, values in found.items()}
        held = [row for row in rows if names.get(row["listing_id"]) == row["external_id"]]
        for row in held:
            known = found[row["listing_id"]]
            row.update(begun=known.pop("begun"), known=known, unsent=True)
        return held

    def _know_again(self, config, rows):
        """Take back the doubt about those of ``rows`` that never left: what was known of them before is known still."""
        unsent = {row["listing_id"]: row for row in rows if row.get("unsent")}
        for listing in self.browse(unsent).exists():
            row = unsent[listing.id]
            if (listing.config_id, listing.external_id) == (config, row["external_id"]):
                listing.write(row["known"])

    def _doubt(self, rows):
        """Note, before ``rows`` are sent, that nobody knows what the marketplace shows of them until it has answered:
        the answer may be lost, or whoever waits for it killed. What is changed back meanwhile would else seem to be
        there already, and never be sent. One statement; :meth:`_store_accepted` ends the doubt."""
        if not rows:
            return
        self.env.cr.execute(
            SQL(
                """
                UPDATE marketplace_listing l
                   SET price_pushed_at = CASE WHEN v.price THEN NULL ELSE l.price_pushed_at END,
                       quantity_pushed_at = CASE WHEN v.quantity THEN NULL ELSE l.quantity_pushed_at END,
                       publication_pushed_at = CASE WHEN v.published THEN NULL ELSE l.publication_pushed_at END,
                       pushed_publication = CASE WHEN v.published THEN 'off' ELSE l.pushed_publication END,
                       doubt_since = CASE WHEN v.on_sale
                                          THEN coalesce(l.doubt_since, now() at time zone 'utc') ELSE l.doubt_since END
                  FROM unnest(%s::int[], %s::bool[], %s::bool[], %s::bool[], %s::bool[])
                    AS v (id, price, quantity, published, on_sale)
                 WHERE l.id = v.id
                   AND (v.price AND l.price_pushed_at IS NOT NULL
                        OR v.quantity AND l.quantity_pushed_at IS NOT NULL OR v.published
                        OR v.on_sale AND l.doubt_since IS NULL)
                """,
                [row["listing_id"] for row in rows],
                *[[key in row for row in rows] for key in SUBJECT_KEYS.values()],
                [bool(row.get("quantity") or row.get("published")) for row in rows],
            )
        )
        self.invalidate_model()


SUBJECT_KEYS = {"price": "price", "stock": "quantity", "publication": "published"}


def whole_units(available, pack_size):
    """Return how many whole selling units ``available`` units of a product make, at least 0 and at most ``MOST``."""
    return min(max(0, math.floor(available / pack_size + WHOLE)), MOST)
