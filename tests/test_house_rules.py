# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from lxml import etree

from odoo.tests import TransactionCase, tagged

from ..models.marketplace_api import HOLES, UNSAID

BASE_METHODS = set(dir(object))


@tagged("post_install", "-at_install")
class TestHouseRules(TransactionCase):
    def our_models(self):
        return [self.env[name] for name in self.env.registry if name.startswith("marketplace.")]

    def test_abstract_models_have_no_public_method(self):
        """They have no access rules: any user could call one by RPC."""
        known = set(dir(self.registry["base"]))
        seen = 0
        for model in self.our_models():
            if not model._abstract:
                continue
            seen += 1
            known_here = known | model._fields.keys()
            public = [name for name in dir(type(model)) if not name.startswith("_") and name not in known_here]
            self.assertFalse(public, model._name)
        self.assertGreater(seen, 8)

    def test_every_table_has_access_rules(self):
        for model in self.our_models():
            if not model._abstract:
                rules = self.env["ir.model.access"].search([("model_id.model", "=", model._name)])
                self.assertTrue(rules, model._name)
                self.assertTrue(all(rule.group_id for rule in rules), f"{model._name} is open to the world")

    def test_every_field_of_a_search_can_be_searched(self):
        """Odoo leaves a condition out that it can't search by, and shows everything."""
        views = self.env["ir.ui.view"].search([("type", "=", "search"), ("model", "like", "marketplace.")])
        self.assertGreater(len(views), 4)
        for view in views:
            model = self.env[view.model]
            for node in etree.fromstring(model.get_view(view.id, "search")["arch"]).iter("field"):
                self.assertTrue(model._fields[node.get("name")]._description_searchable, f"{view.name}: {node.attrib}")

    def test_every_job_has_a_channel(self):
        for model in self.our_models():
            for name in dir(type(model)):
                if name.startswith("_job_") and name not in dir(self.registry["base"]):
                    function = self.env["queue.job.function"].search(
                        [("model_id.model", "=", model._name), ("method", "=", name)]
                    )
                    self.assertEqual(function.channel, "root.marketplace", f"{model._name}.{name}")

    def test_every_adapter_answers_the_whole_contract(self):
        adapters = dict(self.env["marketplace.api"]._adapters())
        self.assertIn("cartona", adapters)
        for code in adapters:
            capabilities = self.env["marketplace.api"]._adapter(code)._capabilities()
            said = {"batch_size", "needs_ack", "has_webhook", "async_push", "subjects", "statuses", "default_url"}
            said.add("cancellation_reasons")
            self.assertLessEqual(said, capabilities.keys())
            known = {*said, *UNSAID, "credentials_needed"}
            self.assertLessEqual(capabilities.keys(), known)  # a mistyped one would never be asked for
            filled = self.filled(f"marketplace.api.{code}")
            self.assertTrue({"_auth", "_token_grant"} & filled, code)
            for capability, holes in HOLES.items():
                if not capability or capabilities.get(capability):
                    self.assertLessEqual(set(holes), filled, f"{code}, {capability}")

    def filled(self, name):
        """Return the methods of an adapter that are not the contract's own."""
        contract, adapter = type(self.env["marketplace.api"]), type(self.env[name])
        return {hole for hole in dir(contract) if getattr(adapter, hole) is not getattr(contract, hole)}

    def test_the_outbox_has_no_foreign_key(self):
        """Checking one locks a row that a sender updates, and would fail the user's transaction."""
        self.env.cr.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'marketplace_outbox'::regclass AND contype = 'f'"
        )
        self.assertFalse(self.env.cr.fetchall())
