# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields
from odoo.modules.module import get_manifest
from odoo.tests import TransactionCase, tagged
from odoo.tools import convert_file

from .common import LoopbackCase

MODULE = "cartona_integration"


@tagged("post_install", "-at_install")
class TestDemo(LoopbackCase, TransactionCase):
    """The demonstration installs, tells its story, and tells it to nobody else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not cls.env.ref(f"{MODULE}.demo_account", raise_if_not_found=False):
            cls.load("init")
        cls.account = cls.env.ref(f"{MODULE}.demo_account")

    @classmethod
    def load(cls, mode):
        """Load the files of the manifest as an installation (``init``) or an update does."""
        for name in get_manifest(MODULE)["demo"]:
            convert_file(cls.env, MODULE, name, {}, mode=mode, noupdate=True)
        cls.env.cr.flush()
        cls.env.invalidate_all()

    @classmethod
    def _request_handler(cls, session, prepared, /, **kwargs):
        raise AssertionError(f"the demonstration calls {prepared.url}")

    def order(self, number):
        order = self.env["sale.order"].search(
            [("marketplace_config_id", "=", self.account.id), ("cartona_id", "=", f"DEMO{number}")]
        )
        self.assertEqual(len(order), 1)
        return order

    # ------------------------------------------------------------------ the story

    def test_orders_are_in_every_state(self):
        states = {
            number: (self.order(number).state, self.order(number).marketplace_status) for number in range(1001, 1008)
        }
        self.assertEqual(
            states,
            {
                1001: ("draft", "approved"),
                1002: ("sale", "approved"),
                1003: ("sale", "shipped"),
                1004: ("sale", "delivered"),
                1005: ("cancel", "cancelled"),
                1006: ("sale", "approved"),
                1007: ("draft", "pending"),
            },
        )

    def test_one_order_is_held_for_a_product_that_nobody_listed_and_says_so(self):
        held = self.order(1001)
        self.assertIn("عصير برتقال", held.marketplace_hold)
        self.assertFalse((self.order(1007) | self.order(1002)).filtered("marketplace_hold"))
        unmatched = self.env["marketplace.unmatched"].search([("config_id", "=", self.account.id)])
        self.assertEqual(unmatched.mapped("external_id"), ["129999"])

    def test_what_left_has_left_and_what_is_late_has_not(self):
        self.assertEqual(set((self.order(1003) | self.order(1004)).picking_ids.mapped("state")), {"done"})
        late = self.order(1006)
        self.assertTrue(late.marketplace_late)
        self.assertNotIn("done", late.picking_ids.mapped("state"))
        self.assertEqual([number for number in range(1001, 1008) if self.order(number).marketplace_late], [1006])
        self.assertTrue(self.order(1003).marketplace_otp_required)

    def test_orders_are_in_pounds_and_of_retailers_in_cairo(self):
        orders = self.env["sale.order"].search([("marketplace_config_id", "=", self.account.id)])
        self.assertEqual(orders.currency_id.name, "EGP")
        self.assertEqual(set(orders.partner_id.mapped("city")), {"القاهرة"})
        self.assertEqual(orders.partner_id.country_id.code, "EG")
        for order in orders:
            if order.state == "sale":
                self.assertAlmostEqual(order.amount_total, order.marketplace_total)

    def test_listings_are_in_every_state_and_errors_are_those_that_people_see(self):
        states = dict(self.env["marketplace.listing"]._fields["state"]._description_selection(self.env))
        self.assertEqual(set(self.account.listing_ids.mapped("state")), set(states))
        lane = self.env["marketplace.lane.offers"]
        oil, tea = (self.env.ref(f"{MODULE}.demo_listing_{name}") for name in ("oil", "tea"))
        oil.write({"price_due": True, "stock_due": True})
        self.assertEqual(oil._prepare_offer_row(oil._offers()[oil.id])["problem"], oil.last_error)
        self.assertEqual(lane._unknown_there(self.account, tea.external_id), tea.last_error)

    def test_one_document_failed_and_fails_again_in_the_same_words(self):
        row = self.env.ref(f"{MODULE}.demo_inbox_failed")
        told = row.last_error
        self.env["marketplace.lane.inbox"]._import(self.account, row)
        self.assertEqual((row.state, row.last_error), ("failed", told))
        rows = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)])
        self.assertEqual(sorted(set(rows.mapped("state"))), ["done", "failed"])

    def test_the_log_shows_what_went_well_and_what_did_not(self):
        log = self.env["marketplace.sync.log"].search([("config_id", "=", self.account.id)])
        self.assertEqual(set(log.mapped("status")), {"success", "partial", "error"})
        self.assertLess(max(log.mapped("create_date")), fields.Datetime.now())

    # ------------------------------------------------------------------ and nobody else

    def test_it_holds_no_secret_and_knows_this_machine_alone(self):
        self.assertEqual(self.account.state, "paused")
        self.assertTrue(self.account.base_url.startswith("http://127.0.0.1:"))
        for name in ("auth_token", "webhook_secret", "client_secret", "refresh_token"):
            self.assertFalse(self.account[name], name)

    def test_nothing_waits_to_be_sent_and_nobody_is_woken_or_written_to(self):
        self.env.cr.flush()
        waiting = self.env["marketplace.outbox"].search([("config_id", "=", self.account.id)])
        self.assertFalse(waiting)
        self.assertFalse(self.env["marketplace.sender"]._lanes()["offers"]._has_work(self.account))
        mails = self.env["mail.mail"].search([("model", "=", "marketplace.config"), ("res_id", "=", self.account.id)])
        self.assertFalse(mails)
        self.assertEqual(len(self.account.activity_ids), 1)

    def test_an_update_changes_nothing(self):
        self.order(1007).client_order_ref = "changed by a user"
        counts = self.counts()
        self.load("update")
        self.assertEqual(self.counts(), counts)
        self.assertEqual(self.order(1007).client_order_ref, "changed by a user")

    def counts(self):
        models = ("sale.order", "res.partner", "product.product", "marketplace.inbox", "marketplace.outbox")
        models += ("marketplace.listing", "marketplace.config", "marketplace.sync.log", "stock.quant")
        return {model: self.env[model].search_count([]) for model in models}
