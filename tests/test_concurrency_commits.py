# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.tests import tagged

from .test_concurrency import CommittedCase


@tagged("post_install", "-at_install")
class TestConcurrencyCommits(CommittedCase):
    """What a marketplace is told of an order here is committed by then, as others see."""

    def stored(self):
        """Return the ids of the orders that another connection finds in the inbox."""
        with self.transaction() as env:
            rows = env["marketplace.inbox"].search([("config_id", "=", self.account_id), ("kind", "=", "order")])
            return set(rows.mapped("external_id"))

    def watch_acknowledgements(self):
        """Return the list of what will be acknowledged, and whether others saw it at that moment."""
        adapter = self.registry["marketplace.api.cartona"]
        acknowledge, seen = adapter._acknowledge, []

        def watched(api, config, external_ids):
            stored = self.stored()
            seen.extend((external_id, external_id in stored) for external_id in external_ids)
            return acknowledge(api, config, external_ids)

        self.patch(adapter, "_acknowledge", watched)
        return seen

    def test_an_order_that_is_acknowledged_is_committed(self):
        seen = self.watch_acknowledgements()
        placed = [self.place()["hashed_id"] for _n in range(3)]
        with self.transaction() as env:
            env["marketplace.config"].browse(self.account_id)._request_pull()
        self.drain("pull")
        self.assertEqual(sorted(seen), sorted((external_id, True) for external_id in placed))
        self.assertFalse(self.box.queued())

    def test_an_order_that_was_fetched_by_itself_is_committed_before_it_is_acknowledged(self):
        seen, document = self.watch_acknowledgements(), self.place()
        external_id = document["hashed_id"]
        self.patch(self.registry["marketplace.api.cartona"], "_fetch_order", lambda *_args: document)
        with self.transaction() as env:
            account = env["marketplace.config"].browse(self.account_id)
            env["marketplace.inbox"]._store([(account, "notice", external_id, {})], "webhook")
            account._running().pull_requested_at = False
        self.drain("pull")
        self.assertEqual(seen, [(external_id, True)])
