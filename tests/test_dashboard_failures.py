# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import AccessError, UserError

from .common import MarketplaceCase


class TestDashboardFailures(MarketplaceCase):
    """What failed stands on the dashboard by its cause, and each cause is looked at and tried again by itself."""

    def prepare(self):
        super().prepare()
        self.listings = self.list_products()

    def shown(self, user=None):
        data = self.env["marketplace.config"].with_user(user or self.env.user).get_dashboard_data()
        return {one["id"]: one for one in data["accounts"]}[self.account.id]

    def have_failed(self, listings, errors):
        for listing, error in zip(listings, errors, strict=True):
            listing.write({"state": "failed", "price_due": True, "last_error": error})

    def test_errors_that_differ_in_their_ids_alone_have_one_cause(self):
        self.have_failed(self.listings[:3], ["Product 100123 is unknown", "Product 100999 is unknown", "Price is 0"])
        causes = self.shown()["failures"]
        self.assertEqual(
            [(one["text"], one["count"]) for one in causes], [("Product … is unknown", 2), ("Price is 0", 1)]
        )

    def test_an_error_that_stands_alone_is_told_in_full(self):
        self.have_failed(self.listings[:1], ["Product 100123 is unknown"])
        self.assertEqual(self.shown()["failures"][0]["text"], "Product 100123 is unknown")

    def test_a_cause_opens_exactly_its_records(self):
        self.have_failed(self.listings[:3], ["Product 100123 is unknown", "Product 100999 is unknown", "Price is 0"])
        for one in self.shown()["failures"]:
            found = self.env[one["model"]].search([("config_id", "=", self.account.id), ("cause", "=", one["cause"])])
            self.assertEqual(len(found), one["count"])
            self.assertEqual(set(found.mapped("cause")), {one["cause"]})

    def test_what_does_not_fail_any_more_has_no_cause(self):
        self.have_failed(self.listings[:1], ["Price is 0"])
        self.listings[0].state = "waiting"
        self.assertFalse(self.listings[0].cause)
        self.assertFalse(self.env["marketplace.listing"].search([("cause", "=", "Price is 0")]))
        self.assertFalse(self.shown()["failures"])

    def test_causes_are_compared_as_a_whole(self):
        self.have_failed(self.listings[:2], ["Price is 0", "Product 100999 is unknown"])
        listings = self.env["marketplace.listing"]
        self.assertEqual(listings.search([("cause", "in", ["Price is 0", "Gone"])]), self.listings[0])
        for condition in (("cause", "ilike", "Price"), ("cause", "!=", "Price is 0"), ("cause", "=", False)):
            with self.subTest(condition), self.assertRaisesRegex(UserError, "compared as a whole"):
                listings.search([condition])

    def refuse_to_take_off(self):
        """Archive a listing that is on sale, where the marketplace refuses to be told so; return the listing."""
        self.set_stock(self.products[0], 5)
        self.commit()
        listing = self.listings[0]
        self.box.fail(path="bulk-update$", status=422, body={"error": "Not now"})
        listing.active = False
        self.commit()
        self.assertEqual((listing.state, self.at_box(self.products[0])["available_stock_quantity"]), ("failed", 5))
        return listing

    def test_what_is_archived_and_still_on_sale_there_stands_as_failed(self):
        listing = self.refuse_to_take_off()
        shown = self.shown()
        self.assertEqual((shown["failed_listings"], shown["listings"]), (1, len(self.listings) - 1))
        self.assertEqual([one["count"] for one in shown["failures"]], [1])
        self.account.invalidate_recordset()
        self.assertEqual(self.account.failed_count, 1)
        action = self.account.action_open_failed()
        self.assertEqual(self.env[action["res_model"]].search(action["domain"]), listing)

    def test_what_is_archived_and_still_on_sale_there_is_taken_off_by_retry(self):
        listing = self.refuse_to_take_off()
        for retry in (
            lambda: self.account.retry_cause("marketplace.listing", listing.cause),
            self.account.action_retry_failed,
        ):
            with self.subTest(retry=retry):
                listing.write({"state": "failed", "pushed_quantity": 5})
                retry()
                self.commit()
                self.assertEqual((listing.state, listing.pushed_quantity), ("synced", 0))
                self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 0)

    def test_what_is_archived_and_unknown_there_is_nobody_s_business(self):
        self.box.state.products.pop(self.listings[0].external_id)
        self.listings[0].active = False
        self.listings[0].action_sync()
        self.commit()
        self.assertEqual(self.listings[0].state, "failed")
        self.assertEqual((self.shown()["failed_listings"], self.shown()["failures"]), (0, []))

    def test_retry_takes_one_cause_and_leaves_the_others(self):
        self.have_failed(self.listings[:2], ["Price is 0", "Product 100999 is unknown"])
        self.account.retry_cause("marketplace.listing", "Price is 0")
        self.commit()
        self.assertEqual(self.listings.mapped("state"), ["synced", "failed", "synced", "synced"])

    def test_documents_and_commands_have_causes_too(self):
        self.env["marketplace.inbox"]._store([(self.account, "order", "x", {"wrong": True})], "pull")
        self.commit()
        command = self.env["marketplace.outbox"].create(
            {"config_id": self.account.id, "company_id": self.account.company_id.id, "lane": "orders", "order_id": 0,
             "operation": "status", "state": "failed", "error_code": "gone"}
        )  # fmt: skip
        found = {one["model"]: one for one in self.shown()["failures"]}
        self.assertEqual(set(found), {"marketplace.inbox", "marketplace.outbox"})
        self.assertEqual((found["marketplace.outbox"]["text"], command.cause), ("gone", "gone"))
        other = self._create_account(name="Other")
        for account, commands in ((self.account, command), (other, command.browse())):
            for value in (account.id, account.name):
                self.assertEqual(command.search([("account_id", "=", value)]), commands)
        self.account.retry_cause("marketplace.outbox", "gone")
        self.assertNotIn("marketplace.outbox", {one["model"] for one in self.shown()["failures"]})

    def test_what_may_have_been_taken_is_not_sent_again_by_a_button(self):
        doubt = self.env["marketplace.outbox"].create(
            {"config_id": self.account.id, "company_id": self.account.company_id.id, "lane": "orders", "order_id": 0,
             "operation": "status", "state": "failed", "error_code": "doubt", "last_error": "No answer"}
        )  # fmt: skip
        self.assertEqual(self.shown()["failures"][0]["retriable"], 0)
        self.account.retry_cause("marketplace.outbox", "No answer")
        self.assertEqual(doubt.state, "failed")

    def test_the_most_frequent_causes_come_first_and_the_rest_is_left_out(self):
        template = self.listings[0].copy_data()[0]
        more = self.env["marketplace.listing"].create(
            [{**template, "external_id": f"more-{n}", "product_id": self.products[0].id} for n in range(7)]
        )
        self.have_failed(more, ["often", "often", "b", "c", "d", "e", "f"])
        causes = self.shown()["failures"]
        self.assertEqual(causes[0]["text"], "often")
        self.assertEqual(len(causes), 5)
        self.assertEqual(self.shown()["failed_listings"], 7)

    def test_only_what_fails_can_be_retried_and_only_by_managers(self):
        user = self.env["res.users"].create(
            {
                "name": "Looker",
                "login": "looker",
                "groups_id": [(4, self.env.ref("cartona_integration.group_marketplace_user").id)],
            }
        )
        with self.assertRaises(AccessError):
            self.account.with_user(user).retry_cause("marketplace.listing", "x")
        with self.assertRaises(UserError):
            self.account.retry_cause("res.users", "x")
        self.assertIn("failures", self.shown(user))

    def test_the_dashboard_tells_what_the_last_audit_found(self):
        self.assertFalse(self.shown()["drift"])
        self.box.state.products[self.external_id(self.products[0])].offers["1"].update(selling_price=1.0)
        self.account.heal_limit = 0
        self.account.action_audit()
        self.commit()
        drift = self.shown()["drift"]
        audit = self.env["marketplace.audit"].browse(drift["audit"])
        self.assertEqual((drift["state"], drift["count"]), (audit.state, len(audit.drift_ids.listing_id)))
        self.assertEqual(audit.state, "approval")
        audit.action_heal()
        self.assertEqual(self.shown()["drift"]["state"], "healed")
