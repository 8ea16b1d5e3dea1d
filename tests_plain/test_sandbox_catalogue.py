# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import pytest
from cartona_integration.sandbox import Sandbox
from cartona_integration.sandbox.options import ROW_ANSWERS, Options
from cartona_integration.sandbox.seed import UNITS
from cartona_integration.sandbox.state import State
from cartona_integration.transport.auth import HeaderToken
from cartona_integration.transport.client import Client
from cartona_integration.transport.errors import ConfigurationError, RequestRejected
from conftest import ROOT

UPDATE = "supplier-product/bulk-update"
BASE_STOCK = "supplier-product/base-product/bulk-update-stock"
#: The fields of a row, with Cartona's own spelling.
FIELDS = {
    "suppler_prodcut_id",
    "internal_product_id",
    "base_product_id",
    "unit",
    "unit_count",
    "base_product_name",
    "suppler_prodcut_name",
    "image_thumbnail",
    "median_price",
    "tax_percentage",
    "selling_price",
    "available_stock_quantity",
    "remind_me_at_stock",
    "min_order",
    "max_order",
    "in_stock",
    "is_bundle",
    "is_published",
    "sold_amount",
    "front_margin",
    "back_margin",
    "notes",
}


def rows(client, **params):
    return client.request("GET", "supplier-product", params=params).json()


def update(client, *sent, path=UPDATE):
    return client.request("POST", path, json=list(sent)).json()


def two_accounts(**options):
    box = Sandbox(products=[{"id": 1, "selling_price": 10}], supplier_codes=("1", "2"), **options)
    return box, Client(box.url, HeaderToken("AuthorizationToken", box.token))


# === reading ===


def test_a_row_has_the_contracts_fields(client):
    assert set(rows(client)[0]) >= FIELDS


def test_pages_end_with_a_short_one(client):
    assert [len(rows(client, page=page, per_page=4)) for page in (1, 2, 3, 4)] == [4, 4, 2, 0]


@pytest.mark.parametrize("params", [{"page": 0}, {"page": "x"}, {"page": -1}, {"page": "١"}])
def test_an_odd_page_is_the_first(client, params):
    assert rows(client, per_page=1, **params)[0]["suppler_prodcut_id"] == "100001"


def test_rows_can_be_found(client):
    assert [row["internal_product_id"] for row in rows(client, supplier_product_id="100003")] == ["SKU-00003"]
    assert rows(client, supplier_product_id="9") == []
    assert len(rows(client, internal_product_id="SKU-00004")) == 1
    assert rows(client, internal_product_id="none") == []
    assert [row["unit"] for row in rows(client, base_product_id="5007")] == ["box", "piece"]
    assert [row["suppler_prodcut_id"] for row in rows(client, search_token="PASTA")] == []
    name = rows(client)[4]["suppler_prodcut_name"]
    assert [row["suppler_prodcut_id"] for row in rows(client, search_token=name)] == ["100005"]


def test_the_same_seed_makes_the_same_catalogue():
    one, two, other = (State(Options(), products=50, rng_seed=seed).rows for seed in (7, 7, 8))
    assert [(p.id, p.card, p.offers) for p in one] == [(p.id, p.card, p.offers) for p in two]
    assert [p.offers for p in one] != [p.offers for p in other]


def test_made_up_products_are_sound():
    products = State(Options(), products=300).rows
    assert len({product.card["internal_product_id"] for product in products}) == 300
    assert {product.card["unit"] for product in products} <= set(UNITS)
    assert all(product.offers["1"]["selling_price"] > 0 for product in products)
    assert all(isinstance(product.offers["1"]["available_stock_quantity"], int) for product in products)
    names = [product.card["name"] for product in products]
    assert any(name.isascii() for name in names)
    assert any(not name.isascii() for name in names)
    shared = [product for product in products if product.card["unit"] == "piece" and product.id == "100008"]
    assert shared[0].card["base_product_id"] == "5007"


def test_explicit_rows_may_be_short_and_in_any_spelling():
    state = State(
        Options(),
        products=[{"id": 5, "selling_price": 7.5}, {"suppler_prodcut_id": "6", "suppler_prodcut_name": "شاي"}],
    )
    assert state.product(5)["selling_price"] == 7.5
    assert state.product("6")["name"] == "شاي"
    assert state.product("6")["internal_product_id"] == "SKU-00002"
    with pytest.raises(ValueError, match="exists"):
        state.add_product({"id": 5})
    with pytest.raises(KeyError):
        state.product("7")


@pytest.mark.parametrize(("spelling", "sic"), [("sic", 4), ("plain", 0), ("mixed", 2)])
def test_the_spelling_can_be_set(spelling, sic):
    with Sandbox(products=4, spelling=spelling) as box:
        client = Client(box.url, HeaderToken("AuthorizationToken", box.token))
        found = rows(client)
    assert sum("suppler_prodcut_id" in row for row in found) == sic
    assert sum("supplier_product_id" in row for row in found) == 4 - sic


