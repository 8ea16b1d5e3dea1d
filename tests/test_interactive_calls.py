# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import contextlib
import re
from pathlib import Path

from odoo.exceptions import UserError

from ..transport.client import Client
from ..transport.errors import TemporaryFailure
from .common import gone_live
from .test_contract_amazon import US
from .test_order_lines_out import OrderOutCase
from .test_rpc import public_methods

CREDENTIAL = "credential-of-the-tests-that-fits-all"  # eBay asks for 32 letters of one
ARCHITECTURE = Path(__file__).resolve().parent.parent / "docs" / "ARCHITECTURE.md"

# All that a person waits for at a marketplace. Whatever else is pressed adds rows, and is sent after the commit.
INTERACTIVE = {
    "marketplace.config.action_register_webhooks",
    "marketplace.config.action_test_connection",
    "marketplace.config.apply_doctor_fix",  # the Check-up's way to these two
    "marketplace.otp.action_confirm",
    "marketplace.rest.preview.action_fetch",
}


class Undone(Exception):
    """A button is pressed as if it had never been."""


class TestInteractiveCalls(OrderOutCase):
    """Every button of ours is pressed, where it goes as far as it can, and whatever calls a marketplace is noted."""

    order_values = {"installment_cost": 100}  # so that it is delivered with an OTP

    def prepare(self):
        super().prepare()
        self.tell("left", "delivered")
        self.on_its_way = self.another_order()
        self.on_its_way.sudo().marketplace_status = "shipped"
        self.cancelled = self.another_order()
        self.cancelled._action_cancel()
        self.account.confirm_policy = "never"
        self.draft, self.held = self.another_order(), self.another_order()
        self.held.sudo().write({"marketplace_hold": "too dear", "marketplace_hold_key": "dear"})
        self.accounts = self.account.browse().union(*map(self.open, dict(self.env["marketplace.api"]._adapters())))
        self.commit()

    def setUp(self):
        super().setUp()
        self.pressed, self.waited, self.done = "", set(), set()

        def request(_client, _method, _path, **_values):
            self.waited.add(self.pressed)
            raise TemporaryFailure("This would be a call")

        self.patch(Client, "request", request)

    # ------------------------------------------------------------------ records

    def another_order(self):
        document = self.place(installment_cost=0)
        self.pull()
        return self.order_of(document)

    def open(self, code):
        """Return an account that is live at this marketplace, with all the credentials that any of them asks for."""
        named = ("auth_token", "client_id", "client_secret", "refresh_token", "webhook_secret", "amazon_seller_id")
        values = {"name": code, "code": code, "base_url": self.box.url, "warehouse_ids": self.warehouse.ids}
        values["amazon_marketplace"] = US
        values["token_url"] = self.box.url if code in ("amazon", "ebay") else False
        account = self.env["marketplace.config"].create({**values, **dict.fromkeys(named, CREDENTIAL)})
        for operation in ("pull_orders", "test") if code == "rest" else ():
            self.env["marketplace.endpoint"].create({"config_id": account.id, "operation": operation, "path": "me"})
        return gone_live(account)

    def ours(self):
        """Return records of our own tables, in each state that a button asks for."""
        account = {"config_id": self.account.id}
        create = {
            "marketplace.audit": [{"state": "approval"}],
            "marketplace.inbox": [{"state": "failed", "source": "pull", "kind": "order", "key": "x", "payload": "{}"}],
            "marketplace.outbox": [
                {"state": "failed", "lane": "orders", "operation": "ship", "order_id": self.on_its_way.id}
            ],
            "marketplace.task": [{"kind": "sync", "state": "running"}, {"kind": "match", "state": "failed"}],
            "marketplace.unmatched": [
                {"external_id": "one", "reason": "unknown", "product_id": self.products[2].id},
                {"external_id": "two", "reason": "unknown", "suggestion_id": self.products[3].id},
            ],
        }
        found = [self.env[model].create({**account, **row}) for model, rows in create.items() for row in rows]
        drift = {**account, "audit_id": found[0].id, "listing_id": self.account.listing_ids[0].id, "subject": "price"}
        self.env["marketplace.drift"].create(drift)
        return [*self.accounts, self.account, self.account.listing_ids[0], *found]

    def odoos(self):
        """Return records of Odoo's tables that have buttons of ours."""
        orders = (self.order, self.on_its_way, self.cancelled, self.draft, self.held)
        product = self.products[0]
        return [*orders, self.order.picking_ids, self.order.partner_id, product, product.product_tmpl_id]

    def wizards(self):
        """Return the questions that people answer."""
        env, rest = self.env, self.accounts.filtered(lambda account: account.code == "rest")
        otp = env["marketplace.otp"].browse(self.order.picking_ids.button_validate()["res_id"])
        otp.otp = self.box.otp(self.hashed_id)
        values = {"config_ids": self.account.ids, "product_ids": self.products.ids, "sync": "off"}
        preview = env["marketplace.rest.preview"]
        found = [otp, env["marketplace.product.sync"].create(values), preview.create({"config_id": rest.id})]
        file = env["marketplace.rest.file"].create({"config_id": rest.id})
        file.upload = file.export
        found.append(file)
        if "sale.order.cancel" in env:  # newer series ask nothing
            found.append(env["sale.order.cancel"].create({"order_id": self.draft.id}))
        return found

    # ------------------------------------------------------------------ pressing

    def press(self, record, name, *args):
        """Press a button, up to what follows its commit, and undo what it did."""
        self.pressed = f"{record._name}.{name}"
        try:
            # A refusal is of the call, or of a record that is in another state.
            with contextlib.suppress(UserError), self.env.cr.savepoint():
                getattr(record, name)(*args)
                self.run_hooks()
                raise Undone
        except Undone:
            self.done.add(self.pressed)
        finally:
            self.env.cr.postcommit.clear()
            self.env.invalidate_all()

    def press_all(self, record):
        for name in public_methods(record):
            if name == "retry_cause":
                self.press(record, name, "marketplace.inbox", "x")
            elif name != "apply_doctor_fix":
                self.press(record, name)
            elif record.code == "shopify":  # it can do all that is mended so
                for fix in self.env["marketplace.doctor"]._fixes():
                    self.press(record, name, fix, record.id)

    def test_of_all_buttons_these_alone_wait_for_a_marketplace(self):
        records = [*self.ours(), *self.odoos(), *self.wizards()]
        self.env.flush_all()
        for record in records:
            self.press_all(record)
        buttons = {f"{name}.{button}" for name in self.env.registry for button in public_methods(self.env[name])}
        self.assertGreater(len(buttons), 50)
        self.assertEqual(buttons - self.done - self.waited, set(), "refused wherever they were pressed")
        self.assertEqual(self.waited, INTERACTIVE)

    def test_they_are_named_in_the_documentation(self):
        if not ARCHITECTURE.exists():
            self.skipTest("the port to a newer series comes without docs/")
        told = ARCHITECTURE.read_text(encoding="utf-8").partition("What a person waits for")[2].partition("\n\n")[0]
        self.assertEqual(set(re.findall(r"`(marketplace[\w.]+)`", told)), INTERACTIVE)
