/** @odoo-module **/

import {registry} from "@web/core/registry";

const CARD = '.o_marketplace_dashboard section[aria-label="Cartona Test"]';
const seen = () => {}; // eslint-disable-line no-empty-function

// By the menu, or by the way one came where another app's menus stand there: the page begins with the user's first app.
function back(what) {
    return {
        content: `Back from ${what}`,
        trigger: '[data-menu-xmlid="cartona_integration.menu_marketplace_dashboard"], .o_back_button a',
        run: "click",
    };
}

// A look at the dashboard, and into the lists behind its figures.
registry.category("web_tour.tours").add("cartona_integration_dashboard", {
    test: true,
    url: "/web#action=cartona_integration.marketplace_dashboard_action",
    steps: () => [
        {content: "The state is told", trigger: `${CARD} .o_marketplace_state:contains("Live")`, run: seen},
        {content: "Today's orders", trigger: `${CARD} [data-figure=orders]:contains("1")`, run: "click"},
        {content: "are the ones that came today", trigger: ".o_list_view .o_data_row", run: seen},
        back("the orders"),
        {
            content: "A cause of what failed",
            trigger: `${CARD} .o_marketplace_cause:contains("2"):contains("Price is 0")`,
            run: "click",
        },
        {
            content: "opens its two listings and no other",
            trigger: ".o_list_view:has(.o_data_row:eq(1)):not(:has(.o_data_row:eq(2)))",
            run: seen,
        },
        back("the listings"),
        {content: "The chart stands as a table too", trigger: `${CARD} details summary`, run: "click"},
        {content: "with the hour of the order", trigger: `${CARD} details[open] tbody tr:contains("1")`, run: seen},
        {content: "The last pull", trigger: `${CARD} dd [data-figure=pulls]`, run: "click"},
        {content: "opens the log", trigger: '.o_list_view .o_data_row:contains("Pull orders")', run: seen},
        back("the log"),
        {content: "The dashboard is there again", trigger: `${CARD} .o_marketplace_state`, run: seen},
    ],
});

// What failed is tried again, a cause at a time, once it is mended.
registry.category("web_tour.tours").add("cartona_integration_retry", {
    test: true,
    url: "/web#action=cartona_integration.marketplace_dashboard_action",
    steps: () => [
        {content: "One listing failed", trigger: `${CARD} [data-figure=failed]:contains("1")`, run: seen},
        {
            content: "Try it again",
            trigger: `${CARD} li:contains("not on sale here") button:contains("Retry")`,
            run: "click",
        },
        {content: "Nothing fails any more", trigger: `${CARD} [data-figure=failed]:contains("0")`, run: seen},
        {content: "and no cause is told", trigger: `${CARD}:not(:has(.o_marketplace_cause))`, run: seen},
    ],
});

// The check-up finds what is broken and mends it by a button.
registry.category("web_tour.tours").add("cartona_integration_checkup", {
    test: true,
    url: "/web#action=cartona_integration.marketplace_dashboard_action",
    steps: () => [
        {content: "It is paused", trigger: `${CARD} .o_marketplace_state:contains("Paused")`, run: seen},
        {content: "Open the check-up", trigger: '.o_marketplace_dashboard button:contains("Check-up")', run: "click"},
        {
            content: "It says so and offers to resume",
            trigger: '.o_marketplace_doctor li:contains("Cartona Test is paused") button:contains("Resume")',
            run: "click",
        },
        {
            content: "The finding is gone",
            trigger: '.o_marketplace_doctor:not(:has(li:contains("Cartona Test is paused")))',
            run: seen,
        },
        {content: "The account is live", trigger: `${CARD} .o_marketplace_state:contains("Live")`, run: seen},
    ],
});
