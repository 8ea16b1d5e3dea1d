# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import UserError
from odoo.tools import mute_logger

from .test_order_lines_out import OrderOutCase

TOKEN = "^Invalid token.*(token)"
TIMEOUT = "^Connection timeout.*check the API URL|^Connection timeout.*lower the batch size"
UNFORESEEN = r"unforeseen .*no such key.* Tell who looks after Odoo"
MODULE = "odoo.addons.cartona_integration"


class TestWords(OrderOutCase):
    """The common errors, each by a real fault: they begin with the words that people look for, and tell what to do."""

    confirm_policy = "never"

    def change_price(self):
        self.products[0].list_price += 1
        self.commit()

    def listing(self):
        return self.account.listing_ids.filtered(lambda listing: listing.product_id == self.products[0])

    def log_words(self, operation):
        return self.logged(operation)[:1].message

    def test_invalid_token_whatever_status_the_marketplace_answers_with(self):
        for status in (400, 401, 403):
            with self.subTest(status=status):
                self.box.options.token, self.box.options.bad_token_status = "a new one", status
                self.order.marketplace_status = "pending"
                self.change_price()
                self.order._tell_marketplace("confirmed")
                for words in (
                    self.listing().problem,
                    self.products[0].marketplace_problem,
                    self.order.marketplace_problem,
                    self.account.pause_reason,
                    self.log_words("push_offers"),
                ):
                    self.assertRegex(words or "", TOKEN)
                with self.assertRaisesRegex(UserError, TOKEN):
                    self.account.action_test_connection()
                self.box.options.token = self.account.auth_token
                self.account.action_go_live()
                self.commit()
        self.assertFalse(self.order.marketplace_problem or self.listing().problem)

    def test_what_nobody_foresaw_says_whom_to_tell(self):
        self.patch(type(self.env["marketplace.api.cartona"]), "_push_offers", lambda *args: {}["no such key"])
        with mute_logger(f"{MODULE}.models.marketplace_sender"):
            self.change_price()
        self.assertRegex(self.listing().problem, UNFORESEEN)
        self.assertNotIn("KeyError", self.listing().problem)

    def test_a_document_that_stumbles_over_what_nobody_foresaw_says_whom_to_tell(self):
        row = self.env["marketplace.inbox"].search([], limit=1)
        row._fail(KeyError("no such key"))
        self.assertRegex(row.last_error, UNFORESEEN)
        row._fail(UserError(self.account.name))
        self.assertEqual(row.last_error, self.account.name, "Odoo's own words for people stay")
        row._fail(AssertionError())
        self.assertRegex(row.last_error, "unforeseen happened here. Tell")

    def test_an_empty_token_is_an_invalid_one(self):
        self.account.auth_token = False
        self.change_price()
        self.assertRegex(self.listing().problem, TOKEN)

    def test_connection_timeout(self):
        self.account.timeout = 0.2
        self.box.fail(path="bulk-update$", kind="hang", seconds=30)
        self.change_price()
        self.order._tell_marketplace("confirmed")
        for words in (
            self.listing().problem,
            self.products[0].product_tmpl_id.marketplace_problem,
            self.order.marketplace_problem,
            self.running().last_error,
            self.log_words("push_offers"),
        ):
            self.assertRegex(words or "", TIMEOUT)
        self.box.clear_faults()

    def test_product_not_found_at_the_marketplace(self):
        self.box.state.products.pop(self.listing().external_id)
        self.change_price()
        self.assertRegex(self.listing().problem, "^Product not found: Cartona.*Correct the external product ID")
        self.assertIn(self.listing().external_id, self.products[0].marketplace_problem)
        self.assertIn("Product not found", self.account.activity_ids.mapped("note")[0])

    def test_product_not_found_here(self):
        lines = [{"supplier_product_id": "nobody-1", "amount": 1, "selling_price": 5}]
        document = self.box.add_order(order_details=lines, status="pending")
        self.pull()
        order = self.order_of(document)
        self.assertRegex(order.marketplace_hold, "(?s)^Product not found.*nobody-1.*Match what is unknown")
        with self.assertRaisesRegex(UserError, "Product not found"):
            order.action_confirm()

    def test_missing_external_id(self):
        new = self.env["product.product"].create({"name": "Unlisted", "type": "consu", "list_price": 5.0})
        with self.assertRaisesRegex(UserError, "^Missing external ID.*Enter"):
            new.action_marketplace_sync()
        new.marketplace_sync_enabled = True
        self.assertRegex(new.marketplace_problem, "^Missing external ID.*Enter")
        self.order.action_confirm()
        self.commit()
        self.add_line(new, 1, 5.0)
        self.assertRegex(self.order.marketplace_problem, "^Missing external ID.*Unlisted.*List it and retry")
