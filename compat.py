# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The one place that knows how the series of Odoo name what we read: everything else asks here."""

from babel import lists

from odoo import fields
from odoo.tools.misc import babel_locale_parse, get_lang

# By which a search asks for what is not found.
NEGATIVE_OPERATORS = ("!=", "not in", "not like", "not ilike", "not =like", "not =ilike")

# What decides whether Odoo keeps a stock of a product.
TYPE_FIELDS = {"type", "detailed_type"}


def asked_words(value):
    """Return the words that a search was given, one of them or a list, without the space around them."""
    return [word.strip() for word in ([value] if isinstance(value, str) else value or ()) if word]


def is_asked(operator, value):
    """Tell whether a search for yes or no wants the yes: `=` with one value until 17.0, `in` with a set since."""
    asked = set(value) if operator in ("in", "not in") else {value}
    return (True in asked) == (operator in ("=", "in"))


def format_list(env, words):
    """Return the words as one text that lists them, with the commas of the reader's language. Odoo can since 18.0."""
    words = list(words)
    if len(words) < 2:
        return "".join(words)  # asked for each record of lists: no language is looked up for nothing
    return lists.format_list(words, style="unit", locale=babel_locale_parse(get_lang(env).code))


def check_access(records, operation):
    """Refuse whoever may not do that to the records, by rights or by rules: one method of Odoo's since 18.0.

    :raise AccessError: the user may not
    """
    records.check_access_rights(operation)
    records.check_access_rule(operation)


def is_storable(product):
    """Tell whether Odoo keeps a stock of the product: a type of its own until 17.0, a flag since 18.0."""
    if "is_storable" in product._fields:
        return product.is_storable
    return product.type == "product"


def narrowed(domain, conditions):
    """Return a domain of which the conditions hold, too: a list until 18.0, an object since 19.0."""
    return [*domain, *conditions] if isinstance(domain, list) else domain & fields.Domain(conditions)


def expiry_field(quants):
    """Return the field of quants by whose date Odoo reserves them no more, nothing without product_expiry. Its own free
    quantity leaves them out since 18.0, by the day."""
    if "expiration_date" not in quants._fields:
        return None
    return "removal_date" if "relative_uom_id" in quants.env["uom.uom"]._fields else "expiration_date"


def unit_field(lines):
    """Return the name of the field that holds the unit of a line of a sales order: renamed in 19.0."""
    return "product_uom_id" if "product_uom_id" in lines._fields else "product_uom"


def pack_unit(uom, size):
    """Return the unit that holds ``size`` of ``uom``, made when there is none yet.

    Units have categories with factors until 18.0, and a reference unit since 19.0.
    """
    if size == 1:
        return uom
    # A unit that is made here is named as it is for everybody, not in the language of whoever works.
    uom = uom.with_context(lang=None)
    Unit = uom.env["uom.uom"]
    if "relative_uom_id" in Unit._fields:
        found = Unit.search([("relative_uom_id", "=", uom.id)]).filtered(lambda unit: _same(unit.relative_factor, size))
        values = {"relative_uom_id": uom.id, "relative_factor": size}
    else:
        found = Unit.search([("category_id", "=", uom.category_id.id)]).filtered(
            # Parts of a pack go out, too: where whole ones are counted alone, they would come to none, or to one.
            lambda unit: unit.rounding <= 0.01 and _same(unit.factor_inv, uom.factor_inv * size)
        )
        ratio = uom.factor_inv * size
        kind = "bigger" if ratio > 1 else "smaller"
        values = {"category_id": uom.category_id.id, "uom_type": kind, "factor_inv": ratio, "rounding": 0.01}
    return found[:1] or Unit.create({"name": f"{size:g} × {uom.name}", **values})


def _same(one, other):
    return abs(one - other) < 1e-6 * max(abs(one), abs(other))


def is_blocked(partner):
    """Tell whether nothing may be sold to the partner. Warnings that block were given up after 18.0."""
    if not partner.active:
        return True
    company = partner.commercial_partner_id
    return "sale_warn" in partner._fields and "block" in (partner.sale_warn, company.sale_warn)


def included_tax_values(tax):
    """Return the values that make a tax one that prices include: a flag until 17.0, a choice since 18.0."""
    if "price_include_override" in tax._fields:
        return {"price_include_override": "tax_included"}
    return {"price_include": True}


def create_return(picking):
    """Prepare the return of what a done picking has moved and no return takes back yet; return the new picking, none
    where there is nothing."""
    wizard = picking.env["stock.return.picking"].with_context(
        active_id=picking.id, active_ids=picking.ids, active_model="stock.picking"
    )
    wizard = wizard.create({"picking_id": picking.id})
    for line in wizard.product_return_moves:
        line.quantity = _not_returned(line.move_id, line.uom_id)
    if not any(wizard.product_return_moves.mapped("quantity")):
        return picking.browse()
    create = wizard.action_create_returns if hasattr(wizard, "action_create_returns") else wizard.create_returns
    return picking.browse(create()["res_id"])


def _not_returned(move, unit):
    """Return how much of a done move no return takes back, in ``unit``."""
    back = move.returned_move_ids.filtered(lambda move: move.state != "cancel")
    moved = move.product_uom._compute_quantity(move.quantity, move.product_id.uom_id)
    return move.product_id.uom_id._compute_quantity(max(0.0, moved - sum(back.mapped("product_qty"))), unit)
