# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The Shopify in a box, as another program than the addon asks it: by fields, whatever the operation's name."""

import gzip
import json
import os
from pathlib import Path

import pytest
import requests
from cartona_integration.sandbox.shopify import ShopifyBox
from cartona_integration.sandbox.shopify_forms import gid
from conftest import ROOT

try:
    import graphql
except ImportError:
    graphql = None

TOKEN = "a token"
SPECS = Path(os.environ.get("MARKETPLACE_SPECS") or ROOT.parent / "shared" / "specs") / "shopify"
LEVEL = """
query Look($item: ID!, $place: ID!) {
  inventoryItem(id: $item) {
    id tracked inventoryLevel(locationId: $place) { id quantities(names: ["available"]) { name quantity } }
  }
}"""
SET = """
mutation Put($input: InventorySetQuantitiesInput!) {
  inventorySetQuantities(input: $input) {
    inventoryAdjustmentGroup { reason referenceDocumentUri changes { name delta } } userErrors { code field message }
  }
}"""
PLACES = """
query Places { locations(first: 10) { nodes { id legacyResourceId name isActive address { city } } } }
"""
RIGHTS = "{ currentAppInstallation { accessScopes { handle } } shop { name taxesIncluded } }"
ORDER = """
query Whole($id: ID!) {
  order(id: $id) {
    id name number sourceName customer { id } discountCodes tags
    currentSubtotalPriceSet { presentmentMoney { amount currencyCode } }
    currentTotalTaxSet { shopMoney { amount } } currentTotalPriceSet { shopMoney { amount } }
    lineItems(first: 250) {
      nodes {
        quantity variant { sku } discountedTotalSet { shopMoney { amount } }
        discountedUnitPriceAfterAllDiscountsSet { shopMoney { amount } } taxLines { title rate }
      }
    }
    transactions(first: 5) { kind status amountSet { shopMoney { amount } } }
    fulfillmentOrders(first: 5) { nodes { status lineItems(first: 5) { nodes { totalQuantity } } } }
  }
}"""
DRAFTS = "query { draftOrders(first: 5) { nodes { id } pageInfo { hasNextPage } } }"
RUN = """
mutation Run($query: String!) {
  bulkOperationRunQuery(query: $query) { bulkOperation { id status } userErrors { field message } }
}"""
POLL = "query Poll($id: ID!) { bulkOperation(id: $id) { id status errorCode objectCount fileSize url } }"
STOCK = (
    '{ inventoryItems { edges { node { id inventoryLevels { edges { node { location { id } quantities(names: '
    '["available"]) { quantity } } } } } } } }'
)  # fmt: skip
ORDERS = '{ orders(query: "created_at:>=2020-01-01") { edges { node { id name } } } }'


@pytest.fixture
def shop():
    with ShopifyBox(TOKEN) as box:
        for number in range(2):
            box.add_variant(box.new_id(), f"SKU-{number}", f"Product {number}", "10.00")
        yield box


