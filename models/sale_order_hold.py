# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, api, fields, models
from odoo.exceptions import UserError

from ..compat import check_access
from ..schemas import ENDED
from .marketplace_order_hold import HELD, LEFT

# What it was ordered for may be another thing in a moment: nothing is reserved or told until the marketplace says so.
EDITING = "editing"


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    def _held_orders(self):
        """Return how many orders of each account can't go on: ``{account id: count}``."""
        return self._count_orders(HELD)

    def action_open_held(self):
        action = self.env["ir.actions.act_window"]._for_xml_id("sale.action_orders")
        return dict(action, domain=[("marketplace_config_id", "in", self.ids), *HELD], context={})


class SaleOrder(models.Model):
    """Orders that can't go on: they say why, and go on when that is mended."""

    _inherit = "sale.order"

    marketplace_hold = fields.Text(
        string="Held Because", readonly=True, copy=False, tracking=True, groups="base.group_user"
    )
    marketplace_hold_acceptable = fields.Boolean(
        compute="_compute_marketplace_hold_acceptable", groups="base.group_user"
    )
    marketplace_hold_key = fields.Text(
        readonly=True, copy=False, groups="base.group_user", help="What it is held for, in no language."
    )
    marketplace_hold_accepted = fields.Text(
        readonly=True, copy=False, groups="base.group_user", help="What somebody accepted, as the key names it."
    )

    def init(self):
        result = super().init()
        self.env.cr.execute(
            "CREATE INDEX IF NOT EXISTS sale_order_marketplace_hold_idx ON sale_order (marketplace_config_id) "
            "WHERE marketplace_hold IS NOT NULL AND state IN ('draft', 'sent')"
        )
        return result

    # ------------------------------------------------------------------ compute

    @api.depends("marketplace_hold", "order_line.display_type", "currency_id")
    def _compute_marketplace_hold_acceptable(self):
        for order in self:
            missing = order._marketplace_unknown_lines() or order._is_in_other_currency()
            order.marketplace_hold_acceptable = order.marketplace_hold and not missing

    def _compute_pricelist_id(self):
        """Another customer's pricelist is no reason to reckon in another currency than the marketplace."""
        ours = self.filtered(lambda order: order.marketplace_config_id and order._origin)
        return super(SaleOrder, self - ours)._compute_pricelist_id()

    def _compute_warehouse_id(self):
        """Another salesperson is no reason to deliver from another warehouse than the account's."""
        ours = self.filtered(lambda order: order.marketplace_config_id and order._origin)
        return super(SaleOrder, self - ours)._compute_warehouse_id()

    # ------------------------------------------------------------------ actions

    def action_confirm(self):
        held_anew = self.filtered("marketplace_asked")._open_again()
        if held_anew:
            # What these are held for stands on them now, which a refusal would undo; the others go on.
            others = self - held_anew
            return others.action_confirm() if others else True
        held = self.filtered("marketplace_hold")
        if held:
            raise UserError("\n\n".join(order._marketplace_hold_text() for order in held))
        ended = self.filtered(lambda order: order.marketplace_status in ENDED)
        if ended:
            raise UserError("\n\n".join(order._marketplace_ended_text() for order in ended))
        edited = self.filtered(lambda order: order.marketplace_status == EDITING)
        if edited:
            raise UserError("\n\n".join(order._marketplace_editing_text() for order in edited))
        foreign = self.filtered(lambda order: order._is_in_other_currency())
        if foreign:
            raise UserError("\n\n".join(order._marketplace_currency_text() for order in foreign))
        return super().action_confirm()

    def action_marketplace_retry(self):
        """Look again at the newest documents of these orders: what was mended meanwhile lets them go on."""
        check_access(self, "write")
        # sudo: who may change the order may have it looked at again, without rights on what marketplaces sent
        for order in self.sudo():
            order._marketplace_document().action_replay()

    def action_marketplace_accept(self):
        """Go on in spite of what the order is held for. Products have to be known all the same."""
        check_access(self, "write")
        held = self.filtered("marketplace_hold")
        for order in held:
            if order._is_in_other_currency():
                raise UserError(order._marketplace_currency_text())
            if order._marketplace_unknown_lines():
                raise UserError(_("Match the products of %s first: what is unknown can't be delivered.", order.name))
            reasons, key = order.marketplace_hold, order.marketplace_hold_key
            # sudo: what it is held for is our own code's to write; whoever may change the order accepts it
            accepted = {"marketplace_hold_accepted": key, "marketplace_hold": False, "marketplace_hold_key": False}
            order.sudo().write(accepted)
            order.message_post(body=_("Accepted: %s", reasons))
        # sudo: as above. Where the document is not kept any more, the order stands as it was mended by hand.
        held.sudo()._marketplace_documents()._replayable().action_replay()

    # ------------------------------------------------------------------ portal

    # A customer neither signs nor pays what can't be confirmed: that would be refused, with a reason for the staff.

    def _has_to_be_signed(self):
        return super()._has_to_be_signed() and not self._is_stopped()

    def _has_to_be_paid(self):
        return super()._has_to_be_paid() and not self._is_stopped()

    def _is_confirmation_amount_reached(self):
        return super()._is_confirmation_amount_reached() and not self._is_stopped()

    def _is_stopped(self):
        order = self.sudo()  # customers read none of what marketplaces say
        stopped = order.marketplace_hold or order.marketplace_status in (EDITING, *ENDED)
        return bool(stopped) or order._is_in_other_currency()

    # ------------------------------------------------------------------ business

    def _marketplace_hold_text(self):
        return _("%(order)s is held:\n%(reasons)s", order=self.name, reasons=self.marketplace_hold)

    def _is_in_other_currency(self):
        """Tell whether the numbers of the order are of another currency here than at the marketplace."""
        order = self.sudo()  # who may not see what marketplaces say confirms nothing wrong either
        theirs = order.marketplace_currency
        if not theirs or theirs == order.currency_id.name:
            return False
        # A word that Odoo knows for no currency is held, and may be accepted: no pricelist could be chosen for it.
        return bool(order.env["marketplace.api"]._currency_id(theirs))

    def _marketplace_currency_text(self):
        order = self.sudo()  # as above
        return _(
            "%(order)s is in %(here)s here and in %(there)s at the marketplace. Choose a pricelist in %(there)s: the "
            "prices are those of the marketplace, whatever the pricelist says.",
            order=order.name,
            here=order.currency_id.name,
            there=order.marketplace_currency,
        )

    def _has_left_by_other_ways(self):
        """Tell whether the goods left before the order was confirmed here, and nobody has accepted it since."""
        return LEFT in (self.marketplace_hold_key or "").splitlines()

    def _marketplace_ended_text(self):
        statuses = dict(self._fields["marketplace_status"]._description_selection(self.env))
        return _(
            "%(order)s has ended at the marketplace: %(status)s. To deliver it all the same, duplicate it: the copy "
            "has nothing to do with the marketplace.",
            order=self.name,
            status=statuses[self.marketplace_status],
        )

    def _marketplace_editing_text(self):
        return _(
            "%s is open at the marketplace: its customer is changing it, or asks for something that has to be answered "
            "there. Confirm it when that is over. The marketplace's next word says so; Pull Orders asks for it.",
            self.name,
        )

    def _marketplace_unknown_lines(self):
        """Return the notes that stand for products which nobody has listed."""
        return self.order_line.filtered(lambda line: line.display_type == "line_note" and line.cartona_line_id)

    def _marketplace_documents(self):
        """Return the newest document of each order, as far as they are kept."""
        Inbox = self.env["marketplace.inbox"]
        newest = Inbox._read_group(
            [
                ("config_id", "in", self.marketplace_config_id.ids),
                ("external_id", "in", self.mapped("cartona_id")),
                ("kind", "=", "order"),
                ("stale", "!=", True),
            ],
            ["config_id", "external_id"],
            ["id:max"],
        )
        wanted = {(order.marketplace_config_id, order.cartona_id) for order in self}
        return Inbox.browse(found for config, external_id, found in newest if (config, external_id) in wanted)

    def _marketplace_document(self):
        """Return the newest document of the order."""
        self.ensure_one()
        document = self._marketplace_documents()
        if not document:
            raise UserError(
                _("What the marketplace sent of %s is not kept any more. Mend its lines by hand.", self.name)
            )
        return document

    def _has_newer_document(self):
        """Tell whether a document of the order is here that is not taken over yet."""
        self.ensure_one()
        waiting = [
            ("config_id", "=", self.marketplace_config_id.id),
            ("external_id", "=", self.cartona_id),
            ("kind", "=", "order"),
            ("state", "=", "waiting"),
        ]
        return bool(self.env["marketplace.inbox"].search_count(waiting, limit=1))
