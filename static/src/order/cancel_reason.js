/** @odoo-module **/

import {SelectionField, selectionField} from "@web/views/fields/selection/selection_field";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";

/** The reasons of the record's own marketplace, and the one that is chosen, wherever that came from. */
export class CancelReason extends SelectionField {
    get options() {
        const {record, name} = this.props;
        const known = (record.data.marketplace_cancel_reasons || "").split(" ");
        return super.options.filter(([key]) => known.includes(key) || key === record.data[name]);
    }
}

registry.category("fields").add("marketplace_reason", {
    ...selectionField,
    component: CancelReason,
    displayName: _t("Reason for a marketplace"),
});
