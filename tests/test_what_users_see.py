# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from lxml import etree

from odoo.exceptions import AccessError
from odoo.tests import Form, HttpCase, new_test_user, tagged

from .common import MarketplaceCase

USER = "cartona_integration.group_marketplace_user"
MANAGER = "cartona_integration.group_marketplace_manager"
SALES = "sales_team.group_sale_salesman_all_leads"
OWN_SALES = "sales_team.group_sale_salesman"
OURS = ("listing", "inbox", "unmatched", "audit", "sync_log")

# Presses everything on the cards, one after the other; a dialog is an error, since nothing here asks for anything.
PRESS_ALL = """
(async () => {
    const until = async (found) => {
        while (!found()) {
            await new Promise((resolve) => requestAnimationFrame(resolve));
        }
    };
    const shown = ".o_marketplace_dashboard section button:not([aria-expanded])";
    const buttons = () => [...document.querySelectorAll(shown)];
    await until(() => buttons().length);
    const names = buttons().map((button) => button.dataset.figure || button.textContent.trim());
    for (const [place, name] of names.entries()) {
        await until(() => buttons().length === names.length);
        buttons()[place].click();
        await until(() => document.querySelector(".o_list_view, .o_form_view, .modal"));
        if (document.querySelector(".modal")) {
            throw new Error(`${name}: ${document.querySelector(".modal").textContent}`);
        }
        document.querySelector('[data-menu-xmlid="cartona_integration.menu_marketplace_dashboard"]').click();
        await until(() => !document.querySelector(".o_list_view, .o_form_view"));
    }
    await until(() => buttons().length === names.length);
    const page = document.querySelector(".o_marketplace_dashboard");
    const acting = ["New Account", "Retry", "Retry all", "Try again", "Stop"];
    const offered = [...page.querySelectorAll("button")].map((button) => button.textContent.trim());
    if (names.length < 8 || acting.some((name) => offered.includes(name))) {
        throw new Error(offered.join(", "));
    }
    for (const figure of ["orders", "held", "late"]) {
        if (page.querySelector(`button[data-figure=${figure}]`) || !page.querySelector(`[data-figure=${figure}]`)) {
            throw new Error(figure);
        }
    }
    console.log("test successful");
})();
"""


