/** @odoo-module **/

import {_t} from "@web/core/l10n/translation";

const MODELS = {
    "marketplace.listing": () => _t("Listings"),
    "marketplace.inbox": () => _t("Inbox"),
    "marketplace.outbox": () => _t("Outbox"),
    "marketplace.sync.log": () => _t("Exchanges"),
    "sale.order": () => _t("Orders"),
};

/**
 * The model and the condition of what a figure of an account counts.
 */
const LISTS = {
    orders: (account, terms) => [
        "sale.order",
        [
            ["cartona_id", "!=", false],
            ["create_date", ">=", terms.today],
        ],
    ],
    held: (account, terms) => ["sale.order", terms.held],
    late: () => ["sale.order", [["marketplace_late", "=", true]]],
    // What waits, and what failed, may be of three kinds: the one that there is most of.
    waiting: (account, terms, readable) =>
        most(readable, [
            [account.waiting, "marketplace.listing", [["state", "in", ["new", "waiting"]]]],
            [account.waiting_documents, "marketplace.inbox", [["state", "in", ["waiting", "imported"]]]],
            [account.waiting_commands, "marketplace.outbox", [["state", "=", "waiting"]]],
        ]),
    failed: (account, terms, readable) =>
        most(readable, [
            [account.failed_listings, "marketplace.listing", terms.failed["marketplace.listing"]],
            [account.failed_documents, "marketplace.inbox", terms.failed["marketplace.inbox"]],
            [account.failed_commands, "marketplace.outbox", terms.failed["marketplace.outbox"]],
        ]),
    cause: (account, terms, readable, failure) => [
        failure.model,
        [...terms.failed[failure.model], ["cause", "=", failure.cause]],
    ],
    listings: () => ["marketplace.listing", []],
    lag: (account, terms) => ["marketplace.listing", [["pushed_at", ">=", terms.hour_ago]]],
    lagDay: (account, terms) => ["marketplace.listing", [["pushed_at", ">=", terms.day_ago]]],
    pulls: () => ["marketplace.sync.log", [["operation", "=", "pull_orders"]]],
    pushes: () => ["marketplace.sync.log", [["operation", "=", "push_offers"]]],
    calls: (account, terms) => {
        const failed = account.failed_calls ? [["status", "=", "error"]] : [];
        return ["marketplace.sync.log", [["create_date", ">=", terms.calls_since], ...failed]];
    },
    missed: (account) => [
        "marketplace.inbox",
        [
            ["first_of_order", "=", true],
            ["source", "=", "pull"],
            ["create_date", ">=", account.webhook_loss_since],
        ],
    ],
};

function most(readable, kinds) {
    const shown = kinds.filter(([, model]) => readable.includes(model));
    const [, model, domain] = (shown.length ? shown : kinds).reduce((one, other) => (other[0] > one[0] ? other : one));
    return [model, domain];
}

function ofAccount(model, account) {
    if (model === "sale.order") {
        return [["marketplace_config_id", "=", account.id]];
    }
    const commands = model === "marketplace.outbox" ? [["lane", "!=", "offers"]] : [];
    return [["config_id", "=", account.id], ...commands];
}

/**
 * @param {Object} terms by what figures are counted, as the server says
 * @param {Array} readable the models that the user may see lists of
 * @returns {Object} the action that opens the records which a figure counts, nothing where the user may not see them
 */
export function listOf(key, account, terms, readable, extra) {
    if (key === "drift") {
        return readable.includes("marketplace.audit") ? audits(account) : null;
    }
    const [model, domain] = LISTS[key](account, terms, readable, extra);
    if (!readable.includes(model)) {
        return null;
    }
    const views = [[false, "list"]];
    if (model !== "marketplace.outbox") {
        views.push([false, "form"]);
    }
    return {
        type: "ir.actions.act_window",
        name: _t("%s of %s", MODELS[model](), account.name),
        res_model: model,
        views,
        domain: [...ofAccount(model, account), ...domain],
        context: model === "sale.order" ? {} : {default_config_id: account.id},
    };
}

/**
 * The audit that is told of, where it is healed; without one, the list that is empty yet.
 */
function audits(account) {
    const action = {type: "ir.actions.act_window", name: _t("Audits"), res_model: "marketplace.audit"};
    if (account.drift) {
        return {...action, res_id: account.drift.audit, views: [[false, "form"]]};
    }
    return {
        ...action,
        views: [
            [false, "list"],
            [false, "form"],
        ],
        domain: [["config_id", "=", account.id]],
    };
}
