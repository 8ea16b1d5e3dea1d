# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
import re
import sys
import threading
import time
from pathlib import Path

from odoo.tests import HttpCase, tagged

from ..transport import signatures
from .common import SECRET, MarketplaceCase

ADDON = Path(__file__).resolve().parent.parent
PAGE = ADDON / "docs" / "ARCHITECTURE.md"
PASSED_OVER = ("tests", "sandbox")
# Asked of every adapter wherever marketplaces are chosen from: no step of the way.
ASKED_OF_ALL = ("_label", "_capabilities")


@tagged("post_install", "-at_install")
class TestWalks(MarketplaceCase, HttpCase):
    """docs/ARCHITECTURE.md names the files that a value passes; they are these and no others."""

    def prepare(self):
        super().prepare()
        self.list_products()
        self.set_stock(self.products[0], 50)
        self.commit()
        self.env.invalidate_all()

    def files_passed(self, walk):
        """Return the names of the addon's files in which anything is called while ``walk()`` runs, in any thread."""
        seen = set()

        def note(frame, event, _argument):
            if event == "call" and frame.f_code.co_name not in ASKED_OF_ALL:
                seen.add(frame.f_code)

        threading.setprofile(note)
        sys.setprofile(note)
        try:
            walk()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
        paths = {Path(code.co_filename).resolve() for code in seen}
        names = {path.relative_to(ADDON) for path in paths if path.is_relative_to(ADDON)}
        return {str(name) for name in names if name.parts[0] not in PASSED_OVER}

    def files_named(self, title):
        """Return the files that the page names in the table under ``title``."""
        if not PAGE.is_file():
            self.skipTest("this copy of the addon is without its pages; the tests of its own series read them")
        _before, found, rest = PAGE.read_text().partition(f"## {title}\n")
        self.assertTrue(found, title)
        return set(re.findall(r"^\| `([\w/.]+\.py)` \|", rest.partition("\n## ")[0], re.M))

    def drain(self, lane):
        self.env.flush_all()
        self.env["marketplace.sender"]._drain(self.account.id, lane)

    def deliver(self, document):
        body = json.dumps(document).encode()
        headers = {"Content-Type": "application/json", **signatures.sign("hmac", body, SECRET, time.time())}
        path = f"/marketplace_integration/webhook/orders/{self.account.webhook_key}"
        self.assertEqual(self.url_open(path, data=body, headers=headers).status_code, 200)
        self.finish_requests()

    def test_a_changed_price_passes_the_files_that_the_page_names_on_its_way_out(self):
        named = self.files_named("A price goes out")
        product = self.products[0]

        def walk():
            product.list_price = 77.25
            self.run_hooks()
            self.drain("offers")

        self.assertEqual(self.files_passed(walk), named)
        self.assertEqual(float(self.at_box(product)["selling_price"]), 77.25)

    def test_an_order_passes_the_files_that_the_page_names_on_its_way_in(self):
        named = self.files_named("An order comes in")
        document = self.box_order((self.products[0], 2, 30.0), status="pending", delivered_by="delivered_by_supplier")

        def walk():
            self.deliver(document)
            self.drain("inbox")

        self.assertEqual(self.files_passed(walk), named)
        self.assertEqual(self.order_of(document).state, "sale")