# === updating ===


def test_price_and_stock_are_updated_by_id(client, box):
    update(client, {"supplier_product_id": 100001, "selling_price": 12.5, "available_stock_quantity": 7})
    product = box.product("100001")
    assert (product["selling_price"], product["available_stock_quantity"]) == (12.5, 7)


def test_a_price_may_be_a_text(client, box):
    update(client, {"internal_product_id": "SKU-00002", "selling_price": "99.95"})
    assert box.product("100002")["selling_price"] == 99.95


def test_the_id_wins_over_the_sku_even_when_it_is_unknown(client, box):
    before = box.product("100002")
    answer = update(
        client,
        {"supplier_product_id": "100001", "internal_product_id": "SKU-00002", "selling_price": 1},
        {"supplier_product_id": "nope", "internal_product_id": "SKU-00002", "selling_price": 1},
    )
    assert box.product("100001")["selling_price"] == 1
    assert box.product("100002") == before
    assert answer[1]["error"] == "product not found"


def test_base_product_unit_and_count_find_one_selling_unit(client, box):
    product = box.product("100003")
    keys = {name: product[name] for name in ("base_product_id", "unit", "unit_count")}
    update(client, {**keys, "selling_price": 3}, {**keys, "unit_count": 999, "selling_price": 4})
    assert box.product("100003")["selling_price"] == 3


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"supplier_product_id": "1", "selling_price": 5}, "product not found"),
        ({"internal_product_id": "x", "selling_price": 5}, "product not found"),
        ({"selling_price": 5}, "is missing"),
        ({"base_product_id": "5001", "unit": "box", "selling_price": 5}, "is missing"),
        ({"base_product_id": "1", "unit": "box", "unit_count": 1, "selling_price": 5}, "product not found"),
        ({"base_product_id": "1", "unit": "box", "unit_count": "x", "selling_price": 5}, "unit_count is not"),
        ({"supplier_product_id": "100001"}, "nothing to update"),
        ({"supplier_product_id": "100001", "available_stock_quantity": -1}, "must not be negative"),
        ({"supplier_product_id": "100001", "available_stock_quantity": 1.5}, "must be an integer"),
        ({"supplier_product_id": "100001", "available_stock_quantity": "5"}, "must be an integer"),
        ({"supplier_product_id": "100001", "available_stock_quantity": True}, "must be an integer"),
        ({"supplier_product_id": "100001", "available_stock_quantity": None}, "must be an integer"),
        ({"supplier_product_id": "100001", "selling_price": 0}, "greater than 0"),
        ({"supplier_product_id": "100001", "selling_price": "-1"}, "greater than 0"),
        ({"supplier_product_id": "100001", "selling_price": "ten"}, "not a number"),
        ({"supplier_product_id": "100001", "selling_price": "nan"}, "not a number"),
        ({"supplier_product_id": "100001", "selling_price": True}, "not a number"),
        ({"supplier_product_id": "100001", "is_published": "yes"}, "true or false"),
        ({"supplier_product_id": "100001", "min_order": -1}, "must not be negative"),
        ({"supplier_product_id": "100001", "supplier_code": "9", "selling_price": 5}, "supplier not found"),
        ("no object", "must be an object"),
    ],
)
def test_a_bad_row_fails_alone_inside_a_200(client, box, row, error):
    before = box.product("100001")
    answer = client.request(
        "POST", UPDATE, json=[row, {"supplier_product_id": "100002", "available_stock_quantity": 3}]
    )
    assert answer.status == 200
    assert error in answer.json()[0]["error"]
    assert "error" not in answer.json()[1]
    assert box.product("100001") == before
    assert box.product("100002")["available_stock_quantity"] == 3


def test_other_values_are_kept(client, box):
    update(
        client,
        {
            "supplier_product_id": "100001",
            "is_published": False,
            "is_unlimited_stock": True,
            "available_stock_quantity": 0,
            "max_order": None,
            "remind_me_at_stock": "4",
            "notes": "ملاحظة",
        },
    )
    product = box.product("100001")
    assert (product["is_published"], product["in_stock"], product["max_order"]) == (False, True, None)
    assert (product["remind_me_at_stock"], product["notes"]) == (4, "ملاحظة")


def test_no_stock_is_out_of_stock(client, box):
    update(client, {"supplier_product_id": "100001", "available_stock_quantity": 0})
    assert box.product("100001")["in_stock"] is False


