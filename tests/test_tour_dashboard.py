# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import SUPERUSER_ID, api
from odoo.tests import HttpCase, tagged

from .common import MarketplaceCase


@tagged("post_install", "-at_install")
class TestTourDashboard(MarketplaceCase, HttpCase):
    def prepare(self):
        super().prepare()
        self.listings = self.list_products()

    def test_every_figure_opens_the_list_of_what_it_counts(self):
        self.box_order((self.products[0], 1, 10.0))
        self.pull()
        self.listings[:2].write({"state": "failed", "last_error": "Price is 0"})
        self.listings[2].write({"state": "failed", "last_error": "Another cause"})
        self.start_tour("/web", "cartona_integration_dashboard", login="admin", timeout=120)

    def test_what_failed_is_tried_again_to_success_from_the_dashboard(self):
        self.box.fail(path="bulk-update$", status=422, times=None, body={"error": "not on sale here"})
        self.products[0].list_price = 71.0
        self.commit()
        self.assertEqual(self.listings.mapped("state").count("failed"), 1)
        self.box.clear_faults()
        self.run_jobs_at_once()
        self.start_tour("/web", "cartona_integration_retry", login="admin", timeout=120)
        self.env.invalidate_all()
        self.assertEqual(set(self.listings.mapped("state")), {"synced"})
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 71.0)

    def test_the_check_up_mends_what_it_found(self):
        self.account.action_pause()
        self.env.flush_all()
        self.start_tour("/web", "cartona_integration_checkup", login="admin", timeout=120)
        self.env.invalidate_all()
        self.assertEqual(self.account.state, "live")

    def run_jobs_at_once(self):
        """Do what the job runner would, as soon as something is woken by a request."""
        wake = self.registry["marketplace.wake"]

        def dispatch(model, _lanes):
            with model.env.registry.cursor() as cr:
                work = api.Environment(cr, SUPERUSER_ID, {})["marketplace.wake"]
                for account, lane in work._work():
                    work.env["marketplace.sender"]._drain(account, lane)

        self.patch(wake, "_wake", dispatch)
