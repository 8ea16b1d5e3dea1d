# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The one place that knows how the series of Odoo name what we read: everything else asks here."""


def has_stock(product):
    """Tell whether what is available of the product can be counted: its own stock, or that of a kit's components."""
    return is_storable(product) or ("is_kits" in product._fields and product.is_kits)


def is_storable(product):
    """Tell whether Odoo keeps a stock of the product: a type of its own until 17.0, a flag since 18.0."""
    if "is_storable" in product._fields:
        return product.is_storable
    return product.type == "product"


def unit_field(lines):
    """Return the name of the field that holds the unit of a line of a sales order: renamed in 19.0."""
    return "product_uom_id" if "product_uom_id" in lines._fields else "product_uom"
