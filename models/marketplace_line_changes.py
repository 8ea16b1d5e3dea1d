# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models

from ..compat import format_list
from ..database import own_transaction
from ..schemas import RowResult
from ..transport import errors

# Error code of a command whose answer was lost: only a person may have it sent again.
DOUBT = "doubt"


class MarketplaceLineChanges(models.AbstractModel):
    """Changed lines of orders on their way out. All commands of one order are one: what is sent is the difference
    between the lines as they are now and what the marketplace has of them.

    To change a line twice does no harm; to add it twice does. So before a line is added, that this was tried is stored,
    and unless the marketplace answers, a person is asked to look. To remove it twice may be refused, since it is gone
    by then: that it was tried is stored, too, and such a refusal holds back nothing. And what was told without an
    answer is told again as it is by then, also where that is what the marketplace had before.
    """

    _name = "marketplace.line.changes"
    _description = "Changed Lines of Marketplace Orders"

    # ------------------------------------------------------------------ sending

    def _send(self, config, order, command):
        """Carry out the commands about the lines of ``order``, of which ``command`` is the first; tell whether the next
        one may follow."""
        self._settle(order)
        commands = order._marketplace_line_commands()
        removed, adding = self._merged(commands, "removed"), self._merged(commands, "adding")
        unsure = self._unsure(commands)
        changes = self._leave_unknown(order, order._marketplace_line_changes(removed, adding, unsure))
        if not changes:
            commands.unlink()
            return True
        lane = self.env["marketplace.lane.orders"]
        problem = self._why_impossible(changes)
        if problem:
            lane._store_failure(command, RowResult.rejected("lines", problem))
            return True
        added = [(line, change) for line, change in changes if not change.external_id]
        leaving = {change.external_id for _line, change in changes if change.removes}
        taken, known_error = order._marketplace_taken_document(), command.error_code
        unanswered = self._note_telling(command, commands, changes)
        before = self._note_doubt(command, added, leaving) if added else {}
        answer, error = self._tell(config, order, changes, unanswered["removing"])
        if added and error and errors.maybe_applied(error):
            lane._tell_failed(command)
            return False
        if added:
            self._clear_doubt(command, before, known_error)
        if not (error and errors.maybe_applied(error)):
            self._write_telling(command, unanswered)  # nothing that nobody has heard of, but for what was before
        result, told = answer or (None, [])
        if result and result.outcome == "accepted":
            former = {known["cartona_line_id"] for known in before.values()}
            self._store(order, changes, told, removed, former)
            order.marketplace_told_document = taken
            commands.unlink()
            return True
        return lane._conclude(config, order, command, result, error)

    def _settle(self, order):
        """Agree to what is here as it is there by now: a document may have come since. In a transaction of its own, as
        what is stored before the call is: it would wait for this one."""
        if order.marketplace_there:
            with own_transaction(self.env) as env:
                order = env["sale.order"].browse(order.id)
                self.with_env(env)._lock(order)
                order._settle_there()
            self.env.invalidate_all()

    def _leave_unknown(self, order, changes):
        """Return the changes that can be told. Those of lines whose ids the marketplace has not said can't, and perhaps
        never: a person settles them there, and nothing waits for that."""
        unknown = [
            (line, change)
            for line, change in changes
            if line.marketplace_quantity and not (line.cartona_line_id or change.product_external_id)
        ]
        lines = order.order_line.browse().union(*(line for line, _change in unknown))
        if lines:
            with own_transaction(self.env) as env:  # what is asked holds the order, and no call is made while it does
                self.with_env(env)._ask_about_unknown(order.with_env(env), lines.with_env(env))
            self.env.invalidate_all()
        return [(line, change) for line, change in changes if line not in lines]  # nor what a line is replaced by

    def _ask_about_unknown(self, order, lines):
        self._lock(order)
        texts = [self._unknown_text(line) for line in lines]
        self.env["marketplace.order.processor"]._ask_person(
            order,
            _("Lines whose ID the marketplace has not told"),
            _(
                "They were added from here, and can't be changed there until one of its documents names them. All else "
                "goes on. Change them there by hand, so that they are: %s.",
                format_list(self.env, texts),
            ),
            cause="line-ids",
            about="; ".join(texts),
        )

    def _unknown_text(self, line):
        former = line.marketplace_product_id
        if not former or former == line.product_id:
            return self._line_text(line)
        return _("%(line)s, in place of %(product)s", line=self._line_text(line), product=former.display_name)

    def _line_text(self, line):
        return _(
            "%(product)s: %(quantity)s at %(price)s",
            product=line.product_id.display_name,
            quantity=format(line._marketplace_amount(), "g"),
            price=format(line._marketplace_price(line._net_price()), "g"),
        )

    def _tell(self, config, order, changes, removed_before):
        """Make the call; return ``(answer, error)``, one of them ``None``. Where lines were to be taken off before, the
        answer was lost, and it is refused now, they are off already: the rest is told alone, and a person looks."""
        lane = self.env["marketplace.lane.orders"]
        answer, error = lane._guarded(config, self._call, config, order, [change for _line, change in changes])
        refused = isinstance(error, errors.RequestRejected) or bool(answer) and answer[0].outcome == "rejected"
        if not removed_before or not refused:
            return answer, error
        why = str(error or answer[0].message)
        rest = [change for _line, change in changes if change.external_id not in removed_before]
        answer, error = (RowResult.accepted(), []), None
        if rest:
            answer, error = lane._guarded(config, self._call, config, order, rest)
        if answer and answer[0].outcome == "accepted":
            self._ask_about_removed(order, removed_before, why)
        return answer, error

    def _call(self, config, order, changes):
        return config._api()._push_order_lines(config, order.cartona_id, changes)

    def _merged(self, commands, key):
        return {name: value for command in commands for name, value in (command.payload or {}).get(key, {}).items()}

    def _why_impossible(self, changes):
        """Return why the marketplace can't be told of these changes, in words for a person; ``""`` when it can."""
        for line, change in changes:
            if change.external_id or change.product_external_id:
                continue
            return _(
                "Missing external ID: “%s” is not among the account's listings, so it can't be added at the "
                "marketplace. List it and retry, or remove the line.",
                line.product_id.display_name,
            )
        return ""

    # ------------------------------------------------------------------ in doubt

    def _note_telling(self, command, commands, changes):
        """Store, before the call, which lines it may take off, and which it may change. Return in the same form those
        of them that a call without an answer may have taken off or changed before."""
        theirs = [change for _line, change in changes if change.external_id]
        noted = {
            "removing": {change.external_id: True for change in theirs if change.removes},
            "telling": {change.external_id: change.told() for change in theirs if not change.removes},
        }
        before = {"removing": self._merged(commands, "removing"), "telling": self._unsure(commands)}
        with own_transaction(self.env) as env:
            self.with_env(env)._write_telling(env["marketplace.outbox"].browse(command.id), noted)
        self.env.invalidate_all()
        return {key: {id_: before[key][id_] for id_ in ids if id_ in before[key]} for key, ids in noted.items()}

    def _unsure(self, commands):
        """Return of which lines nobody knows what of them the marketplace has: ``{its id: ["quantity"]}``. Of what was
        to go and stays, its quantity."""
        removing = dict.fromkeys(self._merged(commands, "removing"), ["quantity"])
        telling = self._merged(commands, "telling")
        return {id_: [*removing.get(id_, ()), *telling.get(id_, ())] for id_ in removing | telling}

    def _write_telling(self, command, noted):
        others = {key: value for key, value in (command.payload or {}).items() if key not in noted}
        command.payload = {**others, **{key: ids for key, ids in noted.items() if ids}}

    def _ask_about_removed(self, order, line_ids, why):
        self.env["marketplace.order.processor"]._ask_person(
            order,
            _("Were the lines taken off at the marketplace?"),
            _(
                "It was told to take off lines, the answer was lost, and told again it refuses: %(why)s Most likely "
                "they are off. Compare the order there with this one (lines there: %(lines)s).",
                why=why,
                lines=format_list(self.env, sorted(line_ids)),
            ),
            cause="lines-removed",
            about=",".join(sorted(line_ids)),
        )

    def _note_doubt(self, command, added, leaving):
        """Store, before the call, that it may have added lines: a crash or a lost answer leaves it at that. Return what
        was known of these lines before.

        :param set leaving: the ids of the lines that it takes off: some are what these were until now
        """
        before = {line.id: line._marketplace_known() for line, _change in added}
        # No line has these ids from now on; what they came to is taken off with the lines.
        gone = {known["cartona_line_id"]: 0.0 for known in before.values() if known["cartona_line_id"] in leaving}
        former = {known["cartona_line_id"] for known in before.values()}
        payload = command.payload or {}
        with own_transaction(self.env) as env:
            order = env["sale.order"].browse(command.order_id)
            env[self._name]._store(order, added, former=former)
            order.marketplace_told_document = order._marketplace_taken_document()
            env["marketplace.outbox"].browse(command.id).write(
                {
                    "state": "failed",
                    "payload": {
                        **payload,
                        "adding": {str(line_id): True for line_id in before},
                        "removed": {**payload.get("removed", {}), **gone},
                    },
                    "error_code": DOUBT,
                    "last_error": _(
                        "The answer was lost, so it is not known whether these lines were added: %s. Look at the order "
                        "at the marketplace. If they are missing, retry; if they are there, delete this in the outbox.",
                        format_list(env, (line.product_id.display_name for line, _change in added)),
                    ),
                }
            )
        self.env.invalidate_all()
        return before

    def _clear_doubt(self, command, before, error_code):
        """The marketplace has answered, so there is no doubt: back to what was known before the call, of the lines and
        of the command, by whose ``error_code`` it is known whether it failed before. A line whose id a document has
        told meanwhile is there."""
        self._lock(self.env["sale.order"].browse(command.order_id))
        for line_id, values in before.items():
            line = self.env["sale.order.line"].browse(line_id).exists()
            if not line.cartona_line_id:
                self._write_known(line, values)
        ours = {known["cartona_line_id"] for known in before.values()}
        removed = {line_id: value for line_id, value in command.payload["removed"].items() if line_id not in ours}
        payload = {**command.payload, "removed": removed}
        del payload["adding"]
        command.write({"state": "waiting", "payload": payload, "error_code": error_code, "last_error": False})

    # ------------------------------------------------------------------ what the marketplace has now

    def _store(self, order, changes, told=(), removed=None, former=frozenset()):
        """Note on the lines what the marketplace has taken, and its ids of those that are new.

        :param told: ``[(line id, external product id)]`` as the marketplace answered, of new lines or of all
        :param dict removed: what the lines that were deleted here came to, by the marketplace's ids of them
        :param set former: the ids that lines which are added had until now; what is added has another
        """
        self._lock(order)
        known = set(order.order_line.mapped("cartona_line_id"))
        fresh = [(line_id, product_id) for line_id, product_id in told if line_id not in known]
        for line, change in changes:
            line = order.order_line.browse(line.id).exists()  # not, where it was deleted here
            if line:
                self._write_known(line, self._prepare_known_values(line, change, fresh, former))
        order._add_to_marketplace_total(-sum((removed or {}).values()))

    def _lock(self, order):
        """Have the order stay as it is by now: a document may have been taken over during the call. The order before
        its lines, as who does that: else the two could wait for each other."""
        self.env["marketplace.order.processor"]._lock_as_it_is(order)

    def _write_known(self, line, values):
        if line:
            before, line_id = line._marketplace_sum(), line.cartona_line_id
            line.write(values)
            line.order_id._note_there(line_id, values)
            line.order_id._add_to_marketplace_total(line._marketplace_sum() - before)

    def _prepare_known_values(self, line, change, fresh, former):
        """Return what is known of a line once the marketplace has taken ``change``."""
        if change.quantity == 0.0:
            if line.cartona_line_id and line.cartona_line_id != change.external_id:
                return {}  # its new line has been told meanwhile
            # Should there be something of it again, that is a new line for the marketplace.
            amounts = ("quantity", "price_unit", "supplier_discount", "discount")
            return {"cartona_line_id": False, **{f"marketplace_{name}": 0.0 for name in amounts}}
        values = {}
        if change.quantity is not None:
            values["marketplace_quantity"] = change.quantity
        if change.price_unit is not None:
            values["marketplace_price_unit"] = change.price_unit
        if not change.external_id and (not line.cartona_line_id or line.cartona_line_id in former):
            row = next((row for row in fresh if row[1] in (change.product_external_id, "")), None)
            if row:
                fresh.remove(row)
            listing = line._marketplace_listing()
            values.update(cartona_line_id=row and row[0], marketplace_listing_id=listing.id)
            values.update(marketplace_pack_size=listing.pack_size)
        return values

    def _learn(self, order, lines):
        """Take over the ids of lines that were added from here and whose ids were not told: ``lines`` are neutral lines
        as the marketplace has them now. A line is known by product, quantity and price."""
        unknown = order.order_line.filtered(lambda line: line.marketplace_quantity and not line.cartona_line_id)
        known = set(order.order_line.mapped("cartona_line_id"))
        for theirs in lines if unknown else ():
            if theirs.external_id in known or theirs.cancelled:
                continue
            ours = unknown.filtered(lambda line, theirs=theirs: self._is_same(line, theirs))[:1]
            if ours:
                ours.write({"cartona_line_id": theirs.external_id, "marketplace_quantity": theirs.quantity})
                unknown -= ours
                order._mark_marketplace_lines()  # what could not be told of it until now

    def _is_same(self, line, theirs):
        return (
            theirs.product_external_id == line.marketplace_listing_id.external_id
            and not line._is_news("marketplace_quantity", theirs.quantity)
            and not line._is_news("marketplace_price_unit", theirs.price_unit)
        )
