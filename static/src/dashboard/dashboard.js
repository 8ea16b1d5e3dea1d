/** @odoo-module **/

import {Component, onWillDestroy, onWillStart, useState} from "@odoo/owl";
import {Layout} from "@web/search/layout";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {AccountCard} from "./account_card";
import {DoctorPanel} from "./doctor_panel";
import {failed, rank, stateLabel} from "./account_state";

const REFRESH_MS = 10000;
// With more accounts at work than this, each shows its details and its chart only when asked.
const OPEN_CARDS = 2;

/**
 * One card for each account, what needs a person first. Every figure opens the list of what it counts. The figures are
 * fetched again and again while somebody looks; when that fails, they stay and the page says that they are old.
 */
export class MarketplaceDashboard extends Component {
    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.display = {controlPanel: {}};
        this.state = useState({accounts: [], loaded: false, lost: false, manager: false, doctor: false, news: ""});
        this.readable = [];
        this.terms = {};
        this.alive = true;
        this.asked = this.shown = 0;
        this.onVisibility = () => this.resume();
        onWillStart(async () => {
            await this.load();
            this.plan();
        });
        document.addEventListener("visibilitychange", this.onVisibility);
        // Also of a page that was left before it was shown.
        onWillDestroy(() => {
            this.alive = false;
            clearTimeout(this.timer);
            document.removeEventListener("visibilitychange", this.onVisibility);
        });
    }

    // ------------------------------------------------------------------ live

    plan() {
        clearTimeout(this.timer);
        if (this.alive && !document.hidden) {
            this.timer = setTimeout(() => this.refresh(), REFRESH_MS);
        }
    }

    async refresh() {
        await this.load();
        this.plan();
    }

    resume() {
        clearTimeout(this.timer);
        if (!document.hidden) {
            this.refresh();
        }
    }

    /**
     * An answer that comes after that of a later question is older than what is shown, and is dropped.
     */
    async load() {
        const turn = ++this.asked;
        const data = await this.ask();
        if (turn < this.shown) {
            return;
        }
        this.shown = turn;
        if (data) {
            this.show(data);
        } else {
            this.state.lost = true;
        }
    }

    async ask() {
        try {
            return await this.orm.silent.call("marketplace.config", "get_dashboard_data", []);
        } catch {
            return null;
        }
    }

    show({accounts, manager, readable, ...terms}) {
        this.state.news = this.newsOf(accounts);
        this.terms = terms;
        this.readable = readable;
        Object.assign(this.state, {accounts: this.sorted(accounts), manager, loaded: true, lost: false});
    }

    /**
     * What is read aloud: a state that changed, and more failures than before; not each figure that moved.
     */
    newsOf(accounts) {
        const before = Object.fromEntries(this.state.accounts.map((account) => [account.id, account]));
        const told = [];
        for (const account of accounts) {
            const old = before[account.id];
            if (old && old.state !== account.state) {
                told.push(_t("%s: %s", account.name, stateLabel(account)));
            } else if (old && failed(account) > failed(old)) {
                told.push(_t("%s: %s failed", account.name, failed(account)));
            }
        }
        return told.length ? told.join(". ") : this.state.news;
    }

    /**
     * By need, as long as the page is new; afterwards no card moves away under a hand.
     */
    sorted(accounts) {
        if (!this.order) {
            const byNeed = [...accounts].sort((one, other) => rank(one) - rank(other));
            this.order = byNeed.map((account) => account.id);
        }
        const place = (account) => {
            const found = this.order.indexOf(account.id);
            return found === -1 ? this.order.length : found;
        };
        return [...accounts].sort((one, other) => place(one) - place(other));
    }

    // ------------------------------------------------------------------ what is shown

    get isOpen() {
        return this.state.accounts.filter((account) => account.state !== "draft").length <= OPEN_CARDS;
    }

    get columns() {
        return this.isOpen ? "col-12 col-xl-6" : "col-12 col-lg-6 col-xxl-4";
    }

    /**
     * How many accounts are in which state, for those who have many.
     */
    get summary() {
        const counts = new Map();
        for (const account of this.state.accounts) {
            const label = stateLabel(account);
            counts.set(label, (counts.get(label) || 0) + 1);
        }
        return [...counts].map(([label, count]) => _t("%s: %s", label, count)).join(" · ");
    }

    // ------------------------------------------------------------------ what is done

    newAccount() {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "marketplace.config",
            views: [[false, "form"]],
        });
    }
}

MarketplaceDashboard.template = "cartona_integration.Dashboard";
MarketplaceDashboard.components = {AccountCard, DoctorPanel, Layout};

registry.category("actions").add("cartona_integration.dashboard", MarketplaceDashboard);
