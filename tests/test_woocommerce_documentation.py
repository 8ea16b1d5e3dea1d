# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import inspect
import re

from odoo.tests import BaseCase, tagged

from ..marketplaces import woocommerce_forms as forms
from .common import specs_folder


@tagged("post_install", "-at_install")
class TestWoocommerceDocumentation(BaseCase):
    """What is sent and read, against what WooCommerce says of its interface."""

    def documented(self, page, *headings):
        """Return what the tables under these headings of a page tell of each attribute: ``{name: (type, words)}``."""
        folder = specs_folder("woocommerce")
        told = {}
        for part in re.split(r"^#+ ", (folder / f"wc_v3_{page}.md").read_text(), flags=re.MULTILINE):
            if any(part.startswith(heading) for heading in headings):
                for row in re.findall(r"^\| *`(\w+)` *\| *([\w-]+) *\|(.*)$", part, flags=re.MULTILINE):
                    told[row[0]] = row[1:]
        self.assertTrue(told, headings)
        return told

    def assert_writable(self, told, names):
        for name in names:
            self.assertIn(name, told)
            self.assertNotIn("read-only", told[name][1], name)

    def test_what_is_sent_of_products_may_be_written(self):
        for page, heading in (("products", "Product properties"), ("product-variations", "Product variation prop")):
            told = self.documented(page, heading)
            self.assert_writable(told, ("regular_price", "manage_stock", "stock_quantity", "stock_status", "status"))
            self.assertEqual(told["regular_price"][0], "string")
            self.assertEqual(told["stock_quantity"][0], "integer")
            for word in ("publish", "private"):
                self.assertIn(f"`{word}`", told["status"][1])
            self.assertIn("`instock`", told["stock_status"][1])

    def test_every_status_of_an_order_is_known(self):
        status = self.documented("orders", "Order properties")["status"][1]
        words = set(re.findall(r"`([\w-]+)`", status))
        self.assertIn("on-hold", words)
        self.assertEqual(words, {*forms.STATUS_FROM_WOOCOMMERCE, "refunded"})

    def test_what_is_read_and_asked_of_orders_is_there(self):
        told = self.documented("orders", "Order properties", "Order - ")
        names = re.findall(r'"([a-z]\w+)"', inspect.getsource(forms.parse_order) + inspect.getsource(forms._parse_line))
        known = {"total_tax", "subtotal_tax", "line_items", "date_modified_gmt", *names} - {"coupons"}
        self.assertEqual(known - told.keys(), set())
        asked = self.documented("orders", "List all orders", "Available parameters")
        wanted = {"modified_after", "dates_are_gmt", "orderby", "order", "per_page", "offset"}
        self.assertEqual(wanted - asked.keys(), set())
        self.assertIn("`id`", asked["orderby"][1])

    def test_notes_and_webhooks_may_be_made_as_they_are(self):
        self.assert_writable(self.documented("order-notes", "Order note prop"), ("note", "customer_note"))
        told = self.documented("webhooks", "Webhook properties")
        for name in ("delivery_url", "topic", "secret"):
            self.assertIn("mandatory", told[name][1])
        self.assert_writable(told, ("name", "status"))
