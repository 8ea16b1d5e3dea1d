# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from collections import Counter

from odoo import _, models

from ..compat import format_list
from .marketplace_unmatched import FITTING


class MarketplaceMatching(models.AbstractModel):
    """Finds the products of the marketplace's catalogue in Odoo: by external id, then internal reference, then
    barcode. What fits two products is refused, never guessed, and so are two that fit one, and what holds several
    units: whether the product here is one of them or all, only a person knows. They stand in ``marketplace.unmatched``.
    """

    _name = "marketplace.matching"
    _description = "Matching of Marketplace Products"

    def _match_page(self, config, products):
        """List the remote ``products`` that are found here, keep the others as unmatched; return the new listings.

        Two products of the marketplace that fit one of ours would both be sold as one unit of it, though one may be the
        box and the other the piece: only a person lists them both. Of two in one page neither is listed. Of two in
        different pages, or runs, the first is, since nothing tells of the other yet; the later one is refused and names
        it. As long as one stands refused for a product, no other is listed as that product either, so that it does not
        matter in which order they come again.
        """
        listed = self._listed(config, products)
        unlisted = {}
        for product in products:
            if product.external_id and product.external_id not in listed:
                unlisted.setdefault(product.external_id, product)  # a page may name a product twice
        judged = self._judge(config, unlisted.values())
        found = [(product, hit) for product, reason, hit in judged if not reason]
        refused = [one for one in judged if one[1]]
        if refused:
            self.env["marketplace.unmatched"]._store(config, refused)
        self._report(config, found, refused)
        return self._list(config, found)

    # ------------------------------------------------------------------ steps

    def _judge(self, config, products):
        """Return ``[(product, why it can't be listed, what fits it)]``; without a reason it can."""
        candidates = self._candidates(config, products)
        hits = {product.external_id: self._hits(product, candidates) for product in products}
        doubles = self._doubles(config, hits)
        return [
            (product, self._refusal(product, hits[product.external_id], doubles), hits[product.external_id])
            for product in products
        ]

    def _listed(self, config, products):
        """Return the ids that are listed. A listing whose product was deleted here lists nothing any more."""
        known = self._known_listings(config, [product.external_id for product in products])
        return set(known.filtered("product_id").mapped("external_id"))

    def _known_listings(self, config, external_ids):
        Listing = self.env["marketplace.listing"].with_context(active_test=False)
        return Listing.search([("config_id", "=", config.id), ("external_id", "in", list(external_ids))])

    def _candidates(self, config, products):
        """Return the products of ours that a page may mean, by each of the keys: ``{field: {value: products}}``."""
        keys = {
            # Where the account does not go by them, these are the ids of another marketplace.
            "cartona_id": {product.external_id for product in products if config.use_cartona_id},
            "default_code": {product.sku for product in products} - {""},
            "barcode": {product.barcode for product in products} - {""},
        }
        candidates = {}
        for name, values in keys.items():
            found = self.env["product.product"].search(
                [(name, "in", list(values)), ("company_id", "in", [False, *config.company_id.parent_ids.ids])]
            )
            candidates[name] = found.grouped(name)
        return candidates

    def _hits(self, product, candidates):
        nothing = self.env["product.product"]
        return (
            candidates["cartona_id"].get(product.external_id)
            or (product.sku and candidates["default_code"].get(product.sku))
            or (product.barcode and candidates["barcode"].get(product.barcode))
            or nothing
        )

    def _doubles(self, config, hits):
        """Return the products among ``{external id: products that fit}`` that something else fits too: a listing of the
        account, another one of these, or one that was refused for it before."""
        alone = [found for found in hits.values() if len(found) == 1]
        products = self.env["product.product"].union(*alone)
        times = Counter(found.id for found in alone)
        listings = self.env["marketplace.listing"].search(
            [("config_id", "=", config.id), ("product_id", "in", products.ids)]
        )
        refused = self.env["marketplace.unmatched"].search(
            [
                ("config_id", "=", config.id),
                ("reason", "in", FITTING),
                ("candidate_ids", "in", products.ids),
                ("external_id", "not in", list(hits)),
            ]
        )
        twice = products.filtered(lambda product: times[product.id] > 1)
        return twice | listings.product_id | refused.candidate_ids

    def _refusal(self, product, found, doubles):
        """Return why the remote ``product``, which fits ``found``, is not listed; nothing where it is."""
        if not found:
            return "unknown"
        if len(found) > 1:
            return "ambiguous"
        if found in doubles:
            return "double"
        return "pack" if product.unit_count != 1 else None

    def _list(self, config, found):
        return self._create_listings(
            config, [self._prepare_listing_values(config, product, hit) for product, hit in found]
        )

    def _create_listings(self, config, values):
        """List products that matching or a person has found; give those that have none their external id, unless
        another account, which has other ids, would take it for one of its own."""
        listings = self._list_again(config, values)
        taken = set(listings.mapped("external_id"))
        listings |= listings.create([one for one in values if one["external_id"] not in taken])
        if config.use_cartona_id and not config._others_by_cartona_id():
            for listing in listings:
                if not listing.product_id.cartona_id:
                    # The account lists it already: nothing else has to be done for it.
                    # sudo: who may list a product may thereby give it its id
                    product = listing.product_id.sudo().with_context(marketplace_matching=True)
                    product.cartona_id = listing.external_id
        return listings

    def _list_again(self, config, values):
        """Wake the listings that stand under these ids and have lost their products; return them. A product that was
        made anew takes their place: what the marketplace shows under an id is known of it."""
        known = self._known_listings(config, [one["external_id"] for one in values])
        again = self.env["marketplace.listing"].browse(known.filtered(lambda listing: not listing.product_id).ids)
        wanted = {one["external_id"]: one for one in values}
        for listing in again:
            listing._wake_as(wanted[listing.external_id])
        return again

    def _prepare_listing_values(self, config, product, hit):
        """Return the values of a new listing. Extend this to take over more of the remote product."""
        return {
            "config_id": config.id,
            "product_id": hit.id,
            "external_id": product.external_id,
            "name": product.name,
            "unit": product.unit,
            "remote": product.remote or False,
        }

    def _report(self, config, found, refused):
        """Leave one row in the log; name what was refused."""
        message = ""
        if refused:
            names = format_list(
                self.env,
                (f"{product.name} ({product.sku or product.external_id})" for product, _reason, _hits in refused[:20]),
            )
            message = _(
                "%(count)s stand under Unmatched, for you to decide: %(names)s", count=len(refused), names=names
            )
        self.env["marketplace.sync.log"]._record(
            config,
            {
                "operation": "match_products",
                "direction": "in",
                "status": "partial" if refused else "success",
                "row_count": len(found),
                "failed_count": len(refused),
                "message": message,
            },
        )
