# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import io

import xlsxwriter

from odoo.tests import new_test_user
from odoo.tools import mute_logger

from .common import MarketplaceCase

COLUMNS = ("config_id", "product_id", "external_id", "pack_size")


class TestImport(MarketplaceCase):
    """Ids of products come and go as files, by Odoo's own import and export on the list of listings."""

    def prepare(self):
        super().prepare()
        groups = "cartona_integration.group_marketplace_manager,base.group_allow_export"
        manager = new_test_user(self.env, "importer", groups=groups)
        self.Listing = self.env["marketplace.listing"].with_user(manager)

    def load(self, *rows, columns=COLUMNS):
        with mute_logger("odoo.sql_db"):
            return self.Listing.load(list(columns), [list(row) for row in rows])

    def listings(self):
        return self.env["marketplace.listing"].search([("config_id", "=", self.account.id)], order="id")

    def line(self, external_id, code="CI-001", pack="1"):
        return ("Cartona Test", code, external_id, pack)

    def test_accounts_and_products_are_found_by_name_and_reference(self):
        result = self.load(self.line("77", "CI-001", "12"), self.line("78", "CI-002"))
        self.assertFalse(result["messages"])
        self.assertEqual(
            [(listing.product_id, listing.external_id, listing.pack_size) for listing in self.listings()],
            [(self.products[0], "77", 12), (self.products[1], "78", 1)],
        )

    def test_an_id_that_is_there_twice_names_its_row_and_nothing_is_imported(self):
        result = self.load(self.line("77"), self.line("78", "CI-002"), self.line("77", "CI-003"))
        (message,) = result["messages"]
        self.assertEqual((message["type"], message["rows"]), ("error", {"from": 2, "to": 2}))
        self.assertIn("77 is listed at Cartona Test already", message["message"])
        self.assertIn("CI-001", message["message"])
        self.assertFalse(result["ids"] or self.listings())

    def test_an_id_that_is_listed_already_names_its_row_and_nothing_is_imported(self):
        listed = self.list_products()
        result = self.load(self.line("77"), self.line(listed[1].external_id, "CI-003"))
        (message,) = result["messages"]
        self.assertEqual(message["rows"], {"from": 1, "to": 1})
        self.assertIn("CI-002", message["message"])
        self.assertEqual(self.listings(), listed)

    def test_an_id_that_is_archived_says_so(self):
        listed = self.list_products()[0]
        listed.active = False
        result = self.load(self.line(listed.external_id))
        self.assertIn("archived", result["messages"][0]["message"])

    def test_the_same_id_at_another_account_is_no_duplicate(self):
        self._create_account(name="Another token")
        result = self.load(self.line("77"), ("Another token", "CI-001", "77", "1"))
        self.assertEqual(len(result["ids"]), 2)

    def test_an_unknown_product_or_account_names_its_row(self):
        result = self.load(self.line("77"), self.line("78", "NONE"), ("Nobody", "CI-001", "79", "1"))
        self.assertEqual({message["rows"]["from"] for message in result["messages"]}, {1, 2})
        self.assertIn("NONE", result["messages"][0]["message"])
        self.assertFalse(self.listings())

    def test_a_reference_or_an_account_that_fits_several_names_its_row_and_nothing_is_imported(self):
        self.products[2].default_code = "CI-001"
        self._create_account(name="Twin")
        self._create_account(name="Twin")
        result = self.load(self.line("77", "CI-002"), self.line("78", "CI-001"), ("Twin", "CI-002", "79", "1"))
        self.assertEqual(
            [(message["type"], message["rows"]["from"]) for message in result["messages"]], [("error", 1), ("error", 2)]
        )
        self.assertIn("CI-001", result["messages"][0]["message"])
        self.assertIn("barcode", result["messages"][0]["message"])
        self.assertFalse(result["ids"] or self.listings())

    def test_what_is_imported_is_unmatched_no_more_and_goes_on_sale(self):
        self.box.add_product(id="77", name="x", internal_product_id="NONE")
        self.account.action_match_products()
        self.commit()
        self.listings().filtered(lambda listing: listing.product_id == self.products[3]).unlink()
        self.assertEqual(self.account.unmatched_count, 1)
        self.load(self.line("77", "CI-004"))
        self.commit()
        self.assertEqual(self.account.unmatched_count, 0)
        self.assertEqual(self.box.product("77")["selling_price"], 40.0)

    def export(self, columns):
        rows = self.listings().with_env(self.Listing.env).export_data(columns)["datas"]
        return [[str(value) for value in row] for row in rows]

    def test_what_was_exported_is_imported_as_an_update_that_changes_and_sends_nothing(self):
        listed = self.list_products()
        for columns in (["id", *COLUMNS], ["id", "config_id/id", "product_id/id", *COLUMNS[2:]]):
            with self.subTest(columns=columns):
                result = self.load(*self.export(columns), columns=columns)
                self.assertFalse(result["messages"])
                self.assertEqual(result["ids"], listed.ids)
                self.commit()
                self.assertEqual(self.listings().mapped("product_id"), self.products)
                self.assertFalse(self.sent_rows())

    def test_what_was_changed_in_the_file_is_changed_and_sent(self):
        listed = self.list_products()
        self.box.add_product(id="new", name="x")
        rows = self.export(["id", "external_id", "pack_size"])
        rows[0][1], rows[1][2] = "new", "6"
        self.assertFalse(self.load(*rows, columns=["id", "external_id", "pack_size"])["messages"])
        self.commit()
        self.assertEqual((listed[0].external_id, listed[1].pack_size), ("new", 6))
        self.assertEqual(
            {
                row["supplier_product_id"]: float(row["selling_price"])
                for row in self.sent_rows()
                if "selling_price" in row
            },
            {"new": 10.0, listed[1].external_id: 120.0},
        )

    def test_an_update_to_an_id_that_is_taken_names_its_row(self):
        self.list_products()
        rows = self.export(["id", "external_id"])
        rows[2][1] = rows[0][1]
        result = self.load(*rows, columns=["id", "external_id"])
        (message,) = result["messages"]
        self.assertEqual((message["type"], message["rows"]), ("error", {"from": 2, "to": 2}))
        self.assertFalse(result["ids"])

    # ------------------------------------------------------------------ files

    def import_file(self, content, kind):
        wizard = self.env["base_import.import"].with_user(self.Listing.env.user)
        wizard = wizard.create({"res_model": "marketplace.listing", "file": content, "file_type": kind})
        options = {"has_headers": True, "quoting": '"', "separator": ",", "encoding": "utf-8"}
        preview = wizard.parse_preview(dict(options))
        self.assertEqual(preview["headers"], ["Account", "Product", "External Product ID", "Pack Size"])
        self.assertEqual(list(preview["matches"].values()), [[name] for name in COLUMNS], "by their titles")
        with mute_logger("odoo.sql_db"):
            return wizard.execute_import(list(COLUMNS), preview["headers"], preview.get("options", options))

    def test_a_csv_file_is_imported(self):
        text = "Account,Product,External Product ID,Pack Size\nCartona Test,CI-001,0077,12\nCartona Test,CI-002,78,\n"
        self.assertFalse(self.import_file(text.encode(), "text/csv")["messages"])
        self.assertEqual(self.listings().mapped("external_id"), ["0077", "78"])
        self.assertEqual(self.listings().mapped("pack_size"), [12, 1])

    def test_a_csv_file_with_a_duplicate_imports_nothing(self):
        text = "Account,Product,External Product ID,Pack Size\nCartona Test,CI-001,77,1\nCartona Test,CI-002,77,1\n"
        result = self.import_file(text.encode(), "text/csv")
        self.assertEqual(result["messages"][0]["rows"], {"from": 1, "to": 1})
        self.assertFalse(self.listings())

    def test_a_spreadsheet_is_imported(self):
        target = io.BytesIO()
        with xlsxwriter.Workbook(target) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, ["Account", "Product", "External Product ID", "Pack Size"])
            sheet.write_row(1, 0, ["Cartona Test", "CI-001", 77, 12])
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        self.assertFalse(self.import_file(target.getvalue(), kind)["messages"])
        self.assertEqual((self.listings().external_id, self.listings().pack_size), ("77", 12))
