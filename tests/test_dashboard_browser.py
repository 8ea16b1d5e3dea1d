# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import time
from threading import Timer

from odoo.exceptions import UserError
from odoo.http import Application
from odoo.tests import HttpCase, tagged
from odoo.tests.common import ChromeBrowser
from odoo.tools import mute_logger

from .common import MarketplaceCase

# What the tests do with the page: its clock and its calls are in their hands, so nothing has to be waited for. The
# dashboard asks again after ten seconds, nothing else on the page does.
PAGE = """
const until = async (found) => {
    for (let round = 0; !found(); round++) {
        if (round > 1800) {
            throw new Error(`never: ${found}`);
        }
        await new Promise((resolve) => requestAnimationFrame(resolve));
    }
};
const same = (one, other) => {
    if (one !== other) {
        throw new Error(`${one} is not ${other}`);
    }
};
const timers = new Map();
const [set, clear] = [window.setTimeout.bind(window), window.clearTimeout.bind(window)];
window.setTimeout = (done, delay, ...args) => {
    if (delay !== 10000) {
        return set(done, delay, ...args);
    }
    timers.set(-timers.size - 1, done);
    return -timers.size;
};
window.clearTimeout = (timer) => timers.delete(timer) || clear(timer);
const later = () => {
    const [[timer, done]] = timers;
    timers.delete(timer);
    done();
};
let [asked, answered, broken, held, slow] = [0, 0, false, null, null];
const {open, send} = XMLHttpRequest.prototype;
XMLHttpRequest.prototype.open = function (method, url, ...rest) {
    this.asksForFigures = url.includes("get_dashboard_data");
    this.url = url;
    return open.call(this, method, url, ...rest);
};
XMLHttpRequest.prototype.send = function (body) {
    if (!this.asksForFigures) {
        return send.call(this, body);
    }
    asked++;
    if (slow) {
        const [request, told] = [this, slow];
        fetch(request.url, {method: "POST", headers: {"Content-Type": "application/json"}, body})
            .then((answer) => answer.text())
            .then((response) => {
                Object.defineProperties(request, {response: {value: response}, status: {value: 200}});
                told.push(() => request.dispatchEvent(new ProgressEvent("load")));
            });
        return;
    }
    this.addEventListener("loadend", () => answered++);
    const go = () => (broken ? this.dispatchEvent(new ProgressEvent("error")) : send.call(this, body));
    if (held) {
        held.push(go);
    } else {
        go();
    }
};
const watching = new Set();
for (const [method, note] of [["addEventListener", "add"], ["removeEventListener", "delete"]]) {
    document[method] = function (name, listener, ...rest) {
        if (name === "visibilitychange") {
            watching[note](listener);
        }
        return EventTarget.prototype[method].call(this, name, listener, ...rest);
    };
}
let hidden = false;
Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
const turn = (away) => {
    hidden = away;
    document.dispatchEvent(new Event("visibilitychange"));
};
const cards = () => document.querySelector(".o_marketplace_dashboard section");
const lost = () => document.querySelector(".o_marketplace_dashboard .alert-warning[role=status]");
const menu = (name) => document.querySelector(`[data-menu-xmlid="cartona_integration.menu_marketplace_${name}"]`);
const list = () => document.querySelector(".o_list_view");
"""
FOCUSED = """(() => {
    const at = document.activeElement;
    const {outlineStyle, outlineWidth} = getComputedStyle(at);
    return {
        ours: Boolean(at.closest(".o_marketplace_dashboard")),
        place: [...document.querySelectorAll(".o_marketplace_dashboard :is(button, summary)")].indexOf(at),
        name: at.dataset.figure || at.textContent.trim(),
        seen: at.matches(":focus-visible") && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    };
})()"""
KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), " ": (32, " ")}


