/** @odoo-module **/

import {registry} from "@web/core/registry";
import {stepUtils} from "@web_tour/tour_service/tour_utils";

// A newcomer's first minutes: from an empty dashboard to an account that is live.
registry.category("web_tour.tours").add("cartona_integration_first_account", {
    test: true,
    url: "/web",
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            content: "Open the application",
            trigger: '.o_app[data-menu-xmlid="cartona_integration.menu_marketplace"]',
            run: "click",
        },
        {
            content: "The dashboard tells a newcomer what to do",
            trigger: '.o_marketplace_dashboard button:contains("New Account")',
            run: "click",
        },
        {
            content: "Name the account",
            trigger: ".o_field_widget[name=name] input",
            run: "text Cartona of the tour",
        },
        {
            content: "Enter the token",
            trigger: ".o_field_widget[name=auth_token] input",
            run: "text token-of-the-tests",
        },
        {
            content: "Leave the field",
            trigger: ".o_field_widget[name=name] input",
            run: "click",
        },
        {
            content: "Test the connection",
            trigger: "button[name=action_test_connection]:visible",
            run: "click",
        },
        {
            content: "It says who we are",
            trigger: '.o_notification:contains("Connected to Cartona")',
            run: () => {}, // eslint-disable-line no-empty-function
        },
        {
            content: "Go live",
            trigger: "button[name=action_go_live]:visible",
            run: "click",
        },
        {
            content: "It is live",
            trigger: "button[name=action_pause]:visible",
            run: () => {}, // eslint-disable-line no-empty-function
        },
        {
            content: "Open the dashboard",
            trigger: '[data-menu-xmlid="cartona_integration.menu_marketplace_dashboard"]',
            run: "click",
        },
        {
            content: "The account stands on the dashboard, live",
            trigger: '.o_marketplace_dashboard section:contains("Cartona of the tour") .badge:contains("Live")',
            run: () => {}, // eslint-disable-line no-empty-function
        },
        {
            content: "Its figures open the list of what they count",
            trigger: '.o_marketplace_dashboard section:contains("Cartona of the tour") button:contains("waiting")',
            run: "click",
        },
        {
            content: "The listings",
            trigger: '.o_breadcrumb:contains("Listings")',
            run: () => {}, // eslint-disable-line no-empty-function
        },
    ],
});
