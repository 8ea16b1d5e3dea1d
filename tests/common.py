# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import os
import threading
from contextlib import ExitStack, nullcontext
from datetime import timedelta
from pathlib import Path
from unittest import SkipTest, mock
from urllib.parse import urlsplit

from passlib.context import CryptContext

import odoo.modules.module
from odoo import fields
from odoo.models import BaseModel
from odoo.sql_db import TestCursor
from odoo.tests import BaseCase, HttpCase, TransactionCase, tagged
from odoo.tests import common as odoo_common
from odoo.tests.common import _super_send
from odoo.tools import config as odoo_config

from odoo.addons.base.models import res_users
from odoo.addons.queue_job.job import Job

from ..sandbox import Sandbox

TOKEN = "token-of-the-tests"
SECRET = "secret-of-the-tests"
# Tables of Odoo and of queue_job in which something that came from a marketplace may stand, besides all of ours.
TABLES = ("res_partner", "mail_message", "mail_tracking_value", "mail_activity", "queue_job", "sale_order")
# Where it stands only by some ways.
FURTHER = ("sale_order_line", "stock_move", "stock_picking", "account_move", "account_move_line")


def specs_folder(marketplace):
    """Return the folder of a vendor's own models; where it is not at hand, the test that asks for it is skipped."""
    root = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("MARKETPLACE_SPECS") or root.parent / "shared" / "specs") / marketplace
    if not folder.is_dir():
        raise SkipTest(f"the models of {marketplace} are not here: set MARKETPLACE_SPECS to their folder")
    return folder


def storable(values):
    """Return product values for a product that is kept in stock."""
    return {"detailed_type": "product", **values}


def gone_live(account):
    """Return the account as it is once the pull is over that going live asks for, and that stock waits for."""
    account.action_go_live()
    states = (account | account._credentials()).state_ids
    states.write({"pull_requested_at": False, "stock_waits_since": False})
    states.flush_recordset()  # a pull that is asked for now is stored by a transaction of its own
    return account


def commit_with_hooks(cursor):
    """Commit a test cursor as a real one does. Odoo's own drops the hooks, and so would hide a wake that is missing."""
    cursor.flush()
    hooks, data = list(cursor.postcommit._funcs), dict(cursor.postcommit.data)
    test_cursor_commit(cursor)
    cursor.postcommit.data.update(data)  # what the hooks were left by whoever added them
    for hook in hooks:
        hook()
    cursor.postcommit.data.clear()


test_cursor_commit = TestCursor.commit

# A password takes a second to hash, so that nobody can try many. Odoo's own tests go without from 18.0 on.
HASHED_AT_ONCE = CryptContext(["pbkdf2_sha512", "plaintext"], deprecated=["plaintext"], pbkdf2_sha512__rounds=1)


# What is kept for each test is copied, with the marketplace's own rows in it; records are not.
RECORDS_AS_THEY_ARE = mock.patch.object(BaseModel, "__deepcopy__", lambda records, _memo: records, create=True)


