# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import gzip
import json
from unittest import skipUnless

from ..marketplaces import shopify, shopify_webhooks
from ..marketplaces import shopify_documents as documents
from ..marketplaces import shopify_forms as forms
from ..schemas import Package
from .common import specs_folder
from .test_contract_shopify import ShopifyCase

try:
    import graphql
except ImportError:
    graphql = None


def all_documents():
    """The texts of every query and mutation that may be asked."""
    texts = [value for name, value in vars(documents).items() if name.isupper() and isinstance(value, str)]
    texts = [text for text in texts if text.lstrip().startswith(("query", "mutation")) and "%s" not in text]
    return [*texts, *documents.MORE.values()]


class TestShopifySchemas(ShopifyCase):
    """What is sent and read, against what Shopify publishes."""

    def schemas(self):
        found = sorted(specs_folder("shopify").glob("admin_*.json.gz"))
        self.assertTrue(found)
        for path in found:
            model = json.loads(gzip.decompress(path.read_bytes()))
            yield path.name[6:13], graphql.build_client_schema(model.get("data", model), assume_valid=True)

    @skipUnless(graphql, "graphql-core is not installed")
    def test_every_query_and_mutation_is_one_of_shopifys(self):
        checked = 0
        for version, schema in self.schemas():
            for text in all_documents():
                if text == documents.SET_QUANTITIES_OLD and version not in documents.OLD_VERSIONS:
                    continue
                with self.subTest(version=version, document=documents.operation_name(text)):
                    self.assertFalse(graphql.validate(schema, graphql.parse(text)))
                    checked += 1
        self.assertGreater(checked, 15)

    @skipUnless(graphql, "graphql-core is not installed")
    def test_the_variables_that_were_really_sent_are_what_shopify_takes(self):
        schemas = dict(self.schemas())
        self.drive_everything()
        seen = set()
        for entry in self.box.calls("graphql.json"):
            body = entry.body
            for version, schema in schemas.items():
                operation = graphql.parse(body["query"]).definitions[0]
                with self.subTest(version=version, operation=body["operationName"]):
                    found = graphql.execution.values.get_variable_values(
                        schema, operation.variable_definitions or [], body["variables"]
                    )
                    self.assertIsInstance(found, dict, found)
            seen.add(body["operationName"])
        self.assertLessEqual({documents.operation_name(text) for text in all_documents()} - seen, {"More"})

    def drive_everything(self):
        api = self.account._api()
        self.list_products()
        self.account.action_test_connection()
        api._fetch_order(self.account, "app/uninstalled")
        api._locate_products(self.account, [self.external_id(self.products[0])])
        self.products[0].list_price = 12.5
        self.set_stock(self.products[0], 5)
        self.commit()
        api._list_products(self.account)
        external_id = self.place_order((self.products[0], 1, "10.00"))
        self.pull()
        raw = api._fetch_order(self.account, external_id)
        lines = [(line.external_id, line.quantity) for line in api._parse_order(self.account, raw).lines]
        package = Package("WH/OUT/1", lines, "Aramex", "1Z1", "https://example.com/1Z1")
        for _try in range(2):
            api._ship(self.account, external_id, package)
        for _try in range(2):
            other = self.place_order((self.products[0], 1, "10.00"))
        for _try in range(2):
            api._push_order_status(self.account, other, "cancelled", {"reason": "INVENTORY"})
        api._register_webhooks(self.account)
        next(iter(self.box.webhooks.values()))["uri"] += f"/x/{self.account.webhook_key}"
        api._register_webhooks(self.account)

    @skipUnless(graphql, "graphql-core is not installed")
    def test_the_words_we_know_are_shopifys(self):
        for _version, schema in self.schemas():
            words = {name: set(kind.values) for name, kind in schema.type_map.items() if hasattr(kind, "values")}
            self.assertLessEqual(set(forms.STATUS_BY_PAYMENT), words["OrderDisplayFinancialStatus"])
            self.assertIn(forms.SHIPPED, words["OrderDisplayFulfillmentStatus"])
            self.assertLessEqual(set(forms.SENT_BACK), words["OrderReturnStatus"])
            self.assertEqual(set(shopify.REASONS), words["OrderCancelReason"])
            self.assertLessEqual(set(shopify_webhooks.TOPICS), words["WebhookSubscriptionTopic"])

    def test_what_is_read_of_a_webhook_stands_in_shopifys_own_schemas(self):
        folder = specs_folder("shopify") / "webhook-schemas-2025-10"
        for topic in ("create", "updated", "cancelled"):
            model = json.loads((folder / f"orders_{topic}.schema.json").read_text())
            for name in shopify_webhooks.TOPICS[f"ORDERS_{topic.upper()}"]:
                self.assertIn(name, model["properties"])
            self.assertIn("integer", model["properties"]["id"]["type"])