@tagged("post_install", "-at_install")
class TestWhatUsersSee(MarketplaceCase, HttpCase):
    """Whatever somebody sees can be used: who may not do a thing is not offered it, or told who may."""

    def prepare(self):
        super().prepare()
        self.list_products()
        self.config = self.env["marketplace.config"]
        self.user = new_test_user(self.env, "marketuser", USER, password="marketuser")

    def trouble(self):
        """Have something of each kind that waits for a person; return an order that is held."""
        held = self.box_order((self.products[0], 1, 10.0), total_price=99, status="pending")
        self.box.add_product(id="unknown-1", name="Unknown")
        self.pull()
        self.account.action_match_products()
        self.account.action_audit()
        self.commit()
        self.account.listing_ids[:2].write({"state": "failed", "last_error": "Price is 0"})
        inbox = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)])
        inbox[:1].write({"state": "failed", "last_error": "Makes no sense"})
        values = {"config_id": self.account.id, "lane": "orders", "operation": "status", "status": "approved"}
        self.env["marketplace.outbox"].create(
            [
                {**values, "order_id": self.order_of(held).id, "state": "failed", "last_error": "Refused"}
                for _again in range(9)
            ]
        )
        self.config.create({"name": "Being set up", "code": "amazon"})
        self.env.flush_all()
        return self.order_of(held)

    def open_list(self, model, view=False, domain=()):
        """Load a list as its page does, with all that it shows."""
        arch = etree.fromstring(model.get_views([(view, "tree")])["views"]["tree"]["arch"])
        names = [node.get("name") for node in arch.iterfind("./field")]
        relational = ("many2one", "many2many")
        spec = {
            name: {"fields": {"display_name": {}}} if model._fields[name].type in relational else {} for name in names
        }
        return model.web_search_read(list(domain), spec)["records"]

    # ------------------------------------------------------------------ marketplace users

    def test_only_lists_that_the_user_may_see_are_opened(self):
        def readable(*groups):
            user = new_test_user(self.env, f"user-{groups}", ",".join(groups))
            return set(self.config.with_user(user).get_dashboard_data()["readable"])

        logs = {"marketplace.listing", "marketplace.inbox", "marketplace.sync.log", "marketplace.audit"}
        self.assertEqual(readable(USER), logs)
        self.assertEqual(readable(USER, SALES), logs | {"sale.order"})
        self.assertEqual(readable(USER, OWN_SALES), logs, "the list would be shorter than the figure says")
        self.assertEqual(readable(USER, OWN_SALES, SALES), logs | {"sale.order"})
        self.assertEqual(readable(USER, "account.group_account_invoice"), logs | {"sale.order"})
        self.assertEqual(readable(MANAGER), logs | {"marketplace.outbox"})

    def test_each_button_of_the_dashboard_works_for_a_user_who_only_looks(self):
        self.trouble()
        action = self.env.ref("cartona_integration.marketplace_dashboard_action").id
        menu = self.env.ref("cartona_integration.menu_marketplace").id
        self.browser_js(
            f"/web#action={action}&menu_id={menu}", PRESS_ALL, "odoo.isReady === true", login="marketuser", timeout=120
        )

    def test_each_button_of_an_account_works_for_a_user_who_only_looks(self):
        self.trouble()
        account = self.account.with_user(self.user)
        arch = etree.fromstring(account.get_views([(False, "form")])["views"]["form"]["arch"])
        names = [button.get("name") for button in arch.iter("button")]
        self.assertIn("action_open_failed", names)
        for name in names:
            with self.subTest(name):
                action = getattr(account, name)()
                self.open_list(self.env[action["res_model"]].with_user(self.user), domain=action["domain"])

    def test_each_list_and_form_opens_for_a_user_who_only_looks(self):
        self.trouble()
        for name in ("config", *OURS):
            with self.subTest(name):
                model = self.env[f"marketplace.{name.replace('_', '.')}"].with_user(self.user)
                self.assertTrue(self.open_list(model))
                Form(model.search([], limit=1))

    def test_who_may_make_no_account_is_told_who_may(self):
        company = self.env["res.company"].create({"name": "Company D"})
        for groups, told in ((USER, "A marketplace manager"), (MANAGER, "Create an account")):
            user = new_test_user(self.env, f"d{groups[-4:]}", groups, company_id=company.id, company_ids=company.ids)
            action = self.env.ref("cartona_integration.marketplace_config_action")
            self.assertIn(told, str(self.config.with_user(user).get_empty_list_help(action.help)))

    # ------------------------------------------------------------------ sales, without rights on marketplaces

    def test_a_salesperson_uses_each_button_of_an_order_without_rights_on_marketplaces(self):
        order = self.trouble()
        sales = new_test_user(self.env, "salesperson", SALES)
        mine = order.with_user(sales)
        with self.assertRaises(AccessError):
            self.account.with_user(sales).read(["name"])
        with Form(mine) as form:
            self.assertTrue(form.marketplace_hold)
        arch = etree.fromstring(mine.get_views([(False, "form")])["views"]["form"]["arch"])
        ours = [name for name in (button.get("name") for button in arch.iter("button")) if "marketplace" in name]
        self.assertEqual(
            ours, ["action_confirm_marketplace_delivery", "action_marketplace_retry", "action_marketplace_accept"]
        )
        mine.action_marketplace_retry()
        mine.action_marketplace_accept()
        self.commit()
        self.assertEqual(order.state, "sale")

    def test_the_account_of_an_order_is_a_link_for_those_who_may_follow_it(self):
        for groups, link in ((SALES, False), (f"{SALES},{USER}", True)):
            user = new_test_user(self.env, f"link{link}", groups)
            views = self.env["sale.order"].with_user(user).get_views([(False, "form")])
            fields = etree.fromstring(views["views"]["form"]["arch"]).iterfind(
                ".//field[@name='marketplace_config_id']"
            )
            # Newer series keep a field that conditions need, unseen, where its groups take it away.
            shown = [field for field in fields if field.get("invisible") != "True"]
            self.assertEqual(["no_open" not in (field.get("options") or "") for field in shown], [link])
