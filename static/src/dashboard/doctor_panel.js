/** @odoo-module **/

import {Component, onWillStart, useRef, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {keepFocus} from "./focus";
import {useService} from "@web/core/utils/hooks";

/**
 * What works and what does not, worst first, each with what to do about it, and a button where that is enough.
 */
export class DoctorPanel extends Component {
    setup() {
        this.orm = useService("orm");
        this.again = useRef("again");
        this.state = useState({findings: [], busy: false, failed: false});
        onWillStart(() => this.look());
    }

    async look() {
        this.state.busy = true;
        try {
            this.state.findings = await this.orm.silent.call("marketplace.config", "get_doctor_findings", []);
            this.state.failed = false;
        } catch {
            this.state.failed = true;
        }
        this.state.busy = false;
    }

    /**
     * What can't be mended says why, as any button does.
     */
    async fix(finding) {
        this.state.busy = true;
        try {
            const args = [finding.fix, finding.account];
            this.state.findings = await this.orm.call("marketplace.config", "apply_doctor_fix", args);
            await this.props.reload();
        } finally {
            this.state.busy = false;
            keepFocus(this.again);
        }
    }

    get open() {
        return this.state.findings.filter((finding) => finding.level !== "ok").length;
    }

    get summary() {
        if (this.state.failed) {
            return ""; // nobody knows: the warning says so
        }
        return this.open ? _t("%s to look at", this.open) : _t("Everything works.");
    }

    label(level) {
        return {error: _t("Broken"), warning: _t("Look at this"), ok: _t("Works")}[level];
    }

    badge(level) {
        return {error: "text-bg-danger", warning: "text-bg-warning", ok: "text-bg-success"}[level];
    }
}

DoctorPanel.template = "cartona_integration.DoctorPanel";
DoctorPanel.props = {manager: Boolean, reload: Function};
