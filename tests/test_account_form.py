# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
from datetime import timedelta
from unittest import mock

from lxml import etree

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user
from odoo.tools import config as odoo_config
from odoo.tools.safe_eval import safe_eval

from ..encryption import COVER
from ..models.marketplace_config import MANAGER
from ..transport import errors
from .common import SECRET, TOKEN, MarketplaceCase

USER = "cartona_integration.group_marketplace_user"


class TestAccountForm(MarketplaceCase):
    """What the form of an account shows, of what, and to whom."""

    def arch(self, user=None):
        accounts = self.env["marketplace.config"].with_user(user) if user else self.env["marketplace.config"]
        return etree.fromstring(accounts.get_view(view_type="form")["arch"])

    def names(self, arch, kind):
        return {node.get("name") for node in arch.iter(kind) if not list(node.iterancestors("field"))}

    # ------------------------------------------------------------------ what is shown

    def test_every_field_says_what_it_is_for(self):
        arch = self.arch()
        silent = [
            node.get("name")
            for node in arch.iter("field")
            if not list(node.iterancestors("field"))
            and not node.get("nolabel")
            and node.get("invisible") not in ("1", "True")
            and node.get("widget") != "statinfo"
            and not self.env["marketplace.config"]._fields[node.get("name")].help
        ]
        self.assertLessEqual(set(silent), {"message_ids", "message_follower_ids", "activity_ids"})

    def test_no_word_for_what_a_marketplace_can_do_is_within_another(self):
        words = set()
        for code, _label in self.env["marketplace.api"]._adapters():
            words |= self.env["marketplace.config"].new({"code": code})._features()
        self.assertFalse([(one, other) for one in words for other in words if one != other and one in other])

    def test_each_marketplace_is_asked_for_what_it_needs_alone(self):
        features = {
            code: set(self.env["marketplace.config"].new({"code": code}).features.split())
            for code, _label in self.env["marketplace.api"]._adapters()
        }
        self.assertLessEqual({"supplier_code", "auth_header", "product_path", "auth_token"}, features["cartona"])
        self.assertFalse({"auth_header", "product_path", "auth_token"} & features["amazon"])
        self.assertIn("supplier_code", features["amazon"])
        self.assertIn("refresh_token", features["amazon"])
        self.assertFalse({"supplier_code", "auth_header", "product_path", "refresh_token"} & features["shopify"])

    def test_credentials_are_shared_where_a_marketplace_tells_accounts_apart_by_their_codes(self):
        Account = self.env["marketplace.config"]
        shop = Account.create({"name": "Shop", "code": "shopify", "supplier_code": "1"})
        seller = Account.create({"name": "Seller", "code": "amazon", "supplier_code": "1"})
        for code, owner in (("shopify", shop), ("amazon", shop), ("shopify", seller)):
            with self.assertRaisesRegex(ValidationError, "each needs its own"), self.cr.savepoint():
                Account.create({"name": "Two", "code": code, "supplier_code": "2", "credentials_id": owner.id})
        other = Account.create({"name": "Two", "code": "amazon", "supplier_code": "2", "credentials_id": seller.id})
        for account in (other, seller):
            with self.assertRaisesRegex(ValidationError, "each needs its own"), self.cr.savepoint():
                account.code = "ebay"
        form = Form(other)
        form.code = "shopify"
        self.assertFalse(form.credentials_id, "what another marketplace gave is of no use")

    # ------------------------------------------------------------------ condition

    def condition(self):
        self.account.invalidate_recordset()
        return self.account.condition, self.account.condition_reason

    def test_a_live_account_needs_no_reason(self):
        self.assertEqual(self.condition(), ("live", False))
        self.assertEqual(self.env["marketplace.config"].new({"code": "cartona"}).condition, "draft")

    def test_who_paused_an_account_stands_there(self):
        self.account.action_pause()
        condition, reason = self.condition()
        self.assertEqual(condition, "paused")
        self.assertIn(self.env.user.name, reason)
        self.account.action_go_live()
        self.assertEqual(self.condition(), ("live", False))

    def test_refused_credentials_are_an_error_until_the_connection_works_again(self):
        self.account._pause_for(errors.AuthenticationFailed("Invalid token."))
        self.assertEqual(self.condition(), ("error", "Invalid token."))
        self.account.action_test_connection()
        self.assertEqual(self.condition(), ("paused", "The connection works again."))
        self.account.action_go_live()
        self.assertEqual(self.condition(), ("live", False))

    def test_a_pause_by_a_person_is_not_lifted_by_a_test(self):
        self.account.action_pause()
        reason = self.account.pause_reason
        self.account.action_test_connection()
        self.assertEqual(self.condition(), ("paused", reason))

    def test_a_marketplace_that_does_not_answer_is_an_error_while_it_is_left_alone(self):
        state = self.account._running()
        state._note_failure(errors.TemporaryFailure("It does not answer.", seconds=60))
        self.assertEqual(self.condition(), ("error", "It does not answer."))
        state.blocked_until = fields.Datetime.now() - timedelta(seconds=1)
        self.assertEqual(self.condition()[0], "live")

    def test_a_copy_says_so_and_what_to_do_about_it(self):
        self.env["ir.config_parameter"].set_param("cartona_integration.identity", "the-original:0123")
        condition, reason = self.condition()
        self.assertEqual(condition, "copy")
        self.assertIn("cartona_integration.identity", reason)

    def test_in_a_copy_no_button_offers_what_would_ask_the_marketplace(self):
        work = ("pull_orders", "retry_failed", "match_products", "sync_all", "audit", "test_connection")
        shown = {"state": "live", "condition": "copy", "pause_cause": False, "setup_step": False, "failed_count": 1}
        arch = self.arch()
        for name in work:
            buttons = arch.findall(f".//button[@name='action_{name}']")
            self.assertTrue(buttons, name)
            for button in buttons:
                around = [node.get("invisible") for node in (button, *button.iterancestors())]
                self.assertTrue(any(safe_eval(hidden, dict(shown)) for hidden in around if hidden), name)

    # ------------------------------------------------------------------ what failed

    def test_a_document_that_failed_alone_is_counted_opened_and_tried_again(self):
        order = self.box_order((self.products[0], 1, 5.0), status="no such status")
        document = self.env["marketplace.inbox"]._store([(self.account, "order", order["hashed_id"], order)], "pull")[0]
        self.commit()
        self.assertEqual(document.state, "failed")
        self.account.invalidate_recordset()
        self.assertEqual(self.account.failed_count, 1)
        retry = self.arch().find(".//button[@name='action_retry_failed']")
        self.assertIn("not failed_count", retry.get("invisible"))
        action = self.account.action_open_failed()
        self.assertEqual(self.env[action["res_model"]].search(action["domain"]), document)
        document.payload = json.dumps({**order, "status": "pending"})
        self.account.action_retry_failed()
        self.commit()
        self.assertEqual(document.state, "done")

    def test_a_command_that_failed_is_told_to_who_may_read_it_and_to_nobody_else(self):
        self.env["marketplace.outbox"].create(
            {"config_id": self.account.id, "lane": "orders", "operation": "status", "state": "failed"}
        )
        self.account.invalidate_recordset()
        for group, count, model in ((MANAGER, 1, "marketplace.outbox"), (USER, 0, "marketplace.listing")):
            account = self.account.with_user(new_test_user(self.env, f"looker_{count}", groups=group))
            self.assertEqual(account.failed_count, count)
            self.assertEqual(account.action_open_failed()["res_model"], model)
        stranger = new_test_user(self.env, "stranger_to_failures", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.account.with_user(stranger).action_open_failed()

    # ------------------------------------------------------------------ the marketplace's answer

    def test_the_form_keeps_who_the_marketplace_says_we_are(self):
        found = {"name": "شركة القاهرة", "currency": "EGP", "places": ["Cairo", "Giza"], "warnings": ["One lacks."]}
        self.patch(self.registry["marketplace.api.cartona"], "_test_connection", lambda *_args: found)
        self.account.action_test_connection()
        self.assertEqual(self.account.connected_as, "شركة القاهرة")
        self.assertEqual(self.account.connected_currency, "EGP")
        self.assertEqual(self.account.connected_places, "Cairo, Giza")
        self.assertEqual(self.account.connected_todo.splitlines()[0], "One lacks.")
        self.account.auth_token = "of somebody else"
        for name in ("connected_as", "connected_currency", "connected_places", "connected_todo", "tested_at"):
            self.assertFalse(self.account[name], name)

    # ------------------------------------------------------------------ webhooks

    def test_there_is_an_address_for_each_kind_of_webhook(self):
        for kind, name in (("orders", "webhook_url"), ("status", "webhook_status_url"), ("test", "webhook_test_url")):
            path = f"/marketplace_integration/webhook/{kind}/{self.account.webhook_key}"
            self.assertTrue(self.account[name].endswith(path), name)

    def test_an_address_that_no_marketplace_reaches_is_told(self):
        parameters = self.env["ir.config_parameter"]
        parameters.set_param("web.base.url", "http://odoo.example.com")
        self.account.invalidate_recordset()
        self.assertIn("http://odoo.example.com", self.account.webhook_problem)
        parameters.set_param("web.base.url", "https://odoo.example.com")
        self.account.invalidate_recordset()
        self.assertFalse(self.account.webhook_problem)

    # ------------------------------------------------------------------ access

    def test_a_user_sees_the_account_without_its_secrets_and_without_buttons_that_change_it(self):
        user = new_test_user(self.env, "market-user", groups=USER)
        arch = self.arch(user)
        self.assertFalse({"auth_token", "client_secret", "webhook_secret", "base_url"} & self.names(arch, "field"))
        self.assertLessEqual({"condition", "condition_reason", "name"}, self.names(arch, "field"))
        buttons = self.names(arch, "button")
        self.assertTrue(buttons)
        self.assertFalse([name for name in buttons if not name.startswith("action_open_")])
        self.assertFalse({"action_open_outbox", "action_open_rest_file"} & buttons)
        shown = self.account.with_user(user).read(["condition", "setup_step", "features", "connected_as"])[0]
        self.assertEqual(shown["condition"], "live")

    def test_a_user_is_not_told_a_secret_by_any_field(self):
        user = new_test_user(self.env, "market-user", groups=USER)
        account = self.account.with_user(user)
        values = account.read(list(account.fields_get().keys() - {"sale_tag_ids"}))[0]  # the tags of sales are theirs
        self.assertNotIn(TOKEN, str(values))
        self.assertNotIn(SECRET, str(values))
        for name in ("auth_token", "webhook_secret", "state_ids"):
            with self.assertRaises(AccessError):
                self.account.with_user(user).read([name])

    def test_no_button_of_the_form_lets_a_user_change_anything(self):
        account = self.account.with_user(new_test_user(self.env, "market-user", groups=USER))
        for name in self.names(self.arch(), "button"):
            if name.startswith("action_open_"):
                continue
            with self.assertRaises(AccessError, msg=name):
                getattr(account, name)()

    def test_a_manager_changes_an_account_that_has_a_token_and_the_token_itself(self):
        manager = new_test_user(self.env, "market-manager", groups=MANAGER)
        self.account.action_pause()
        with Form(self.account.with_user(manager)) as form:
            form.name = "Renamed"
            form.base_url = self.box.url + "/"
            form.timeout = 7.0
            self.assertEqual(form.auth_token, COVER)
        self.assertEqual((self.account.name, self.account.timeout, self.account.auth_token), ("Renamed", 7.0, TOKEN))
        with Form(self.account.with_user(manager)) as form:
            form.auth_token = "another-token"
        self.assertEqual(self.account.auth_token, "another-token")
        with Form(self.account.with_user(manager)) as form:
            form.code = "shopify"
        self.assertEqual(self.account.auth_token, "another-token")
        with self.assertRaisesRegex(UserError, "Token"), Form(self.account.with_user(manager)) as form:
            form.auth_token = COVER + "x"

    def test_a_manager_sets_an_account_up_without_being_an_administrator(self):
        manager = new_test_user(self.env, "market-manager", groups=MANAGER)
        arch = self.arch(manager)
        self.assertLessEqual({"auth_token", "webhook_secret", "base_url"}, self.names(arch, "field"))
        self.assertLessEqual({"action_go_live", "action_pause", "action_test_connection"}, self.names(arch, "button"))
        with Form(self.env["marketplace.config"].with_user(manager)) as form:
            form.name = "Of a manager"
            self.assertEqual(form.setup_step, "marketplace")
            form.base_url = self.box.url
            form.auth_token = TOKEN
            self.assertEqual(form.setup_step, "test")
        form.record.action_test_connection()
        form.record.action_choose_policies()
        form.record.action_go_live()
        self.assertEqual(form.record.condition, "live")

    def test_what_listens_on_odoos_own_machine_is_called_where_an_administrator_means_it_alone(self):
        manager = new_test_user(self.env, "market-manager", groups=MANAGER)
        values = {"name": "Inside", "code": "rest", "auth_token": TOKEN}
        accounts = self.env["marketplace.config"].with_user(manager)
        inside = (
            "http://127.0.0.1:8069",
            "http://localhost:5432",
            "https://[::1]/",
            "http://127.7.7.7",
            "https://localhost.:8443/",
        )
        with mock.patch.dict(odoo_config.options, {"marketplace_private_hosts": ""}):
            for address in inside:
                for name in ("base_url", "token_url"):
                    with (
                        self.subTest(address, name=name),
                        self.assertRaisesRegex(UserError, "machine that Odoo runs on"),
                    ):
                        accounts.create({**values, name: address})
            account = accounts.create({**values, "base_url": "https://shop.example.com"})
            account.name = "Outside"
            account.with_env(self.env).base_url = inside[0]
            administrator = new_test_user(self.env, "market-admin", groups=f"base.group_system,{MANAGER}")
            account.with_user(administrator).base_url = inside[1]
        self.assertEqual(account.base_url, inside[1])

    def test_who_is_no_user_of_marketplaces_sees_neither_menu_nor_records(self):
        clerk = new_test_user(self.env, "clerk", groups="base.group_user")
        menus = self.env["ir.ui.menu"].with_user(clerk)._visible_menu_ids()
        ours = self.env["ir.model.data"].search([("module", "=", "cartona_integration"), ("model", "=", "ir.ui.menu")])
        self.assertTrue(ours)
        self.assertFalse(menus & set(ours.mapped("res_id")))
        models = self.env["ir.model"].search([("model", "=like", "marketplace.%"), ("transient", "=", False)])
        for model in models.mapped("model"):
            if not self.env[model]._abstract:
                with self.assertRaises(AccessError, msg=model):
                    self.env[model].with_user(clerk).search([], limit=1).read(["id"])
        with self.assertRaises(AccessError):
            self.account.with_user(clerk).read(["name"])
