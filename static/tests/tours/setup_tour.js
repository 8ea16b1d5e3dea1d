/** @odoo-module **/

import {registry} from "@web/core/registry";

const STEP = ".o_marketplace_setup [aria-current=step]";
const look = (content, trigger) => ({content, trigger, run: () => {}}); // eslint-disable-line no-empty-function
const press = (content, trigger) => ({content, trigger, run: "click"});
const leave = [
    press("Leave for the dashboard", '[data-menu-xmlid="cartona_integration.menu_marketplace_dashboard"]'),
    press("Come back", '.o_marketplace_dashboard section button:contains("Cartona of the guide")'),
];

// The set-up, step by step as the form says, left and taken up again on the way.
registry.category("web_tour.tours").add("cartona_integration_setup", {
    test: true,
    steps: () => [
        look("It begins with the marketplace", `${STEP}:contains("Marketplace")`),
        {content: "Name the account", trigger: ".o_field_widget[name=name] input", run: "text Cartona of the guide"},
        press("Go on", ".o_marketplace_setup button[name=action_continue_setup]:visible"),
        look("It is stored, and asks for credentials", `${STEP}:contains("Credentials")`),
        look("What is missing is named", '.o_marketplace_setup [name=setup_missing]:contains("Token")'),
        ...leave,
        look("It is where it was left", `${STEP}:contains("Credentials")`),
        {content: "Enter the token", trigger: ".o_field_widget[name=auth_token] input", run: "text token-of-the-tests"},
        press("Leave the field", ".o_field_widget[name=name] input"),
        press("Test the connection", ".o_marketplace_setup button[name=action_test_connection]:visible"),
        look("It goes on with the products", `${STEP}:contains("Products")`),
        look("What the marketplace reckons in stands there", '[name=connected_currency]:contains("EGP")'),
        press("Match", ".o_marketplace_setup button[name=action_match_products]:visible"),
        look("It goes on with the policies", `${STEP}:contains("Policies")`),
        ...leave,
        press("They are good", ".o_marketplace_setup button[name=action_choose_policies]:visible"),
        press("Go live", ".o_marketplace_setup button[name=action_go_live]:visible"),
        look("It is live, and can be paused", "button[name=action_pause]:visible"),
    ],
});

// A secret for the webhooks, made and ready to be copied, and what a pause looks like.
registry.category("web_tour.tours").add("cartona_integration_secret", {
    test: true,
    steps: () => [
        press("Open the webhooks", ".nav-link[name=webhooks]"),
        look("An address for each kind can be copied", "[name=webhook_status_url] .o_clipboard_button"),
        look("It is told that nobody can reach them", "[name=webhook_problem]:contains(https)"),
        press("Make a secret", "button[name=action_generate_webhook_secret]"),
        look("It is said what to do with it", '.o_notification:contains("Enter it at the marketplace")'),
        look("The former one is there until it is removed", "[name=webhook_secret_previous] input"),
        look("The new one can be copied", "[name=webhook_secret] .o_clipboard_button:not(:disabled)"),
        press("Pause", "button[name=action_pause]"),
        look("It is said who did", '.o_marketplace_condition:contains("Paused by")'),
        press("Resume", ".o_marketplace_condition button[name=action_go_live]:visible"),
        look("It is live", "button[name=action_pause]:visible"),
    ],
});

// A token that is there gives way to another one, on a form on which other fields are changed, too.
registry.category("web_tour.tours").add("cartona_integration_token", {
    test: true,
    steps: () => [
        {content: "Name the account anew", trigger: ".o_field_widget[name=name] input", run: "text Cartona of today"},
        look("What covers the token is not the token", ".o_field_widget[name=auth_token] input[type=password]"),
        {content: "Type a new one", trigger: ".o_field_widget[name=auth_token] input", run: "text token-of-tomorrow"},
        press("Leave the field", ".o_field_widget[name=name] input"),
        press("Store it", ".o_form_button_save"),
        look("It is stored", ".o_form_status_indicator:has(.o_form_status_indicator_buttons.invisible)"),
    ],
});
