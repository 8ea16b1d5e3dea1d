# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
{
    "name": "Cartona & Marketplace Integration",
    "version": "17.0.1.0.0",
    "summary": "Prices and stock out within a second, orders in complete and once: Cartona and other marketplaces",
    "category": "Sales/Sales",
    "author": "Cartona Integration contributors",
    "license": "LGPL-3",
    "application": True,
    "depends": ["sale_management", "sale_stock", "queue_job"],
    "external_dependencies": {"python": ["requests"]},
    "data": [],
    "demo": [],
}
