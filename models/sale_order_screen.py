# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, api, fields, models

from ..compat import NEGATIVE_OPERATORS, asked_words, check_access, format_list, is_asked
from ..screen import RELOAD, notification
from .marketplace_line_changes import DOUBT

USER = "cartona_integration.group_marketplace_user"


class SaleOrder(models.Model):
    """What people see of what a marketplace was told of an order, and what they can do about it."""

    _inherit = "sale.order"

    marketplace_untold = fields.Char(
        string="Not Told Yet", compute="_compute_marketplace_untold", groups=USER, help="It waits, or it was refused."
    )
    marketplace_problem = fields.Char(compute="_compute_marketplace_untold", groups=USER)
    marketplace_failed = fields.Boolean(
        compute="_compute_marketplace_untold", search="_search_marketplace_failed", groups=USER
    )
    marketplace_number = fields.Char(
        string="Marketplace Order Number",
        compute="_compute_marketplace_number",
        search="_search_marketplace_number",
        groups="base.group_user",
        help="The order's ID at the marketplace, or the number that people know it by there.",
    )

    def init(self):
        result = super().init()
        # Partial: most rows of a grown database have nothing to do with a marketplace.
        self.env.cr.execute(
            "CREATE INDEX IF NOT EXISTS sale_order_marketplace_number_idx "
            "ON sale_order (client_order_ref) WHERE marketplace_config_id IS NOT NULL"
        )
        return result

    # ------------------------------------------------------------------ compute

    # Depends on nothing by name: the outbox is no field of an order.
    @api.depends_context("uid")
    def _compute_marketplace_untold(self):
        commands = self.filtered("marketplace_config_id")._marketplace_commands().grouped("order_id")
        for order in self:
            waiting = commands.get(order.id, self.env["marketplace.outbox"])
            order.marketplace_untold = waiting._told_what()
            order.marketplace_problem = waiting._problem(order)
            order.marketplace_failed = "failed" in waiting.mapped("state")

    @api.depends("cartona_id", "client_order_ref")
    def _compute_marketplace_number(self):
        for order in self:
            order.marketplace_number = order.cartona_id and (order.client_order_ref or order.cartona_id)

    def _marketplace_commands(self):
        """Return what waits to be told of these orders, or failed."""
        # sudo: whoever sees the order may see what its marketplace does not know of it
        return (
            self.env["marketplace.outbox"]
            .sudo()
            .search(
                [
                    ("lane", "=", "orders"),
                    ("config_id", "in", self.sudo().marketplace_config_id.ids),
                    ("order_id", "in", self.ids),
                    ("state", "!=", "accepted"),
                ]
            )
        )

    def _search_marketplace_failed(self, operator, value):
        # sudo: as above; the orders themselves are searched by the user's own rights
        failed = self.env["marketplace.outbox"].sudo().search([("lane", "=", "orders"), ("state", "=", "failed")])
        return [("id", "in" if is_asked(operator, value) else "not in", list(set(failed.mapped("order_id"))))]

    def _search_marketplace_number(self, operator, value):
        """Find orders by either number: the whole of it, which an index finds among millions."""
        known = asked_words(value)
        # sudo: a salesperson finds orders without rights on their accounts
        accounts = self.env["marketplace.config"].sudo().with_context(active_test=False).search([])
        numbers = ["|", ("cartona_id", "in", known), ("client_order_ref", "in", known)]
        found = ["&", ("marketplace_config_id", "in", accounts.ids), *numbers]
        return ["!", *found] if operator in NEGATIVE_OPERATORS else found

    # ------------------------------------------------------------------ actions

    def action_marketplace_tell_again(self):
        """Have the marketplace told again of what it refused or did not answer. Where it may have taken it all the
        same, a person has to look first: such orders go one by one."""
        check_access(self, "write")
        commands = self._marketplace_commands()
        doubtful = commands.filtered(lambda row: row.error_code == DOUBT) if len(self) > 1 else commands.browse()
        (commands - doubtful).action_retry()
        words = [_("Told again: %s.", len((commands - doubtful).grouped("order_id")))]
        if doubtful:
            names = format_list(self.env, doubtful.sale_order_id.mapped("name"))
            words.append(_("Open one by one, and look at the marketplace first: %s.", names))
        return self._marketplace_notify(words, bool(doubtful))

    def action_marketplace_try_again(self):
        """Look again at what these orders are held for, as far as what the marketplace sent is kept."""
        check_access(self, "write")
        held = self.filtered("marketplace_hold")
        documents = held.sudo()._marketplace_documents()._replayable()  # sudo: as for one order
        documents.action_replay()
        kept = {(document.config_id, document.external_id) for document in documents}
        lost = held.sudo().filtered(lambda order: (order.marketplace_config_id, order.cartona_id) not in kept)
        words = [_("Tried again: %s.", len(held) - len(lost))]
        if lost:
            names = format_list(self.env, lost.mapped("name"))
            words.append(_("Mend these by hand, what the marketplace sent of them is not kept any more: %s.", names))
        return self._marketplace_notify(words, bool(lost))

    def _marketplace_notify(self, words, sticky):
        return notification(" ".join(words), "warning" if sticky else "info", sticky, RELOAD)


class MarketplaceOutbox(models.Model):
    _inherit = "marketplace.outbox"

    def _told_what(self):
        """Return what these commands tell, as the timeline calls it: ``"Approved, Lines"``."""
        operations = dict(self._fields["operation"]._description_selection(self.env))
        statuses = dict(self.env["sale.order"]._fields["marketplace_status"]._description_selection(self.env))
        words = [statuses.get(row.status) or operations.get(row.operation, "") for row in self.sorted("id")]
        return format_list(self.env, dict.fromkeys(words))

    def _problem(self, order):
        """Return why these commands about ``order`` have not reached its marketplace, and what to do; ``""``: they are
        just on their way."""
        words = [
            self.env["marketplace.api"]._with_code(row.last_error, row.error_code)
            for row in self.sorted(lambda row: (row.state != "failed", row.id))
        ]
        own = next(filter(None, words), "")
        return own or (self and order.sudo().marketplace_config_id._trouble()) or ""
