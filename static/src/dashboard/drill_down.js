/** @odoo-module **/

import {_t} from "@web/core/l10n/translation";

const FAILED = [["state", "=", "failed"]];
// Of what is archived, that which may be on sale there still; the list then shows it, as it is asked for.
const FAILED_LISTINGS = [
    ...FAILED,
    ...["|", ["active", "=", true], "|", ["pushed_quantity", ">", 0]],
    ...["|", ["pushed_publication", "=", "on"], ["doubt_since", "!=", false]],
];
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
    orders: (account, moments) => [
        "sale.order",
        [
            ["cartona_id", "!=", false],
            ["create_date", ">=", moments.today],
        ],
    ],
    held: () => [
        "sale.order",
        [
            ["marketplace_hold", "!=", false],
            ["state", "in", ["draft", "sent"]],
        ],
    ],
    late: () => ["sale.order", [["marketplace_late", "=", true]]],
    // What waits, and what failed, may be of three kinds: the one that there is most of.
    waiting: (account, moments, readable) =>
        most(readable, [
            [account.waiting, "marketplace.listing", [["state", "in", ["new", "waiting"]]]],
            [account.waiting_documents, "marketplace.inbox", [["state", "in", ["waiting", "imported"]]]],
            [account.waiting_commands, "marketplace.outbox", [["state", "=", "waiting"]]],
        ]),
    failed: (account, moments, readable) =>
        most(readable, [
            [account.failed_listings, "marketplace.listing", FAILED_LISTINGS],
            [account.failed_documents, "marketplace.inbox", FAILED],
            [account.failed_commands, "marketplace.outbox", FAILED],
        ]),
    cause: (account, moments, readable, failure) => [
        failure.model,
        [...(failure.model === "marketplace.listing" ? FAILED_LISTINGS : FAILED), ["cause", "=", failure.cause]],
    ],
    listings: () => ["marketplace.listing", []],
    lag: (account, moments) => ["marketplace.listing", [["pushed_at", ">=", moments.hour_ago]]],
    lagDay: (account, moments) => ["marketplace.listing", [["pushed_at", ">=", moments.day_ago]]],
    pulls: () => ["marketplace.sync.log", [["operation", "=", "pull_orders"]]],
    pushes: () => ["marketplace.sync.log", [["operation", "=", "push_offers"]]],
    calls: (account, moments) => {
        const failed = account.failed_calls ? [["status", "=", "error"]] : [];
        return ["marketplace.sync.log", [["create_date", ">=", moments.calls_since], ...failed]];
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
 * @param {Array} readable the models that the user may see lists of
 * @returns {Object} the action that opens the records which a figure counts, nothing where the user may not see them
 */
export function listOf(key, account, moments, readable, extra) {
    if (key === "drift") {
        return readable.includes("marketplace.audit") ? audits(account) : null;
    }
    const [model, domain] = LISTS[key](account, moments, readable, extra);
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
