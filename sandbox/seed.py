# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Made-up products, shops and orders: Arabic and English names, and the gaps and odd types real documents have.

Nobody here exists: shops are numbered, phone numbers are of a range of zeros, streets are "Example".
"""

import copy
import hashlib
from datetime import datetime, timedelta, timezone

UNITS = [
    "box",
    "can",
    "bottle",
    "kg",
    "piece",
    "dozen",
    "bag",
    "packet",
    "plate",
    "glass",
    "pallet",
    "jar",
    "shrink",
    "ton",
    "saddlebag",
    "roll",
    "tissue",
    "cone",
    "coil",
    "bunch",
    "strip",
    "recharge_card",
    "mat",
]

#: Kind of goods: Arabic, English, unit, units in it, price of one selling unit in EGP.
_GOODS = (
    ("مياه معدنية", "Mineral water", "shrink", 12, 78.0),
    ("عصير مانجو", "Mango juice", "box", 24, 192.0),
    ("أرز مصري", "Egyptian rice", "bag", 10, 310.0),
    ("سكر أبيض", "White sugar", "bag", 10, 335.5),
    ("زيت عباد الشمس", "Sunflower oil", "box", 12, 840.0),
    ("شاي أسود", "Black tea", "box", 36, 612.0),
    ("مكرونة", "Pasta", "box", 20, 245.0),
    ("صلصة طماطم", "Tomato paste", "jar", 1, 34.75),
    ("بسكويت", "Biscuits", "box", 144, 504.0),
    ("حليب كامل الدسم", "Full cream milk", "box", 27, 918.0),
    ("جبنة بيضاء", "White cheese", "kg", 1, 165.0),
    ("تونة قطع", "Tuna chunks", "can", 1, 62.0),
    ("مناديل ورقية", "Paper tissues", "tissue", 5, 95.0),
    ("صابون سائل", "Liquid soap", "bottle", 1, 48.25),
    ("مشروب غازي", "Soft drink", "shrink", 6, 132.0),
    ("شوكولاتة بالبندق", "Hazelnut chocolate", "packet", 24, 288.0),
)
_BRANDS = (("النموذج", "Sample"), ("التجربة", "Trial"), ("المثال", "Example"), ("الاختبار", "Test"))
_SIZES = (("صغير", "small"), ("وسط", "medium"), ("كبير", "large"), ("عائلي", "family"))

_SHOPS = ("بقالة", "سوبر ماركت", "ميني ماركت", "كشك", "هايبر")
_DISTRICTS = ("حي المثال", "حي النموذج", "حي التجربة")

#: A catalogue row where nothing is said.
PRODUCT_DEFAULTS = {
    "internal_product_id": "",
    "base_product_id": "",
    "unit": "piece",
    "unit_count": 1,
    "base_product_name": "",
    "name": "",
    "image_thumbnail": None,
    "median_price": None,
    "tax_percentage": 0,
    "selling_price": 10.0,
    "available_stock_quantity": 100,
    "is_unlimited_stock": False,
    "remind_me_at_stock": 0,
    "min_order": 1,
    "max_order": None,
    "in_stock": True,
    "is_bundle": False,
    "is_published": True,
    "sold_amount": 0,
    "front_margin": 0,
    "back_margin": 0,
    "notes": None,
}


def products(count: int, rng) -> list[dict]:
    """``count`` rows, the same for the same seed; SKUs SKU-00001 …, ids from 100001 on.

    Every eighth product is a second selling unit (a piece) of the base product before it.
    """
    rows = []
    for number in range(1, count + 1):
        rows.append(_second_unit(rows[-1], number) if number % 8 == 0 else _product(number, rng))
    return rows


def normalized_product(row: dict, number: int) -> dict:
    """An explicit row with its id, SKU, base id and name filled in, whichever spelling it came in."""
    row = dict(row)
    found = [row.pop(key, None) for key in ("suppler_prodcut_id", "supplier_product_id", "id")]
    names = [row.pop(key, None) for key in ("suppler_prodcut_name", "product_name", "name")]
    row["id"] = next((value for value in found if value is not None), 100_000 + number)
    row["name"] = next((value for value in names if value), f"Product {number}")
    row.setdefault("internal_product_id", f"SKU-{number:05d}")
    row.setdefault("base_product_id", str(5000 + number))
    row.setdefault("base_product_name", row["name"])
    return row


def order(values: dict, number: int, rng, pick_product, supplier_codes) -> dict:
    """A full document; ``values`` win over what is made up, lines are completed from the catalogue.

    ``pick_product(row)`` is the product a line names, ``pick_product()`` any; both may be None.
    """
    hashed_id = values.get("hashed_id") or hashlib.sha256(f"order {number}".encode()).hexdigest()[:8]
    created = datetime.now(timezone.utc) - timedelta(minutes=rng.randrange(1, 600))
    delivery_day = (created + timedelta(days=2)).date().isoformat()
    document = {
        "hashed_id": hashed_id,
        "receipt_id": f"R-{100000 + number}",
        "supplier_code": supplier_codes[number % len(supplier_codes)],
        "status": "approved" if rng.random() < 0.1 else "pending",
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "edited_by_admin": False,
        "cartona_credit": rng.choice((0, 0, 0, 50, "25.5")),
        "installment_cost": rng.choice((0, 0, 0, 0, 0, 150)),
        "wallet_top_up": rng.choice((0, 0, 0, 0, 100, None)),
        "applied_supplier_rebate": 0,
        "delivered_by": "delivered_by_supplier",
        "pickup_date": None,
        "pickup_otp": f"{rng.randrange(10**6):06d}",
        "retailer_preferred_delivery_date": delivery_day,
        "estimated_delivery_day": delivery_day,
        "delivery_day": None,
        "cancellation_reason": "",
        "return_reason": None,
        "distribution_route_code": f"{rng.randrange(1, 10):03d}#{rng.randrange(1, 40):03d}",
        "note_message": None,
        "retailer": _retailer(rng),
    }
    document.update(copy.deepcopy({key: value for key, value in values.items() if key != "order_details"}))
    document["hashed_id"] = str(hashed_id)
    wanted = values.get("order_details")
    document["order_details"] = (
        _made_up_lines(rng, pick_product) if wanted is None else _completed(wanted, pick_product)
    )
    return document


def line(product: dict | None, amount, **values) -> dict:
    """A line that orders ``amount`` selling units of ``product`` (a catalogue row, None for a product unknown here)."""
    product = product or {**PRODUCT_DEFAULTS, "id": "0", "name": "Unknown product"}
    return {
        "supplier_product_id": str(product["id"]),
        "internal_product_id": product["internal_product_id"],
        "base_product_id": str(product["base_product_id"]),
        "unit": product["unit"],
        "unit_count": product["unit_count"],
        "product_name": product["name"],
        "amount": amount,
        "selling_price": product["selling_price"],
        "applied_supplier_discount": 0,
        "applied_cartona_discount": 0,
        "comment": None,
        **values,
    }


def _product(number, rng):
    arabic, english, unit, unit_count, price = _GOODS[(number - 1) % len(_GOODS)]
    brand, size = _BRANDS[number // 16 % len(_BRANDS)], _SIZES[number // 64 % len(_SIZES)]
    price = round(price * rng.uniform(0.9, 1.1) * 4) / 4
    name = f"{english} {brand[1]} {size[1]}" if number % 3 == 0 else f"{arabic} {brand[0]} {size[0]}"
    return {
        "id": str(100_000 + number),
        "internal_product_id": f"SKU-{number:05d}",
        "base_product_id": str(5000 + number),
        "unit": unit,
        "unit_count": unit_count,
        "base_product_name": f"{english} {brand[1]} {size[1]}",
        "name": f"{name} {number}",
        "median_price": round(price * 1.02, 2) if number % 5 else None,
        "tax_percentage": 14 if number % 4 == 0 else 0,
        "selling_price": price,
        "available_stock_quantity": rng.randrange(20, 2000),
        "remind_me_at_stock": rng.choice((0, 5, 10)),
        "max_order": rng.choice((None, 50, 500)),
        "sold_amount": rng.randrange(1000),
        "front_margin": round(price * 0.05, 2),
    }


def _second_unit(row, number):
    return {
        **row,
        "id": str(100_000 + number),
        "internal_product_id": f"SKU-{number:05d}",
        "unit": "piece",
        "unit_count": 1,
        "name": f"{row['name']} (قطعة)",
        "selling_price": max(round(row["selling_price"] / row["unit_count"] * 1.1, 2), 0.25),
        "available_stock_quantity": row["available_stock_quantity"] * row["unit_count"],
    }


def _retailer(rng):
    number = rng.randrange(1, 400)
    shop = _SHOPS[number % len(_SHOPS)]
    return {
        "retailer_name": f"{shop} المثال رقم {number}",
        # Every twentieth shop has no code.
        "retailer_code": None if number % 20 == 0 else f"A{number:05d}",
        "retailer_number": f"+2010000{number:05d}",
        "retailer_number2": f"+2000000{number:05d}" if number % 3 == 0 else None,
        "retailer_email": f"shop{number}@example.com" if number % 7 == 0 else "",
        "retailer_address": f"{number} شارع المثال، {_DISTRICTS[number % len(_DISTRICTS)]}، ",
        "address_notes": "بجوار الصيدلية" if number % 6 == 0 else "",
    }


def _made_up_lines(rng, pick_product):
    lines = []
    for _index in range(rng.randrange(1, 6)):
        product = pick_product()
        amount = rng.choice((1, 2, 3, 5, 10, "4", 6.0))
        lines.append(line(product, amount, **_discounts(product, rng)))
    if rng.random() < 0.25:
        lines[-1:] = _split_offer(lines[-1])
    return lines


def _discounts(product, rng):
    """The price after both discounts, as number or text, and the discounts."""
    list_price = (product or PRODUCT_DEFAULTS)["selling_price"]
    supplier = rng.choice((0, 0, 0, round(list_price * 0.04, 2)))
    cartona = rng.choice((0, 0, 0, None, round(list_price * 0.05, 2)))
    price = round(list_price - supplier - (cartona or 0), 2)
    return {
        "selling_price": str(price) if rng.random() < 0.1 else price,
        "applied_supplier_discount": supplier,
        "applied_cartona_discount": cartona,
    }


def _split_offer(offered):
    """The same product on two lines: an offer for at most two, the rest at the normal price."""
    price = float(offered["selling_price"])
    reduced = {**offered, "amount": 2, "selling_price": round(price * 0.9, 2)}
    reduced["applied_supplier_discount"] = round(price * 0.1, 2) + (offered["applied_supplier_discount"] or 0)
    return [reduced, {**offered, "amount": 3, "comment": "خارج العرض"}]


def _completed(wanted, pick_product):
    """Explicit lines; one without any product key gets a product of the catalogue."""
    keys = ("supplier_product_id", "internal_product_id", "base_product_id", "product_name")
    lines = []
    for row in copy.deepcopy(wanted):
        product = pick_product(row if any(key in row for key in keys) else None)
        lines.append({**line(product, row.pop("amount", 1)), **row})
    return lines
