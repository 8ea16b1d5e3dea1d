# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import os
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from cryptography.fernet import Fernet

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import SQL, file_open
from odoo.tools import config as odoo_config

from .. import encryption
from ..encryption import COVER, Secret
from .common import SECRET, TOKEN, MarketplaceCase


def new_key():
    return Fernet.generate_key().decode()


@tagged("post_install", "-at_install")
class TestSecrets(MarketplaceCase):
    """Credentials in the database are good for nothing without the key outside of it."""

    def with_keys(self, *keys):
        patched = mock.patch.dict(os.environ, {encryption.ENVIRONMENT: ",".join(keys)})
        patched.start()
        self.addCleanup(patched.stop)
        self.env.invalidate_all()
        self.env.flush_all()

    def row(self, table="marketplace_config"):
        self.env.flush_all()
        self.env.cr.execute(f"SELECT t::text FROM {table} t")  # pylint: disable=sql-injection
        return str(self.env.cr.fetchall())

    def findings(self):
        return {finding["title"]: finding for finding in self.env["marketplace.config"].get_doctor_findings()}

    def test_no_secret_stands_in_the_database(self):
        self.account.write({"client_secret": "secret-of-the-app", "refresh_token": "refresh-of-the-app"})
        token = self.env["marketplace.token"].create({"config_id": self.account.id, "access_token": "access-for-a-day"})
        stored = self.row() + self.row("marketplace_token")
        for secret in (TOKEN, SECRET, "secret-of-the-app", "refresh-of-the-app", "access-for-a-day"):
            self.assertNotIn(secret, stored)
        self.env.invalidate_all()
        self.assertEqual((self.account.auth_token, self.account.webhook_secret), (TOKEN, SECRET))
        self.assertEqual(token.access_token, "access-for-a-day")

    def test_a_new_account_is_encrypted_from_its_first_row(self):
        account = self.env["marketplace.config"].create({"name": "New", "auth_token": "first-of-all"})
        self.assertNotIn("first-of-all", self.row())
        self.assertEqual(account.auth_token, "first-of-all")
        self.env.invalidate_all()
        self.assertEqual(account.auth_token, "first-of-all")
        account.auth_token = False
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertFalse(account.auth_token)

    def test_managers_see_that_there_is_a_token_not_which(self):
        groups = "cartona_integration.group_marketplace_manager,mail.group_mail_template_editor"
        manager = new_test_user(self.env, "boss", groups=groups)
        account = self.account.with_user(manager)
        self.assertEqual(account.read(["auth_token"])[0]["auth_token"], COVER)
        self.assertEqual((account.auth_token, account.client_secret), (COVER, False))
        written = (
            self.env["mail.render.mixin"]
            .with_user(manager)
            ._render_template('<t t-out="object.auth_token"/>', "marketplace.config", account.ids, engine="qweb")
        )
        self.assertEqual(written[account.id], COVER)
        shown = account.web_read({"auth_token": {}, "client_secret": {}, "webhook_secret": {}})[0]
        self.assertEqual((shown["auth_token"], shown["client_secret"]), (COVER, False))
        self.assertEqual(shown["webhook_secret"], SECRET)  # a person has to enter it at the marketplace
        exported = self.account.export_data(["name", "auth_token", "webhook_secret"])["datas"][0]
        self.assertEqual(exported[1:], [COVER, COVER])

    def test_a_search_finds_no_secret_out(self):
        """Who guesses right, or how it begins, is answered as who guesses wrong."""
        token = self.env["marketplace.token"].create({"config_id": self.account.id, "access_token": "x"})
        for record in (self.account, token):
            for name in (name for name, field in record._fields.items() if isinstance(field, Secret) and field.store):
                record[name] = "right-guess"
                for operator in ("=", "!=", "like", "not like", "ilike", "=like", "=ilike", "in", "not in"):
                    found = [self.found(record, name, operator, guess) for guess in ("right-guess", "wrong-guess")]
                    self.assertEqual(found[0], found[1], (name, operator))
                begun = [self.found(record, name, "=like", guess) for guess in ("right%", "wrong%")]
                self.assertFalse(begun[0] or begun[1], name)

    def found(self, record, name, operator, guess):
        return record.search([("id", "=", record.id), (name, operator, [guess] if "in" in operator.split() else guess)])

    def test_what_covers_a_token_is_not_saved_in_its_place(self):
        for value in (COVER, COVER + "x"):
            with self.assertRaisesRegex(UserError, "Token"):
                self.account.auth_token = value
        self.assertEqual(self.account.auth_token, TOKEN)

    def test_users_read_no_secret_field_of_any_model(self):
        user = new_test_user(self.env, "looker", groups="cartona_integration.group_marketplace_user")
        seen = 0
        for name, model in self.env.registry.items():
            for field in model._fields.values():
                if isinstance(field, Secret):
                    seen += 1
                    with self.subTest(model=name, field=field.name), self.assertRaises(AccessError):
                        self.env[name].with_user(user).search([], limit=1).read([field.name])
        self.assertGreaterEqual(seen, 8)

    def test_a_new_key_reads_what_the_former_one_wrote_until_it_is_encrypted_anew(self):
        former, current = new_key(), new_key()
        self.with_keys(former)
        self.account.auth_token = "to-be-rotated"
        token = self.env["marketplace.token"].create({"config_id": self.account.id, "access_token": "for-a-day"})
        self.account.webhook_secret = self.account.webhook_secret_previous = False
        self.with_keys(current, former)
        self.assertEqual(self.account.auth_token, "to-be-rotated")
        title = "Cartona: the credentials are encrypted with a former key.".replace("Cartona", self.account.name)
        self.assertEqual(self.findings()[title]["fix"], "_fix_secrets")
        self.env["marketplace.config"].apply_doctor_fix("_fix_secrets", self.account.id)
        self.assertNotIn(title, self.findings())
        self.with_keys(current)
        self.assertEqual(self.account.auth_token, "to-be-rotated")
        self.assertEqual(token.access_token, "for-a-day")

    def test_a_key_that_is_given_leaves_readable_what_the_file_s_key_wrote(self):
        self.assertTrue(os.path.exists(os.path.join(odoo_config["data_dir"], encryption.FILE)))
        self.account.auth_token = "by-the-key-of-the-file"
        self.with_keys(new_key())
        self.assertEqual(self.account.auth_token, "by-the-key-of-the-file")
        for strange in ("", "no key", "\u0645"):
            with tempfile.TemporaryDirectory() as folder, mock.patch.dict(odoo_config.options, {"data_dir": folder}):
                with open(os.path.join(folder, encryption.FILE), "w", encoding="utf-8") as file:
                    file.write(strange)
                self.account.client_id = "x"
                self.account.client_secret = "by-the-key-that-is-given"
                self.env.invalidate_all()
                self.assertEqual(self.account.client_secret, "by-the-key-that-is-given")
        self.env["marketplace.config"].apply_doctor_fix("_fix_secrets", self.account.id)
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict(odoo_config.options, {"data_dir": folder}):
            self.env.invalidate_all()
            self.assertEqual(self.account.auth_token, "by-the-key-of-the-file", "encrypted anew, the file can go")

    def test_encrypting_anew_sends_nothing_again(self):
        former = new_key()
        self.with_keys(former)
        self.account.auth_token = TOKEN
        self.list_products()
        self.with_keys(new_key(), former)
        self.box.journal.clear()
        self.env["marketplace.config"]._seal_anew()
        self.commit()
        self.assertFalse(self.account._former_secrets())
        self.assertFalse(self.sent_rows())

    def test_without_the_key_the_account_says_so_and_a_new_token_mends_it(self):
        self.with_keys(new_key())
        self.account.write({"auth_token": TOKEN, "webhook_secret": False})
        self.list_products()
        self.with_keys(new_key())
        self.assertFalse(self.account.auth_token)
        with self.assertRaisesRegex(UserError, "Token can't be read"):
            self.account.action_test_connection()
        self.products[0].list_price = 77
        self.commit()
        self.env.invalidate_all()
        self.assertEqual(self.account.state, "paused")
        self.assertIn("Token can't be read", self.account.pause_reason)
        self.assertEqual(self.findings()[f"{self.account.name}: the credentials can't be decrypted."]["level"], "error")
        self.account.auth_token = TOKEN
        self.account.action_go_live()
        self.commit()
        self.assertNotIn(f"{self.account.name}: the credentials can't be decrypted.", self.findings())
        self.assertIn(77, [row["selling_price"] for row in self.sent_rows()])

    def test_a_key_that_is_none_is_refused_with_where_to_read_how_one_is_made(self):
        self.with_keys("not a key")
        with self.assertRaisesRegex(UserError, "README"):
            self.account.auth_token = "another"

    def test_a_key_is_made_once_for_all_who_need_one_and_for_their_eyes_alone(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict(odoo_config.options, {"data_dir": folder}):
            with ThreadPoolExecutor(8) as pool:
                found = set(pool.map(lambda _n: encryption._keys(make=True), range(16)))
            path = os.path.join(folder, encryption.FILE)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            self.assertEqual(os.listdir(folder), [encryption.FILE])
        self.assertEqual(len(found), 1)
        self.assertEqual(len(found.pop()), 1)

    def test_a_data_folder_that_cannot_be_written_to_is_told_with_the_other_way(self):
        with (
            mock.patch.dict(odoo_config.options, {"data_dir": "/nowhere/at/all"}),
            self.assertRaisesRegex(UserError, encryption.OPTION),
        ):
            self.account.auth_token = "another"

    def test_the_settings_of_odoo_hold_keys_too(self):
        key = new_key()
        with mock.patch.dict(odoo_config.options, {encryption.OPTION: f" {key} , {new_key()}"}):
            self.account.auth_token = "by-the-first-key"
            sealed = self.account._sealed_secrets()["auth_token"]
        self.assertEqual(Fernet(key).decrypt(sealed.encode()), b"by-the-first-key")

    # ------------------------------------------------------------------ copies

    def sealed_rows(self):
        """Return a row of each of our models that keep a secret, with all of its secrets in it."""
        self.list_products()
        document = self.box_order((self.products[0], 1, 5.0), status="pending")
        self.pull()
        self.account.write(dict.fromkeys(self.secret_names(self.account), "secret"))
        values = {
            "marketplace.token": {"config_id": self.account.id},
            "marketplace.otp": {"order_id": self.order_of(document).id},
            "marketplace.erasure": {"accounts": self.account.ids},
        }
        rows = [self.account]
        for model, required in values.items():
            rows.append(self.env[model].create({**required, **dict.fromkeys(self.secret_names(self.env[model]), "{}")}))
        self.env.flush_all()
        return rows

    def secret_names(self, model):
        return [name for name, field in model._fields.items() if isinstance(field, Secret) and field.store]

    def test_a_neutralised_database_keeps_no_secret_but_what_a_copy_has_to_forget_too(self):
        rows = self.sealed_rows()
        with_secrets = [name for name in self.env.registry if self.secret_names(self.env[name])]
        self.assertEqual(sorted(row._name for row in rows), sorted(with_secrets))
        with file_open("cartona_integration/data/neutralize.sql") as script:
            self.env.cr.execute(script.read())
        kept = set()
        for row in rows:
            for name in self.secret_names(row):
                query = SQL("SELECT 1 FROM %s WHERE %s IS NOT NULL", *map(SQL.identifier, (row._table, name)))
                self.env.cr.execute(query)
                kept |= {(row._name, name)} if self.env.cr.rowcount else set()
        self.assertEqual(kept, {("marketplace.erasure", "words")})
