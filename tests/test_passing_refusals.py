# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What refuses us for a moment and is not the marketplace: a firewall's page, a portal, a name server, a lost key."""

import os
import socket
import tempfile
from datetime import timedelta
from unittest import mock

from odoo import fields
from odoo.tools import config as odoo_config

from .. import encryption
from .common import TOKEN, MarketplaceCase

PUSH = "bulk-update$"
PAGE = "<html><body>Access denied</body></html>"
REFUSALS = (302, 401, 403, 404, 405, 407)


class TestPassingRefusals(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.listing = self.list_products()[0]

    def reprice(self):
        self.products[0].list_price += 1
        self.commit()

    def wait_is_over(self):
        failing = (self.running().failing or {}).items()
        self.running().failing = {lane: {**entry, "until": None} for lane, entry in failing} or False
        self.running().blocked_until = self.listing.next_attempt = False
        self.sweep()

    def minutes_pass(self, minutes):
        """Have the first failure in a row be so much older."""
        began = fields.Datetime.to_datetime(self.running().barred["since"]) - timedelta(minutes=minutes)
        self.running().barred = {**self.running().barred, "since": fields.Datetime.to_string(began)}

    def assert_waits(self):
        self.assertEqual(self.account.state, "live")
        self.assertTrue(self.running()._is_blocked())
        self.assertTrue(self.running().last_error)
        self.assertFalse(self.account.activity_ids)
        self.assertEqual((self.listing.state, self.listing.attempts), ("waiting", 0))

    def assert_goes_on(self):
        self.wait_is_over()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], self.products[0].list_price)
        self.assertFalse(self.running().last_error or self.running().barred)

    # ------------------------------------------------------------------ once

    def test_a_page_that_is_not_the_marketplaces_is_tried_again_as_an_outage_is(self):
        for status in REFUSALS:
            with self.subTest(status=status):
                self.box.fail(PUSH, status=status, body=PAGE)
                self.reprice()
                self.assert_waits()
                self.assertIn(str(status) if status != 302 else "redirected", self.running().last_error)
                self.assert_goes_on()

    def test_a_page_that_speaks_of_credentials_is_not_taken_for_the_marketplaces_word(self):
        self.box.fail(PUSH, status=400, body="<html><body>Enter your credentials</body></html>")
        self.reprice()
        self.assert_waits()
        self.assert_goes_on()

    def test_what_the_marketplace_itself_refuses_pauses_the_account_at_once(self):
        for status, body in ((401, {"error": "no"}), (403, {"errors": ["no"]}), (400, {"error": "bad credentials"})):
            with self.subTest(status=status):
                self.box.fail(PUSH, status=status, body=body)
                self.reprice()
                self.assertEqual((self.account.state, self.account.pause_cause), ("paused", "error"))
                self.assertIn("Invalid token", self.account.pause_reason)
                self.account.action_go_live()
                self.commit()

    def test_a_name_that_leads_into_a_private_network_for_a_moment_is_tried_again(self):
        self.account.base_url = self.box.url.replace("127.0.0.1", "localhost")
        self.account.auth_token = TOKEN
        usual, answers = socket.getaddrinfo, ["10.0.0.1"]

        def resolve(host, port, *args, **kwargs):
            return usual(answers.pop() if answers and host == "localhost" else host, port, *args, **kwargs)

        self.patch(socket, "getaddrinfo", resolve)
        self.reprice()
        self.assert_waits()
        self.assertIn("private network", self.running().last_error)
        self.assertFalse(self.sent_rows())
        self.assert_goes_on()

    def test_a_key_that_can_not_be_read_for_a_moment_is_looked_for_again(self):
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.dict(os.environ, {encryption.ENVIRONMENT: ""}),
            mock.patch.dict(odoo_config.options, {encryption.OPTION: False}),
            mock.patch.object(encryption, "FILE", os.path.join(folder, encryption.FILE)),
        ):
            self.account.write({"auth_token": TOKEN, "webhook_secret": False})
            key, away = encryption.FILE, os.path.join(folder, "elsewhere")
            os.rename(key, away)
            self.reprice()
            self.assert_waits()
            self.assertIn("Token can't be read", self.running().last_error)
            os.mkdir(key)  # it is there, and reading it fails
            self.wait_is_over()
            self.assert_waits()
            os.rmdir(key)
            os.rename(away, key)
            self.assert_goes_on()

    # ------------------------------------------------------------------ for long

    def fail_for_ever(self, times):
        self.box.fail(PUSH, status=403, body=PAGE, times=None)
        self.reprice()
        for _time in range(times - 1):
            self.wait_is_over()

    def test_where_it_lasts_the_account_pauses_and_says_why(self):
        self.fail_for_ever(5)
        self.assertEqual(self.account.state, "live", "a few seconds have passed")
        self.minutes_pass(16)
        self.wait_is_over()
        self.assertEqual((self.account.state, self.account.pause_cause), ("paused", "error"))
        self.assertIn("HTTP 403", self.account.pause_reason)
        self.assertIn(f"{self.account.name} is paused", self.account.activity_ids.mapped("summary"))
        self.box.clear_faults()
        self.account.action_go_live()
        self.commit()
        self.assert_goes_on()

    def test_two_of_them_long_apart_are_not_several_in_a_row(self):
        self.fail_for_ever(1)
        self.minutes_pass(60)
        self.wait_is_over()
        self.assertEqual(self.account.state, "live")

    def test_an_answer_of_the_marketplace_in_between_begins_anew(self):
        for answer in ({"status": 200, "body": []}, {"status": 503, "body": PAGE}):
            with self.subTest(answer=answer):
                self.fail_for_ever(5)
                self.minutes_pass(16)
                self.box.clear_faults()
                self.box.fail(PUSH, **answer)
                self.wait_is_over()
                self.fail_for_ever(1)
                self.wait_is_over()
                self.assertEqual(self.account.state, "live")
                self.box.clear_faults()
                self.assert_goes_on()

    def test_where_it_is_one_kind_of_calls_alone_the_others_go_on(self):
        self.box.fail("pull-orders$", status=404, body=PAGE, times=None)
        self.pull()
        for _time in range(6):
            self.running().others_until = fields.Datetime.now()
            self.reprice()
            if self.running().barred:
                self.minutes_pass(16)
            self.wait_is_over()
        self.assertEqual(self.account.state, "live")
        self.assertEqual(self.at_box(self.products[0])["selling_price"], self.products[0].list_price)
        self.assertIn(f"{self.account.name}: orders can not be pulled", self.account.activity_ids.mapped("summary"))
        self.assertIn("nothing at this address", " ".join(self.account.activity_ids.mapped("note")))
