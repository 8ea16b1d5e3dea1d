/** @odoo-module **/

import {Component, onWillStart, onWillUnmount, useState} from "@odoo/owl";
import {Layout} from "@web/search/layout";
import {_t} from "@web/core/l10n/translation";
import {deserializeDateTime} from "@web/core/l10n/dates";
import {registry} from "@web/core/registry";
import {formatFloat} from "@web/views/fields/formatters";
import {useService} from "@web/core/utils/hooks";
import {DoctorPanel} from "./doctor_panel";
import {HistoryChart} from "./history_chart";

const REFRESH_MS = 10000;

/**
 * One card for each account: is it live, what waits, what failed, when did it last speak to its marketplace. Every
 * figure opens the list of what it counts.
 */
export class MarketplaceDashboard extends Component {
  setup() {
    this.orm = useService("orm");
    this.action = useService("action");
    this.display = {controlPanel: {}};
    this.state = useState({accounts: [], loaded: false, error: false, manager: false, doctor: false});
    onWillStart(() => this.load());
    this.timer = setInterval(() => this.load(), REFRESH_MS);
    onWillUnmount(() => clearInterval(this.timer));
  }

  async load() {
    try {
      const data = await this.orm.silent.call("marketplace.config", "get_dashboard_data", []);
      Object.assign(this.state, {
        accounts: data.accounts,
        manager: data.manager,
        loaded: true,
        error: false,
      });
    } catch {
      // The figures stay; the page says that they are old and tries again.
      this.state.error = true;
    }
  }

  stateLabel(account) {
    return {
      draft: _t("Draft"),
      live: _t("Live"),
      paused: _t("Paused"),
      blocked: _t("Not answering"),
      copy: _t("Copy of a database"),
    }[account.state];
  }

  stateClass(account) {
    return {
      draft: "text-bg-secondary",
      live: "text-bg-success",
      paused: "text-bg-warning",
      blocked: "text-bg-danger",
      copy: "text-bg-info",
    }[account.state];
  }

  ago(text) {
    return text ? deserializeDateTime(text).toRelative() : _t("never");
  }

  seconds(value) {
    // Isolated: within Arabic the unit would leave its number.
    const digits = {digits: [16, value < 10 ? 2 : 0]};
    return value === null || value === undefined ? "–" : `\u2068${formatFloat(value, digits)} s\u2069`;
  }

  isLate(account) {
    return Boolean(account.lag && account.lag[1] > account.lag_goal);
  }

  money(account) {
    return `${formatFloat(account.value_today, {digits: [16, 2]})} ${account.currency}`;
  }

  async stopTask(task) {
    await this.orm.call("marketplace.task", "action_stop", [[task.id]]);
    await this.load();
  }

  async retryTask(task) {
    await this.orm.call("marketplace.task", "action_retry", [[task.id]]);
    await this.load();
  }

  async retryFailed(account) {
    await this.action.doAction(await this.orm.call("marketplace.config", "action_retry_failed", [[account.id]]));
    await this.load();
  }

  openAccount(account) {
    return this.action.doAction({
      type: "ir.actions.act_window",
      res_model: "marketplace.config",
      res_id: account.id,
      views: [[false, "form"]],
    });
  }

  newAccount() {
    return this.action.doAction({
      type: "ir.actions.act_window",
      res_model: "marketplace.config",
      views: [[false, "form"]],
    });
  }

  openRows(model, name, account, domain) {
    return this.action.doAction({
      type: "ir.actions.act_window",
      name,
      res_model: model,
      views: [
        [false, "list"],
        [false, "form"],
      ],
      domain,
      context: {default_config_id: account.id},
    });
  }

  openListings(account, states) {
    return this.openRows("marketplace.listing", _t("Listings"), account, [
      ["config_id", "=", account.id],
      ["state", "in", states],
    ]);
  }

  openInbox(account, states) {
    return this.openRows("marketplace.inbox", _t("Inbox"), account, [
      ["config_id", "=", account.id],
      ["state", "in", states],
    ]);
  }

  openMissed(account) {
    return this.openRows("marketplace.inbox", _t("Missed by Webhooks"), account, [
      ["config_id", "=", account.id],
      ["first_of_order", "=", true],
      ["source", "=", "pull"],
      ["create_date", ">=", account.webhook_loss_since],
    ]);
  }

  openOutbox(account, states) {
    return this.openRows("marketplace.outbox", _t("Outbox"), account, [
      ["config_id", "=", account.id],
      ["lane", "!=", "offers"],
      ["state", "in", states],
    ]);
  }

  openLog(account) {
    return this.openRows("marketplace.sync.log", _t("Log"), account, [["config_id", "=", account.id]]);
  }

  openLate(account) {
    return this.openRows("sale.order", _t("Late Orders"), account, [
      ["marketplace_config_id", "=", account.id],
      ["marketplace_late", "=", true],
    ]);
  }

  openOrders(account) {
    return this.openRows("sale.order", _t("Orders"), account, [["marketplace_config_id", "=", account.id]]);
  }
}

MarketplaceDashboard.template = "cartona_integration.Dashboard";
MarketplaceDashboard.components = {DoctorPanel, HistoryChart, Layout};

registry.category("actions").add("cartona_integration.dashboard", MarketplaceDashboard);
