/** @odoo-module **/

import {Component, useRef, useState} from "@odoo/owl";
import {formatFloat, formatInteger, formatMonetary} from "@web/views/fields/formatters";
import {_t} from "@web/core/l10n/translation";
import {deserializeDateTime} from "@web/core/l10n/dates";
import {useService} from "@web/core/utils/hooks";
import {DIGITS, failed, isDriftOpen, need, stateLabel} from "./account_state";
import {HistoryChart} from "./history_chart";
import {keepFocus} from "./focus";
import {listOf} from "./drill_down";

const NEEDS = {
    broken: {border: "border-danger", text: "text-danger", icon: "fa-times-circle", label: _t("Does not work")},
    look: {border: "border-warning", text: "text-warning", icon: "fa-exclamation-triangle", label: _t("Needs a look")},
    fine: {border: "border-success", text: "text-success", icon: "fa-check-circle", label: _t("In order")},
    off: {border: "", text: "text-muted", icon: "fa-circle-o", label: _t("Not at work")},
};
const BADGES = {
    draft: "text-bg-secondary",
    live: "text-bg-success",
    paused: "text-bg-danger",
    blocked: "text-bg-danger",
    copy: "text-bg-info",
};

/**
 * One account: its state, the figures that matter first, what failed by its cause, and the rest below.
 */
