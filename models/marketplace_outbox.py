# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, api, fields, models, tools
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ..compat import check_access
from .marketplace_line_changes import DOUBT
from .product_product_kits import KIN

MARKS = "marketplace.outbox.marks"
FLAGS = ("price", "stock", "publication", "force", "look_again")

# A pricelist's prices may be based on another one's, over any number of steps. Wants the marks, and where to begin.
PRICELISTS = """
        WITH RECURSIVE mark AS (
            SELECT * FROM %s AS m (id, price, stock, publication, force, look_again)
        ), affected (pricelist_id, mark_id) AS (
            %s
             UNION
            SELECT item.pricelist_id, affected.mark_id
              FROM affected JOIN product_pricelist_item item
                ON item.base_pricelist_id = affected.pricelist_id AND item.base = 'pricelist'
        )
        SELECT c.id AS config_id, NULL::int AS listing_id, m.price, m.stock, m.publication, m.force, m.look_again
          FROM affected
          JOIN mark m ON m.id = affected.mark_id
          JOIN marketplace_config c ON c.pricelist_id = affected.pricelist_id"""

# Kits have no stock but that of their components. Wants the marks, and what is kin to what changed.
KITS = """
        WITH RECURSIVE mark AS (
            SELECT * FROM %s AS m (id, price, stock, publication, force, look_again)
        ), %s
        SELECT l.config_id, l.id AS listing_id, FALSE AS price, TRUE AS stock, FALSE AS publication, FALSE AS force,
               (SELECT bool_or(look_again) FROM mark) AS look_again
          FROM kin JOIN marketplace_listing l ON l.product_id = kin.product_id"""

# By what marks kits are looked for, too, and of which products they are.
STOCK_OF = {
    "product": "SELECT id FROM mark WHERE stock",
    "template": "SELECT p.id FROM mark JOIN product_product p ON p.product_tmpl_id = mark.id WHERE stock",
    "location": """
            SELECT q.product_id
              FROM mark
              JOIN stock_location parent ON parent.id = mark.id
              JOIN stock_location child ON starts_with(child.parent_path, parent.parent_path)
              JOIN stock_quant q ON q.location_id = child.id
             WHERE stock""",
}

# What changed, and how its listings are found. A row without a listing means all listings of the account: one INSERT
# for a pricelist of 400,000 products, which the sender spreads over them.
HITS = {
    "product": """
        SELECT l.config_id, l.id AS listing_id, m.price, m.stock, m.publication, m.force, m.look_again
          FROM %s AS m (id, price, stock, publication, force, look_again)
          JOIN marketplace_listing l ON l.product_id = m.id""",
    **{f"kits of {kind}": KITS % ("%s", KIN % start) for kind, start in STOCK_OF.items()},
    "template": """
        SELECT l.config_id, l.id AS listing_id, m.price, m.stock, m.publication, m.force, m.look_again
          FROM %s AS m (id, price, stock, publication, force, look_again)
          JOIN marketplace_listing l ON l.product_tmpl_id = m.id""",
    "listing": """
        SELECT l.config_id, l.id AS listing_id, m.price, m.stock, m.publication, m.force, m.look_again
          FROM %s AS m (id, price, stock, publication, force, look_again)
          JOIN marketplace_listing l ON l.id = m.id""",
    "config": """
        SELECT m.id AS config_id, NULL::int AS listing_id, m.price, m.stock, m.publication, m.force, m.look_again
          FROM %s AS m (id, price, stock, publication, force, look_again)""",
    "pricelist": PRICELISTS % ("%s", "SELECT id, id FROM mark"),
    # The pricelists of another currency than their company's follow its rate.
    "currency": PRICELISTS
    % ("%s", "SELECT p.id, mark.id FROM mark JOIN product_pricelist p ON p.currency_id = mark.id"),
    # Whatever lies in the location or below it.
    "location": """
        SELECT DISTINCT l.config_id, l.id AS listing_id, m.price, m.stock, m.publication, m.force, m.look_again
          FROM %s AS m (id, price, stock, publication, force, look_again)
          JOIN stock_location parent ON parent.id = m.id
          JOIN stock_location child ON starts_with(child.parent_path, parent.parent_path)
          JOIN stock_quant q ON q.location_id = child.id
          JOIN marketplace_listing l ON l.product_id = q.product_id""",
    # A tax may be one of a group.
    "tax": """
        WITH RECURSIVE mark AS (
            SELECT * FROM %s AS m (id, price, stock, publication, force, look_again)
        ), affected (applied_id, mark_id) AS (
            SELECT id, id FROM mark
             UNION
            SELECT r.parent_tax, affected.mark_id
              FROM affected JOIN account_tax_filiation_rel r ON r.child_tax = affected.applied_id
        )
        SELECT l.config_id, l.id AS listing_id, m.price, m.stock, m.publication, m.force, m.look_again
          FROM affected
          JOIN mark m ON m.id = affected.mark_id
          JOIN product_taxes_rel AS r (template_id, applied_tax_id) ON r.applied_tax_id = affected.applied_id
          JOIN marketplace_listing l ON l.product_tmpl_id = r.template_id""",
}


