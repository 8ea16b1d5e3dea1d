# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import threading
from contextlib import contextmanager

import odoo
from odoo import SUPERUSER_ID, api
from odoo.tests import get_db_name, tagged

from .common import TOKEN, LoopbackCase
from .test_customers import PHONE, shop


@tagged("post_install", "-at_install")
class TestCustomersConcurrently(LoopbackCase):
    """Two accounts of one token import at once, each in a transaction of its own; what is committed is deleted."""

    def setUp(self):
        super().setUp()
        self.registry = odoo.registry(get_db_name())
        self.addCleanup(self.delete_all)
        with self.transaction() as env:
            country = env.company.country_id
            env.company.country_id = env.ref("base.eg")
            self.country_id = country.id
            owner = env["marketplace.config"].create(
                {
                    "name": "One token",
                    "code": "cartona",
                    "base_url": "http://127.0.0.1:9/",
                    "auth_token": TOKEN,
                    "supplier_code": "1",
                    "confirm_policy": "never",
                    "state": "live",
                }
            )
            second = owner.copy({"name": "Second", "credentials_id": owner.id, "supplier_code": "2", "state": "live"})
            self.account_ids = (owner | second).ids

    @contextmanager
    def transaction(self):
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})

    def delete_all(self):
        with self.transaction() as env:
            accounts = env["marketplace.config"].browse(self.account_ids)
            orders = env["sale.order"].search([("marketplace_config_id", "in", self.account_ids)])
            partners = env["res.partner"].search([("marketplace_config_id", "in", self.account_ids)])
            orders._action_cancel()
            env.cr.execute("DELETE FROM marketplace_outbox WHERE config_id = ANY(%s)", [self.account_ids])
            orders.unlink()
            (partners.child_ids | partners).unlink()
            env.cr.execute("DELETE FROM queue_job WHERE identity_key LIKE 'marketplace:%%'")
            accounts.sorted("credentials_id", reverse=True).unlink()
            env.company.country_id = self.country_id

    def receive(self, index, retailer):
        """Store an order without lines for an account."""
        document = {
            "hashed_id": f"cust-{index}",
            "supplier_code": str(index + 1),
            "status": "pending",
            "retailer": retailer,
            "order_details": [],
        }
        with self.transaction() as env:
            account = env["marketplace.config"].browse(self.account_ids[index])
            env["marketplace.inbox"]._store([(account, "order", document["hashed_id"], document)], "webhook")

    def import_at_once(self, contact=None):
        """Let both accounts import what they have; the second one starts before the first one commits."""
        partner_class = self.registry["res.partner"]
        resolve, barrier, failures = partner_class._marketplace_resolve, threading.Barrier(2), []
        met = threading.Event()

        def resolve_together(partners, config, orders):
            if not met.is_set():  # on a second try nobody else comes
                barrier.wait(30)  # both have looked for their orders
                met.set()
            return resolve(partners, config, orders)

        def run(account_id):
            try:
                with self.transaction() as env:
                    env["marketplace.sender"]._drain(account_id, "inbox")
            except Exception as err:
                failures.append(err)

        self.patch(partner_class, "_marketplace_resolve", resolve_together)
        threads = [threading.Thread(target=run, args=[account_id]) for account_id in self.account_ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            self.assertFalse(thread.is_alive())
        self.assertFalse(failures)
        with self.transaction() as env:
            rows = env["marketplace.inbox"].search([("config_id", "in", self.account_ids)])
            self.assertFalse(rows.filtered(lambda row: row.state == "failed").mapped("last_error"))
            orders = env["sale.order"].search([("marketplace_config_id", "in", self.account_ids)], order="cartona_id")
            self.assertEqual(len(orders), 2)
            return [order.partner_id.id for order in orders]

    def test_one_customer_of_two_imports_at_once_is_made_once(self):
        for index in range(2):
            self.receive(index, shop())
        self.assertEqual(len(set(self.import_at_once())), 1)

    def test_one_phone_of_two_imports_at_once_is_made_once(self):
        for index in range(2):
            self.receive(index, shop(None))
        self.assertEqual(len(set(self.import_at_once())), 1)

    def test_one_contact_is_not_taken_over_by_two_customers_at_once(self):
        with self.transaction() as env:
            contact = env["res.partner"].create({"name": "Known for years", "phone": PHONE})
            contact_id = contact.id
        for index in range(2):
            self.receive(index, shop(f"T{index}"))
        found = self.import_at_once()
        self.assertEqual(len(set(found)), 2)
        self.assertIn(contact_id, found)
