# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Products: reading the catalogue and the two bulk updates."""

from .answers import bulk_answer
from .state import Refused, State

_BOOLEANS = ("is_unlimited_stock", "in_stock", "is_published")
_COUNTS = ("min_order", "max_order", "remind_me_at_stock")
#: What tells the rows of an answer apart.
_ECHOED = ("supplier_product_id", "internal_product_id", "base_product_id", "unit", "unit_count", "supplier_code")


def list_products(state: State, query) -> list[dict]:
    """``GET supplier-product``. Rows of the account ``supplier_code`` where it is given, else of the first account."""
    page = max(_whole(query.get("page"), 1), 1)
    per_page = min(max(_whole(query.get("per_page"), 25), 1), state.options.max_per_page)
    with state.lock:
        code = query.get("supplier_code") or state.options.supplier_codes[0]
        if code not in state.options.supplier_codes:
            return []
        rows = _found(state, query)[(page - 1) * per_page : page * per_page]
        return [_wire(product, code, state.options) for product in rows]


def bulk_update(state: State, rows: list):
    """``POST supplier-product/bulk-update``: each row for itself, all answered with 200."""
    return bulk_answer(state.options, rows, [_outcome(state, _update, row) for row in rows], _ECHOED)


def bulk_update_base_stock(state: State, rows: list):
    """``POST supplier-product/base-product/bulk-update-stock``: stock in base units, shared out by ``unit_count``."""
    return bulk_answer(state.options, rows, [_outcome(state, _update_base, row) for row in rows], _ECHOED)


def find_by_keys(state: State, row: dict):
    """Products that a row names: by id (which wins), else by SKU. None when it names none; call it under the lock."""
    if row.get("supplier_product_id") is not None:
        product = state.products.get(str(row["supplier_product_id"]))
        return [product] if product else []
    if row.get("internal_product_id") not in (None, ""):
        return state.by_sku.get(str(row["internal_product_id"]), [])
    return None


# === reading ===


def _found(state, query):
    if query.get("supplier_product_id"):
        product = state.products.get(query["supplier_product_id"])
        rows = [product] if product else []
    elif query.get("internal_product_id"):
        rows = state.by_sku.get(query["internal_product_id"], [])
    elif query.get("base_product_id"):
        rows = state.by_base.get(query["base_product_id"], [])
    else:
        rows = state.rows
    word = (query.get("search_token") or "").lower()
    return [product for product in rows if word in product.card["name"].lower()] if word else rows


def _wire(product, code, options):
    plain = options.spelling == "plain" or (options.spelling == "mixed" and int(product.id[-1:] or 0, 36) % 2)
    card = dict(product.card)
    name = card.pop("name")
    if plain:
        row = {"supplier_product_id": product.id, "product_name": name}
    else:
        row = {"suppler_prodcut_id": product.id, "suppler_prodcut_name": name}
    return {**row, **card, **product.offers[code]}


def _whole(text, default):
    return int(text) if text and text.isascii() and text.isdigit() else default


# === updating ===


def _outcome(state, update, row):
    """None when the row was applied, else the error."""
    try:
        if not isinstance(row, dict):
            raise Refused("a row must be an object")
        with state.lock:
            update(state, row)
    except Refused as refusal:
        return refusal.message
    return None


def _update(state, row):
    products = find_by_keys(state, row)
    if products is None:
        products = _by_base_and_unit(state, row)
    if not products:
        raise Refused("product not found")
    values = _checked(row)
    for offer in _offers(state, products, row):
        offer.update(values)
        if "available_stock_quantity" in values and "in_stock" not in values:
            offer["in_stock"] = bool(offer["available_stock_quantity"] or offer["is_unlimited_stock"])


def _update_base(state, row):
    if row.get("base_product_id") in (None, ""):
        raise Refused("base_product_id is missing")
    products = state.by_base.get(str(row["base_product_id"]))
    if not products:
        raise Refused("base product not found")
    if "available_stock_quantity" not in row:
        raise Refused("available_stock_quantity is missing")
    stock = _stock(row["available_stock_quantity"])
    for product in products:
        quantity = int(stock // float(product.card["unit_count"] or 1))
        for offer in _offers(state, [product], row):
            offer.update(available_stock_quantity=quantity, in_stock=bool(quantity or offer["is_unlimited_stock"]))


def _by_base_and_unit(state, row):
    if any(row.get(key) in (None, "") for key in ("base_product_id", "unit", "unit_count")):
        raise Refused("supplier_product_id, internal_product_id or base_product_id with unit and unit_count is missing")
    wanted = (row["unit"], _number(row["unit_count"], "unit_count"))
    products = state.by_base.get(str(row["base_product_id"]), [])
    return [product for product in products if (product.card["unit"], float(product.card["unit_count"])) == wanted]


def _offers(state, products, row):
    """The offers a row reaches: those of its account, of every account when it names none."""
    code = row.get("supplier_code")
    if code is not None and str(code) not in state.options.supplier_codes:
        raise Refused("supplier not found")
    codes = state.options.supplier_codes if code is None else (str(code),)
    return [product.offers[code] for product in products for code in codes]


def _checked(row):
    """The values of a row that are set, in the types they are kept in."""
    values = {field: _boolean(row[field], field) for field in _BOOLEANS if field in row}
    values.update({field: _count(row[field], field) for field in _COUNTS if field in row})
    if "selling_price" in row:
        values["selling_price"] = _number(row["selling_price"], "selling_price")
        if values["selling_price"] <= 0:
            raise Refused("selling_price must be greater than 0")
    if "available_stock_quantity" in row:
        values["available_stock_quantity"] = _stock(row["available_stock_quantity"])
    if "notes" in row:
        values["notes"] = None if row["notes"] is None else str(row["notes"])
    if not values:
        raise Refused("nothing to update")
    return values


def _stock(value):
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused("available_stock_quantity must be an integer")
    if value < 0:
        raise Refused("available_stock_quantity must not be negative")
    return value


def _number(value, field):
    """A number, also written as text."""
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if number != number or number in (float("inf"), float("-inf")):
        raise Refused(f"{field} is not a number")
    return number


def _count(value, field):
    if value is None:
        return None
    number = _number(value, field)
    if number < 0:
        raise Refused(f"{field} must not be negative")
    return number


def _boolean(value, field):
    if not isinstance(value, bool):
        raise Refused(f"{field} must be true or false")
    return value
