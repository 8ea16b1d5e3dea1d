/** @odoo-module **/

import {_t} from "@web/core/l10n/translation";

/**
 * Times in the digits of the figures beside them: Odoo writes numbers in 0 to 9 in each language, times it does not.
 */
export const DIGITS = {numberingSystem: "latn"};

/**
 * @returns {String} the state of an account in words
 */
export function stateLabel(account) {
    return {
        draft: _t("Draft"),
        live: _t("Live"),
        paused: _t("Paused"),
        blocked: _t("Error"),
        copy: _t("Copy"),
    }[account.state];
}

/**
 * @returns {String} what an account needs: `broken` (nothing goes out or in), `look` (something waits for a person),
 *   `fine`, or `off` (nothing is to be expected of it)
 */
export function need(account) {
    if (account.state === "draft" || account.state === "copy") {
        return "off";
    }
    if (account.state !== "live") {
        return "broken";
    }
    const waits =
        failed(account) ||
        account.alarms.length ||
        account.held ||
        account.pull_late ||
        account.late ||
        account.tasks.some((task) => task.failed) ||
        isDriftOpen(account);
    return waits ? "look" : "fine";
}

/**
 * @returns {Number} how many offers, documents and commands wait for a person
 */
export function failed(account) {
    return account.failed_listings + account.failed_documents + account.failed_commands;
}

/**
 * @returns {Boolean} whether the last comparison with the marketplace failed, or found what a person has to decide on
 */
export function isDriftOpen(account) {
    return Boolean(account.drift) && ["approval", "failed"].includes(account.drift.state);
}

/**
 * @returns {Number} the smaller, the more it needs a person
 */
export function rank(account) {
    return ["broken", "look", "fine", "off"].indexOf(need(account));
}
