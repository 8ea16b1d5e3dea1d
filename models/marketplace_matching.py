# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models


class MarketplaceMatching(models.AbstractModel):
    """Finds the products of the marketplace's catalogue in Odoo: by external id, then internal reference, then
    barcode. What fits two products is refused, never guessed."""

    _name = "marketplace.matching"
    _description = "Matching of Marketplace Products"

    def _match_page(self, config, products):
        """List the remote ``products`` that are found here; return the new listings."""
        products = [product for product in products if product.external_id]
        listed = self._listed(config, products)
        candidates = self._candidates(config, products)
        found = []
        ambiguous = []
        for product in products:
            if product.external_id in listed:
                continue
            listed.add(product.external_id)  # a page may name a product twice
            hits = self._hits(product, candidates)
            if len(hits) == 1:
                found.append((product, hits))
            elif hits:
                ambiguous.append(product)
        self._report(config, products, found, ambiguous)
        return self._list(config, found)

    # ------------------------------------------------------------------ steps

    def _listed(self, config, products):
        listings = (
            self.env["marketplace.listing"]
            .with_context(active_test=False)
            .search(
                [("config_id", "=", config.id), ("external_id", "in", [product.external_id for product in products])]
            )
        )
        return set(listings.mapped("external_id"))

    def _candidates(self, config, products):
        """Return the products of ours that a page may mean, by each of the keys: ``{field: {value: products}}``."""
        keys = {
            "cartona_id": {product.external_id for product in products},
            "default_code": {product.sku for product in products} - {""},
            "barcode": {product.barcode for product in products} - {""},
        }
        candidates = {}
        for name, values in keys.items():
            found = self.env["product.product"].search(
                [(name, "in", list(values)), ("company_id", "in", [False, config.company_id.id])]
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

    def _list(self, config, found):
        listings = self.env["marketplace.listing"].create(
            [self._prepare_listing_values(config, product, hit) for product, hit in found]
        )
        if config.use_cartona_id:
            for product, hit in found:
                if not hit.cartona_id:
                    # Of this account's catalogue: other accounts do not list it by that.
                    hit.with_context(marketplace_matching=True).cartona_id = product.external_id
        return listings

    def _prepare_listing_values(self, config, product, hit):
        """Return the values of a new listing. Extend this to take over more of the remote product."""
        return {
            "config_id": config.id,
            "product_id": hit.id,
            "external_id": product.external_id,
            "name": product.name,
            "unit": product.unit,
        }

    def _report(self, config, products, found, ambiguous):
        """Leave one row in the log; name the products that fit several of ours."""
        message = ""
        if ambiguous:
            names = ", ".join(f"{product.name} ({product.sku or product.external_id})" for product in ambiguous[:20])
            message = _("Several products here have the same reference or barcode as: %s. Match them by hand.", names)
        self.env["marketplace.sync.log"]._record(
            config,
            {
                "operation": "match_products",
                "direction": "in",
                "status": "partial" if ambiguous else "success",
                "row_count": len(found),
                "failed_count": len(ambiguous),
                "message": message,
            },
        )
