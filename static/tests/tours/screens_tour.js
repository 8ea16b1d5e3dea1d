/** @odoo-module **/

import {registry} from "@web/core/registry";

const tours = registry.category("web_tour.tours");
const look = () => {}; // eslint-disable-line no-empty-function

// A product of the marketplace that nobody here knows is matched.
tours.add("cartona_integration_match", {
    test: true,
    steps: () => [
        {
            content: "It stands in the list, with the order that waits for it",
            trigger: '.o_data_row:contains("tour-1") .o_data_cell[name=product_id]',
            run: "click",
        },
        {
            content: "Name the product that it is",
            trigger: ".o_data_row .o_field_widget[name=product_id] input",
            run: "text Juice of the tour",
        },
        {
            content: "Choose it",
            trigger: '.ui-autocomplete a:contains("Juice of the tour")',
            run: "click",
        },
        {
            content: "Link it",
            trigger: ".o_data_row button[name=action_link]",
            run: "click",
        },
        {
            content: "It is matched, so it is in the list no more",
            trigger: '.o_list_view:not(:has(.o_data_row:contains("tour-1")))',
            run: look,
        },
    ],
});

// An order that is held for a difference is accepted by a person who has looked.
tours.add("cartona_integration_held", {
    test: true,
    steps: () => [
        {
            content: "The order says why it is held",
            trigger: '.alert:contains("This order is held"):contains("The total is")',
            run: look,
        },
        {
            content: "Accept it",
            trigger: "button[name=action_marketplace_accept]",
            run: "click",
        },
        {
            content: "Yes, as it stands here",
            trigger: ".modal-content .modal-footer .btn-primary",
            run: "click",
        },
        {
            content: "It is held no more",
            trigger: ".o_form_view:not(:has(button[name=action_marketplace_accept]))",
            run: look,
        },
    ],
});

// A delivery that needs the customer's OTP: a wrong one is told, the right one validates.
tours.add("cartona_integration_otp", {
    test: true,
    steps: () => [
        {
            content: "Validate the delivery",
            trigger: "button[name=button_validate]:visible",
            run: "click",
        },
        {
            content: "Enter an OTP that is wrong",
            trigger: ".modal-content .o_field_widget[name=otp] input",
            run: "text 0",
        },
        {
            content: "Confirm",
            trigger: ".modal-content button[name=action_confirm]",
            run: "click",
        },
        {
            content: "It is told, and asked again",
            trigger: '.modal-content:contains("The OTP is wrong") .modal-footer .btn-primary',
            run: "click",
        },
        {
            content: "Enter the right one",
            trigger: ".modal-content .o_field_widget[name=otp] input",
            run: "text 246810",
        },
        {
            content: "Confirm again",
            trigger: ".modal-content button[name=action_confirm]",
            run: "click",
        },
        {
            content: "The delivery is done",
            trigger: ".o_form_view:has(.o_statusbar_status):not(:has(button[name=button_validate]))",
            run: look,
        },
    ],
});

// A product that the marketplace refused says why, and is sent again.
tours.add("cartona_integration_manual_sync", {
    test: true,
    steps: () => [
        {
            content: "What marketplaces have of it has a tab of its own",
            trigger: ".o_notebook .nav-link[name=marketplace]",
            run: "click",
        },
        {
            content: "It says what is wrong",
            trigger: '.o_data_row .o_data_cell[name=problem]:contains("Product not found")',
            run: look,
        },
        {
            content: "Send it again",
            trigger: "button[name=action_marketplace_sync]",
            run: "click",
        },
        {
            content: "It is under way",
            trigger: '.o_notification:contains("Queued: 1")',
            run: look,
        },
    ],
});
