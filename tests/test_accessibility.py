# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import os
from pathlib import Path

from odoo.tests import HttpCase, new_test_user, tagged

from ..models.marketplace_config import MANAGER
from ..transport import errors
from .common import MarketplaceCase

# Looks at our own part of the page, and fails with what a person who can't see or use a mouse is kept from by it.
LOOK = """
(async () => {
    const until = async (found) => {
        while (!found()) {
            await new Promise((resolve) => requestAnimationFrame(resolve));
        }
    };
    const root = () => document.querySelector("%(root)s");
    await until(root);
    await new Promise((loaded, failed) => {
        const script = document.createElement("script");
        document.head.append(Object.assign(script, {src: "%(axe)s", onload: loaded, onerror: failed}));
    });
    // What is within Odoo's own widgets is Odoo's to mend: tabs, lists to choose from, tags, buttons that copy.
    const chosen = [".o_field_selection", ".o_select_menu", ".o_field_many2many_tags"];
    const theirs = [".o_notebook_headers", ".o_clipboard_button", ...chosen];
    const told = ({html, any}) => html + " " + any.map(({message}) => message).join(" ");
    const found = [];
    for (const [page, act, ready] of [%(steps)s]) {
        await act();
        await until(() => document.querySelector(ready));
        await document.fonts.ready;
        await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})));
        const context = {include: [root()], exclude: theirs};
        const {violations, passes} = await axe.run(context, {resultTypes: ["violations"]});
        const faults = violations.filter(({impact}) => ["serious", "critical"].includes(impact));
        found.push(...faults.map(({id, nodes}) => page + ": " + id + " " + nodes.map(told).join("; ")));
        if (!passes.length) {
            found.push(page + ": nothing was looked at");
        }
    }
    if (found.length) {
        console.error("faults: " + found.join(" | "));
    } else {
        console.log("test successful");
    }
})();
"""
FORM = ".o_form_view .o_form_sheet_bg"
DASHBOARD = ".o_marketplace_dashboard"


@tagged("post_install", "-at_install")
class TestAccessibility(MarketplaceCase, HttpCase):
    """Our views keep nobody out, as far as a machine can tell."""

    def prepare(self):
        super().prepare()
        self.list_products()
        self.manager = new_test_user(self.env, "marketmanager", password="marketmanager", groups=MANAGER)

    def setUp(self):
        super().setUp()
        path = os.environ.get("AXE_CORE")
        if not path:
            self.assertFalse(os.environ.get("CI"), "AXE_CORE names no axe.min.js: dev prepares it")
            self.skipTest("axe-core is not here: AXE_CORE names its axe.min.js; `make test` gets it where there is npm")
        values = {"name": "axe.js", "mimetype": "text/javascript", "public": True, "raw": Path(path).read_bytes()}
        self.axe = self.env["ir.attachment"].create(values)

    def look(self, address, root, *steps):
        """Look at a page after each of the steps: ``(name, selector of what shows that it is there[, what to do])``."""
        steps = ", ".join(f"[`{name}`, async () => {{ {''.join(act)} }}, `{ready}`]" for name, ready, *act in steps)
        look = LOOK % {"root": root, "steps": steps, "axe": f"/web/content/{self.axe.id}"}
        self.browser_js(f"/web#{address}", look, ready="odoo.isReady === true", login="marketmanager")

    def look_at_form(self, account, *steps):
        action = self.env.ref("cartona_integration.marketplace_config_action").id
        self.look(f"action={action}&model=marketplace.config&view_type=form&id={account.id}", FORM, *steps)

    def page(self, name):
        return (
            name,
            f".tab-pane.active [name={name}], .nav-link.active[name={name}]",
            f"document.querySelector('.nav-link[name={name}]').click();",
        )

    def look_at_dashboard(self, *step):
        action = self.env.ref("cartona_integration.marketplace_dashboard_action").id
        self.look(f"action={action}", DASHBOARD, ("dashboard", *step))

    def test_the_form_of_a_live_account_and_its_orders_webhooks_and_technical_settings(self):
        self.account.action_test_connection()
        pages = map(self.page, ("orders", "webhooks", "technical"))
        self.look_at_form(self.account, ("form", "button[name=action_pause]"), *pages)

    def test_the_form_of_an_account_that_is_being_set_up(self):
        draft = self.env["marketplace.config"].create({"name": "Draft", "code": "amazon"})
        self.look_at_form(draft, ("form", ".o_marketplace_setup [aria-current=step]"))

    def test_the_form_of_an_account_that_was_refused(self):
        self.account._pause_for(errors.AuthenticationFailed("Invalid token."))
        self.look_at_form(self.account, ("form", ".o_marketplace_condition"))

    def test_the_dashboard(self):
        self.env["marketplace.config"].create({"name": "Draft", "code": "amazon"})
        self._create_account(name="Refused")._pause_for(errors.AuthenticationFailed("Invalid token."))
        self.look_at_dashboard(".o_marketplace_dashboard section canvas")

    def test_the_empty_dashboard(self):
        self.account.unlink()
        self.look_at_dashboard(".o_marketplace_dashboard .o_view_nocontent_smiling_face")

    def test_the_check_up(self):
        self.look_at_dashboard(
            ".o_marketplace_dashboard [aria-expanded=true]",
            "await until(() => document.querySelector('.o_marketplace_dashboard [aria-expanded]'));"
            "document.querySelector('.o_marketplace_dashboard [aria-expanded]').click();",
        )