@pytest.fixture
def ask(shop):
    """``ask(document, name=value)`` gives ``data``, or ``errors`` where there are any."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["X-Shopify-Access-Token"] = TOKEN

        def ask(document, **variables):
            body = {"query": document, "variables": variables}
            answer = session.post(f"{shop.root}/admin/api/2026-01/graphql.json", json=body, timeout=5).json()
            return answer.get("errors") or answer["data"]

        ask.session = session
        yield ask


def variants(shop):
    return list(shop.variants.values())


def put(shop, ask, quantity, compared):
    item, place = gid("InventoryItem", variants(shop)[0]["item"]), gid("Location", next(iter(shop.locations)))
    row = {"inventoryItemId": item, "locationId": place, "quantity": quantity, "compareQuantity": compared}
    given = {"name": "available", "reason": "correction", "referenceDocumentUri": "x://1", "quantities": [row]}
    answer = ask(SET, input=given)["inventorySetQuantities"]
    level = ask(LEVEL, item=item, place=place)["inventoryItem"]["inventoryLevel"]
    return answer, level["quantities"]


def test_stock_is_read_and_set_where_it_is_what_was_read(shop, ask):
    answer, level = put(shop, ask, quantity=7, compared=0)
    assert answer["inventoryAdjustmentGroup"]["changes"] == [{"name": "available", "delta": 7}]
    assert answer["userErrors"] == []
    assert level == [{"name": "available", "quantity": 7}]


def test_stock_that_was_changed_meanwhile_is_not_set(shop, ask):
    variants(shop)[0]["stock"][next(iter(shop.locations))] = 5
    answer, level = put(shop, ask, quantity=7, compared=0)
    assert [row["code"] for row in answer["userErrors"]] == ["COMPARE_QUANTITY_STALE"]
    assert answer["inventoryAdjustmentGroup"] is None
    assert level[0]["quantity"] == 5


def test_an_operation_without_a_name_is_answered_by_its_fields(shop, ask):
    answer = ask(RIGHTS)
    assert {"handle": "write_inventory"} in answer["currentAppInstallation"]["accessScopes"]
    assert answer["shop"] == {"name": "Test Shop", "taxesIncluded": True}
    assert ask(PLACES)["locations"]["nodes"][0]["legacyResourceId"] == next(iter(shop.locations))
    assert ask(DRAFTS)["draftOrders"]["nodes"] == []


def test_a_call_stands_in_the_journal_by_its_operation_s_name_though_it_is_not_told_apart(shop, ask):
    ask(PLACES)
    ask(RIGHTS)
    assert [entry.path.rpartition("#")[2] for entry in shop.journal] == ["Places", ""]


def test_a_field_that_is_not_known_is_refused(shop, ask):
    assert ask("{ moon { phase } }")[0]["extensions"]["code"] == "undefinedField"
    assert ask("{ shop { moons } }")[0]["extensions"]["code"] == "undefinedField"


def test_an_order_in_full_adds_up(shop, ask):
    first, second = (row["id"] for row in variants(shop))
    line = shop.line(first, 2, "10.00", discount="1.00", tax="1.90")
    order = shop.add_order(line, (second, 1, "5.00"), taxesIncluded=False)
    found = ask(ORDER, id=gid("Order", order))["order"]
    assert found["currentSubtotalPriceSet"]["presentmentMoney"] == {"amount": "24.00", "currencyCode": "USD"}
    assert float(found["currentTotalTaxSet"]["shopMoney"]["amount"]) == 1.9
    assert float(found["currentTotalPriceSet"]["shopMoney"]["amount"]) == 25.9
    line = found["lineItems"]["nodes"][0]
    assert line["discountedUnitPriceAfterAllDiscountsSet"]["shopMoney"]["amount"] == "9.50"
    assert (line["variant"]["sku"], line["taxLines"]) == ("SKU-0", [{"title": "Tax", "rate": 0.1}])
    assert found["transactions"][0]["amountSet"]["shopMoney"] == {"amount": "25.900"}
    assert found["fulfillmentOrders"]["nodes"][0]["lineItems"]["nodes"][0] == {"totalQuantity": 2}


def test_a_call_is_paid_as_asked_and_what_was_not_found_is_paid_back(shop, ask):
    shop.restore_rate, shop.points = 0, 30
    document = "query Two { locations(first: 20) { nodes { id } } shop { name } }"
    assert "locations" in ask(document)
    assert shop.points == 30 - 3
    shop.points = 21
    assert ask(document)[0]["extensions"]["code"] == "THROTTLED"
    assert shop.points == 21
    ((operation, cost),) = shop.throttled
    assert (operation, cost["requestedQueryCost"], cost["actualQueryCost"]) == ("Two", 22, None)
    assert cost["throttleStatus"] == {"maximumAvailable": 2000.0, "currentlyAvailable": 21, "restoreRate": 0.0}


def test_the_bucket_fills_again_and_not_beyond_its_size(shop):
    shop.points = 5
    shop._since -= 3
    assert 305 <= shop.points < 400
    shop._since -= 100
    assert shop.points == 2000


def test_one_call_of_the_addon_s_may_not_ask_for_too_much(shop, ask):
    document = """query Contents($ids: [ID!]!) {
      nodes(ids: $ids) { ... on Order { id } ... on Fulfillment { fulfillmentLineItems(first: 3) { nodes { id } } } }
    }"""
    assert ask(document, ids=["x"] * 200)["nodes"] == [None] * 200
    assert ask(document, ids=["x"] * 201)[0]["extensions"]["code"] == "MAX_COST_EXCEEDED"


def bulk(shop, ask, query):
    """The lines of a bulk operation's file."""
    started = ask(RUN, query=query)["bulkOperationRunQuery"]["bulkOperation"]
    done = ask(POLL, id=started["id"])["bulkOperation"]
    assert (started["status"], done["status"]) == ("CREATED", "COMPLETED")
    if not done["url"]:
        return []
    answer = requests.get(done["url"], timeout=5)  # without a token
    assert str(len(answer.content)) == done["fileSize"]
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert str(len(lines)) == done["objectCount"]
    return lines


def test_a_bulk_operation_gives_each_node_a_line_and_those_below_name_their_owner(shop, ask):
    put(shop, ask, quantity=7, compared=0)
    lines = bulk(shop, ask, STOCK)
    assert [line["id"] for line in lines[::2]] == [gid("InventoryItem", row["item"]) for row in variants(shop)]
    assert lines[1]["__parentId"] == lines[0]["id"]
    assert lines[1]["quantities"] == [{"quantity": 7}]


def test_a_bulk_operation_of_orders_holds_those_of_the_days(shop, ask):
    assert bulk(shop, ask, ORDERS) == []
    order = shop.add_order((variants(shop)[0]["id"], 1, "5.00"))
    assert [line["id"] for line in bulk(shop, ask, ORDERS)] == [gid("Order", order)]
    assert bulk(shop, ask, ORDERS.replace(">=2020", "<=2020")) == []


def test_what_can_not_be_listed_is_no_bulk_operation(shop, ask):
    answer = ask(RUN, query="{ moons { edges { node { id } } } }")["bulkOperationRunQuery"]
    assert (answer["bulkOperation"], len(answer["userErrors"])) == (None, 1)
    assert ask(POLL, id=gid("BulkOperation", 1)) == {"bulkOperation": None}


@pytest.mark.skipif(not graphql or not SPECS.exists(), reason="Shopify's schemas, or what reads them, are not here")
@pytest.mark.parametrize("document", [LEVEL, PLACES, RIGHTS, ORDER, DRAFTS, RUN, POLL, STOCK, ORDERS])
def test_what_is_asked_here_is_shopifys(document):
    for path in SPECS.glob("admin_*.json.gz"):
        model = json.loads(gzip.decompress(path.read_bytes()))
        schema = graphql.build_client_schema(model.get("data", model), assume_valid=True)
        assert not graphql.validate(schema, graphql.parse(document))
