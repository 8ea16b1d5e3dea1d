"""`make screenshots`: the pictures of the documentation, taken of a running system after its round trip.

Some trouble is made on purpose, so that the pictures show what it looks like: an account with a wrong token, listings
that the marketplace refuses, a held order for a product that nobody has, a document that makes no sense.
`python -m dev screenshots all` takes every page there is, `… listings inbox` those, `… dashboard-ar` one in Arabic;
without a name those that README and the page of Odoo's store show, and the icon.
"""

import json
import shutil
import subprocess
import time
from pathlib import Path

from .. import roundtrip
from ..common import MODULE, ROOT, Stop, say
from ..stack import running_stack
from ..test import BROWSERS
from .language import ENGLISH, by_language, offer_rtlcss, speak
from .store import IN_README, PICTURES, copy_pictures, draw_icon

CAMERA = Path(__file__).with_name("camera.py")
FOLDER = ROOT / "docs" / "images"
PRODUCTS, ORDERS = 120, 24
DELIVERED = 8
LIMIT = 60
HELD = [("marketplace_hold", "!=", False), ("state", "=", "draft")]
FORM = "document.querySelector('.o_form_view .o_field_widget')"
ROWS = "document.querySelector('.o_data_row')"
SECTIONS = "document.querySelectorAll('.o_marketplace_dashboard section').length > 1"
IN_THE_REPOSITORY = (*PICTURES, *IN_README)


def main(*names):
    names = names or IN_THE_REPOSITORY
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not chromium:
        raise Stop("screenshots need Chromium (Debian: apt-get install chromium)")
    FOLDER.mkdir(parents=True, exist_ok=True)
    if any(name.endswith("-ar") for name in names):
        offer_rtlcss()
    with running_stack("bench", products=PRODUCTS, orders=ORDERS) as stack:
        scene = Scene(stack)
        for moment in scene.moments():
            for language, pages in by_language(names, moment):
                if language:
                    speak(stack.odoo, language)
                    scene.tell_again()
                take(stack, chromium, pages)
            stack.odoo.call("res.users", "write", [stack.odoo.user], {"lang": ENGLISH})
    copy_pictures(names, FOLDER)
    if names == IN_THE_REPOSITORY:
        draw_icon(chromium)
    say(f"look at the pictures in {FOLDER}")
    return 0


def take(stack, chromium, pages):
    task = {
        "chromium": chromium, "url": stack.url, "login": stack.login, "password": stack.password,
        "folder": str(FOLDER), "pages": pages,
    }  # fmt: skip
    done = subprocess.run([str(stack.instance.python), str(CAMERA)], input=json.dumps(task), text=True)
    if done.returncode:
        raise Stop(f"the pictures could not be taken; the server's log is {stack.log}")