export class AccountCard extends Component {
    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.name = useRef("name");
        this.state = useState({open: this.props.open, busy: false});
    }

    get account() {
        return this.props.account;
    }

    get need() {
        return NEEDS[need(this.account)];
    }

    get badge() {
        return BADGES[this.account.state];
    }

    get stateLabel() {
        return stateLabel(this.account);
    }

    /**
     * Why the account is in its state, and what comes next.
     */
    get reason() {
        const account = this.account;
        if (account.state === "copy") {
            return _t("This database is a copy: it speaks to no marketplace.");
        }
        if (account.state === "draft") {
            return this.props.manager
                ? _t("Open it and finish the set-up: nothing is sent or pulled yet.")
                : _t("A marketplace manager has yet to finish the set-up: nothing is sent or pulled yet.");
        }
        return account.state === "live" ? account.limits : account.reason;
    }

    /**
     * What of a live account does not work, although the marketplace answers.
     */
    get alarms() {
        return this.account.state === "live" ? this.account.alarms : [];
    }

    /**
     * The figures of the first row: each with the list that it opens.
     */
    get figures() {
        const account = this.account;
        const waiting = account.waiting + account.waiting_documents + account.waiting_commands;
        return [
            {
                key: "orders",
                value: account.orders_today,
                label: _t("orders today"),
                note: this.money(account.value_today),
            },
            {key: "waiting", value: waiting, label: _t("waiting"), note: this.backlog},
            {key: "failed", value: failed(account), label: _t("failed"), bad: failed(account)},
            {key: "held", value: account.held, label: _t("orders held"), bad: account.held},
            {key: "late", value: account.late, label: _t("orders late"), bad: account.late},
            {
                key: "lag",
                text: this.lag(account.lag),
                label: _t("lag, last hour"),
                note: account.lag ? _t("half within %s", this.seconds(account.lag[0])) : "",
                bad: this.isSlow(account.lag),
            },
        ];
    }

    get backlog() {
        const account = this.account;
        const parts = [
            [account.waiting, _t("listings: %s", this.whole(account.waiting))],
            [account.waiting_documents, _t("to import: %s", this.whole(account.waiting_documents))],
            [account.waiting_commands, _t("to tell: %s", this.whole(account.waiting_commands))],
        ];
        const told = parts.filter(([count]) => count).map(([, text]) => text);
        return told.reduce((some, one) => (some ? _t("%s, %s", some, one) : one), "");
    }

    /**
     * What stands below: a name, a value, and the list that it opens.
     */
    get details() {
        const account = this.account;
        const rows = [
            {key: "pulls", label: _t("Last pull"), value: this.ago(account.last_pull), bad: account.pull_late},
            {key: "pushes", label: _t("Last push"), value: this.ago(account.last_push)},
            {key: "listings", label: _t("Listings in sync"), value: this.share(account.synced, account.listings)},
            {
                key: "lagDay",
                label: _t("Lag, 24 hours: half within, 95 % within"),
                value: this.lagPair(account.lag_day),
                bad: this.isSlow(account.lag_day),
            },
            {
                key: "calls",
                label: _t("Calls of 24 hours that worked"),
                value: this.successRate,
                bad: account.failed_calls,
            },
            {
                key: "drift",
                label: _t("Differs at the marketplace"),
                value: this.drift,
                bad: isDriftOpen(account),
            },
        ];
        if (account.webhook_loss !== null) {
            rows.push({key: "missed", label: _t("Orders that webhooks missed, 7 days"), value: this.loss});
        }
        return rows;
    }

    get successRate() {
        const {calls, failed_calls: lost, success_rate: rate} = this.account;
        if (!calls) {
            return _t("no calls");
        }
        const told = _t("%s % of %s", formatInteger(rate), this.whole(calls));
        return lost ? _t("%s, %s failed", told, this.whole(lost)) : told;
    }

    get drift() {
        const drift = this.account.drift;
        if (!drift) {
            return _t("not compared yet");
        }
        const when = this.ago(drift.at);
        return {
            clean: _t("nothing, %s", when),
            healed: _t("%s, corrected %s", this.whole(drift.count), when),
            approval: _t("%s, waiting for approval", this.whole(drift.count)),
            failed: _t("the comparison failed %s", when),
        }[drift.state];
    }

    get loss() {
        return `${formatFloat(this.account.webhook_loss, {digits: [16, 1]})} %`;
    }

    get hasHistory() {
        return this.account.hours.some((hour) => hour.orders || hour.lag !== null);
    }

    get causesLeft() {
        const shown = this.account.failures.reduce((sum, failure) => sum + failure.count, 0);
        return failed(this.account) - shown;
    }

    retryLabel(failure) {
        return _t("Retry: %s", failure.text);
    }

    whole(number) {
        return formatInteger(number);
    }

    share(part, all) {
        return _t("%s of %s", this.whole(part), this.whole(all));
    }

    money(value) {
        return formatMonetary(value, {currencyId: this.account.currency});
    }

    ago(text) {
        return text ? deserializeDateTime(text).toRelative(DIGITS) : _t("never");
    }

    seconds(value) {
        return _t("%s s", formatFloat(value, {digits: [16, value < 10 ? 1 : 0]}));
    }

    lag(pair) {
        return pair ? this.seconds(pair[1]) : "–";
    }

    lagPair(pair) {
        return pair ? _t("%s, %s", this.seconds(pair[0]), this.seconds(pair[1])) : "–";
    }

    isSlow(pair) {
        return Boolean(pair && pair[1] > this.account.lag_goal);
    }

    // ------------------------------------------------------------------ what is done

    listOf(key, extra) {
        return listOf(key, this.account, this.props.terms, this.props.readable, extra);
    }

    open(key, extra) {
        const list = this.listOf(key, extra);
        return list && this.action.doAction(list);
    }

    openAccount() {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "marketplace.config",
            res_id: this.account.id,
            views: [[false, "form"]],
        });
    }

    async act(model, method, args) {
        this.state.busy = true;
        try {
            const next = await this.orm.call(model, method, args);
            if (next && next.type) {
                await this.action.doAction(next);
            }
            await this.props.reload();
        } finally {
            this.state.busy = false;
            keepFocus(this.name);
        }
    }

    retryCause(failure) {
        return this.act("marketplace.config", "retry_cause", [[this.account.id], failure.model, failure.cause]);
    }

    retryAll() {
        return this.act("marketplace.config", "action_retry_failed", [[this.account.id]]);
    }

    stopTask(task) {
        return this.act("marketplace.task", "action_stop", [[task.id]]);
    }

    retryTask(task) {
        return this.act("marketplace.task", "action_retry", [[task.id]]);
    }

    dismissTask(task) {
        return this.act("marketplace.task", "action_dismiss", [[task.id]]);
    }
}

AccountCard.template = "cartona_integration.AccountCard";
AccountCard.components = {HistoryChart};
AccountCard.props = {
    account: Object,
    terms: Object,
    readable: Array,
    manager: Boolean,
    open: Boolean,
    reload: Function,
};
