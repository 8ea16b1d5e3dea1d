# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import contextlib

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .common import MarketplaceCase

# What is public besides buttons, on purpose.
PUBLIC = ("retry_cause", "get_dashboard_data", "get_doctor_findings", "apply_doctor_fix")
# Wizards that others than managers open, and who they are: they need no right on marketplaces.
OPENED_BY = {"marketplace.otp": {"sales_team.group_sale_salesman", "stock.group_stock_user"}}
ODOO_NAMES = (
    *(
        "default_get",
        "create",
        "write",
        "unlink",
        "copy",
        "copy_data",
        "read",
        "name_create",
        "init",
        "get_empty_list_help",
    ),
    "button_uninstall",  # which refuses more than Odoo's own
)


def public_methods(model):
    """Return the names of the methods that this module makes callable on a model."""
    ours = [cls for cls in type(model).__mro__ if cls.__module__.startswith("odoo.addons.cartona_integration.")]
    names = {name for cls in ours for name, value in vars(cls).items() if callable(value)}
    return sorted(name for name in names if not name.startswith("_") and name not in ODOO_NAMES)


class TestRpc(MarketplaceCase):
    """Whatever has no underscore can be called by every user, from outside, with any argument."""

    def test_only_buttons_can_be_called(self):
        seen = 0
        for model in self.env.registry:
            for name in public_methods(self.env[model]):
                seen += 1
                fine = name.startswith("action_") or (model == "marketplace.config" and name in PUBLIC)
                self.assertTrue(fine, f"{model}.{name}")
        self.assertGreater(seen, 30)

    # ------------------------------------------------------------------ who may do what

    def records(self):
        """Return a record of each of our tables that people may be shown."""
        self.list_products()
        self.box.add_product(id="77", name="x")
        self.account.action_match_products()
        self.box_order((self.products[0], 1, 5.0), status="pending")
        self.pull()
        self.env["marketplace.outbox"].create({"config_id": self.account.id, "lane": "orders", "state": "failed"})
        audit = self.env["marketplace.audit"].create({"config_id": self.account.id})
        values = {"audit_id": audit.id, "config_id": self.account.id, "listing_id": self.account.listing_ids[0].id}
        self.env["marketplace.drift"].create({**values, "subject": "price"})
        account = {"config_id": self.account.id}
        self.account.stock_rule_ids.create(account)
        self.env["marketplace.token"].create({**account, "access_token": "x"})
        self.env["marketplace.push"].create({**account, "handle": "x", "rows": [1], "next_poll": fields.Datetime.now()})
        self.env["marketplace.customer.code"].create(
            {**account, "code": "x", "partner_id": self.env.user.partner_id.id}
        )
        self.env["marketplace.endpoint"].create({**account, "operation": "test", "path": "me"})
        self.env["marketplace.field.map"].create({**account, "field": "account.name", "path": "name"})
        self.env["marketplace.status.map"].create({**account, "raw": "new", "status": "pending"})
        moment = fields.Datetime.now()
        self.env["marketplace.ebay.key"].create({**account, "kid": "x", "fetched_at": moment})
        self.env["marketplace.log.hour"].create({**account, "hour": moment, "status": "success", "calls": 1})
        self.env["marketplace.ebay.revision"].create({**account, "listing": "x", "revised_at": moment})
        self.env["marketplace.shopify.location"].create({**account, "external_id": "1", "name": "Cairo"})
        self.env["marketplace.erasure"].create({"words": "{}", "accounts": self.account.ids})
        tables = [name for name in self.env.registry if name.startswith("marketplace.")]
        tables = [name for name in tables if not self.env[name]._abstract and not self.env[name]._transient]
        found = [self.env[name].search([], limit=1) for name in sorted(tables)]
        self.assertEqual([record._name for record in found if not record], [])
        return found

    def buttons(self, record):
        """Return the buttons that do something; those that only open a list are for everybody."""
        names = public_methods(record)
        return [name for name in names if not name.startswith("action_open_") and name not in PUBLIC]

    def test_who_has_no_right_on_marketplaces_sees_and_does_nothing(self):
        records = self.records()
        for group in ("base.group_user", "base.group_portal", "base.group_public"):
            with self.subTest(group):
                self.check_nothing_is_seen_or_done(new_test_user(self.env, f"of {group}", group), records)

    def check_nothing_is_seen_or_done(self, user, records):
        for record in records:
            with self.subTest(record._name):
                for call in ("read", *self.buttons(record)):
                    with self.subTest(call), self.assertRaises(AccessError):
                        getattr(record.with_user(user), call)()
                self.check_nothing_is_changed(record.with_user(user))
                self.check_what_opens_shows_nothing(record.with_user(user))
                with self.assertRaises(AccessError):
                    record.with_user(user).search_read([])
        with self.assertRaises(AccessError):
            self.account.with_user(user).get_dashboard_data()
        with self.assertRaises(AccessError):
            self.account.with_user(user).get_doctor_findings()

    def check_nothing_is_changed(self, mine):
        for name, arguments in (("write", [{}]), ("create", [{}]), ("copy", []), ("unlink", [])):
            with self.subTest(name), self.assertRaises(AccessError):
                getattr(mine, name)(*arguments)

    def check_what_opens_shows_nothing(self, mine):
        """A button that only opens a screen refuses, or leads to one that does, or to one on which nothing stands, as
        customers see of orders their own."""
        for name in public_methods(mine):
            if not name.startswith("action_open_"):
                continue
            with self.subTest(name), contextlib.suppress(AccessError):
                action = getattr(mine, name)()
                self.assertEqual(mine.env[action["res_model"]].search_read(action.get("domain", [])), [])

    def test_somebody_without_sales_presses_no_button_of_ours_on_odoo_s_records(self):
        self.records()
        user = new_test_user(self.env, "storekeeper", "base.group_user")
        order = self.env["sale.order"].search([("marketplace_config_id", "=", self.account.id)], limit=1)
        seen = 0
        for record in (order, order.order_line, order.picking_ids, self.products[0], self.products[0].product_tmpl_id):
            for name in public_methods(record):
                if name.startswith("action_") and not name.startswith("action_open_"):
                    seen += 1
                    with self.subTest(f"{record._name}.{name}"), self.assertRaises(AccessError):
                        getattr(record[:1].with_user(user), name)()
        self.assertGreater(seen, 5)

    def wizards(self):
        """Return our models that hold no more than what a person is being asked."""
        names = [name for name in sorted(self.env.registry) if name.startswith("marketplace.")]
        return [name for name in names if self.env[name]._transient]

    def test_nobody_opens_a_wizard_without_a_right_on_marketplaces(self):
        """Nor who may only look at them."""
        self.assertGreater(len(self.wizards()), 4)
        looker = "cartona_integration.group_marketplace_user"
        for group in ("base.group_user", "base.group_portal", "base.group_public", looker):
            user = new_test_user(self.env, f"of {group}", group)
            for name in self.wizards():
                with self.subTest(group=group, wizard=name), self.assertRaises(AccessError):
                    self.env[name].with_user(user).create({})

    def test_wizards_are_for_managers_but_for_those_that_are_named_here(self):
        for name in self.wizards():
            with self.subTest(name):
                groups = self.env["ir.model.access"].search([("model_id.model", "=", name)]).group_id
                expected = OPENED_BY.get(name, {"cartona_integration.group_marketplace_manager"})
                self.assertEqual(set(groups.get_external_id().values()), expected)

    def test_a_customer_presses_no_button_of_ours_not_even_on_an_own_order(self):
        self.records()
        order = self.env["sale.order"].search([("marketplace_config_id", "=", self.account.id)], limit=1)
        customer = new_test_user(self.env, "customer", "base.group_portal")
        order.partner_id = customer.partner_id
        order.message_subscribe(customer.partner_id.ids)
        self.env.flush_all()
        self.assertTrue(order.with_user(customer).read(["name"]))
        seen = 0
        product = self.products[0]
        for record in (order, order.order_line, order.picking_ids, order.partner_id, product, product.product_tmpl_id):
            for name in public_methods(record):
                if not name.startswith("action_") or name.startswith("action_open_"):
                    continue  # what only opens a list shows nothing by itself
                seen += 1
                with self.subTest(f"{record._name}.{name}"), self.assertRaises(AccessError):
                    getattr(record[:1].with_user(customer), name)()
        self.assertGreater(seen, 5)

    def test_a_user_sees_no_secret_and_changes_nothing(self):
        user = new_test_user(self.env, "user", "cartona_integration.group_marketplace_user")
        for record in self.records():
            with self.subTest(record._name):
                for button in self.buttons(record):
                    with self.subTest(button), self.assertRaises(AccessError):
                        getattr(record.with_user(user), button)()
                mine = record.with_user(user)
                for call in (lambda one: one.write({}), lambda one: one.create({}), lambda one: one.unlink()):
                    with self.assertRaises(AccessError):
                        call(mine)
                shown = mine.fields_get()
                self.assertFalse({"auth_token", "webhook_secret", "webhook_secret_previous", "private"} & set(shown))
        dashboard = self.account.with_user(user).get_dashboard_data()
        with self.assertRaises(AccessError):
            self.account.with_user(user).apply_doctor_fix("retry", self.account.id)
        self.assertFalse(dashboard["manager"])
        self.assertNotIn(self.account.auth_token, str(dashboard))
