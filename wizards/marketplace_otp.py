# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import unicodedata

from odoo import _, api, fields, models
from odoo.exceptions import UserError

from ..compat import check_access
from ..database import own_transaction
from ..encryption import Secret

# What the question for backorders has said, which holds for validating after this question too.
VALIDATION = ("button_validate_picking_ids", "skip_backorder", "picking_ids_not_to_backorder", "skip_sanity_check")


class MarketplaceOtp(models.TransientModel):
    """Asks for the customer's OTP and tells the marketplace *delivered* with it, then validates the delivery.

    One of the few calls of a marketplace that a person waits for. That the marketplace has accepted is stored for good
    before anything is validated; so when validating fails, or the request is repeated, nobody is asked again.
    """

    _name = "marketplace.otp"
    _description = "Delivery with an OTP"

    order_id = fields.Many2one("sale.order", required=True, readonly=True, ondelete="cascade")
    order_name = fields.Char(compute="_compute_order_name", string="Order")
    customer = fields.Char(compute="_compute_order_name")
    picking_ids = fields.Many2many("stock.picking", readonly=True)
    # Kept until the marketplace has accepted it, since the question stays open until then; see action_confirm.
    otp = Secret(string="OTP", shown=True)

    @api.depends("order_id", "picking_ids")
    def _compute_order_name(self):
        """Tell whose order it is those alone who may enter its OTP: they need no rights on orders or contacts."""
        for wizard in self:
            wizard._check_user()
            # sudo: that the user may enter the OTP was just checked
            order = wizard.order_id.sudo()
            wizard.order_name, wizard.customer = order.name, order.partner_id.display_name

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(vals_list)
        for wizard in wizards:
            wizard._check_user()
        return wizards

    def write(self, vals):
        result = super().write(vals)
        for wizard in self:
            wizard._check_user()
        return result

    def _open(self, order, pickings=None):
        """Return the action that asks for the OTP of ``order``; ``pickings`` are validated when it was right."""
        wizard = self.create({"order_id": order.id, "picking_ids": pickings and pickings.ids})
        return {
            "name": _("Customer's OTP"),
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": wizard.id,
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
            "context": {name: self.env.context[name] for name in VALIDATION if name in self.env.context},
        }

    def action_confirm(self):
        """Ask the marketplace, and when it accepts, do what the question was for."""
        self.ensure_one()
        self._check_user()
        order = self.order_id.sudo()  # who validates deliveries may lack rights on sales orders and accounts
        needed = order._needs_otp()
        if needed:
            otp = self._digits()
            if not otp:
                raise UserError(_("Enter the OTP that the marketplace has sent to the customer."))
            order._ask_marketplace_delivered(otp)
        self._forget()
        pickings = self.picking_ids.filtered(lambda picking: picking.state != "done")
        if pickings:
            return pickings.button_validate()
        if needed or order._is_delivery_accepted():
            order._set_marketplace_status("delivered")
        else:  # meanwhile the marketplace wants no OTP any more
            order.filtered("marketplace_to_deliver")._tell_marketplace("delivery_confirmed")
        return {"type": "ir.actions.act_window_close"}

    def _check_user(self):
        """Whoever may validate the delivery, or change the order, may enter its OTP.

        :raise AccessError: this user may not
        """
        # sudo: who validates deliveries may lack rights on sales orders
        order, pickings = self.order_id._origin, self.picking_ids._origin
        records = pickings if order in pickings.sudo().sale_id else order
        check_access(records, "write")

    def _digits(self):
        """Return the OTP as the marketplace writes it: without blanks, and Arabic digits as Latin ones."""
        return "".join(
            str(unicodedata.decimal(character, character)) for character in self.otp or "" if not character.isspace()
        )

    def _forget(self):
        """Delete the OTP for good, whatever becomes of this transaction; also where a question was closed before."""
        with own_transaction(self.env) as env:
            env.cr.execute("UPDATE marketplace_otp SET otp = NULL WHERE order_id = %s", [self.order_id.id])
        self.invalidate_recordset(["otp"])