class Scene:
    """What the pictures show."""

    def __init__(self, stack):
        self.stack, self.odoo, self.sandbox = stack, stack.odoo, stack.sandbox
        self.account = self.paused = None
        self.away = False

    def moments(self):
        """Yield lists of pages, one after another; the system is as those of a list show it when it is yielded."""
        ours = f"menu_id={self.id_of('menu_marketplace')}"
        yield [page("empty", f"action={self.id_of('marketplace_dashboard_action')}&{ours}",
                    "document.querySelector('.o_nocontent_help')")]  # fmt: skip
        self.set()
        yield self.pages()
        self.outage()
        audits = f"model=marketplace.audit&view_type=form&id={self.waiting_audit()}"
        yield [page("blocked", self.account_form(self.account), FORM), page("audit", audits, FORM)]
        self.copy()
        yield [page("copy", self.account_form(self.account), FORM)]

    def set(self):
        self.in_egypt()
        steps = roundtrip.run(self.stack)
        if not all(step.worked for step in steps):
            raise Stop(roundtrip.table(steps))
        self.account = self.odoo.call("marketplace.config", "search", [])[0]
        self.odoo.call("marketplace.config", "write", [self.account], {"name": "Cartona Cairo"})
        pricelist = self.odoo.call("marketplace.config", "read", [self.account], ["pricelist_id"])[0]["pricelist_id"]
        self.odoo.call("ir.default", "set", "marketplace.config", "pricelist_id", pricelist[0])
        self.delivered_orders()
        self.refused_listings()
        self.unknown_product()
        self.wrong_token()
        self.drafts()

    def in_egypt(self):
        """A supplier in Cairo."""
        call = self.odoo.call
        country = call("res.country", "search", [("code", "=", "EG")])[0]
        company = call("res.users", "read", [self.odoo.user], ["company_id"])[0]["company_id"][0]
        call("res.company", "write", [company], {"name": "Nile Trading", "country_id": country})

    def drafts(self):
        """Accounts of other marketplaces that are being set up."""
        create = ("marketplace.config", "create")
        self.amazon = self.odoo.call(*create, {"name": "Amazon Egypt", "code": "amazon", "sequence": 30})
        self.rest = self.odoo.call(*create, {"name": "Salla Riyadh", "code": "rest", "sequence": 40})

    def delivered_orders(self):
        """Orders that their customers have; what needs an OTP stays on its way."""
        call = self.odoo.call
        ours = [("sale_id.marketplace_config_id", "=", self.account), ("state", "=", "assigned")]
        for delivery in call("stock.picking", "search", ours, order="id", limit=DELIVERED):
            call("stock.picking", "button_validate", [delivery], context={"skip_sms": True})
        done = [("marketplace_config_id", "=", self.account), ("picking_ids.state", "=", "done")]
        self.until("sale.order", [*done, ("marketplace_status", "=", "shipped")], DELIVERED)
        orders = call("sale.order", "search_read", done, fields=["marketplace_otp_required"])
        call("sale.order", "action_confirm_marketplace_delivery", [order["id"] for order in orders])
        without_otp = [order for order in orders if not order["marketplace_otp_required"]]
        self.until("sale.order", [*done, ("marketplace_status", "=", "delivered")], len(without_otp))

    def refused_listings(self):
        first, second = self.odoo.call(
            "marketplace.listing", "search_read", [("config_id", "=", self.account)], fields=["product_id"], limit=2
        )
        self.odoo.call("product.product", "write", [first["product_id"][0]], {"list_price": 0})
        self.odoo.call("marketplace.listing", "write", [second["id"]], {"external_id": "999999"})
        self.until("marketplace.listing", [("state", "=", "failed")], 2)

    def unknown_product(self):
        line = {
            "supplier_product_id": "888888", "internal_product_id": "NEW-1", "product_name": "عصير برتقال كبير",
            "amount": 4, "selling_price": 120,
        }  # fmt: skip
        self.sandbox.post("orders", {"order": {"order_details": [line, {}]}})
        self.sandbox.post("orders", {"order": {"status": "wrapped", "order_details": [{}]}})
        self.odoo.call("marketplace.config", "action_pull_orders", [self.account])
        self.until("sale.order", HELD, 1)
        self.until("marketplace.inbox", [("state", "=", "failed")], 1)
        self.until("marketplace.unmatched", [], 1)

    def wrong_token(self):
        account = self.odoo.call(
            "marketplace.config", "create",
            {"name": "Cartona Alexandria", "base_url": self.sandbox.url, "auth_token": "expired", "sequence": 20},
        )  # fmt: skip
        self.paused = account
        self.odoo.call("marketplace.config", "action_go_live", [account])
        self.odoo.call("marketplace.config", "action_pull_orders", [account])
        self.until("marketplace.config", [("id", "=", account), ("state", "=", "paused")], 1)

    def outage(self):
        """The marketplace does not answer any more."""
        self.away = True
        self.sandbox.post("faults", {"kind": "status", "status": 503, "times": None})
        self.odoo.call("marketplace.config", "action_pull_orders", [self.account])
        self.until("marketplace.config.state", [("config_id", "=", self.account), ("blocked_until", "!=", False)], 1)

    def waiting_audit(self):
        """An audit that waits for the end of the outage."""
        self.odoo.call("marketplace.config", "action_audit", [self.account])
        waiting = [("config_id", "=", self.account), ("state", "=", "running"), ("next_attempt", "!=", False)]
        self.until("marketplace.audit", waiting, 1)
        return self.odoo.call("marketplace.audit", "search", waiting)[0]

    def copy(self):
        """The accounts were set live in another database than this one."""
        self.odoo.call("ir.config_parameter", "set_param", "cartona_integration.identity", "original:0")

    def tell_again(self):
        """Have what failed fail again, so that it says why in the language that is read now."""
        if not self.paused or self.away:
            return
        started = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        again = [("write_date", ">=", started)]
        call = self.odoo.call
        call("marketplace.config", "action_retry_failed", [self.account])
        call("sale.order", "action_marketplace_retry", call("sale.order", "search", HELD))
        call("marketplace.config", "action_go_live", [self.paused])
        call("marketplace.config", "action_pull_orders", [self.paused])
        for model, failed in (("marketplace.listing", 2), ("marketplace.inbox", 1)):
            self.until(model, [("state", "=", "failed"), *again], failed)
        self.until("marketplace.config", [("id", "=", self.paused), ("state", "=", "paused"), *again], 1)
        self.until("sale.order", [*HELD, *again], 1)

    def until(self, model, domain, expected):
        limit = time.monotonic() + LIMIT
        while self.odoo.call(model, "search_count", domain) != expected:
            self.stack.check()
            if time.monotonic() > limit:
                raise Stop(f"{model} {domain} is not there after {LIMIT} s")
            time.sleep(0.1)

    # ------------------------------------------------------------------ the pages

    def pages(self):
        return [*self.dashboards(), *self.accounts(), *self.lists(), *self.orders(), *self.contacts_and_goods()]

    def dashboards(self):
        address, ready = f"action={self.id_of('marketplace_dashboard_action')}&{self.our_menu()}", SECTIONS
        return [
            page("dashboard", address, ready),
            page("checkup", address, ready, before=click(".o_marketplace_dashboard [aria-expanded]")),
            page("dashboard_narrow", address, ready, width=390),
        ]

    def accounts(self):
        return [
            page("account", self.account_form(self.account), FORM),
            page("setup", self.account_form(self.amazon), FORM),
            page("new", self.account_form(), FORM),
            page("paused", self.account_form(self.paused), FORM),
            page("webhooks", self.account_form(self.account), FORM, before=click("[name=webhooks].nav-link")),
            page("rest", self.account_form(self.rest), FORM, before=click("[name=rest].nav-link")),
        ]

    def lists(self):
        group = ".o_group_header"
        settlement = self.list_of("marketplace_settlement_action", "sale.order")
        return [
            page("listings", self.list_of("marketplace_listing_action", "marketplace.listing"), ROWS),
            page("unmatched", self.list_of("marketplace_unmatched_action", "marketplace.unmatched"), ROWS),
            page("settlement", settlement, f"document.querySelector('{group}')", before=click(group)),
            page("inbox", self.list_of("marketplace_inbox_action", "marketplace.inbox"), ROWS),
        ]

    def orders(self):
        menu = f"&menu_id={self.id_of('sale_menu_root', 'sale')}"
        undelivered = [("marketplace_status", "=", "shipped"), ("marketplace_otp_required", "=", True)]
        held, otp = self.form("sale.order", HELD), self.form("sale.order", undelivered)
        order = self.form("sale.order", [("marketplace_config_id", "=", self.account)])
        scrolled = "setTimeout(() => (document.querySelector('.o_content').scrollTop = 900), 300)"
        return [
            page("order", order + menu, FORM),
            page("timeline", order, FORM, before=f"{click('[name=marketplace].nav-link')};{scrolled}"),
            page("held", held + menu, FORM),
            page("otp", otp + menu, FORM, before=click("button[name=action_confirm_marketplace_delivery]")),
        ]

    def contacts_and_goods(self):
        refused = self.odoo.call("marketplace.listing", "search_read", [("external_id", "=", "999999")],
                                 fields=["product_tmpl_id"])[0]["product_tmpl_id"][0]  # fmt: skip
        product = self.form("product.template", [("id", "=", refused)])
        partner = self.form("res.partner", [("cartona_id", "!=", False)])
        delivery = self.form("stock.picking", [("sale_id.marketplace_config_id", "!=", False)])
        return [
            page("product", product, FORM, before=click("[name=marketplace].nav-link")),
            page("partner", partner, FORM),
            page("forget", partner, FORM, before=click("button[name=action_marketplace_forget]")),
            page("delivery", delivery, FORM, before=click("[name=extra].nav-link")),
        ]

    # ------------------------------------------------------------------ addresses

    def account_form(self, account=None):
        """Return the address of an account, or of a new one."""
        action = f"action={self.id_of('marketplace_config_action')}&{self.our_menu()}"
        return f"{action}&model=marketplace.config&view_type=form" + (f"&id={account}" if account else "")

    def form(self, model, domain):
        """Return the address of the first record of the domain."""
        return f"model={model}&view_type=form&id={self.odoo.call(model, 'search', domain, limit=1)[0]}"

    def list_of(self, action, model):
        return f"action={self.id_of(action)}&model={model}&view_type=list&{self.our_menu()}"

    def our_menu(self):
        return f"menu_id={self.id_of('menu_marketplace')}"

    def id_of(self, name, module=MODULE):
        domain = [("module", "=", module), ("name", "=", name)]
        return self.odoo.call("ir.model.data", "search_read", domain, fields=["res_id"])[0]["res_id"]


def click(selector):
    return f"document.querySelector('{selector}').click()"


def page(name, address, ready, before="", width=None):
    return {"name": name, "address": f"/web#{address}", "ready": ready, "before": before, "width": width}
