/** @odoo-module **/

/**
 * Those who work by keyboard stay where they are: a button that is switched off while it works, or is gone afterwards,
 * loses the focus, and the page would begin anew.
 */
export function keepFocus(ref) {
    requestAnimationFrame(() => {
        if (document.activeElement === document.body && ref.el) {
            ref.el.focus();
        }
    });
}