class MarketplaceOutbox(models.Model):
    """What must reach a marketplace. A row is born in the business transaction and never updated by one, so a user's
    write neither waits for a marketplace nor meets a row that a sender holds, and the last change can't be lost.

    Three lanes. *offers*: "look at this listing"; the sender folds such rows into due marks on the listing and sends
    the value that is current then. *orders*: commands, kept until the marketplace accepts them, first in first out for
    each order. *invoices*: orders to be invoiced here, after the transaction that delivered them.

    The references have no foreign key. Checking one is the larger part of such an INSERT: measured with one on the
    account, 1.1 times as long for one row, 1.9 times for a hundred; and a user's transaction would fail that meets the
    deletion of an account. What is left of a deleted account is removed by its ``unlink``, and by night.
    """

    _name = "marketplace.outbox"
    _inherit = "marketplace.failure"
    _description = "Waiting for a Marketplace"
    _order = "id"
    _log_access = False

    # ------------------------------------------------------------------ fields

    config_id = fields.Integer(string="Account ID", required=True)
    company_id = fields.Integer(string="Company ID")
    account_id = fields.Many2one("marketplace.config", compute="_compute_account_id", search="_search_account_id")
    lane = fields.Selection([("offers", "Offers"), ("orders", "Orders"), ("invoices", "Invoices")], required=True)
    created_at = fields.Datetime(readonly=True)

    # offers
    listing_id = fields.Integer()
    price = fields.Boolean()
    stock = fields.Boolean()
    publication = fields.Boolean()
    force = fields.Boolean(help="Send even what equals the value sent last.")
    look_again = fields.Boolean(help="Look once more when all that began before has ended: it may not know of this.")
    cancel = fields.Boolean(help="Stop sending what equals the value sent last, where the whole account was to be.")

    # orders
    order_id = fields.Integer(string="Order ID")
    sale_order_id = fields.Many2one("sale.order", compute="_compute_sale_order_id", string="Order")
    operation = fields.Selection([("status", "Status"), ("lines", "Lines")])
    status = fields.Char()
    payload = fields.Json()
    state = fields.Selection(
        [("waiting", "Waiting"), ("failed", "Failed"), ("accepted", "Accepted, to be noted")],
        default="waiting",
        required=True,
    )
    attempts = fields.Integer()
    next_attempt = fields.Datetime()
    error_code = fields.Char()
    last_error = fields.Char()

    def init(self):
        tools.create_index(
            self.env.cr, "marketplace_outbox_offers_idx", self._table, ["config_id", "id"], where="lane = 'offers'"
        )
        tools.create_index(
            self.env.cr,
            "marketplace_outbox_orders_idx",
            self._table,
            ["config_id", "order_id", "id"],
            where="lane = 'orders'",
        )
        tools.create_index(
            self.env.cr, "marketplace_outbox_invoices_idx", self._table, ["config_id", "id"], where="lane = 'invoices'"
        )
        # The dashboard and the check-up count commands beside any number of offers.
        tools.create_index(
            self.env.cr,
            "marketplace_outbox_commands_idx",
            self._table,
            ["config_id", "state"],
            where="lane != 'offers'",
        )
        tools.create_index(
            self.env.cr, "marketplace_outbox_failed_idx", self._table, ["config_id"], where="state = 'failed'"
        )

    # ------------------------------------------------------------------ CRUD

    @api.model_create_multi
    def create(self, vals_list):
        self._refuse_change()
        return super().create(vals_list)

    def write(self, vals):
        self._refuse_change()
        return super().write(vals)

    def _refuse_change(self):
        """What is to be told a marketplace, and what it has accepted, comes from our own code alone: a manager tries
        again, or deletes."""
        if not self.env.su:
            raise AccessError(_("Messages to a marketplace can be tried again or deleted, not changed."))

    def _get_redirect_suggested_company(self):
        """Newer series name the company in the refusal, from a field that here holds a number."""
        return self.env["res.company"].browse(self.mapped("company_id"))

    # ------------------------------------------------------------------ compute

    @api.depends("config_id")
    def _compute_account_id(self):
        accounts = self._existing("marketplace.config", "config_id")
        for row in self:
            row.account_id = accounts.get(row.config_id)

    def _search_account_id(self, operator, value):
        named = "name" if isinstance(value, str) else "id"
        accounts = self.env["marketplace.config"].with_context(active_test=False).search([(named, operator, value)])
        return [("config_id", "in", accounts.ids)]

    @api.depends("order_id")
    def _compute_sale_order_id(self):
        orders = self._existing("sale.order", "order_id")
        for row in self:
            row.sale_order_id = orders.get(row.order_id)

    def _existing(self, model, field):
        """Return ``{id: record}`` of those that these rows name by number in ``field`` and that are still there."""
        found = self.env[model].browse({row[field] for row in self if row[field]}).exists()
        return {record.id: record for record in found}

    # ------------------------------------------------------------------ actions

    def action_retry(self):
        """Put failed commands back into their queue. What was accepted needs no second try: it waits to be noted, and
        an OTP is good for once."""
        check_access(self, "write")
        # sudo: the rights on these rows were just checked; what is written is none of the user's
        again = self.sudo().filtered(lambda command: command.state != "accepted")
        again.write(
            {"state": "waiting", "attempts": 0, "next_attempt": False, "error_code": False, "last_error": False}
        )
        self.env["marketplace.wake"]._request()

    @api.model
    def _failed_domain(self):
        return [*super()._failed_domain(), ("lane", "!=", "offers")]

    @api.model
    def _retriable_sql(self):
        # Where the answer was lost, a person has to look at the marketplace before it is sent again.
        return SQL("error_code IS DISTINCT FROM %s", DOUBT)

    def _try_again(self):
        self.filtered(lambda row: row.error_code != DOUBT).action_retry()

    # ------------------------------------------------------------------ business: what a transaction leaves

    def _mark(self, *subjects, force=False, look_again=False, **changed):
        """Note that subjects of some listings may have changed, to be made listings at the flush.

        Costs next to nothing here; all marks of one flush become one INSERT. Needs no rights of the user.

        :param subjects: of ``price``, ``stock``, ``publication``
        :param changed: ids of what changed, by the kinds of ``HITS``: ``product=[1, 2]``, ``config=[7]``
        :param force: send even what equals the value sent last
        :param look_again: what leads from changes to listings is new, and unknown to transactions that began before
        """
        data = self.env.cr.precommit.data
        marks = data.get(MARKS)
        if marks is None:
            marks = data[MARKS] = {}
            self.env.cr.precommit.add(self._flush_marks)
        wanted = {*subjects, *(["force"] * force), *(["look_again"] * look_again)}
        for kind, ids in changed.items():
            for record_id in ids:
                marks.setdefault(kind, {}).setdefault(record_id, set()).update(wanted)

    def _flush_marks(self):
        """Write the collected marks as rows and ask for a sender."""
        marks = self.env.cr.precommit.data.pop(MARKS, None)
        if not marks or not self._is_installed():
            return
        if "mrp.bom" in self.env:
            marks.update({f"kits of {kind}": marks[kind] for kind in STOCK_OF if kind in marks})
        hits = SQL(" UNION ALL ").join(self._hits(kind, subjects) for kind, subjects in marks.items())
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO marketplace_outbox
                            (config_id, company_id, lane, state, created_at, listing_id,
                             price, stock, publication, force, look_again)
                     SELECT h.config_id, c.company_id, 'offers', 'waiting', now() at time zone 'utc', h.listing_id,
                            bool_or(h.price), bool_or(h.stock), bool_or(h.publication), bool_or(h.force),
                            bool_or(h.look_again)
                       FROM (%s) AS h
                       JOIN marketplace_config c ON c.id = h.config_id AND c.active
                      WHERE h.force OR h.publication OR h.price AND c.sync_price OR h.stock AND c.sync_stock
                   GROUP BY h.config_id, c.company_id, h.listing_id
                """,
                hits,
            )
        )
        if self.env.cr.rowcount:
            self.env["marketplace.wake"]._request()

    def _hits(self, kind, subjects):
        """Return the query that finds the listings of one kind of marks: ``{record id: {subject, ...}}``."""
        flags = [[name in wanted for wanted in subjects.values()] for name in FLAGS]
        marks = SQL("unnest(%s::int[], %s)", list(subjects), SQL(", ").join(SQL("%s::bool[]", flag) for flag in flags))
        return SQL("(%s)", SQL(HITS[kind], marks))

    def _command(self, order, operation, status=False, payload=None):
        """Leave a command for the marketplace of ``order``, to be carried out after this transaction, in order."""
        # sudo: whoever may change an order may thereby cause the message about it, without rights on this table
        self.sudo().create(
            {**self._prepare_command_values(order, operation), "status": status, "payload": payload or {}}
        )
        self.env["marketplace.wake"]._request()

    def _prepare_command_values(self, order, operation):
        return {
            "config_id": order.marketplace_config_id.id,
            "company_id": order.company_id.id,
            "lane": "orders",
            "created_at": fields.Datetime.now(),
            "order_id": order.id,
            "operation": operation,
        }

    def _store_acceptance(self, order, status):
        """Keep that the marketplace has accepted ``status`` from a person who waits for it: whatever becomes of that
        person's transaction, the sender notes it on the order. An INSERT, so that it meets no row of that transaction;
        and without a wake, so that the sender does not either."""
        self.sudo().create(
            {**self._prepare_command_values(order, "status"), "status": status, "state": "accepted", "payload": {}}
        )

    def _tell_again(self, orders):
        """Put back the statuses of these orders that were refused: of what the marketplace has changed since, an order
        that its customer had open for changes say, it may take them now."""
        refused = [("lane", "=", "orders"), ("operation", "=", "status"), ("state", "=", "failed")]
        again = self.search([*refused, ("order_id", "in", orders.ids)]) if orders else self
        if again:
            again.action_retry()

    def _cancel_force(self, config):
        """Have the sender forget that everything of ``config`` was to be sent again. What has changed is still sent."""
        # sudo: the caller has checked that the user may change the account
        values = {"config_id": config.id, "company_id": config.company_id.id, "lane": "offers", "cancel": True}
        self.sudo().create({**values, "created_at": fields.Datetime.now()})
        self.env["marketplace.wake"]._request()

    def _is_installed(self):
        """While the module is being installed, products may be written before the tables are there."""
        return self.pool.ready or (
            tools.table_exists(self.env.cr, "marketplace_outbox")
            and tools.table_exists(self.env.cr, "marketplace_listing")
            and tools.table_exists(self.env.cr, "marketplace_config")
        )
