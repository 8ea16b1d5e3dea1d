# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import re
from pathlib import Path

from odoo.tests import TransactionCase, tagged

README = Path(__file__).resolve().parent.parent / "README.md"
# Row of the table, and how an adapter says that it can do it.
FEATURES = {
    "Prices": lambda able: "price" in able["subjects"],
    "Stock": lambda able: "stock" in able["subjects"],
    "Put on and taken off sale": lambda able: "publication" in able["subjects"],
    "Told: approved": lambda able: "approved" in able["statuses"],
    "Told: delivered": lambda able: "delivered" in able["statuses"],
    "Told: cancelled": lambda able: "cancelled" in able["statuses"],
    "Told: each delivery with tracking": lambda able: able.get("ships"),
    "Told: changed lines": lambda able: able.get("line_statuses"),
    "Large pushes answered later": lambda able: able["async_push"],
    "Sends webhooks": lambda able: able["has_webhook"],
    "Webhooks set up from the account": lambda able: able.get("registers_webhooks"),
}


@tagged("post_install", "-at_install")
class TestReadme(TransactionCase):
    def table(self):
        """Return what README says: ``{feature: {marketplace: cell}}``."""
        if not README.is_file():
            self.skipTest("this copy of the addon is without its README; the tests of its own series read it")
        text = README.read_text().partition("## Which marketplace can do what")[2]
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", text, re.M)]
        names = rows[0][1:]
        return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows[2:] if row[0] in FEATURES}

    def test_the_table_of_features_is_what_the_adapters_say(self):
        table = self.table()
        self.assertEqual(set(table), set(FEATURES))
        adapters = dict(self.env["marketplace.api"]._adapters())
        self.assertEqual(len(table["Prices"]), len(adapters))
        for code in adapters.keys() - {"rest"}:
            adapter = self.env["marketplace.api"]._adapter(code)
            for feature, can in FEATURES.items():
                with self.subTest(marketplace=code, feature=feature):
                    said = table[feature][adapter._label()]
                    self.assertEqual(said, "yes" if can(adapter._capabilities()) else "–")

    def test_what_is_by_configuration_follows_the_configuration(self):
        account = self.env["marketplace.config"].create({"name": "REST", "code": "rest"})
        before = account._capabilities()
        self.assertFalse(before.get("ships"))
        endpoint = {"config_id": account.id, "operation": "ship", "method": "POST", "path": "ship/{id}"}
        self.env["marketplace.endpoint"].create(endpoint)
        self.assertTrue(account._capabilities()["ships"])
        self.assertEqual(self.table()["Told: each delivery with tracking"]["REST"], "configured")