def test_a_supplier_code_narrows_an_update_and_without_it_all_accounts_are_hit():
    box, client = two_accounts()
    with box:
        update(client, {"supplier_product_id": "1", "supplier_code": "2", "selling_price": 20})
        assert [box.product(1, code)["selling_price"] for code in "12"] == [10, 20]
        update(client, {"supplier_product_id": "1", "selling_price": 30})
        assert [box.product(1, code)["selling_price"] for code in "12"] == [30, 30]
        assert rows(client, supplier_code="2")[0]["selling_price"] == 30
        assert rows(client, supplier_code="9") == []


def test_base_stock_is_shared_out_by_unit_count():
    products = [
        {"id": 1, "base_product_id": "B", "unit": "box", "unit_count": 12},
        {"id": 2, "base_product_id": "B", "unit": "piece", "unit_count": 1},
    ]
    with Sandbox(products=products) as box:
        client = Client(box.url, HeaderToken("AuthorizationToken", box.token))
        answer = update(
            client,
            {"base_product_id": "B", "available_stock_quantity": 35},
            {"base_product_id": "C", "available_stock_quantity": 1},
            {"available_stock_quantity": 1},
            {"base_product_id": "B"},
            {"base_product_id": "B", "available_stock_quantity": -5},
            path=BASE_STOCK,
        )
        assert [box.product(n)["available_stock_quantity"] for n in (1, 2)] == [2, 35]
    assert [row.get("error", "") for row in answer] == [
        "",
        "base product not found",
        "base_product_id is missing",
        "available_stock_quantity is missing",
        "available_stock_quantity must not be negative",
    ]


GOOD = {"supplier_product_id": "1", "selling_price": 5}
BAD = {"supplier_product_id": "x", "selling_price": 5}


@pytest.mark.parametrize(
    ("shape", "fine", "failed"),
    [
        (
            "error",
            [{"supplier_product_id": "1"}],
            [{"supplier_product_id": "1"}, {"supplier_product_id": "x", "error": "product not found"}],
        ),
        ("failed", [], [{"supplier_product_id": "x", "error": "product not found"}]),
        (
            "success",
            [{"supplier_product_id": "1", "success": True}],
            [
                {"supplier_product_id": "1", "success": True},
                {"supplier_product_id": "x", "success": False, "error": "product not found"},
            ],
        ),
        ("object", [], {"error": "row 2: product not found"}),
        ("silent", [], []),
    ],
)
def test_the_shape_of_the_answer_can_be_set(shape, fine, failed):
    with Sandbox(products=[{"id": 1}], row_answer=shape) as box:
        client = Client(box.url, HeaderToken("AuthorizationToken", box.token))
        assert update(client, GOOD) == fine
        assert update(client, GOOD, BAD) == failed
        assert box.product(1)["selling_price"] == 5


# === the whole call ===


def test_what_is_no_array_is_refused_as_a_whole(client):
    for body in ({"a": 1}, "text", 5):
        with pytest.raises(RequestRejected, match="an array is expected") as caught:
            client.request("POST", UPDATE, json=body)
        assert caught.value.status == 400
    with pytest.raises(RequestRejected, match="not JSON"):
        client.request("POST", UPDATE, data=b"{")


def test_too_many_rows_are_refused_as_a_whole(client, box):
    box.options.max_rows = 2
    with pytest.raises(RequestRejected, match="too many rows") as caught:
        update(client, GOOD, GOOD, GOOD)
    assert caught.value.status == 422


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("token", ["wrong", "Bearer secret-token", "secret-toke", "\xe9"])
def test_a_wrong_token_is_told(box, status, token):
    box.options.bad_token_status = status
    client = Client(box.url, HeaderToken("AuthorizationToken", token))
    with pytest.raises(Exception, match="invalid credentials") as caught:
        rows(client)
    assert caught.value.status == status


def test_no_token_is_a_wrong_token(box):
    with pytest.raises(RequestRejected, match="invalid credentials"):
        rows(Client(box.url))


def test_unknown_addresses_and_methods_are_told(client):
    with pytest.raises(RequestRejected, match="not found"):
        client.request("GET", "nothing")
    with pytest.raises(ConfigurationError) as caught:
        client.request("GET", UPDATE)
    assert caught.value.status == 405


def test_the_other_spelling_of_the_paths_answers_only_when_it_is_set(client, box):
    other = (("GET", "orders/pull-orders"), ("POST", "base-product/bulk-update-stock"))
    for method, path in other:
        with pytest.raises(RequestRejected, match="not found"):
            client.request(method, path, json=[] if method == "POST" else None)
    box.options.alternative_paths = True
    for method, path in other:
        assert client.request(method, path, json=[] if method == "POST" else None).json() == []


@pytest.mark.parametrize("options", [{"row_answer": "x"}, {"spelling": "x"}, {"token": ""}, {"supplier_codes": ()}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match="must be one of|are needed"):
        Sandbox(**options)


def test_every_shape_is_described():
    source = (ROOT / "sandbox" / "options.py").read_text()
    assert all(f"#: {shape}" in source for shape in ROW_ANSWERS)
