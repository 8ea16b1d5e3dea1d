/** @odoo-module **/

import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

/** The steps of the set-up in one row: what is done, where we are, what is to come. */
export class SetupSteps extends Component {
    get steps() {
        const {record, name} = this.props;
        const steps = record.fields[name].selection;
        const current = steps.findIndex(([key]) => key === record.data[name]);
        return steps.map(([key, label], index) => ({
            key,
            label,
            isDone: index < current,
            isCurrent: index === current,
        }));
    }
}

SetupSteps.template = "cartona_integration.SetupSteps";
SetupSteps.props = {...standardFieldProps};

registry.category("fields").add("marketplace_setup", {
    component: SetupSteps,
    displayName: _t("Steps of the set-up"),
    supportedTypes: ["selection"],
});
