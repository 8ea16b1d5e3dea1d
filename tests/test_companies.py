# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user

from .common import TOKEN, MarketplaceCase

MANAGERS = (
    "cartona_integration.group_marketplace_manager,sales_team.group_sale_manager,stock.group_stock_manager,"
    "base.group_partner_manager,base.group_allow_export"
)
SECRET_NAME = "Theirs alone"
MADE_BY_MANAGERS = {
    *("marketplace.listing", "marketplace.stock.rule", "marketplace.status.rule", "marketplace.status.map"),
    *("marketplace.field.map", "marketplace.endpoint", "marketplace.audit", "marketplace.drift"),
    "marketplace.shopify.location",
}


class Undone(Exception):
    """What was tried is not to stay."""


class TestCompanies(MarketplaceCase):
    """Who works for one company finds, changes and moves nothing of another one's accounts, whatever the model."""

    def prepare(self):
        super().prepare()
        self.other = self.env["res.company"].create({"name": "Our company"})
        self.manager = new_test_user(
            self.env, "manager-of-ours", MANAGERS, company_id=self.other.id, company_ids=self.other.ids
        )
        self.theirs = self.account
        self.theirs.name = SECRET_NAME
        self.ours = self._create_account(
            name="Ours", company_id=self.other.id, warehouse_ids=False, base_url=self.box.url, auth_token=TOKEN
        )
        self.rows = {account: self.make_rows(account) for account in (self.theirs, self.ours)}
        self.env.flush_all()
        self.env.invalidate_all()

    def make_rows(self, account):
        """Return ``{model: a row of this account}`` of each of our tables."""
        name, moment = account.name, fields.Datetime.now()
        mine = {"config_id": account.id}
        product = self.products[0]
        partner = self.env["res.partner"].create({"name": f"Customer of {name}", "company_id": account.company_id.id})
        order = self.env["sale.order"].create(
            {"partner_id": partner.id, "company_id": account.company_id.id, "marketplace_config_id": account.id}
        )
        Listing = self.env["marketplace.listing"]
        listing = Listing.create({**mine, "product_id": product.id, "external_id": f"ext {name}"})
        audit = self.env["marketplace.audit"].create({**mine, "last_error": name})
        values = {
            "marketplace.customer.code": {"code": name, "partner_id": partner.id},
            "marketplace.drift": {"audit_id": audit.id, "listing_id": listing.id, "subject": "price"},
            "marketplace.ebay.key": {"kid": name, "fetched_at": moment},
            "marketplace.ebay.revision": {"listing": name, "revised_at": moment},
            "marketplace.endpoint": {"operation": "test", "path": "me"},
            "marketplace.field.map": {"field": "account.name", "path": "name"},
            "marketplace.inbox": {"key": name, "source": "pull", "state": "failed", "last_error": name},
            "marketplace.log.hour": {"hour": moment, "status": "success", "calls": 1},
            "marketplace.outbox": {
                "lane": "orders", "state": "failed", "company_id": account.company_id.id, "last_error": name,
            },
            "marketplace.push": {"handle": name, "rows": [1], "next_poll": moment},
            "marketplace.shopify.location": {"external_id": name, "name": name},
            "marketplace.status.map": {"raw": name, "status": "pending"},
            "marketplace.stock.rule": {"safety_quantity": 1.0},
            "marketplace.sync.log": {"operation": "pull_orders", "direction": "out", "status": "error"},
            "marketplace.task": {"kind": "match", "state": "failed", "message": name},
            "marketplace.token": {"access_token": name},
            "marketplace.unmatched": {"reason": "unknown", "external_id": f"un {name}", "name": name},
        }  # fmt: skip
        rows = {model: self.env[model].create({**mine, **value}) for model, value in values.items()}
        event = self.env["marketplace.order.event"].create({"order_id": order.id, "status": "approved", "side": "here"})
        rule = self.env["marketplace.status.rule"].search([("config_id", "=", account.id)], limit=1)
        erasure = self.env["marketplace.erasure"].create({"words": "{}", "accounts": account.ids})
        rows.update({row._name: row for row in (account, account._running(), listing, audit, event, rule, erasure)})
        return rows

    def tables(self):
        """Return our models that have a table of their own, without those of a wizard."""
        models = (self.env[name] for name in sorted(self.env.registry) if name.startswith("marketplace."))
        return [model._name for model in models if not model._abstract and not model._transient]

    def pairs(self):
        """Give of each model the row of the other company and the own one, as the manager of ours has them."""
        theirs, ours = self.rows[self.theirs], self.rows[self.ours]
        for name in self.tables():
            with self.subTest(name):
                yield name, theirs[name].with_user(self.manager), ours[name].with_user(self.manager)

    def may_read(self, model):
        try:
            return model.search([]) is not None
        except AccessError:
            return False

    def test_every_table_is_looked_at(self):
        self.assertEqual(set(self.tables()) - set(self.rows[self.theirs]), set())
        self.assertGreater(len(self.tables()), 20)

    def test_nothing_of_another_company_is_read_or_found(self):
        for name, theirs, ours in self.pairs():
            model = theirs.browse()
            stored = [name for name, field in model._fields.items() if field.store and name != "id"]
            for call, arguments in (("read", ()), ("export_data", (stored,)), ("copy", ())):
                with self.subTest(call), self.assertRaises(UserError):
                    getattr(theirs, call)(*arguments)
            if not self.may_read(model):
                continue
            self.assertEqual(ours.read(["id"]), [{"id": ours.id}])
            both = [("id", "in", [theirs.id, ours.id])]
            self.assertEqual(model.search(both), ours)
            self.assertEqual(model.search_count(both), 1)
            self.assertEqual([row["id"] for row in model.search_read(both, ["id"])], ours.ids)
            self.assertEqual(model._read_group(both, [], ["__count"]), [(1,)])
            self.assertEqual([row_id for row_id, _name in model.name_search("", both)], ours.ids)
            self.assertNotIn(theirs.id, model.search([]).ids)

    def test_nothing_is_found_by_groups_or_by_what_it_is_related_to(self):
        for _name, theirs, _ours in self.pairs():
            model = theirs.browse()
            if "config_id" in model._fields and model._fields["config_id"].type == "many2one" and self.may_read(model):
                self.assertFalse(model.search([("config_id.name", "=", SECRET_NAME)]))
                groups = model._read_group([], ["config_id"])
                self.assertNotIn(self.theirs.id, [config.id for (config,) in groups])

    def test_nothing_of_another_company_is_changed_or_deleted(self):
        for _name, theirs, _ours in self.pairs():
            with self.subTest("write"), self.assertRaises(AccessError):
                theirs.write({})
            with self.subTest("unlink"), self.assertRaises(AccessError):
                theirs.unlink()
            for action in self.actions(theirs):
                with self.subTest(action), self.assertRaises(AccessError):
                    getattr(theirs, action)()

    def actions(self, model):
        """Return the buttons of ours that do something; those that only open a list show what one may see anyway."""
        ours = [cls for cls in type(model).__mro__ if cls.__module__.startswith("odoo.addons.cartona_integration.")]
        names = {name for cls in ours for name in vars(cls) if name.startswith("action_")}
        return sorted(name for name in names if not name.startswith("action_open_"))

    def may_make(self, ours):
        """Tell whether the manager may make such a row at an own account, in place of the one that is there."""
        values = {**ours.sudo().copy_data()[0], "config_id": self.ours.id}
        try:
            with self.env.cr.savepoint():
                ours.sudo().unlink()
                ours.create(values)
                self.env.flush_all()
                raise Undone
        except Undone:
            return True
        except AccessError:
            return False

    def test_nothing_is_made_at_or_moved_to_an_account_of_another_company(self):
        may_make = {name for name, _theirs, ours in self.pairs() if "config_id" in ours._fields and self.may_make(ours)}
        self.assertLessEqual(MADE_BY_MANAGERS, may_make)
        for name, theirs, ours in self.pairs():
            if "config_id" not in theirs._fields:
                continue
            values = ours.sudo().copy_data()[0]
            if name in ("marketplace.endpoint", "marketplace.status.rule"):
                theirs.sudo().unlink()  # one of each kind
            with self.subTest("create"), self.assertRaises(UserError):
                ours.create({**values, "config_id": self.theirs.id})
                self.env.flush_all()
            with self.subTest("write"), self.assertRaises(UserError):
                ours.write({"config_id": self.theirs.id})
                self.env.flush_all()

    def test_a_command_is_changed_by_nobody_and_an_order_stays_with_the_accounts_of_its_company(self):
        command = self.rows[self.ours]["marketplace.outbox"].with_user(self.manager)
        for values in ({"payload": {"x": 1}}, {"order_id": 1}, {"company_id": self.theirs.company_id.id}):
            with self.subTest(values), self.assertRaises(AccessError):
                command.write(values)
        command.action_retry()
        self.assertEqual(command.state, "waiting")
        order = self.env["sale.order"].search([("marketplace_config_id", "=", self.ours.id)]).with_user(self.manager)
        with self.assertRaises(UserError):
            order.write({"marketplace_config_id": self.theirs.id, "cartona_id": "theirs"})

    def test_a_customer_is_of_the_accounts_company_or_of_none(self):
        """Else the account's next order could not be entered for that contact."""
        contacts = self.env["res.partner"].create([{"name": "One"}, {"name": "Two"}])
        contacts[0].write({"cartona_id": "retailer_1", "marketplace_config_id": self.theirs.id})
        self.rows[self.theirs]["marketplace.customer.code"].partner_id = contacts[1]
        for contact in contacts:
            contact.company_id = self.theirs.company_id
            contact.company_id = False
            with self.subTest(contact.name), self.assertRaises(ValidationError) as caught:
                contact.with_user(self.manager).company_id = self.other
            self.assertNotIn(SECRET_NAME, str(caught.exception))
        with self.assertRaises(ValidationError):
            contacts[0].write({"company_id": self.other.id, "marketplace_config_id": self.theirs.id})

    def test_customers_of_two_companies_are_not_merged(self):
        customers = self.env["res.partner"]
        for account in (self.theirs, self.ours):
            values = {"cartona_id": "retailer_1", "marketplace_config_id": account.id}
            customers |= customers.create({"name": "Shop", "company_id": account.company_id.id, **values})
        wizard = self.env["base.partner.merge.automatic.wizard"]
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            wizard._merge(customers.ids, customers[1])
        customers.invalidate_recordset()
        customers.company_id = False
        wizard._merge(customers.ids, customers[1])
        self.assertEqual(customers[1].marketplace_code_ids.config_id, self.theirs)

    def test_the_dashboard_and_the_check_up_tell_nothing_of_another_company(self):
        config = self.env["marketplace.config"].with_user(self.manager)
        dashboard = config.get_dashboard_data()
        self.assertEqual([account["id"] for account in dashboard["accounts"]], self.ours.ids)
        self.assertNotIn(SECRET_NAME, str(dashboard))
        self.assertNotIn(SECRET_NAME, str(config.get_doctor_findings()))
        theirs = self.theirs.with_user(self.manager)
        with self.assertRaises(AccessError):
            theirs.retry_cause("marketplace.inbox", SECRET_NAME)
        for fix in self.env["marketplace.doctor"]._fixes():
            with self.subTest(fix), self.assertRaises(UserError):
                config.apply_doctor_fix(fix, self.theirs.id)

    def test_products_and_customers_that_both_companies_have_tell_nothing_either(self):
        product = self.products[0].with_user(self.manager)
        partner = self.env["res.partner"].create({"name": "Shared"})
        self.rows[self.theirs]["marketplace.customer.code"].sudo().write({"partner_id": partner.id})
        self.env.flush_all()
        self.env.invalidate_all()
        for record in (product, product.product_tmpl_id, partner.with_user(self.manager)):
            names = [name for name in record._fields if "marketplace" in name or name == "cartona_id"]
            names = [name for name in names if name in record.fields_get()]
            told = str(record.read(names))
            self.assertNotIn(SECRET_NAME, told)
            self.assertNotIn(str(self.rows[self.theirs]["marketplace.listing"].ids), told)
        model = product.browse()
        self.assertFalse(model.search([("marketplace_listing_ids.external_id", "=", f"ext {SECRET_NAME}")]))
        self.assertFalse(model.search([("marketplace_listing_ids.config_id.name", "=", SECRET_NAME)]))
