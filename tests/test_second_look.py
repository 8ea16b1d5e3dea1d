# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from contextlib import contextmanager

from odoo import SUPERUSER_ID, Command, api
from odoo.tests import tagged

from .common import storable
from .test_concurrency import CommittedCase


@tagged("post_install", "-at_install")
class TestSecondLook(CommittedCase):
    """A transaction that is older than a listing, a setting or a link does not see it, and changes what it is about."""

    @contextmanager
    def older(self):
        """Give an environment whose transaction has begun, as that of an import which takes minutes."""
        with self.registry.cursor() as cr:
            cr.execute("SELECT 1 FROM marketplace_listing LIMIT 1")
            yield api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})

    def unlist(self):
        with self.transaction() as env:
            env.cr.execute(
                "DELETE FROM marketplace_listing WHERE config_id = %s AND external_id = 'cc-0'", [self.account_id]
            )

    def list_again(self):
        with self.transaction() as env:
            env["marketplace.listing"].create(
                {"config_id": self.account_id, "product_id": self.product_ids[0], "external_id": "cc-0"}
            )
        self.drain("offers")

    def sweep(self):
        with self.transaction() as env:
            env["marketplace.wake"]._cron_sweep()
        self.drain("offers")

    def price_there(self):
        return float(self.box.product("cc-0")["selling_price"])

    def look_again_after(self):
        with self.transaction() as env:
            listings = env["marketplace.listing"].search([("config_id", "=", self.account_id)])
            return listings.filtered("look_again_after").mapped("external_id")

    def settle(self):
        """Let all that is new be looked at again, with nobody else at work."""
        for _minute in range(3):
            self.sweep()

    def test_a_price_that_was_changed_by_a_transaction_older_than_the_listing_is_sent_after_all(self):
        self.settle()
        self.unlist()
        with self.older() as env:
            self.list_again()
            self.assertEqual(self.price_there(), 10.0)
            env["product.product"].browse(self.product_ids[0]).list_price = 55.0
            self.sweep()
            self.assertEqual(self.look_again_after(), ["cc-0"], "it waits for the transaction that may not see it")
        self.drain("offers")
        self.assertEqual(self.price_there(), 10.0, "the transaction could leave no mark")
        self.sweep()
        self.assertEqual((self.price_there(), self.look_again_after()), (55.0, []))

    def test_a_product_that_a_listing_is_moved_to_is_looked_at_again_too(self):
        self.settle()
        with self.transaction() as env:
            env["marketplace.listing"].search([("external_id", "=", "cc-1")]).unlink()
            other = env["product.product"].browse(self.product_ids[1])
        with self.older() as env:
            with self.transaction() as now:
                listing = now["marketplace.listing"].search([("external_id", "=", "cc-0")])
                listing.product_id = other.id
            self.drain("offers")
            env["product.product"].browse(other.id).list_price = 66.0
        self.settle()
        self.assertEqual(self.price_there(), 66.0)

    def test_a_price_that_was_changed_by_a_transaction_older_than_the_pricelist_of_the_account(self):
        self.settle()
        with self.transaction() as env:
            pricelist = env["product.pricelist"].create({"name": "Second Look"})
            self.addCleanup(self.forget, pricelist.id)
        with self.older() as env:
            with self.transaction() as now:
                now["marketplace.config"].browse(self.account_id).pricelist_id = pricelist.id
            self.drain("offers")
            env["product.pricelist.item"].create(
                {"pricelist_id": pricelist.id, "compute_price": "fixed", "fixed_price": 77.0}
            )
            self.sweep()
        self.drain("offers")
        self.assertEqual(self.price_there(), 10.0)
        self.settle()
        self.assertEqual(self.price_there(), 77.0)

    def forget(self, *pricelist_ids):
        with self.transaction() as env:
            env["marketplace.config"].browse(self.account_id).pricelist_id = False
            env["product.pricelist"].browse(pricelist_ids).unlink()

    # ------------------------------------------------------------------ what leads to a listing

    def pricelists(self):
        """Return the ids of a pricelist where all costs 30, and of one that the account has, without rules."""
        fixed = Command.create({"compute_price": "fixed", "fixed_price": 30.0})
        with self.transaction() as env:
            base, own = env["product.pricelist"].create([{"name": "Base", "item_ids": [fixed]}, {"name": "Own"}])
            env["marketplace.config"].browse(self.account_id).pricelist_id = own.id
            self.addCleanup(self.forget, own.id, base.id)
            return base.id, own.id

    def check_a_rule_that_an_older_transaction_does_not_know(self, **applied):
        base, own = self.pricelists()
        self.settle()
        rule = {"compute_price": "formula", "base": "pricelist", "base_pricelist_id": base, **applied}
        with self.older() as env:
            with self.transaction() as now:
                now["product.pricelist.item"].create({"pricelist_id": own, **rule})
            self.drain("offers")
            self.assertEqual(self.price_there(), 30.0)
            env["product.pricelist"].browse(base).item_ids.fixed_price = 77.0
            self.sweep()
        self.drain("offers")
        self.assertEqual(self.price_there(), 30.0, "the transaction could leave no mark")
        self.settle()
        self.assertEqual(self.price_there(), 77.0)

    def test_a_price_of_another_pricelist_that_was_changed_by_a_transaction_older_than_the_rule_based_on_it(self):
        self.check_a_rule_that_an_older_transaction_does_not_know(applied_on="3_global")

    def test_a_price_of_another_pricelist_that_one_product_follows_by_a_rule_the_transaction_does_not_know(self):
        self.check_a_rule_that_an_older_transaction_does_not_know(
            applied_on="0_product_variant", product_id=self.product_ids[0]
        )

    def test_a_price_of_another_pricelist_that_an_old_rule_was_based_on_meanwhile(self):
        base, own = self.pricelists()
        with self.transaction() as env:
            rule = env["product.pricelist.item"].create({"pricelist_id": own, "compute_price": "formula"})
        self.settle()
        self.assertEqual(self.price_there(), 10.0)
        with self.older() as env:
            with self.transaction() as now:
                now["product.pricelist.item"].browse(rule.id).write({"base": "pricelist", "base_pricelist_id": base})
            self.drain("offers")
            env["product.pricelist"].browse(base).item_ids.fixed_price = 77.0
        self.settle()
        self.assertEqual(self.price_there(), 77.0)

    def stock_there(self):
        return self.box.product("cc-0")["available_stock_quantity"]

    def component(self):
        with self.transaction() as env:
            if "mrp.bom" not in env:
                self.skipTest("kits need mrp, which is not installed here")
            part = env["product.product"].create(storable({"name": "Component"}))
            self.addCleanup(self.forget_kit, part.id)
            return part.id

    def forget_kit(self, part_id):
        with self.transaction() as env:
            part = env["product.product"].browse(part_id)
            kits = env["product.product"].browse(self.product_ids).product_tmpl_id
            env["mrp.bom"].search([("product_tmpl_id", "in", kits.ids)]).unlink()
            env["stock.quant"].search([("product_id", "=", part.id)]).unlink()
            part.product_tmpl_id.unlink()

    def stock(self, env, product_id, quantity):
        company = env["marketplace.config"].browse(self.account_id).company_id
        shelf = env["stock.warehouse"].search([("company_id", "=", company.id)], limit=1).lot_stock_id
        env["stock.quant"]._update_available_quantity(env["product.product"].browse(product_id), shelf, quantity)

    def make_kit(self, env, *part_ids):
        kit = env["product.product"].browse(self.product_ids[0]).product_tmpl_id
        lines = [Command.create({"product_id": part_id, "product_qty": 1}) for part_id in part_ids]
        return env["mrp.bom"].create({"product_tmpl_id": kit.id, "type": "phantom", "bom_line_ids": lines})

    def test_a_component_that_was_moved_by_a_transaction_older_than_the_kit(self):
        part = self.component()
        self.settle()
        with self.older() as env:
            with self.transaction() as now:
                self.make_kit(now, part)
            self.drain("offers")
            self.stock(env, part, 12)
            self.sweep()
        self.drain("offers")
        self.assertEqual(self.stock_there(), 0, "the transaction could leave no mark")
        self.settle()
        self.assertEqual(self.stock_there(), 12)

    def test_a_component_that_was_moved_by_a_transaction_that_knows_a_kit_as_something_else(self):
        part = self.component()
        with self.transaction() as env:
            bom = self.make_kit(env, part)
            bom.type = "normal"
        self.settle()
        with self.older() as env:
            with self.transaction() as now:
                now["mrp.bom"].browse(bom.id).type = "phantom"
            self.drain("offers")
            self.stock(env, part, 12)
        self.settle()
        self.assertEqual(self.stock_there(), 12)

    def test_a_component_that_was_moved_by_a_transaction_older_than_its_line_of_the_kit(self):
        part, other = self.component(), self.component()
        with self.transaction() as env:
            self.stock(env, part, 20)
            bom = self.make_kit(env, part).id
        self.settle()
        self.assertEqual(self.stock_there(), 20)
        with self.older() as env:
            with self.transaction() as now:
                now["mrp.bom.line"].create({"bom_id": bom, "product_id": other, "product_qty": 1})
            self.drain("offers")
            self.stock(env, other, 12)
        self.drain("offers")
        self.assertEqual(self.stock_there(), 0, "the transaction could leave no mark")
        self.settle()
        self.assertEqual(self.stock_there(), 12)

    def taxes(self):
        """Return the ids of a tax of one on each piece, and of a group without taxes; prices there hold taxes."""
        values = {"type_tax_use": "sale", "amount_type": "fixed", "amount": 1}
        with self.transaction() as env:
            each, group = env["account.tax"].create(
                [{"name": "Each, Second Look", **values}, {"name": "Group", **values, "amount_type": "group"}]
            )
            env["marketplace.config"].browse(self.account_id).price_tax = "included"
            self.addCleanup(self.forget_taxes, group.id, each.id)
            return each.id, group.id

    def forget_taxes(self, *tax_ids):
        with self.transaction() as env:
            env["product.product"].browse(self.product_ids).taxes_id = False
            env["account.tax"].browse(tax_ids).unlink()

    def test_a_tax_that_was_changed_by_a_transaction_older_than_its_place_in_a_group(self):
        each, group = self.taxes()
        with self.transaction() as env:
            env["product.product"].browse(self.product_ids[0]).taxes_id = [Command.set([group])]
        self.settle()
        with self.older() as env:
            with self.transaction() as now:
                now["account.tax"].browse(group).children_tax_ids = [Command.link(each)]
            self.drain("offers")
            self.assertEqual(self.price_there(), 11.0)
            env["account.tax"].browse(each).amount = 5
            self.sweep()
        self.drain("offers")
        self.assertEqual(self.price_there(), 11.0, "the transaction could leave no mark")
        self.settle()
        self.assertEqual(self.price_there(), 15.0)

    def test_a_tax_that_was_changed_by_a_transaction_older_than_its_use_for_a_product(self):
        each, _group = self.taxes()
        with self.transaction() as env:
            env["product.product"].browse(self.product_ids[0]).taxes_id = False
        self.settle()
        with self.older() as env:
            with self.transaction() as now:
                now["product.product"].browse(self.product_ids[0]).taxes_id = [Command.link(each)]
            self.drain("offers")
            env["account.tax"].browse(each).amount = 5
        self.settle()
        self.assertEqual(self.price_there(), 15.0)
