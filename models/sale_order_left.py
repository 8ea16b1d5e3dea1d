# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models

from ..compat import check_access, format_list
from ..schemas import ENDED, NOT_LEFT

LEFT_MARKS = "marketplace.left.marks"
# The cause of the question what becomes of an order of which nothing goes out.
NOTHING = "nothing-goes"


class SaleOrder(models.Model):
    """That all of an order has left: with its last delivery, or since what was still to go out has been given up."""

    _inherit = "sale.order"

    def _has_all_left(self):
        """Tell whether goods have gone out and nothing is left to go: a backorder is not delivery."""
        self.ensure_one()
        states = set(self.picking_ids._marketplace_outgoing().mapped("state"))
        return (
            "done" in states
            and states <= {"done", "cancel"}
            and not self.order_line.move_ids._is_on_its_way_out()
            and not self.order_line._is_to_be_procured()
        )

    def _tell_marketplace_left(self):
        """Tell the marketplace that the goods have left, of those orders of which nothing is left to go out."""
        marks = self.env.cr.precommit.data.get(LEFT_MARKS, set())
        for order in self.sudo().filtered("marketplace_config_id"):  # rights on deliveries end before the account
            marks.discard(order.id)
            if order.state == "sale" and order._has_all_left():
                order._tell_marketplace_packages()  # before what the order's own status says
                order._tell_marketplace("left")
                order._note_marketplace_shipped()  # of what was told before the rest was given up
                order.with_context(lang=order.marketplace_config_id._language())._ask_about_quantities()
                order._request_marketplace_invoice()
            elif order._has_nothing_to_go():
                order.with_context(lang=order.marketplace_config_id._language())._ask_about_nothing()
                continue
            self.env["marketplace.order.processor"]._forget_question(order, NOTHING)

    def _has_nothing_to_go(self):
        """Tell whether the order stands, and all that was to go out of it has been given up before anything left."""
        goods = self.order_line.filtered(lambda line: line._is_marketplace_goods() and line.product_uom_qty > 0)
        return (
            self.state == "sale"
            and self.marketplace_status in NOT_LEFT
            and bool(goods)
            and set(self.picking_ids._marketplace_outgoing().mapped("state")) <= {"cancel"}
            and not self.order_line.move_ids._is_on_its_way_out()
            and not goods._is_to_be_procured()
        )

    def _ask_about_nothing(self):
        self.env["marketplace.order.processor"]._ask_person(
            self,
            _("Nothing of the order goes out any more"),
            _(
                "Its delivery was cancelled or deleted here, so its goods are offered to others again, while the "
                "marketplace waits for them. Cancel the order; or have it delivered: choose “Marketplace: Deliver "
                "Again” in its Action menu."
            ),
            cause=NOTHING,
            about=str(max(self.order_line.move_ids.ids, default="")),
        )

    def action_marketplace_deliver_again(self):
        """Have what is ordered and on no delivery delivered, after its delivery was cancelled or deleted."""
        check_access(self, "write")
        for order in self.filtered(lambda order: order.state == "sale" and order.marketplace_config_id):
            order.order_line._action_launch_stock_rule()
            self.env["marketplace.order.processor"]._forget_question(order.sudo(), NOTHING)

    def _ask_about_quantities(self):
        """Where other quantities have left than were ordered and we don't tell so, a person settles it there."""
        config = self.marketplace_config_id
        if self.marketplace_status in ENDED or (config.push_lines and self._may_change_lines()):
            return
        gone = self.order_line._is_marketplace_gone()
        amounts = {line: line._marketplace_amount(gone) for line in self.order_line if line._is_marketplace_known()}
        other = [line for line, amount in amounts.items() if line._differs_there("marketplace_quantity", amount)]
        processor = self.env["marketplace.order.processor"]
        if not other:
            processor._forget_question(self, "quantities")
            return
        texts = format_list(self.env, (line._left_text(amounts[line]) for line in other))
        processor._ask_person(
            self,
            _("Other quantities have left than were ordered at the marketplace"),
            _("Odoo does not tell the marketplace. Settle it there, by a refund for instance: %s.", texts),
            cause="quantities",
            about="; ".join(f"{line.cartona_line_id}: {amounts[line]:g}" for line in other),
        )

    def _mark_marketplace_left(self):
        """Note that less is to go out of these orders. Whether that was all is seen at the flush: until then the order
        may be cancelled, or more be added to it."""
        data = self.env.cr.precommit.data
        if self and LEFT_MARKS not in data:
            data[LEFT_MARKS] = set()
            self.env.cr.precommit.add(self.env["sale.order"]._flush_marketplace_left)
        data.get(LEFT_MARKS, set()).update(self.ids)

    def _flush_marketplace_left(self):
        marked = self.env.cr.precommit.data.pop(LEFT_MARKS, ())
        self.browse(marked).exists()._tell_marketplace_left()


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def _is_to_be_procured(self):
        """Tell whether goods of these lines are on no delivery yet, as what a vendor brings is not before its purchase
        is confirmed. What was on one and given up, or deleted, is to come no more."""
        # sudo: whoever sells may lack rights on deliveries
        return any(
            line._is_marketplace_goods() and line.product_uom_qty > 0 and not line.move_ids and line._is_being_bought()
            for line in self.sudo()
        )

    def _is_being_bought(self):
        """Tell whether a vendor is to bring what the line asks for; where Odoo's purchases are not installed, none."""
        bought = self.purchase_line_ids if "purchase_line_ids" in self._fields else ()
        return any(line.state != "cancel" for line in bought)

    def _is_marketplace_gone(self):
        """Tell whether the customer has any of the goods. What has all come back may be sent once more."""
        return any(line._is_marketplace_goods() and line.qty_delivered > 0 for line in self)

    def _is_marketplace_known(self):
        """Tell whether these are goods that the marketplace has on the order."""
        return bool(self.cartona_line_id and self.marketplace_quantity and self._is_marketplace_goods())

    def _left_text(self, amount):
        return _(
            "%(product)s: %(gone)s of %(ordered)s",
            product=self.product_id.display_name,
            gone=format(amount, "g"),
            ordered=format(self._marketplace_now("marketplace_quantity"), "g"),
        )

    def _marketplace_to_go(self):
        """Return how much of the line is on its way out, in its unit; of a kit, which is complete with the last of its
        components alone, at most what was ordered."""
        moves = self.sudo().move_ids  # whoever sells may lack rights on deliveries
        to_go = moves.filtered(lambda move: move._is_to_go_to_customer())
        quantity = sum(to_go.mapped("product_qty"))
        if to_go.product_id <= self.product_id:
            return self.product_id.uom_id._compute_quantity(quantity, self.product_uom, round=False)
        return self.product_uom_qty

    def _mark_marketplace_left(self):
        """Where it was these lines alone that were still to come, there may be nothing left to wait for."""
        goods = self.sudo().filtered(lambda line: line.order_id.cartona_id and line._is_marketplace_goods())
        goods.filtered(lambda line: not line.move_ids).order_id._mark_marketplace_left()


