/** @odoo-module **/

import {Component, onWillStart, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useService} from "@web/core/utils/hooks";

/**
 * What works and what does not, worst first, each with what to do about it, and a button where that is enough.
 */
export class DoctorPanel extends Component {
  setup() {
    this.orm = useService("orm");
    this.state = useState({findings: []});
    onWillStart(() => this.look());
  }

  async look() {
    this.state.findings = await this.orm.call("marketplace.config", "get_doctor_findings", []);
  }

  async fix(finding) {
    this.state.findings = await this.orm.call("marketplace.config", "apply_doctor_fix", [finding.fix, finding.account]);
  }

  label(level) {
    return {error: _t("Broken"), warning: _t("Look at this"), ok: _t("Works")}[level];
  }

  badge(level) {
    return {error: "text-bg-danger", warning: "text-bg-warning", ok: "text-bg-success"}[level];
  }
}

DoctorPanel.template = "cartona_integration.DoctorPanel";
DoctorPanel.props = {manager: Boolean};