@tagged("post_install", "-at_install")
class TestDashboardBrowser(MarketplaceCase, HttpCase):
    """The dashboard in a real browser: when it asks, what it says when nobody answers, and all of it by keyboard."""

    def prepare(self):
        super().prepare()
        self.list_products()
        self.account.listing_ids[:2].write({"state": "failed", "last_error": "Price is 0"})
        self.account.listing_ids[2].write({"state": "failed", "last_error": "Another cause"})

    def act(self, script, start="config"):
        action = self.env.ref(f"cartona_integration.marketplace_{start}_action").id
        address = f"/web#action={action}&menu_id={self.env.ref('cartona_integration.menu_marketplace').id}"
        code = f'(async () => {{ {PAGE} {script} console.log("test successful"); }})();'
        self.browser_js(address, code, "odoo.isReady === true", login="admin", timeout=120)

    # ------------------------------------------------------------------ when it asks

    def test_nothing_is_asked_while_nobody_looks_and_at_once_when_somebody_does_again(self):
        self.act("""
            await until(() => menu("dashboard"));
            menu("dashboard").click();
            await until(cards);
            same(asked, 1);
            later();
            same(asked, 2);
            await until(() => timers.size === 1);
            turn(true);
            same(timers.size, 0);
            turn(false);
            same(asked, 3);
            await until(() => timers.size === 1);
            later();
            turn(true);
            await until(() => answered === 4);
            await new Promise((resolve) => set(resolve));
            same(timers.size, 0);
            turn(false);
            await until(() => timers.size === 1);
            menu("accounts").click();
            await until(list);
            same(timers.size, 0);
            same(watching.size, 0);
            turn(true);
            turn(false);
            same(asked, 5);
        """)

    def test_a_dashboard_that_was_left_before_it_was_shown_never_asks_again(self):
        self.act("""
            await until(() => menu("dashboard"));
            held = [];
            menu("dashboard").click();
            await until(() => held.length === 1);
            same(watching.size, 1);
            menu("accounts").click();
            await until(() => document.querySelector(".o_list_view .o_data_row"));
            held.splice(0).forEach((go) => go());
            held = null;
            await until(() => answered === 1);
            await new Promise((resolve) => set(resolve));
            same(Boolean(cards()), false);
            same(timers.size, 0);
            turn(true);
            turn(false);
            await new Promise((resolve) => set(resolve));
            same(asked, 1);
            same(timers.size, 0);
            same(watching.size, 0);
        """)

    def test_an_answer_that_comes_late_does_not_stand_over_newer_figures(self):
        self.act(
            """
            await until(() => menu("dashboard"));
            menu("dashboard").click();
            await until(cards);
            const failed = () => document.querySelector("[data-figure=failed]").textContent.trim().charAt(0);
            same(failed(), "3");
            slow = [];
            later();
            await until(() => slow.length === 1);
            const late = slow;
            slow = null;
            await fetch("/web/dataset/call_kw", {
                method: "POST",
                headers: {"Content-Type": "application/json"},
                body: JSON.stringify({params: {
                    model: "marketplace.listing", method: "write", args: [%s, {state: "synced"}], kwargs: {},
                }}),
            });
            turn(true);
            turn(false);
            await until(() => failed() === "2");
            late.forEach((hear) => hear());
            await new Promise((resolve) => set(resolve));
            await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
            same(failed(), "2");
        """
            % self.account.listing_ids[2].ids
        )

    # ------------------------------------------------------------------ when nobody answers

    def test_a_lost_connection_is_told_and_the_figures_stay_until_it_is_back(self):
        self.act("""
            await until(() => menu("dashboard"));
            menu("dashboard").click();
            await until(cards);
            same(lost(), null);
            const figure = document.querySelector("[data-figure=failed]");
            figure.focus();
            broken = true;
            later();
            await until(lost);
            same(lost().textContent.includes("These figures may be old."), true);
            same(document.querySelector("[data-figure=failed]"), figure);
            same(document.querySelector(".modal, .o_notification"), null);
            broken = false;
            await until(() => timers.size === 1);
            later();
            await until(() => !lost());
            same(document.activeElement, figure);
        """)

    def test_a_page_that_begins_without_a_connection_shows_the_accounts_once_it_is_there(self):
        self.act("""
            await until(() => menu("dashboard"));
            broken = true;
            menu("dashboard").click();
            await until(lost);
            same(lost().textContent.includes("These figures may be old."), false);
            same(Boolean(cards()), false);
            broken = false;
            await until(() => timers.size === 1);
            later();
            await until(cards);
            same(lost(), null);
        """)

    # ------------------------------------------------------------------ by keyboard

    def press(self, browser, key):
        code, text = KEYS[key]
        event = {"key": key, "code": {" ": "Space"}.get(key, key), "windowsVirtualKeyCode": code}
        for what in ({"type": "keyDown", "text": text}, {"type": "keyUp"}):
            browser._websocket_request("Input.dispatchKeyEvent", params={**event, **what})

    def ask(self, browser, script):
        params = {"expression": script, "awaitPromise": True, "returnByValue": True}
        answer = browser._websocket_request("Runtime.evaluate", params=params, timeout=60)
        self.assertNotIn("exceptionDetails", answer, script[-200:])
        return answer["result"].get("value")

    def wait(self, browser, condition):
        self.ask(browser, f"(async () => {{ {PAGE} await until(() => {condition}); }})()")

    def tab_to(self, browser, name):
        for _again in range(80):
            self.press(browser, "Tab")
            if self.ask(browser, FOCUSED)["name"] == name:
                return
        self.fail(f"{name} is not reached by Tab")

    def walk(self, steps):
        """Open the dashboard, and take the steps: a function of the browser."""
        self.patch(ChromeBrowser, "_wait_code_ok", lambda browser, *_args, **_options: steps(browser))
        self.act("", "dashboard")

    def test_each_button_is_reached_by_tab_in_its_order_and_shows_that_it_is(self):
        def steps(browser):
            self.wait(browser, "document.querySelector('.o_marketplace_dashboard canvas')")
            shown = ".o_marketplace_dashboard :is(button, summary)"
            count = self.ask(browser, f"document.querySelectorAll('{shown}').length")
            self.assertGreater(count, 15)
            self.tab_to(browser, "Check-up")
            found = [self.ask(browser, FOCUSED)]
            while found[-1]["ours"] and len(found) <= count:
                self.press(browser, "Tab")
                found.append(self.ask(browser, FOCUSED))
            found.pop()
            self.assertEqual([one["place"] for one in found], list(range(count)))
            self.assertEqual([one["name"] for one in found if not one["seen"]], [])

        self.walk(steps)

    def test_figures_and_the_check_up_open_by_enter_and_space(self):
        def steps(browser):
            self.wait(browser, "document.querySelector('.o_marketplace_dashboard canvas')")
            self.tab_to(browser, "Check-up")
            self.press(browser, " ")
            self.wait(browser, "document.querySelector('.o_marketplace_doctor li')")
            self.tab_to(browser, "Look again")
            self.press(browser, "Enter")
            self.wait(
                browser, "document.activeElement.textContent === 'Look again' && !document.activeElement.disabled"
            )
            for name, key in (("failed", "Enter"), ("listings", " ")):
                self.tab_to(browser, name)
                self.press(browser, key)
                self.wait(browser, "document.querySelector('.o_list_view .o_data_row')")
                self.ask(
                    browser,
                    "document.querySelector('[data-menu-xmlid=\"cartona_integration.menu_marketplace_dashboard\"]').click()",
                )
                self.wait(browser, "document.querySelector('.o_marketplace_dashboard canvas')")

        self.walk(steps)

    def test_the_keyboard_stays_at_the_card_when_what_was_pressed_is_gone(self):
        def retry(config, model, domain=()):
            config.env[model].search([("config_id", "in", config.ids), *domain]).write({"state": "synced"})

        def steps(browser):
            self.wait(browser, "document.querySelector('.o_marketplace_dashboard canvas')")
            self.tab_to(browser, "Retry")
            self.press(browser, "Enter")
            self.wait(browser, "document.querySelectorAll('.o_marketplace_cause').length === 1")
            self.wait(browser, "document.activeElement.textContent.trim() === 'Cartona Test'")

        # The sender's part of it is not this test's own.
        self.patch(self.registry["marketplace.config"], "_retry_failed", retry)
        self.walk(steps)

    def test_the_keyboard_stays_at_the_check_up_when_what_was_pressed_is_mended(self):
        self.account.user_id = False

        def steps(browser):
            self.wait(browser, "document.querySelector('.o_marketplace_dashboard canvas')")
            self.tab_to(browser, "Check-up")
            self.press(browser, "Enter")
            self.wait(browser, "document.querySelector('.o_marketplace_doctor li')")
            self.tab_to(browser, "Take it on")
            self.press(browser, "Enter")
            mended = "document.querySelector('.o_marketplace_doctor').textContent.includes('nobody is responsible')"
            self.wait(browser, f"!{mended}")
            self.wait(browser, "document.activeElement.textContent === 'Look again'")

        self.walk(steps)
        self.assertTrue(self.account.user_id)

    def test_the_keyboard_stays_at_the_card_when_what_was_pressed_is_refused(self):
        def refuse(config, *args):
            raise UserError(config.name)

        def steps(browser):
            self.wait(browser, "document.querySelector('.o_marketplace_dashboard canvas')")
            self.tab_to(browser, "Retry")
            self.press(browser, "Enter")
            self.wait(browser, "document.querySelector('.modal .btn-primary')")
            self.press(browser, "Enter")
            self.wait(browser, "!document.querySelector('.modal')")
            self.wait(browser, "document.activeElement.closest('.o_marketplace_account')")

        self.patch(self.registry["marketplace.config"], "retry_cause", refuse)
        with mute_logger("odoo.http"):
            self.walk(steps)

    # ------------------------------------------------------------------ when it is left

    def test_a_page_that_asks_without_end_asks_nothing_once_its_browser_is_gone(self):
        """Odoo's tests share one cursor: what a page still asked for in the next test would be read by that one."""
        asked = []
        answer = Application.__call__

        def count(application, environ, start_response):
            asked.append(environ["PATH_INFO"])
            return answer(application, environ, start_response)

        def but_close(send):
            return lambda method, **options: None if method == "Browser.close" else send(method, **options)

        def steps(browser):
            self.ask(
                browser,
                """
                const again = () => {
                    window.asks = (window.asks || 0) + 1;
                    fetch("/web/webclient/version_info").then(again, again);
                };
                Array.from({length: 8}, again).length;
                """,
            )
            self.wait(browser, "window.asks > 50")
            # It takes its time to end, as on a busy machine.
            browser._websocket_send = but_close(browser._websocket_send)
            browser._websocket_request = but_close(browser._websocket_request)
            browser.chrome.terminate = Timer(1, browser.chrome.terminate).start

        self.patch(Application, "__call__", count)
        self.walk(steps)
        before = len(asked)
        time.sleep(0.5)
        self.assertEqual(len(asked), before)
