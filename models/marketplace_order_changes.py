# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command, _, models
from odoo.tools import float_compare

from ..compat import create_return
from ..schemas import ENDED, NOT_LEFT, ROUNDING_LINE, STATUS_RANK


class MarketplaceOrderProcessor(models.AbstractModel):
    """What a newer version of an order changes here: the status first, then the lines.

    As long as the order is a draft, the marketplace decides, but for what was changed here and is still to be told it.
    After that only less is taken over, and only of what has not left; everything else is a person's to decide.
    """

    _inherit = "marketplace.order.processor"

    # ------------------------------------------------------------------ newer versions

    def _take_over(self, sale_order, row, order):
        """Take over one more document of an order that is here already; return what it says by now."""
        self._lock_as_it_is(sale_order)
        order = self._as_told(sale_order, row, order)
        self._update_order(sale_order, order)
        return order

    def _update_order(self, sale_order, order):
        """Take over a newer version of an order that is here already, and locked. Extend this to take over more of it,
        or one of the steps, which stand where their subject does."""
        draft = sale_order.state in ("draft", "sent")
        if self._is_stale(sale_order, order.status):
            if draft and sale_order._marketplace_unknown_lines():
                self._update_lines(sale_order, order)  # the status was told apart; what was ordered stands here alone
            return
        self._update_facts(sale_order, order)
        if draft and order.status not in ENDED:
            self._update_lines(sale_order, order)
            self._redirect(sale_order, order)
        elif not self._differs(sale_order, order):
            self._forget_question(sale_order, "changed")
        if draft:
            self._promise(sale_order, order)
        self._update_deadline(sale_order, order)
        self._update_there(sale_order, order)

    def _update_facts(self, sale_order, order):
        """Take over what the marketplace alone knows, but for a status that is behind what it was told."""
        heard = self._prepare_heard(sale_order, order.status, order.raw_status)
        values = {**self._prepare_marketplace_values(order), "marketplace_status": sale_order.marketplace_status}
        sale_order.write({**values, **heard})
        self.env["marketplace.line.changes"]._learn(sale_order, order.lines)

    def _lock_as_it_is(self, sale_order):
        """Read the order as it is by now, and have it stay so until the commit: since it was found, a person may have
        confirmed it, or a sender told its status."""
        sale_order._marketplace_lock()
        sale_order.invalidate_recordset()
        sale_order.order_line.invalidate_recordset()

    def _is_stale(self, sale_order, status):
        """Tell whether a message is older than what the marketplace itself has said. One that is behind only what we
        have told it since may be news of all but the status."""
        return STATUS_RANK[status] < STATUS_RANK.get(sale_order.marketplace_heard_status, 0)

    def _prepare_heard(self, sale_order, status, raw_status):
        """Return what the marketplace says of the status. What we have told it since is further, and stays."""
        heard = {"marketplace_heard_status": status, "marketplace_raw_status": raw_status}
        further = STATUS_RANK.get(sale_order.marketplace_status, 0) > STATUS_RANK[status]
        return heard if further else {**heard, "marketplace_status": status}

    def _update_lines(self, sale_order, order):
        """Make the lines of an order that is not confirmed yet what the marketplace says, but for what was changed here
        and is still to be told it."""
        config, described = sale_order.marketplace_config_id, self._in_language_of(sale_order.partner_id)
        listings = self._resolve_listings(config, [order])
        existing = {line.cartona_line_id: line for line in sale_order.order_line if line.cartona_line_id}
        dropped = self._dropped(sale_order)
        commands, lost = [], sale_order.order_line.browse()
        for line in order.lines:
            if not self._is_ordered(line) or line.external_id in dropped:
                continue
            values = described._prepare_line_values(config, line, self._listing_of(line, listings))
            known = existing.get(line.external_id)
            if known and known.display_type == values.get("display_type", False):
                existing.pop(line.external_id)
                if self._is_kept(known, line):
                    values = self._prepare_line_facts(line)
                elif known._is_changed_here():
                    lost |= known
                commands.append(Command.update(known.id, values))
            else:
                commands.append(Command.create(values))  # Odoo changes no note into a product
        gone = sale_order.order_line.browse([line.id for line in existing.values()])
        self._tell_lost(sale_order, lost | gone.filtered(lambda line: line._is_changed_here()))
        gone.marketplace_quantity = 0.0  # the marketplace has them no more, so it is not told that they go
        commands += [Command.delete(line.id) for line in gone]
        sale_order.with_env(described.env).write({"order_line": commands})
        sale_order._write_there({})  # the lines are by now what is there

    def _dropped(self, sale_order):
        """Return the marketplace's ids of lines that stand here no more, whatever it still says of them."""
        return {*(sale_order.marketplace_dropped or ()), *sale_order._marketplace_removed()}

    def _is_kept(self, line, theirs):
        """Tell whether the line was changed here, and the marketplace still has of it what it had before."""
        return line._is_changed_here() and not line._is_news_of(theirs)

    def _tell_lost(self, sale_order, lines):
        """Tell a person what lines were here that the marketplace has changed as well."""
        if not lines:
            return
        texts = "; ".join(map(self._line_text, lines))
        sale_order.message_post(body=_("Changed at the marketplace, too, before it was told. Here it was: %s", texts))
        self._ask_person(
            sale_order,
            _("Changed here and at the marketplace"),
            _(
                "The lines are now as the marketplace has them; the messages say how they were here. Change them again "
                "where that is still wanted."
            ),
            cause="changed-twice",
        )

    def _line_text(self, line):
        return _(
            "%(product)s: %(quantity)s at %(price)s",
            product=line.product_id.display_name,
            quantity=format(line.product_uom_qty, "g"),
            price=format(line.price_unit, "g"),
        )

    def _is_to_compare(self, sale_order, order):
        """Tell whether there is anything for :meth:`_compare_order`: a confirmed order that has not left, and of which
        the marketplace says something else. Extend both alike."""
        return self._is_under_way(sale_order, order) and (
            self._differs(sale_order, order)
            or self._is_moved(sale_order, order)
            or self._is_promised_anew(sale_order, order)
        )

    def _is_under_way(self, sale_order, order):
        """Tell whether the order is confirmed, and by the marketplace's newest word has not left."""
        open_there = {order.status, sale_order.marketplace_status} <= set(NOT_LEFT)
        under_way = sale_order.state == "sale" and open_there
        return under_way and not self._is_stale(sale_order, order.status)

    def _compare(self, sale_order, row):
        """Take over what can be of the newest document of a confirmed order, and ask a person about the rest. It moves
        stock, so it is a follow-up, in a transaction of its own kind."""
        if row.kind != "order" or row != sale_order._marketplace_document():
            return
        order = self._as_told(sale_order, row, self._parse(row.config_id, row))
        if self._is_to_compare(sale_order, order):
            self._compare_order(sale_order, order)

    def _compare_order(self, sale_order, order):
        self._reduce_lines(sale_order, order)
        self._ask_about_difference(sale_order, order)
        self._redirect(sale_order, order)
        self._promise(sale_order, order)
        self._keep_there(sale_order, order)  # what was reduced here is agreed on by now

    def _reduce_lines(self, sale_order, order):
        """Take over that less is wanted of a confirmed order, as far as it has not left yet."""
        there = {line.external_id: line for line in order.lines if self._is_ordered(line)}
        locked, reduced = sale_order.locked, sale_order.order_line.browse()
        for line in sale_order.order_line.filtered("cartona_line_id"):
            wanted = there[line.cartona_line_id].quantity if line.cartona_line_id in there else 0.0
            quantity = line._from_selling_units(wanted)  # somebody may have chosen another unit
            less = float_compare(quantity, line.product_uom_qty, precision_digits=4) < 0
            if not less or not line._is_news("marketplace_quantity", wanted):
                continue  # what was raised here and is not told yet is no change of theirs
            if float_compare(quantity, line.qty_delivered, precision_digits=4) >= 0:
                if sale_order.locked:
                    sale_order.action_unlock()
                # The next comparison with the marketplace must find both sides equal.
                line.write({"product_uom_qty": quantity, "marketplace_quantity": wanted})
                reduced |= line
        if locked and not sale_order.locked:
            sale_order.action_lock()
        if reduced:
            self._ask_to_credit(sale_order)

    def _ask_to_credit(self, sale_order):
        """Less may be wanted of some lines than the customer was invoiced already."""
        texts = []
        for line in sale_order.order_line.filtered("cartona_line_id"):
            invoiced = line._marketplace_posted()
            if float_compare(invoiced, line.product_uom_qty, precision_digits=4) > 0:
                texts.append(self._credit_text(line, invoiced))
        if texts:
            summary = _("Less is wanted at the marketplace than was invoiced here")
            self._ask_person(sale_order, summary, "\n".join(texts), cause="reduced-invoiced")

    def _credit_text(self, line, invoiced):
        return _(
            "%(product)s: %(invoiced)s are invoiced, %(ordered)s are wanted. Create a credit note for the rest.",
            product=line.product_id.display_name,
            invoiced=format(invoiced, "g"),
            ordered=format(line.product_uom_qty, "g"),
        )

    def _ask_about_difference(self, sale_order, order):
        if not self._differs(sale_order, order):
            self._forget_question(sale_order, "changed")
            return
        lines = [[line.external_id, line.quantity, line.price_unit] for line in order.lines if self._is_ordered(line)]
        self._ask_person(
            sale_order,
            _("Changed at the marketplace after it was confirmed"),
            _("The lines there differ from those here. Compare them, and change the delivery where it is needed."),
            cause="changed",
            about=self.env["marketplace.inbox"]._digest(sorted(lines)),
        )

    def _differs(self, sale_order, order):
        """Tell whether the lines that the marketplace has are not those that both sides agreed on: what was changed
        here is told, not asked about."""
        dropped = self._dropped(sale_order)
        there = {
            line.external_id: line for line in order.lines if self._is_ordered(line) and line.external_id not in dropped
        }
        there.pop(ROUNDING_LINE, None)  # it follows from the others
        here = {
            line.cartona_line_id: line
            for line in sale_order.order_line
            if line.marketplace_quantity and line._is_known_there()
        }
        return there.keys() != here.keys() or any(here[line_id]._is_news_of(line) for line_id, line in there.items())

    # ------------------------------------------------------------------ endings

    def _cancel(self, sale_order):
        """Cancel here what was cancelled there. With goods already out, what is left to go is stopped, and a person is
        told to take back the rest; of what was picked and has not left, to put it back."""
        if sale_order.state == "cancel":
            return
        if sale_order.locked:
            sale_order.action_unlock()
        done = sale_order.picking_ids.filtered(lambda picking: picking.state == "done")
        if done._marketplace_outgoing():
            self._stop_deliveries(sale_order)
            self._ask_person(
                sale_order,
                _("Cancelled at the marketplace, but goods have left"),
                _("Take the goods back with a return, then cancel the order."),
                cause="cancelled-late",
                about="cancelled",
            )
            return
        sale_order._action_cancel()
        if done:
            self._ask_person(
                sale_order,
                _("Cancelled at the marketplace after it was picked"),
                _("It has not left. Return what was picked to where it is stored."),
                cause="cancelled-picked",
            )
        if sale_order.invoice_ids.filtered(lambda invoice: invoice.state == "posted"):
            self._ask_person(
                sale_order,
                _("Cancelled at the marketplace, but invoiced here"),
                _("Create a credit note for the invoice of this order."),
                cause="cancelled-invoiced",
            )

    def _take_back(self, sale_order):
        """Prepare a return of what the customer has and sends back, as far as there is none; a person validates it when
        the goods are here. Of an order that was never confirmed here nothing was delivered."""
        if sale_order.state in ("draft", "sent"):
            sale_order._action_cancel()
            return
        back = self._stop_deliveries(sale_order)
        outgoing = sale_order.picking_ids._marketplace_outgoing()
        for picking in outgoing.filtered(lambda picking: picking.state == "done"):
            create_return(picking)
        back.move_ids._action_assign()  # Odoo takes from them what it reserves for another return
        self._ask_person(
            sale_order,
            _("Returned at the marketplace"),
            _("Validate the return when the goods are back, then credit the invoice if there is one."),
            cause="returned",
            about="returned",
        )

    def _stop_deliveries(self, sale_order):
        """Cancel what is still to go out, and what nobody has picked yet for it; return what is coming back."""
        open_pickings = sale_order.picking_ids.filtered(lambda picking: picking.state not in ("done", "cancel"))
        back = (open_pickings - open_pickings._marketplace_outgoing()).filtered(
            lambda picking: picking.return_id or picking.picking_type_code == "incoming"
        )
        (open_pickings - back).action_cancel()
        return back
