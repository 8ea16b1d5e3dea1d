/** @odoo-module **/

import {registry} from "@web/core/registry";

const ARABIC = /[\u0600-\u06ff]/;
const LETTERS = /[A-Za-z]{2,}/;
// What is written in Latin letters in every language.
const NAMES = /\b(API|URL|HTTP|ID|OTP|OAuth|Webhook|webhook|Cartona|Amazon|eBay|Shopify|WooCommerce|REST|HMAC|SHA)\b/g;

function fail(message) {
    throw new Error(message);
}

/**
 * The page is laid out from right to left: what begins a line is on the right.
 */
function checkDirection() {
    const direction = getComputedStyle(document.querySelector(".o_action_manager")).direction;
    if (direction !== "rtl" && !document.body.classList.contains("o_rtl")) {
        fail(`The page reads ${direction}`);
    }
}

/**
 * No text of ours is left in English.
 * @param {String} selector of the elements that hold one text of ours each
 * @param {Number} least how many of them there are at least
 */
function checkArabic(selector, least) {
    const texts = [...document.querySelectorAll(selector)]
        .filter((element) => element.offsetParent !== null)
        .map((element) => element.innerText.replace(/\?$/, "").trim())
        .filter((text) => LETTERS.test(text) || ARABIC.test(text));
    const english = texts.filter((text) => LETTERS.test(text.replace(NAMES, "")) && !ARABIC.test(text));
    if (english.length) {
        fail(`Still in English: ${english.join(" | ")}`);
    }
    if (texts.length < least) {
        fail(`Only ${texts.length} texts: ${texts.join(" | ")}`);
    }
}

// Who reads Arabic meets nothing else, on the dashboard and on an account.
registry.category("web_tour.tours").add("cartona_integration_arabic", {
    test: true,
    url: "/web",
    steps: () => [
        {
            content: "Open the applications",
            trigger: ".o_navbar_apps_menu button",
            run: "click",
        },
        {
            content: "Open ours, by its Arabic name",
            trigger:
                '.o_app[data-menu-xmlid="cartona_integration.menu_marketplace"]:contains("تكامل الأسواق الإلكترونية")',
            run: "click",
        },
        {
            content: "The dashboard",
            trigger: '.o_marketplace_dashboard section:contains("كارتونا القاهرة")',
            run: () => {
                checkDirection();
                checkArabic(".o_marketplace_dashboard button, .o_marketplace_dashboard .badge", 6);
            },
        },
        {
            content: "Its accounts",
            trigger: '[data-menu-xmlid="cartona_integration.menu_marketplace_accounts"]',
            run: "click",
        },
        {
            content: "The account",
            trigger: '.o_data_row .o_data_cell:contains("كارتونا القاهرة")',
            run: "click",
        },
        {
            content: "Its form",
            trigger: ".o_form_view .o_field_widget[name=name] input",
            run: () => {
                checkDirection();
                checkArabic(
                    ".o_form_view .o_form_label, .o_form_view .nav-link, .o_form_view .o_horizontal_separator",
                    8,
                );
                checkArabic(".o_form_view .o_statusbar_buttons button, .o_form_view .o_stat_text", 4);
            },
        },
    ],
});
