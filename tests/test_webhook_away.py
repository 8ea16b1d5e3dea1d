# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from unittest.mock import patch

import psycopg2

from odoo import http
from odoo.modules.module import get_manifest
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from odoo.addons import cartona_integration


@tagged("post_install", "-at_install")
class TestWebhookAway(HttpCase):
    """The database is away: what Odoo meets then, at the places where it meets it."""

    def setUp(self):
        super().setUp()
        # As Odoo does when it loads the module; the tests' own import has been there before.
        self.startPatcher(patch.object(http.Request, "_serve_nodb", http.Request._serve_nodb))
        getattr(cartona_integration, get_manifest("cartona_integration")["post_load"])()

    def ask(self, path):
        self.opener.cookies.clear()  # a session would name the database
        with mute_logger("odoo.http"):
            return self.url_open(path, data=b"{}", headers={"Content-Type": "application/json"})

    def assert_later(self, answer):
        self.assertEqual(answer.status_code, 503, answer.text)
        self.assertTrue(int(answer.headers["Retry-After"]) > 0)
        self.assertEqual(answer.json()["status"], "error")

    def test_a_delivery_that_finds_no_database_is_told_to_come_again(self):
        with patch.object(http, "db_list", return_value=[]):
            self.assert_later(self.ask("/marketplace_integration/webhook/orders/some-key"))

    def test_a_delivery_whose_database_has_just_gone_is_told_to_come_again(self):
        gone = psycopg2.OperationalError("server closed the connection unexpectedly")
        with patch.object(http, "Registry", side_effect=gone):
            self.assert_later(self.ask("/marketplace_integration/webhook/orders/some-key"))

    def test_other_addresses_are_not_found_as_before(self):
        with patch.object(http, "db_list", return_value=[]):
            self.assertEqual(self.ask("/no/such/address").status_code, 404)
