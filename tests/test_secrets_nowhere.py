# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .common import TOKEN, MarketplaceCase
from .contract_tools import AdapterTools
from .test_contract_woocommerce import WoocommerceBase
from .test_order_lines_out import OrderOutCase

# Of what is asked, of its rows, for a while, of whoever asks, and of how often.
REFUSALS = (422, 200, 503, 401, 429)


class NowhereCase(MarketplaceCase):
    refusals = REFUSALS

    def refuse(self, path, operation, act):
        """Have the marketplace refuse what ``act`` leads to, in each way, and repeat the secrets as it does; what was
        told of it stands in the log of ``operation``."""
        for status in self.refusals:
            with self.subTest(operation, status=status), self.assertLogs(level="DEBUG") as logs:
                self.box.fail(path=path, status=status, times=None, body={"error": self.echo()})
                before = len(self.logged(operation))
                act(status)
                self.commit()
                self.box.clear_faults()
                told = self.logged(operation)
                self.assertGreater(len(told), before)
                self.assertIn("token *** is bad", " ".join(filter(None, told.mapped("response"))))
                self.go_on()
            shown = [line for line in logs.output for secret in self.hidden() if secret in line]
            self.assertEqual(shown, [])
        self.assertEqual(self.where(*self.hidden()), set())

    def hidden(self):
        return [TOKEN]

    def echo(self):
        return " ".join(f"the token {secret} is bad" for secret in self.hidden())

    def go_on(self):
        """Let the account work on, as if a person had seen to what failed."""
        if self.account.state != "live":
            self.account.action_go_live()
        self.running().write({"blocked_until": False, "limited": False})
        self.running()._note_success()


class TestSecretsNowhere(NowhereCase, OrderOutCase):
    """Whatever a marketplace refuses, and repeats our token as it does: the token stands nowhere afterwards."""

    def test_when_products_are_listed(self):
        self.refuse("supplier-product$", "list_products", lambda _status: self.account.action_match_products())
        self.assertIn("***", " ".join(filter(None, self.account.task_ids.mapped("message"))))

    def audits(self):
        return self.env["marketplace.audit"].search([("config_id", "=", self.account.id)])

    def test_when_an_audit_compares(self):
        def begin(_status):
            self.audits().state = "failed"  # one that waits would go on
            self.account.action_audit()

        self.refuse("supplier-product$", "list_products", begin)
        audits = self.audits()
        self.assertIn("***", " ".join(filter(None, audits.mapped("last_error"))))

    def test_when_offers_are_pushed(self):
        def change(status):
            self.products[0].list_price = status

        self.refuse("bulk-update", "push_offers", change)

    def test_when_orders_are_pulled(self):
        self.refuse("pull-orders", "pull_orders", lambda _status: self.account.action_pull_orders())

    def test_when_an_order_is_acknowledged(self):
        def place(_status):
            self.place()
            self.account.action_pull_orders()

        self.refuse("update-order-status$", "acknowledge", place)
        rows = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)])
        self.assertIn("***", " ".join(filter(None, rows.mapped("ack_error"))))

    def test_when_a_status_is_told(self):
        def place(_status):
            self.place()
            self.account.action_pull_orders()

        self.refuse("update-order-status/", "push_status", place)

    def test_when_lines_are_changed(self):
        amounts = iter(range(9, 0, -1))

        def change(_status):
            self.first.product_uom_qty = next(amounts)

        self.refuse("update-order-details", "push_lines", change)


class TestSecretsNowhereFetched(WoocommerceBase, AdapterTools, NowhereCase):
    """So it is where orders are fetched one by one. Whatever comes with 200 is taken for the order itself there."""

    refusals = tuple(status for status in REFUSALS if status != 200)

    def hidden(self):
        return [*self.secrets, *self.account._tokens()]

    def test_when_an_order_is_fetched(self):
        external_id = self.place_order((self.products[0], 1, 10.0))

        def notice(_status):
            self.env["marketplace.inbox"]._store([(self.account, "notice", external_id, {})], "webhook")

        self.refuse(r"orders/\d+$", "fetch_order", notice)
        rows = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)])
        self.assertIn("***", " ".join(filter(None, rows.mapped("last_error"))))