class StockMove(models.Model):
    _inherit = "stock.move"

    def _action_cancel(self):
        # Whatever way a delivery is given up, deleted or made smaller by its order, its moves are cancelled.
        result = super()._action_cancel()
        # sudo: whoever may cancel a move may lack rights on sales orders and accounts
        moves = self.sudo()
        orders = moves.picking_id._marketplace_outgoing().sale_id | moves._on_the_way_out().sale_line_id.order_id
        orders.filtered("marketplace_config_id")._mark_marketplace_left()
        return result

    def _on_the_way_out(self):
        """Return the moves of a step before the last one, where they name it: since 18.0, which plans a step when the
        one before it is done. Until then what is still to be picked is on no delivery to the customer."""
        if "location_final_id" not in self._fields:
            return self.browse()
        return self.filtered(lambda move: "customer" == move.location_final_id.usage != move.location_dest_id.usage)

    def _is_on_its_way_out(self):
        return any(move.state not in ("done", "cancel") for move in self._on_the_way_out())

    def _is_to_go_to_customer(self):
        """Tell whether the move is part of what the customer is still to get, as Odoo counts what is delivered: what is
        sent again counts where its return did."""
        self.ensure_one()
        if self.state in ("done", "cancel") or (self.origin_returned_move_id and not self.to_refund):
            return False
        return self.location_dest_id.usage == "customer" or bool(self._on_the_way_out())
