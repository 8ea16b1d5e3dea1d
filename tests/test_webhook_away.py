# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from unittest.mock import patch

import psycopg2

from odoo import http
from odoo.modules.module import get_manifest
from odoo.service import db as service_db
from odoo.tests import HttpCase, tagged
from odoo.tools import config, mute_logger

from odoo.addons import cartona_integration

WEBHOOK = "/marketplace_integration/webhook/orders/some-key"


@tagged("post_install", "-at_install")
class TestWebhookAway(HttpCase):
    """The database is away: what Odoo meets then, at the places where it meets it."""

    def setUp(self):
        super().setUp()
        # As Odoo does when it loads the module; the tests' own import has been there before.
        self.startPatcher(patch.object(http.Request, "_serve_nodb", http.Request._serve_nodb))
        getattr(cartona_integration, get_manifest("cartona_integration")["post_load"])()

    def ask(self, path=WEBHOOK, anonymous=True):
        if anonymous:
            self.opener.cookies.clear()  # a session would name the database
        with mute_logger("odoo.http"):
            return self.url_open(path, data=b"{}", headers={"Content-Type": "application/json"})

    def serving(self, dbfilter, **listing):
        """Have the server list databases, and serve those that the filter lets through."""
        self.startPatcher(patch.dict(config.options, {"dbfilter": dbfilter}))
        self.startPatcher(patch.object(service_db, "list_dbs", **listing))

    def gone(self):
        failure = psycopg2.OperationalError("server closed the connection unexpectedly")
        self.startPatcher(patch.object(http, "Registry", side_effect=failure))

    def assert_later(self, answer):
        self.assertEqual(answer.status_code, 503, answer.text)
        self.assertTrue(int(answer.headers["Retry-After"]) > 0)
        self.assertEqual(answer.json()["status"], "error")

    def test_a_delivery_that_finds_postgresql_away_is_told_to_come_again(self):
        self.serving(".*", side_effect=psycopg2.OperationalError("could not connect to server"))
        self.assert_later(self.ask())

    def test_a_delivery_whose_database_has_just_gone_is_told_to_come_again(self):
        self.gone()
        self.assert_later(self.ask())

    def test_a_delivery_whose_database_has_just_gone_and_others_have_not_is_told_to_come_again(self):
        self.authenticate(None, None)
        self.serving(".*", return_value=["another", self.env.cr.dbname])
        self.gone()
        self.assert_later(self.ask(anonymous=False))

    def test_a_server_that_is_not_told_which_of_its_databases_to_serve_answers_as_odoo_does(self):
        self.serving(".*", return_value=["one", "two"])
        self.assertEqual(self.ask().status_code, 404)

    def test_a_server_whose_filter_lets_no_database_through_answers_as_odoo_does(self):
        self.serving("^none$", return_value=["one", "two"])
        self.assertEqual(self.ask().status_code, 404)

    def test_other_addresses_are_not_found_as_before(self):
        self.serving(".*", side_effect=psycopg2.OperationalError("could not connect to server"))
        self.assertEqual(self.ask("/no/such/address").status_code, 404)
