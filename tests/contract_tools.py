# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What a marketplace in a box has to answer, and what tests of any adapter do with an account there."""

from .common import gone_live

DUE = ("price", "stock", "publication")
UNACKNOWLEDGED = ["&", ("needs_ack", "=", True), ("acknowledged_at", "=", False)]


class AdapterTools:
    """What a marketplace in a box has to answer, and what tests do with an account there."""

    # Codes of the adapter under test, and regular expressions of the paths it calls.
    code = ""
    push_path = ""
    pull_path = ""
    # Shown nowhere: every secret of the account, and every token that its marketplace gives.
    secrets = ()
    # What an order is to its marketplace once all of it has left.
    status_when_left = "shipped"
    # A status that nobody has ever heard of, as it stands in a raw order, or None where the marketplace has no such.
    unknown_status = "teleported"

    # ------------------------------------------------------------------ what the marketplace has to answer

    def _make_box(self):
        """Return the marketplace in a box, holding ``self.products``."""
        raise NotImplementedError

    def _account_values(self):
        """Return what an account at the box needs: URL, credentials, and what else its adapter asks for."""
        raise NotImplementedError

    def external_id(self, product):
        raise NotImplementedError

    def price_there(self, product):
        """Return the price that the marketplace shows, as a float."""
        raise NotImplementedError

    def quantity_there(self, product):
        raise NotImplementedError

    def refuse_product(self, product):
        """Have the marketplace refuse what is sent of this product, and take all else."""
        raise NotImplementedError

    def place_order(self, *lines, **values):
        """Place an order of lines ``(product, quantity, price of one)``; return its id. ``values`` are raw."""
        raise NotImplementedError

    def place_strange_order(self):
        """Place an order whose status is ``unknown_status``; return its id."""
        raise NotImplementedError

    def expire_tokens(self):
        """Have the marketplace accept none of the tokens it has given so far."""

    # ------------------------------------------------------------------ helpers

    def _create_account(self, **values):
        account = self.env["marketplace.config"].create(
            {
                "name": f"{self.code} test",
                "code": self.code,
                "warehouse_ids": self.warehouse.ids,
                "timeout": 5.0,
                "tax_policy": "none",
                **self._account_values(),
                **values,
            }
        )
        return gone_live(account)

    def order_here(self, external_id):
        return self.env["sale.order"].search(
            [("marketplace_config_id", "=", self.account.id), ("cartona_id", "=", external_id)]
        )

    def time_passes(self):
        """Let every wait of the account be over, and do what is due then."""
        self.running().write({"blocked_until": False, "limited": False})
        self.env["marketplace.push"].search([]).next_poll = "2020-01-01"
        self.env["marketplace.listing"].search([("config_id", "=", self.account.id)]).next_attempt = False
        self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)]).next_attempt = False
        self.env["marketplace.outbox"].search([("config_id", "=", self.account.id)]).next_attempt = False
        self.sweep()

    def settle(self):
        """Commit, and wait for whatever the marketplace answers later."""
        self.commit()
        for _try in range(4):
            if not self._waits():
                break
            self.time_passes()

    def _waits(self):
        """Return whether anything is to be told, asked or worked off still."""
        env = self.env(context={"active_test": False})
        return any(
            env[model].search_count(domain, limit=1)
            for model, domain in (
                ("marketplace.outbox", [("state", "!=", "failed")]),
                ("marketplace.inbox", ["|", ("state", "in", ("waiting", "imported")), *UNACKNOWLEDGED]),
                (
                    "marketplace.listing",
                    ["|", "|", *((f"{what}_due", "=", True) for what in ("price", "stock", "publication"))],
                ),
                ("marketplace.push", []),
                ("marketplace.config.state", [("pull_requested_at", "!=", False)]),
            )
        )

    def sends(self, subject):
        return subject in self.account._capabilities()["subjects"]

    def change_offer(self, product, price=77.5, quantity=9):
        product.list_price = price
        self.set_stock(product, quantity)

    def assert_there(self, product, price=77.5, quantity=9):
        if self.sends("price"):
            self.assertAlmostEqual(self.price_there(product), price, 2)
        if self.sends("stock"):
            self.assertEqual(self.quantity_there(product), quantity)

    def deliver(self, order, quantities=None, **values):
        """Validate the open delivery of an order: all of it, or ``{product: quantity}`` with a backorder."""
        picking = order.picking_ids.filtered(lambda one: one.state not in ("done", "cancel"))
        picking.write(values)
        for move in picking.move_ids:
            quantity = move.product_uom_qty if quantities is None else quantities.get(move.product_id, 0.0)
            move.write({"quantity": quantity, "picked": bool(quantity)})
        picking.with_context(skip_backorder=True)._action_done()
        self.settle()
        return picking

    def shipped_order(self, *lines):
        self.list_products()
        for product in self.products:
            self.set_stock(product, 100)
        external_id = self.place_order(*lines)
        self.settle()
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual(order.state, "sale", order.marketplace_hold)
        return order