class LoopbackCase(BaseCase):
    """Real HTTP to this machine."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(mock.patch.dict(odoo_config.options, {"marketplace_private_hosts": "127.0.0.1"}))
        if users := getattr(res_users, "Users", None):  # its name up to 17.0
            cls.startClassPatcher(mock.patch.object(users, "_crypt_context", lambda _users: HASHED_AT_ONCE))

    @classmethod
    def _request_handler(cls, session, prepared, /, **kwargs):
        """Odoo lets tests call this machine alone; 19.0 besides takes every timeout for one number, ours is a pair."""
        if urlsplit(prepared.url).hostname in ("127.0.0.1", "localhost"):
            return _super_send(session, prepared, **kwargs)
        return super()._request_handler(session, prepared, **{**kwargs, "timeout": None})


@tagged("post_install", "-at_install")
class MarketplaceCase(LoopbackCase, TransactionCase):
    """An account that is live at a sandbox marketplace of its own, which answers over real HTTP on loopback.

    The test's transaction is never committed: transactions of our own (``database.own_transaction``) become savepoints
    in it. :meth:`commit` does what a commit would: runs the hooks, then the jobs that they queued.

    What all tests of a class begin with is done once for the class, by :meth:`prepare`.
    """

    pulls_beside_stock = False
    product_count = 4

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context=dict(cls.env.context, tracking_disable=True))
        cls.warehouse = cls.env["stock.warehouse"].search([("company_id", "=", cls.env.company.id)], limit=1)
        cls._put_demonstration_aside()
        # Odoo's demo products that a first account lists are not these tests' own.
        cls.env["product.product"].search([("cartona_id", "!=", False)]).cartona_id = False
        cls.products = cls.env["product.product"].create(
            [
                storable({"name": f"منتج {n}", "default_code": f"CI-{n:03}", "list_price": 10.0 * n, "taxes_id": False})
                for n in range(1, cls.product_count + 1)
            ]
        )
        cls._prepare_once()

    @classmethod
    def _prepare_once(cls):
        """Have :meth:`prepare` done as in a test, and keep what it leaves: rows, the marketplace, and attributes."""
        maker = cls("prepare")
        with ExitStack() as stack, mock.patch.object(odoo.modules.module, "current_test", maker):
            maker.addCleanup = stack.callback
            before = set(vars(maker))
            maker._enter()
            maker.box = maker._make_box()
            maker.box.start()
            cls.addClassCleanup(maker.box.stop)
            maker.prepare()
            maker.env.flush_all()
        maker.env.invalidate_all()
        cls.box = maker.box
        with RECORDS_AS_THEY_ARE:
            cls._kept = cls.box.keep({name: value for name, value in vars(maker).items() if name not in before})

    @classmethod
    def _put_demonstration_aside(cls):
        """Where the addon was installed with demo data, its account and what hangs on it is not these tests' own."""
        account = cls.env.ref("cartona_integration.demo_account", raise_if_not_found=False)
        if account:
            orders = cls.env["sale.order"].search([("marketplace_config_id", "=", account.id)])
            partners = cls.env["res.partner"].search([("marketplace_config_id", "=", account.id)])
            for records in (orders, partners):
                records.write({"marketplace_config_id": False, "cartona_id": False})
            cls.env.flush_all()
            cls.env.cr.execute("DELETE FROM marketplace_config WHERE id = %s", [account.id])
            cls.env.invalidate_all()

    def prepare(self):
        """Make what every test of the class begins with: once, since most of a test's time would go into it. What it
        leaves in attributes is each test's own; a patch ends with it, and wants a ``setUp``."""
        self.account = self._create_account()

    def setUp(self):
        super().setUp()
        if isinstance(self, HttpCase):
            # A closed browser may have left requests behind, and on a slow machine Odoo stops waiting for them.
            self.addCleanup(self.finish_requests, 120)
        self._enter()
        with RECORDS_AS_THEY_ARE:
            kept = self.box.restore(self._kept)
        for name, value in kept.items():
            setattr(self, name, value)

    def _enter(self):
        """Have transactions of our own take place in that of the test."""
        if not self.registry.in_test_mode():  # an HttpCase is in it already
            self.registry.enter_test_mode(self.env.cr)
            self.addCleanup(self.registry.leave_test_mode)
        self.patch(TestCursor, "commit", commit_with_hooks)
        self.patch(self.registry["marketplace.lane.offers"], "_linger_seconds", 0.0)  # nothing comes while a test waits
        if not self.pulls_beside_stock:  # else a slow machine pulls where a quick one does not
            self.patch(self.registry["marketplace.config"], "_pulls_apart", lambda config: timedelta(days=1))

    # ------------------------------------------------------------------ making things

    def _make_box(self):
        """Return the marketplace that the account is live at: one for the class, which each test has as it was."""
        return Sandbox(products=[self._box_product(product) for product in self.products], token=TOKEN, seed=1)

    def _box_product(self, product):
        return {
            "id": 1000 + product.id,
            "internal_product_id": product.default_code,
            "suppler_prodcut_name": product.name,
            "selling_price": 1.0,
            "available_stock_quantity": 0,
        }

    def _create_account(self, **values):
        account = self.env["marketplace.config"].create(
            {
                "name": "Cartona Test",
                "code": "cartona",
                "base_url": self.box.url,
                "auth_token": TOKEN,
                "webhook_secret": SECRET,
                "warehouse_ids": self.warehouse.ids,
                "timeout": 5.0,
                "tax_policy": "none",
                "orders_since": fields.Datetime.now() - timedelta(days=1),  # the marketplace's are hours old
                **values,
            }
        )
        return gone_live(account)

    def add_marketplace(self, code="elsewhere"):
        """Have another marketplace, which speaks as Cartona does."""
        adapters = {f"marketplace.api.{code}": self.registry["marketplace.api.cartona"]}
        patcher = mock.patch.dict(self.registry.models, adapters)
        patcher.start()
        self.addCleanup(patcher.stop)
        return code

    def list_products(self):
        """List all products at the account, and forget what was pushed by that."""
        listings = self.env["marketplace.listing"].create(
            [
                {"config_id": self.account.id, "product_id": product.id, "external_id": self.external_id(product)}
                for product in self.products
            ]
        )
        self.commit()
        listings.look_again_after = False  # the second look at what is new has tests of its own
        self.box.clear_journal()
        return listings

    def external_id(self, product):
        """Return the marketplace's id of a product."""
        return str(1000 + product.id)

    def stock_products(self):
        """List all products, with 100 of each to sell, and forget what was pushed by that."""
        listings = self.list_products()
        for product in self.products:
            self.set_stock(product, 100)
        self.commit()
        self.box.clear_journal()
        return listings

    def set_stock(self, product, quantity):
        change = quantity - product.with_context(location=self.warehouse.lot_stock_id.ids).qty_available
        if change:
            self.env["stock.quant"]._update_available_quantity(product, self.warehouse.lot_stock_id, change)

    def box_order(self, *lines, **values):
        """Place an order at the marketplace: lines are ``(product, amount, price)``."""
        details = [
            {"supplier_product_id": str(1000 + product.id), "amount": amount, "selling_price": price}
            for product, amount, price in lines
        ]
        return self.box.add_order(order_details=details, **values)

    # ------------------------------------------------------------------ time goes on

    def commit(self):
        """Do what the commit of the transaction would do, and the jobs that follow."""
        self.run_hooks()
        self.run_jobs()

    def run_hooks(self):
        self.env.cr.flush()
        self.env.cr.postcommit.run()

    def run_jobs(self):
        """Run the marketplace's jobs that wait for nothing, until there are none."""
        while True:
            self.env.cr.flush()
            pending = self.env["queue.job"].search(
                [("state", "=", "pending"), ("identity_key", "=like", "marketplace:%"), ("eta", "=", False)]
            )
            if not pending:
                break
            for record in pending:
                job = Job.load(self.env, record.uuid)
                job.set_started()
                job.store()
                self.env.cr.flush()
                self.env.invalidate_all()  # a job starts with an empty cache
                job.perform()
                job.set_done()
                job.store()
            self.run_hooks()
        self.assert_no_timed_storm()
        self.env.invalidate_all()

    def assert_no_timed_storm(self):
        """No job may wait for a time that has come already: it would queue itself for ever."""
        due = self.env["queue.job"].search(
            [("state", "=", "pending"), ("identity_key", "=like", "marketplace:%"), ("eta", "!=", False)]
        )
        # Compared with when it was queued, both in whole seconds: a slow machine is no storm, nor is a wait that ends
        # within the second in which it began, or in that in which it was decided on.
        self.assertFalse(due.filtered(lambda job: job.eta + timedelta(seconds=1) < job.date_created))

    def sweep(self):
        """Run the cron that finds what was left behind, as the next minute would."""
        self.env.cr.flush()
        self.env.invalidate_all()
        self.env["marketplace.wake"]._cron_sweep()
        self.commit()

    def pull(self):
        """Pull orders as the button does, and process them."""
        self.account.action_pull_orders()
        self.commit()

    def browser_js(self, *args, **options):
        """Do as Odoo does, and return when nothing of the browser is left. For cases that are HttpCases too.

        17.0 tells the browser to end and does not see to it; and what it had asked for may not have been taken up yet.
        The next test would share its cursor with such a request, and each read the other's rows.
        """
        stop = odoo_common.ChromeBrowser.stop

        def stop_and_wait(browser):
            stop(browser)
            if getattr(browser, "chrome", None):  # it may not even have started
                browser.chrome.wait(60)

        with mock.patch.object(odoo_common.ChromeBrowser, "stop", stop_and_wait):
            done = super().browser_js(*args, **options)
        # The server takes up requests in their order: once this one is answered, those before it are under way.
        self.url_open("/web/static/img/favicon.ico")
        self.finish_requests(120)
        return done

    def finish_requests(self, seconds=10):
        """Wait for what a request does after its answer, such as to wake. For cases that are HttpCases too.

        19.0 holds requests back from the test's cursor, but for the time in which a test waits for an answer.
        """
        with getattr(odoo_common, "release_test_lock", nullcontext)():
            for thread in threading.enumerate():
                if getattr(thread, "type", "") == "http":  # it has the name that Odoo waits for a moment later
                    thread.join(seconds)
            self._wait_remaining_requests(seconds)

    # ------------------------------------------------------------------ looking

    def order_of(self, document):
        """Return the sales order of the marketplace's order ``document``."""
        return self.env["sale.order"].search(
            [("marketplace_config_id", "=", self.account.id), ("cartona_id", "=", document["hashed_id"])]
        )

    def at_box(self, product):
        """Return what the marketplace has of a product."""
        return self.box.product(1000 + product.id)

    def sent_rows(self):
        """Return the rows of all offers that were sent, in order."""
        return [row for entry in self.box.calls("bulk-update$") for row in entry.body]

    def logged(self, operation):
        return self.env["marketplace.sync.log"].search(
            [("config_id", "=", self.account.id), ("operation", "=", operation)]
        )

    def running(self):
        return self.account.state_ids

    def where(self, *words):
        """Return ``{(table, word)}``: where one of these words stands."""
        self.env.flush_all()
        ours = [self.env[name] for name in self.env.registry if name.startswith("marketplace.")]
        tables = {model._table for model in ours if not model._abstract} | {*TABLES, *FURTHER}
        found = set()
        for table in tables:
            for word in words:
                self.env.cr.execute(f"SELECT 1 FROM {table} t WHERE position(%s in t::text) > 0", [word])
                found |= {(table, word)} if self.env.cr.rowcount else set()
        return found
