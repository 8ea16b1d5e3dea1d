# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import os
from unittest import mock

from psycopg2 import IntegrityError

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user
from odoo.tools import file_open, mute_logger

from ..models.marketplace_config import MANAGER
from ..sandbox import Sandbox
from .common import TOKEN, MarketplaceCase


class TestAccount(MarketplaceCase):
    def test_connection(self):
        egp = self.env["res.currency"].with_context(active_test=False).search([("name", "=", "EGP")])
        self.account.pricelist_id = self.env["product.pricelist"].create({"name": "EGP", "currency_id": egp.id})
        told = self.account.action_test_connection()["params"]
        self.assertEqual(told["type"], "success")
        self.assertIn("Cartona", told["message"])
        self.assertEqual(self.logged("test_connection").status, "success")

    def test_prices_in_another_currency_than_the_marketplaces_are_warned_of(self):
        self.account.pricelist_id = False
        told = self.account.action_test_connection()["params"]
        self.assertEqual(told["type"], "warning")
        self.assertIn("choose a pricelist in EGP", told["message"])
        self.account.sync_price = False
        self.assertEqual(self.account.action_test_connection()["params"]["type"], "success")

    def test_what_is_wrong_with_a_connection_is_said_in_plain_words_and_logged(self):
        cases = [
            ({"base_url": "not a url"}, None, "https"),
            ({"base_url": "http://cartona.example/api/"}, None, "https"),
            ({"base_url": "http://127.0.0.1:1/api/"}, None, "reach"),
            ({"base_url": self.box.url + "nowhere/"}, None, "404"),
            ({"auth_token": "wrong"}, None, "token"),
            ({"auth_token": False}, None, "token"),
            ({}, {"kind": "html"}, "web page"),
            ({}, {"kind": "broken_json"}, "JSON"),
            ({"timeout": 0.3}, {"kind": "hang", "seconds": 3}, "timeout"),
        ]
        for values, fault, word in cases:
            with self.subTest(values=values, fault=fault):
                logged = len(self.logged("test_connection"))
                self.account.write({"base_url": self.box.url, "auth_token": TOKEN, "timeout": 5, **values})
                self.box.clear_faults()
                if fault:
                    self.box.fail(**fault)
                said = self.failing_test_connection()
                self.assertIn(word.lower(), said.lower())
                self.assertNotIn(TOKEN, said)
                self.env.invalidate_all()
                self.assertEqual(len(self.logged("test_connection")), logged + 1)
                self.assertEqual(self.logged("test_connection")[0].status, "error")

    def failing_test_connection(self):
        """Return what the user is told. (``assertRaises`` would roll back the log with the test's savepoint.)"""
        try:
            self.account.action_test_connection()
        except UserError as err:
            return str(err)
        self.fail("the connection should not work")

    def test_a_token_that_the_marketplace_repeats_is_nowhere_in_what_is_stored(self):
        listing = self.list_products()[0]
        for path, status, price in (("bulk-update$", 422, 5), ("bulk-update$", 503, 6), ("", 401, 7)):
            self.running()._note_success()
            self.box.fail(path=path, status=status, body={"error": f"the token {TOKEN} is bad"})
            self.products[0].list_price = price
            self.commit()
            self.assertIn("token *** is bad", self.logged("push_offers")[0].response)
            for told in (listing.last_error if status == 422 else self.running().last_error,):
                self.assertIn("token *** is bad", told)
        self.assertIn("token *** is bad", self.account.pause_reason)
        self.assertIn("token *** is bad", str(self.account.activity_ids.mapped("note")))
        self.account.action_go_live()
        self.box.fail(status=401, body={"error": f"the token {TOKEN} is bad"})
        self.assertIn("token *** is bad", self.failing_test_connection())
        self.assertEqual(self.where(TOKEN), set())

    def test_credentials_are_for_managers_only_and_are_not_copied(self):
        user = new_test_user(self.env, "looker", groups="cartona_integration.group_marketplace_user")
        account = self.account.with_user(user)
        self.assertTrue(account.name)
        for name in ("auth_token", "webhook_secret", "webhook_secret_previous"):
            with self.assertRaises(AccessError):
                account.read([name])
        with self.assertRaises(AccessError):
            account.action_go_live()
        copy = self.account.copy()
        self.assertFalse(copy.auth_token or copy.webhook_secret or copy.base_url)
        self.assertEqual(copy.state, "draft")
        self.assertNotEqual(copy.webhook_key, self.account.webhook_key)

    def test_a_copied_account_keeps_back_what_the_first_one_does(self):
        category = self.env["product.category"].create({"name": "Fresh"})
        rules = [{"threshold": 5}, {"categ_id": category.id, "safety_quantity": 2, "maximum": 9}]
        self.account.stock_rule_ids = [Command.create(rule) for rule in rules]
        both = self.account.copy(), self.account
        names = ("categ_id", "product_tmpl_id", "safety_quantity", "threshold", "maximum", "unlimited")
        there, here = ([[rule[name] for name in names] for rule in account.stock_rule_ids] for account in both)
        self.assertCountEqual(there, here)
        self.assertEqual(len(there), 2)

    def test_accounts_of_other_companies_are_out_of_sight(self):
        company = self.env["res.company"].create({"name": "Other"})
        user = new_test_user(
            self.env,
            "elsewhere",
            groups="cartona_integration.group_marketplace_user",
            company_id=company.id,
            company_ids=company.ids,
        )
        self.list_products()
        for model in ("marketplace.config", "marketplace.listing", "marketplace.sync.log", "marketplace.inbox"):
            self.assertFalse(self.env[model].with_user(user).search([]), model)

    def test_accounts_that_share_a_token_need_a_supplier_code_each(self):
        values = {"name": "Second", "code": "cartona", "credentials_id": self.account.id}
        with self.assertRaises(ValidationError):
            self.env["marketplace.config"].create(values)
        with self.assertRaises(ValidationError):
            self.env["marketplace.config"].create({**values, "supplier_code": "2"})
        self.account.supplier_code = "1"
        second = self.env["marketplace.config"].create({**values, "supplier_code": "2"})
        with self.assertRaises(ValidationError):
            second.supplier_code = "1"
        with self.assertRaises(ValidationError):
            self.account.credentials_id = second

    def test_accounts_that_share_a_token_stay_in_one_company(self):
        self.account.supplier_code = "1"
        self.account.warehouse_ids = False
        self._create_account(name="Second", credentials_id=self.account.id, supplier_code="2", warehouse_ids=False)
        company = self.env["res.company"].create({"name": "Other"})
        with self.assertRaisesRegex(ValidationError, "one company"):
            self.account.company_id = company

    # ------------------------------------------------------------------ another host

    def test_a_manager_can_not_have_the_token_sent_to_a_host_of_his_own(self):
        manager = new_test_user(self.env, "host-manager", groups=MANAGER)
        account = self.account.with_user(manager)
        for name, blank in (("base_url", ""), ("token_url", ""), ("base_url", "\u00a0"), ("base_url", " ")):
            with self.assertRaisesRegex(UserError, "evil.example.*once more"):
                account[name] = f"{blank}https://evil.example/api/"
        account.base_url = f"{self.account.base_url}v2/"  # another path of the same host
        account.write({"base_url": "https://new.example/", "auth_token": "entered once more"})
        self.assertEqual(account.base_url, "https://new.example/")
        account.base_url = self.account._capabilities()["default_url"]

    def test_a_timeout_has_an_end(self):
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            self.account.timeout = 301
            self.env.flush_all()

    # ------------------------------------------------------------------ another marketplace behind the account

    def move_to(self, **values):
        """Have another marketplace of the same products, where nothing was sent yet, and put it behind the account."""
        other = Sandbox(products=[self._box_product(product) for product in self.products], token=TOKEN, seed=1)
        other.start()
        self.addCleanup(other.stop)
        self.account.write({"base_url": other.url, **values})
        self.box = other

    def test_another_marketplace_is_sent_everything(self):
        self.list_products()
        self.set_stock(self.products[0], 7)
        self.commit()
        self.running().order_cursor = "of the former"
        self.move_to()
        self.commit()
        for product in self.products:
            self.assertEqual(self.at_box(product)["selling_price"], product.list_price)
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 7)
        self.assertFalse(self.running().order_cursor)

    def test_what_is_not_sent_while_the_account_moves_is_sent_later_all_the_same(self):
        self.list_products()
        self.account.sync_price = False
        self.move_to()
        self.commit()
        self.assertEqual(self.at_box(self.products[1])["selling_price"], 1.0)
        self.account.sync_price = True
        self.commit()
        self.assertEqual(self.at_box(self.products[1])["selling_price"], 20.0)

    def test_each_setting_that_puts_another_shop_behind_the_account_sends_everything(self):
        self.list_products()
        other = self._create_account(name="Other token", supplier_code="9")
        for values in (
            {"supplier_code": "1"},
            {"auth_token": "another"},
            {"client_secret": "another"},
            {"credentials_id": other.id},
        ):
            with self.subTest(values=values):
                self.account.write(values)
                self.run_hooks()
                self.env["marketplace.lane.offers"]._fold(self.account)
                self.env.invalidate_all()
                self.assertTrue(all(self.account.listing_ids.mapped("forced")))
                self.account.listing_ids._settle()

    def test_accounts_that_share_the_credentials_move_along(self):
        self.account.supplier_code = "1"
        second = self._create_account(name="Second", credentials_id=self.account.id, supplier_code="2")
        self.account.auth_token = "another"
        self.assertEqual(second.place_since, self.account.place_since)

    def test_settings_that_are_saved_as_they_were_send_nothing(self):
        self.list_products()
        names = ("code", "base_url", "auth_token", "supplier_code", "product_path")
        self.account.write({"credentials_id": False, "name": "Renamed", **{name: self.account[name] for name in names}})
        self.commit()
        self.assertFalse(self.sent_rows())

    def test_orders_of_a_shared_token_are_pulled_once_and_routed_by_supplier_code(self):
        self.account.supplier_code = "1"
        self.box.options.supplier_codes = ("1", "2")
        second = self.env["marketplace.config"].create(
            {
                "name": "Second",
                "code": "cartona",
                "credentials_id": self.account.id,
                "supplier_code": "2",
                "warehouse_ids": self.warehouse.ids,
                "tax_policy": "none",
            }
        )
        second.action_go_live()
        self.list_products()
        self.env["marketplace.listing"].create(
            {"config_id": second.id, "product_id": self.products[0].id, "external_id": str(1000 + self.products[0].id)}
        )
        first_order = self.box_order((self.products[0], 1, 5.0), supplier_code="1")
        second_order = self.box_order((self.products[0], 1, 6.0), supplier_code="2")
        self.box.clear_journal()
        self.env["marketplace.config"]._cron_pull_orders()
        self.commit()
        orders = self.env["sale.order"].search([("marketplace_config_id", "in", (self.account + second).ids)])
        self.assertEqual(
            {(order.cartona_id, order.marketplace_config_id) for order in orders},
            {(first_order["hashed_id"], self.account), (second_order["hashed_id"], second)},
        )
        self.assertFalse(self.box.queued())
        self.assertEqual(len(self.box.calls("pull-orders")), 2, "one with the orders, one that finds nothing new")

    def test_a_document_that_its_own_account_has_by_now_is_set_aside_when_it_is_replayed(self):
        self.account.supplier_code = "1"
        self.box.options.supplier_codes = ("1", "2")
        self.list_products()
        document = self.box_order((self.products[0], 1, 6.0), supplier_code="2", pickup_otp=None)
        self.pull()
        row = self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])])
        self.assertEqual((row.config_id, row.state), (self.account, "failed"))
        second = self._create_account(name="Second", credentials_id=self.account.id, supplier_code="2")
        came = [(second, "order", document["hashed_id"], row._document())]
        self.env["marketplace.inbox"]._store(came, "webhook")
        self.commit()
        row.action_replay()
        self.commit()
        self.assertEqual((row.config_id, row.state), (self.account, "superseded"))
        orders = self.env["sale.order"].search([("cartona_id", "=", document["hashed_id"])])
        self.assertEqual(orders.marketplace_config_id, second)
        self.assertEqual(len(orders), 1)

    def test_another_companys_manager_presses_no_button_of_the_account(self):
        self.list_products()
        company = self.env["res.company"].create({"name": "Theirs"})
        group = "cartona_integration.group_marketplace_manager"
        manager = new_test_user(self.env, "their-manager", group, company_id=company.id, company_ids=company.ids)
        audit = self.env["marketplace.audit"].create({"config_id": self.account.id})
        document = self.box_order((self.products[0], 1, 5.0))
        self.pull()
        self.account.read()  # what is cached is checked all the same
        buttons = [name for name in dir(type(self.account)) if name.startswith("action_")]
        for button in buttons:
            if not button.startswith(("action_open_", "action_archive", "action_unarchive")):
                with self.subTest(button), self.assertRaises(AccessError):
                    getattr(self.account.with_user(manager), button)()
        for record, button in (
            (self.account.listing_ids[0], "action_sync"),
            (audit, "action_heal"),
            (self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])]), "action_replay"),
        ):
            with self.subTest(button), self.assertRaises(AccessError):
                getattr(record.with_user(manager), button)()

    def test_batch_size_and_timeout_have_bounds(self):
        for values in ({"batch_size": 0}, {"batch_size": 25001}, {"timeout": 0}, {"safety_quantity": -1}):
            with self.subTest(values=values), mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError):
                self.account.write(values)
                self.account.flush_recordset()

    def test_an_account_that_is_not_live_pulls_nothing(self):
        self.account.action_pause()
        with self.assertRaises(UserError):
            self.account.action_pull_orders()
        self.env["marketplace.config"]._cron_pull_orders()
        self.commit()
        self.assertFalse(self.box.journal)

    def test_an_account_without_url_can_not_go_live(self):
        account = self.env["marketplace.config"].create({"name": "Empty", "code": "cartona"})
        with self.assertRaises(UserError):
            account.action_go_live()

    # ------------------------------------------------------------------ copies of the database

    def test_a_copy_of_the_database_talks_to_nobody(self):
        self.list_products()
        identity = self.env["marketplace.identity"]
        self.assertTrue(identity._is_original())
        parameter = self.env["ir.config_parameter"]
        name, fingerprint, number = parameter.get_param("cartona_integration.identity").split(":")
        for other in (f"otherdb:{fingerprint}:{number}", f"{name}:another-machine:{number}", ""):
            with self.subTest(other=other):
                parameter.set_param("cartona_integration.identity", other)
                self.products[0].list_price += 1
                self.box_order((self.products[0], 1, 5.0))
                self.env["marketplace.config"]._cron_pull_orders()
                self.commit()
                self.assertFalse(self.box.journal)

    def test_what_a_person_asks_a_marketplace_from_a_copy_is_refused_and_says_why(self):
        """Its credentials are the live ones; even what only reads may use up a token that is good for once."""
        self.env["ir.config_parameter"].set_param("cartona_integration.identity", "the-original:0123")
        with self.assertRaisesRegex(UserError, "This database is a copy"):
            self.account.action_test_connection()
        self.assertFalse(self.box.journal)

    def test_a_copy_can_not_be_set_live_by_accident(self):
        self.env["ir.config_parameter"].set_param("cartona_integration.identity", "the-original:0123")
        with self.assertRaises(UserError):
            self.account.action_go_live()

    def test_a_machine_without_the_fingerprint_is_not_the_original(self):
        self.assertTrue(self.env["marketplace.identity"]._is_original())
        with mock.patch.object(
            type(self.env["marketplace.identity"]),
            "_fingerprint_path",
            lambda self: os.path.join("nowhere", "at", "all"),
        ):
            self.assertFalse(self.env["marketplace.identity"]._is_original())

    def test_a_backup_that_was_restored_in_place_talks_to_nobody_until_a_person_says_so_and_then_compares(self):
        self.list_products()
        parameter = self.env["ir.config_parameter"]
        name, fingerprint, number = parameter.get_param("cartona_integration.identity").split(":")
        database, server = number.split("@")
        self.assertTrue(database and server)
        for other in (f"1@{server}", f"{database}@1"):  # another one than was dropped, or of another server
            parameter.set_param("cartona_integration.identity", f"{name}:{fingerprint}:{other}")
            self.assertFalse(self.env["marketplace.identity"]._is_original())
        self.products[0].list_price += 1
        self.commit()
        self.assertFalse(self.box.journal)
        self.assertEqual(self.account.condition, "copy")
        with self.assertRaisesRegex(UserError, "restored"):
            self.account.action_go_live()
        other = self.account.copy({"name": "Other", "base_url": self.box.url, "auth_token": TOKEN, "state": "live"})
        self.env["ir.config_parameter"].search([("key", "=", "cartona_integration.identity")]).unlink()
        self.env.invalidate_all()
        self.assertEqual((self.account.condition, other.condition), ("paused", "paused"), "the form offers Resume")
        self.assertIn("restored", self.account.condition_reason)
        self.account.action_go_live()
        self.commit()
        self.assertEqual((self.account.condition, other.condition), ("live", "live"))
        self.assertTrue(self.sent_rows())
        for account in (self.account, other):
            self.assertTrue(self.env["marketplace.audit"].search([("config_id", "=", account.id)]), account.name)

    def test_a_neutralised_database_talks_to_nobody(self):
        self.list_products()
        self.products[0].list_price = 3
        self.run_hooks()
        with file_open("cartona_integration/data/neutralize.sql") as script:
            self.env.cr.execute(script.read())
        self.env.invalidate_all()
        self.assertEqual(self.account.state, "paused")
        self.assertFalse(self.account.auth_token)
        self.env["marketplace.config"]._cron_pull_orders()
        self.env["marketplace.wake"]._cron_sweep()
        self.commit()
        self.assertFalse(self.box.journal)
        self.assertFalse(
            self.env["queue.job"].search([("identity_key", "=like", "marketplace:%"), ("state", "=", "pending")])
        )

    def neutralize(self):
        self.env.flush_all()
        with file_open("cartona_integration/data/neutralize.sql") as script:
            self.env.cr.execute(script.read())
        self.env.invalidate_all()

    def test_a_neutralised_account_has_no_secret_left_and_shows_why(self):
        draft = self.env["marketplace.config"].create({"name": "Draft", "code": "cartona"})
        for account in draft | self.account:
            secrets = self.secret_fields(account)
            self.assertLessEqual({"auth_token", "webhook_secret", "webhook_secret_previous"}, set(secrets))
            account.write(dict.fromkeys(secrets, "secret"))
            self.env["marketplace.task"]._start(account, "match")
        self.neutralize()
        for account in draft | self.account:
            for name in self.secret_fields(account):
                self.assertFalse(account[name], name)
            self.assertIn("Neutralized", account.pause_reason)
            self.assertFalse(account.task_ids)
        self.assertEqual((draft.state, self.account.state), ("draft", "paused"))
        shown = {account["id"]: account["reason"] for account in self.account.get_dashboard_data()["accounts"]}
        self.assertIn("Neutralized", shown[draft.id])

    def secret_fields(self, record):
        """Return the texts that are for managers alone: a new one has to be dropped from a copy, too."""
        return [
            name
            for name, field in record._fields.items()
            if field.type in ("char", "text") and field.store and field.groups == MANAGER
        ]

    def test_no_job_of_ours_is_left_to_run_in_a_neutralised_database(self):
        jobs = self.env["queue.job"].browse()
        for number, state in enumerate(("wait_dependencies", "pending", "enqueued", "started")):
            delayed = self.env["marketplace.sender"].with_delay(identity_key=f"marketplace:test:{number}")
            job = delayed._job_drain(self.account.id, "offers").db_record()
            self.env.cr.execute("UPDATE queue_job SET state = %s WHERE id = %s", [state, job.id])
            jobs |= job
        self.neutralize()
        self.assertEqual(jobs.mapped("state"), ["cancelled"] * 4)

    def test_the_jobs_of_other_addons_are_left_to_run_in_a_neutralised_database(self):
        """Also those whose models, channels and names are much like ours."""
        ours = self.env["marketplace.sender"].with_delay()._job_drain(self.account.id, "offers").db_record()
        theirs = ours.browse()
        for number, model in enumerate(("marketplace.vendor", "res.partner", "sale.order")):
            delayed = self.env["res.partner"].with_delay(
                identity_key=f"marketplace:{number}", channel="root.marketplace"
            )
            job = delayed.name_search("").db_record()
            self.env.cr.execute("UPDATE queue_job SET model_name = %s WHERE id = %s", [model, job.id])
            theirs |= job
        self.neutralize()
        self.assertEqual(ours.state, "cancelled")
        self.assertEqual(set(theirs.mapped("state")), {"pending"})

    def test_matching_in_a_copy_calls_nobody(self):
        self.env["ir.config_parameter"].set_param("cartona_integration.identity", "the-original:0123")
        self.account.action_match_products()
        self.commit()
        self.assertFalse(self.box.journal)

    def test_a_copy_with_work_waiting_queues_no_jobs_for_ever(self):
        self.list_products()
        self.env["ir.config_parameter"].set_param("cartona_integration.identity", "the-original:0123")
        self.products[0].list_price = 99
        self.commit()
        self.sweep()
        self.assertFalse(
            self.env["queue.job"].search([("identity_key", "=like", "marketplace:timed:%"), ("state", "=", "pending")])
        )

    def test_a_salesman_searches_orders_without_rights_on_accounts(self):
        user = new_test_user(self.env, "searcher", groups="sales_team.group_sale_salesman_all_leads")
        arch = self.env["sale.order"].with_user(user).get_view(view_type="search")["arch"]
        self.assertNotIn("marketplace_config_id", arch)
        self.assertIn("cartona_id", arch)

    def test_an_account_whose_credentials_are_paused_says_so(self):
        self.account.supplier_code = "1"
        second = self._create_account(name="Second", credentials_id=self.account.id, supplier_code="2")
        self.account.action_pause()
        with self.assertRaises(UserError):
            second.action_pull_orders()
