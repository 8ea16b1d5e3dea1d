# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from unittest import mock

from odoo import fields
from odoo.tests import tagged

from ..sandbox.amazon import AmazonBox
from ..sandbox.rest import RestBox
from .rest_dialects import configuration
from .test_concurrency import CommittedCase

TOKEN_PATH = "auth/o2/token"


class Undone(Exception):
    """Rolls a transaction back."""


@tagged("post_install", "-at_install")
class TestTokensAtOnce(CommittedCase):
    """Access tokens that several workers need at the same moment, each in a transaction of its own."""

    def setUp(self):
        super().setUp()
        self.shop = AmazonBox(skus=["CC-1"])
        self.shop.start()
        self.addCleanup(self.shop.stop)
        with self.transaction() as env:
            self.amazon_id = (
                env["marketplace.config"]
                .create(
                    {
                        "name": "Tokens",
                        "code": "amazon",
                        "base_url": self.shop.url,
                        "token_url": f"{self.shop.url}{TOKEN_PATH}",
                        **self.shop.client,
                        "refresh_token": self.shop.refresh_token,
                    }
                )
                .id
            )
        self.addCleanup(self.delete_shop)

    def delete_shop(self):
        with self.transaction() as env:
            env["marketplace.config"].browse(self.amazon_id).unlink()

    def token(self, refused=""):
        with self.transaction() as env:
            account = env["marketplace.config"].browse(self.amazon_id)
            return account._api()._access_token(account, refused=refused)

    def asked(self):
        return len(self.shop.calls(TOKEN_PATH))

    def in_parallel(self, number, **values):
        found = []
        threads = [self.in_thread(lambda: found.append(self.token(**values))) for _n in range(number)]
        self.join(*threads)
        return found

    def test_workers_that_need_a_token_at_once_share_one(self):
        self.shop.fail(TOKEN_PATH, kind="delay", seconds=0.5, times=None)
        found = self.in_parallel(4)
        self.assertEqual((len(found), len(set(found)), self.asked()), (4, 1, 1))

    def test_workers_whose_token_was_refused_at_once_share_the_next_one(self):
        first = self.token()
        self.shop.fail(TOKEN_PATH, kind="delay", seconds=0.5, times=None)
        found = self.in_parallel(4, refused=first)
        self.assertNotIn(first, found)
        self.assertEqual((len(found), len(set(found)), self.asked()), (4, 1, 2))

    def test_a_token_outlives_the_transaction_that_needed_it(self):
        with self.assertRaises(Undone), self.transaction() as env:
            account = env["marketplace.config"].browse(self.amazon_id)
            given = account._api()._access_token(account)
            raise Undone
        self.assertEqual(self.token(), given)
        self.assertEqual(self.asked(), 1)

    def test_asking_waits_for_no_row_that_the_caller_has_written(self):
        with self.transaction() as env:
            account = env["marketplace.config"].browse(self.amazon_id)
            account._running().last_error = "written, not committed"
            env.flush_all()
            self.assertTrue(account._api()._access_token(account))


class Killed(BaseException):
    """The process ends here."""


@tagged("post_install", "-at_install")
class TestTokensThatRotate(CommittedCase):
    """A marketplace that gives a new refresh token each time, and takes the former one no more."""

    def setUp(self):
        super().setUp()
        self.shop = RestBox({}, auth="refresh_token")
        self.shop.start()
        self.addCleanup(self.shop.stop)
        with self.transaction() as env:
            account = env["marketplace.config"].create({"name": "Rotating", "code": "rest"})
            self.addCleanup(self.delete_shop, account.id)
            account._import_rest(configuration(rest_auth="refresh_token"))
            account.write(
                {
                    "base_url": self.shop.url,
                    "token_url": self.shop.token_url,
                    "client_id": self.shop.client[0],
                    "client_secret": self.shop.client[1],
                    "refresh_token": self.shop.refresh_token,
                }
            )
            account.action_go_live()
            self.rest_id = account.id

    def delete_shop(self, config_id):
        with self.transaction() as env:
            env["marketplace.config"].browse(config_id).unlink()

    def ask(self, refused=""):
        with self.transaction() as env:
            account = env["marketplace.config"].browse(self.rest_id)
            return account._api()._access_token(account, refused=refused)

    def test_what_was_given_is_kept_before_anything_else_is_done(self):
        first = self.ask()
        log = self.registry["marketplace.sync.log"]
        with mock.patch.object(log, "_record_exchange", side_effect=Killed), self.assertRaises(Killed):
            self.ask(refused=first)
        second = self.ask(refused=first)
        self.assertNotIn(self.ask(refused=second), (first, second))

    def test_where_it_was_lost_the_account_pauses_and_says_what_to_enter(self):
        given = self.ask()
        self.shop.tokens.clear()
        self.shop.refresh_token = "given to a process that was killed"
        self.drain_rest()
        with self.transaction() as env:
            account = env["marketplace.config"].browse(self.rest_id)
            self.assertEqual(account.state, "paused")
            self.assertRegex(account.pause_reason, "new refresh token on the account")
            self.assertIn(account.pause_reason, account.activity_ids.note)
            account.refresh_token = self.shop.refresh_token
            account.action_go_live()
        self.assertNotEqual(self.ask(), given)

    def drain_rest(self):
        with self.transaction() as env:
            account = env["marketplace.config"].browse(self.rest_id)
            account._running().pull_requested_at = fields.Datetime.now()
        with self.transaction() as env:
            env["marketplace.sender"]._drain(self.rest_id, "pull")
