# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json

from odoo.tests import HttpCase, tagged

from .common import MarketplaceCase

# Compares what a person can choose with what is expected: a list of the browser's, or in newer series Odoo's own menu.
LOOK = """
(async () => {
    const all = (selector) => [...document.querySelectorAll(selector)];
    const until = async (found) => {
        while (!found()) {
            await new Promise((resolve) => requestAnimationFrame(resolve));
        }
        return found();
    };
    const field = "[name=marketplace_cancel_reason]";
    (await until(() => document.querySelector(".nav-link[name=other_information]"))).click();
    const opener = await until(() => document.querySelector(`${field} select, ${field} input`));
    if (opener.tagName === "INPUT") {
        opener.click();
    }
    const choices = `${field} option:not([value=false]), .o_select_menu_item`;
    await until(() => all(choices).length);
    const shown = all(choices).map(({textContent}) => textContent.trim()).sort();
    if (JSON.stringify(shown) === JSON.stringify(%s)) {
        console.log("test successful");
    } else {
        console.error("offered: " + JSON.stringify(shown));
    }
})();
"""


@tagged("post_install", "-at_install")
class TestCancelReason(MarketplaceCase, HttpCase):
    def test_the_form_of_an_order_offers_the_reasons_of_its_own_marketplace_alone(self):
        document = self.box_order((self.products[0], 1, 20.0), status="pending", total_price=25.0)
        self.pull()
        order = self.order_of(document)
        every = dict(order._fields["marketplace_cancel_reason"]._description_selection(self.env(context={})))
        known = order.marketplace_cancel_reasons.split()
        self.assertGreater(set(every), set(known))
        self.env.flush_all()
        expected = json.dumps(sorted(every[key] for key in known))
        address = f"/web#id={order.id}&model=sale.order&view_type=form"
        self.browser_js(address, LOOK % expected, ready="odoo.isReady === true", login="admin")
