# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, api, fields, models
from odoo.exceptions import UserError

from ..compat import check_access, format_list
from ..schemas import ENDED, STATUS_RANK, LineChange

FINAL = ("delivered", *ENDED)
LINE_MARKS = "marketplace.lines.marks"


class SaleOrder(models.Model):
    """What a marketplace is told of its orders: statuses by the account's rules, and lines that were changed here.

    Both are commands in the outbox. What is said of lines is made up when it is sent, of the lines as they are then.
    """

    _inherit = "sale.order"

    marketplace_cancel_reason = fields.Selection(
        selection=lambda self: self.env["marketplace.api"]._cancellation_reasons(),
        string="Cancellation Reason",
        copy=False,
        help="What the marketplace is told when this order is cancelled. Empty: the account's own reason.",
        groups="base.group_user",
    )
    marketplace_dropped = fields.Json(
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Lines that were deleted here, by the marketplace's IDs: its documents don't bring them back.",
    )
    marketplace_cancel_reasons = fields.Char(compute="_compute_marketplace_cancel_reasons", groups="base.group_user")

    @api.depends("marketplace_config_id")
    def _compute_marketplace_cancel_reasons(self):
        for order in self.sudo():  # the seller's rights end before the account's settings
            order.marketplace_cancel_reasons = order.marketplace_config_id.marketplace_cancel_reasons

    # ------------------------------------------------------------------ CRUD

    @api.ondelete(at_uninstall=False)
    def _unlink_except_open_at_marketplace(self):
        """The marketplace would go on waiting for the order, and its next document would bring it back."""
        orders = self.filtered(lambda order: order.sudo()._is_open_at_marketplace())
        if orders:
            raise UserError(
                _(
                    "The marketplace still waits for %s. Cancel instead of deleting: a cancelled order can be deleted "
                    "once the marketplace has been told of it.",
                    format_list(self.env, orders.mapped("name")),
                )
            )

    # ------------------------------------------------------------------ Odoo's actions

    def _action_confirm(self):
        result = super()._action_confirm()
        self._tell_marketplace("confirmed")
        return result

    def _action_cancel(self):
        result = super()._action_cancel()
        self._tell_marketplace("cancelled")
        return result

    def action_draft(self):
        check_access(self, "write")
        result = super().action_draft()
        if self.sudo().marketplace_config_id:
            self.env["marketplace.wake"]._request()  # what was to be told of the cancellation is dropped
        return result

    # ------------------------------------------------------------------ statuses

    def _tell_marketplace(self, event):
        """Leave the command that ``event`` asks for by the account's rules, unless the marketplace knows that or better
        already; before it, what it does not know of the lines.

        A status that came from the marketplace is stored before Odoo acts upon it; so it is never sent back to it.
        """
        for order in self.sudo().filtered("marketplace_config_id"):  # the seller's rights end before the account
            config = order.marketplace_config_id
            status = order._status_to_tell(event) if config.push_status else None
            if not status or not order._may_tell(status):
                continue
            if status == "delivered" and order._is_delivery_accepted():
                order._set_marketplace_status(status)
                continue
            if status != "cancelled":
                order._tell_marketplace_lines()
            self.env["marketplace.outbox"]._command(order, "status", status, order._prepare_status_payload(status))

    def _status_to_tell(self, event):
        """Return the status that the rules name for ``event``. *Delivered* needs the customer's OTP on some orders: as
        long as the marketplace has not accepted it, the goods are just on their way."""
        status = self.marketplace_config_id._status_for(event)
        return "shipped" if status == "delivered" and self._needs_otp() else status

    def _prepare_status_payload(self, status):
        """Return what goes with a status, see ``marketplace.api._push_order_status``."""
        if status != "cancelled":
            return {}
        config = self.marketplace_config_id
        known = config._capabilities()["cancellation_reasons"]
        chosen = self.marketplace_cancel_reason
        return {"reason": chosen if chosen in known else config.cancellation_reason}

    def _may_tell(self, status):
        self.ensure_one()
        if self.marketplace_delivers and status != "cancelled":
            return False  # the marketplace moves the order itself; the supplier may only cancel
        if self.marketplace_status in FINAL or (status == "cancelled" and self._has_left_by_other_ways()):
            return False
        return STATUS_RANK[status] > STATUS_RANK.get(self.marketplace_status, 0)

    def _is_open_at_marketplace(self):
        """Tell whether the marketplace counts on this order, and has not been told otherwise."""
        self.ensure_one()
        if not self.marketplace_config_id or not self.cartona_id or self.marketplace_status in FINAL:
            return False
        commands = [("lane", "=", "orders"), ("order_id", "=", self.id)]
        return self.state != "cancel" or bool(self.env["marketplace.outbox"].search_count(commands, limit=1))

    def _marketplace_lock(self):
        """Have this order stay as it is until the commit. Who only names it, in a line that is added, need not wait."""
        self.ensure_one()
        self.env.cr.execute("SELECT 1 FROM sale_order WHERE id = %s FOR NO KEY UPDATE", [self.id])

    def _set_marketplace_status(self, status, user_id=None):
        """Note that the marketplace has accepted ``status``, unless it has told us better while we were asking.

        :param user_id: who moved the order here, if that is not the current user
        """
        self.ensure_one()
        self._marketplace_lock()
        self.invalidate_recordset(["marketplace_status"])
        if STATUS_RANK[status] >= STATUS_RANK.get(self.marketplace_status, 0):
            # What we did ourselves is in the chatter already.
            mover = user_id or self.env.uid
            self.with_context(tracking_disable=True, marketplace_mover=mover).marketplace_status = status

    # ------------------------------------------------------------------ lines

    def _mark_marketplace_lines(self, removed=None):
        """Note that lines of these orders were changed here, to be made commands at the flush.

        :param dict removed: what lines that were deleted came to, by the marketplace's ids of them
        """
        data = self.env.cr.precommit.data
        if LINE_MARKS not in data:
            data[LINE_MARKS] = {}
            self.env.cr.precommit.add(self.env["sale.order"]._flush_marketplace_lines)
        for order in self:
            data[LINE_MARKS].setdefault(order.id, {}).update(removed or {})

    def _note_marketplace_dropped(self, line):
        """Keep that this line was deleted here, also where the marketplace is told nothing of lines."""
        # sudo: what is kept of it is our own code's to write; whoever may delete the line causes it
        order, line = self.sudo(), line.sudo()
        kept = {line.cartona_line_id: {"product": line.product_id.id, "known": line._marketplace_known()}}
        order.marketplace_dropped = {**(order.marketplace_dropped or {}), **kept}
        order._drop_settled(line.cartona_line_id)

    def _flush_marketplace_lines(self):
        marked = list(self.env.cr.precommit.data.get(LINE_MARKS) or ())
        # sudo: whoever may change an order may thereby cause the message about it
        self.sudo().browse(marked).exists()._tell_marketplace_lines()
        self.env.cr.precommit.data.pop(LINE_MARKS, None)

    def _tell_marketplace_lines(self):
        """Leave a command for each order whose lines are not what the marketplace has. Called with sudo."""
        marks = self.env.cr.precommit.data.get(LINE_MARKS) or {}
        self._settle_there()
        # Of what is under way just now, nobody knows yet how it ends: the sender looks once more after it.
        under_way = set(self._marketplace_line_commands().mapped("order_id"))
        for order in self:
            # A deletion may have been undone with its savepoint.
            there = set(order.order_line.mapped("cartona_line_id"))
            removed = {line_id: total for line_id, total in marks.pop(order.id, {}).items() if line_id not in there}
            if not order.marketplace_config_id.push_lines or not order._may_change_lines():
                continue
            if removed or order.id in under_way or order._marketplace_line_changes():
                self.env["marketplace.outbox"]._command(order, "lines", payload={"removed": removed})

    def _may_change_lines(self):
        """Tell whether the marketplace takes changes of this order's lines from us."""
        self.ensure_one()
        config = self.marketplace_config_id
        if not config or not self.cartona_id or self.marketplace_delivers or self.state == "cancel":
            return False
        return self.marketplace_status in {"editing"} | config._capabilities()["line_statuses"]

    def _marketplace_line_changes(self, removed=(), again=(), unsure=None):
        """Return what the marketplace does not know of the lines: ``[(sale.order.line, LineChange)]``.

        :param removed: the marketplace's ids of lines that were deleted here
        :param again: ids, as text, of lines that are to be added although they were sent before
        :param dict unsure: what of lines nobody knows there, by the marketplace's ids of them: ``{id: ["quantity"]}``
        """
        self.ensure_one()
        nobody = self.env["sale.order.line"]
        changes = [(nobody, LineChange(external_id=line_id, quantity=0.0)) for line_id in removed]
        gone = self.order_line._is_marketplace_gone()
        for line in self.order_line:
            doubt = (unsure or {}).get(line.cartona_line_id, ())
            changes += [(line, change) for change in line._marketplace_changes(str(line.id) in again, gone, doubt)]
        return changes

    def _marketplace_line_commands(self):
        """Return what waits, or failed, to be told of the orders' lines."""
        return self.env["marketplace.outbox"].search(
            [("lane", "=", "orders"), ("order_id", "in", self.ids), ("operation", "=", "lines")], order="id"
        )

    def _marketplace_removed(self):
        """Return what was removed here and is still to be told, as ``{marketplace's line id: its sum}``."""
        return self.env["marketplace.line.changes"]._merged(self._marketplace_line_commands(), "removed")

    def _marketplace_untold(self):
        """Return by how much the marketplace's total changes when it is told of the lines; 0 where it refuses that."""
        commands = self._marketplace_line_commands()
        if not commands or "failed" in commands.mapped("state"):
            return 0.0
        gone = self.order_line._is_marketplace_gone()
        lines = self.order_line.filtered(lambda line: line._marketplace_changes(gone=gone))
        ours = sum(line._marketplace_amount(gone) * line._marketplace_price(line._net_price()) for line in lines)
        return ours - sum(line._marketplace_sum() for line in lines) - sum(self._marketplace_removed().values())

    def _add_to_marketplace_total(self, amount):
        """Follow with the marketplace's total what we have changed there."""
        if amount and self.marketplace_total_known:
            self.marketplace_total += amount
