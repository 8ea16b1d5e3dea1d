"""Given to `odoo shell`: prints what Odoo computes for each listing now, what it believes was sent, and the SKU."""

import json

listings = env["marketplace.listing"].search([("config_id", "=", ACCOUNT), ("active", "=", True)])  # noqa: F821
offers = listings._offers()
rows = [
    {
        "sku": listing.product_id.default_code,
        "external_id": listing.external_id,
        "price": offers[listing.id].price,
        "quantity": offers[listing.id].quantity,
        "pushed_price": listing.pushed_price,
        "pushed_quantity": listing.pushed_quantity,
    }
    for listing in listings
]
print("\nOFFERS " + json.dumps(rows), flush=True)
