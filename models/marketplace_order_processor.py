# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import _, fields, models
from odoo.exceptions import UserError
from odoo.tools import plaintext2html

from ..schemas import ENDED, STATUS_RANK
from ..transport.errors import MappingError
from ..transport.retry import backoff
from .marketplace_config_resume import PATIENCE

# A status may come before its order; about a day later it is given up.
STATUS_ATTEMPTS = 20
# How long a status waits before it looks whether the orders that it has asked for are here.
PULL_SECONDS = 15
# The same where the last one ended early: each time it is asked for again.
CUT_SECONDS = 60
# An order that its customer is changing, or that is not wanted any more, is not confirmed.
STOPPED = ("editing", *ENDED)


class MarketplaceOrderProcessor(models.AbstractModel):
    """Neutral orders to sales orders, in small hooks around batches: partners and listings of a whole batch are found
    in a few queries, new orders are created in one call.

    Called with locks on the orders held, on the lane's own transaction; raising undoes the whole batch, and the lane
    finds the document that is to blame.
    """

    _name = "marketplace.order.processor"
    _description = "Processor of Marketplace Orders"

    # ------------------------------------------------------------------ the flow

    def _process(self, config, rows):
        """Import the documents ``rows`` of one account."""
        by_kind = rows.grouped("kind")
        self._process_orders(config, by_kind.get("order", rows.browse()))
        for row in by_kind.get("status", ()):
            self._process_status(config, row)

    def _process_orders(self, config, rows):
        """Create the orders that are new, in one batch, change the others one by one, and ask a person about what no
        document decides. Extend this, or one of the steps, which stand where their subject does."""
        parsed = list(zip(rows, self._parse_all(config, rows), strict=True))
        known = self._find_orders(config, [order.external_id for _row, order in parsed])
        refunded = {sale_order: sale_order.marketplace_refunded for sale_order in known.values()}
        new = self._create_new(config, [order for _row, order in parsed if order.external_id not in known])
        taken = [
            (row, self._take_over(known[order.external_id], row, order) if order.external_id in known else order)
            for row, order in parsed
        ]
        orders = {**known, **new}
        self._hold_orders(self.env["sale.order"].union(*orders.values()))
        for row, order in taken:
            self._close(row, order, orders[order.external_id])
        self._retire_older(rows)
        self.env["marketplace.outbox"]._tell_again(self.env["sale.order"].union(*known.values()))
        if new:
            self._catch_up(config, new)
        self._ask_about_doubts(taken, refunded)
        self._ask_about_matters(rows.order_id)

    def _close(self, row, order, sale_order):
        """Note on a document what became of it; one that wants a follow-up is not done yet."""
        follow_up = self._is_to_follow_up(sale_order) or self._is_to_compare(sale_order, order)
        row.write(
            {
                "state": "imported" if follow_up else "done",
                "order_id": sale_order.id,
                "attempts": 0,
                "next_attempt": False,
                "last_error": False,
            }
        )

    def _retire_older(self, rows):
        """An older document of these orders that failed needs nobody any more."""
        older = self.env["marketplace.inbox"].search(
            [
                ("config_id", "in", rows.config_id.ids),
                ("external_id", "in", rows.mapped("external_id")),
                ("kind", "=", "order"),
                ("state", "=", "failed"),
                ("id", "not in", rows.ids),
            ]
        )
        newest = {row.external_id: row.id for row in rows.sorted("id")}
        retired = older.filtered(lambda row: row.id < newest[row.external_id])
        retired._mark_demand()
        retired.write({"state": "superseded"})

    def _process_status(self, config, row):
        """Take over a message that tells an order's status and nothing else."""
        external_id, status, raw_status = config._api()._parse_status(config, row._document())
        sale_order = self._find_orders(config, [external_id]).get(external_id)
        if not sale_order:
            self._await_order(row, external_id)
            return
        self._lock_as_it_is(sale_order)
        if not self._is_stale(sale_order, status) and not self._is_overtaken(sale_order, row, status):
            if self._awaits_lines(sale_order, row, status):
                return
            sale_order.write(self._prepare_heard(sale_order, status, raw_status))
            self._hold_orders(sale_order)
        row.write({"state": "imported", "order_id": sale_order.id, "attempts": 0, "next_attempt": False})

    def _is_overtaken(self, sale_order, row, status):
        """Tell whether the marketplace has said more of the order since, with which a status of no other rank is over:
        documents are taken over first, and a status may have waited."""
        if STATUS_RANK[status] != STATUS_RANK.get(sale_order.marketplace_status, 0):
            return False
        younger = [("config_id", "=", row.config_id.id), ("external_id", "=", row.external_id), ("id", ">", row.id)]
        taken = [("kind", "in", ("order", "status")), ("order_id", "=", sale_order.id), ("state", "!=", "waiting")]
        return bool(row.search_count([*younger, *taken, ("stale", "!=", True)], limit=1))

    def _awaits_lines(self, sale_order, row, status):
        """Tell whether a status has to wait. One that says that the customer has done with changing the order says
        nothing of its lines: they come by a pull, which is asked for once."""
        config = row.config_id
        if sale_order.marketplace_status != "editing" or status in STOPPED or not config._is_pulled():
            return False
        if row.create_date < fields.Datetime.now() - PATIENCE and not config._awaits_orders():
            return False  # no pull has ended since, and none that goes on after a pause is under way
        running = config._credentials()._running()
        pulls = bool(running.pull_requested_at)
        if row.order_id and not pulls and not running.pull_is_cut:
            return False  # it has brought nothing of this order
        if not row.order_id or not pulls:
            running._request_pull()
        again = CUT_SECONDS if running.pull_is_cut else PULL_SECONDS
        moment = fields.Datetime.now() + timedelta(seconds=again)
        row.write({"state": "waiting", "order_id": sale_order.id, "next_attempt": moment})
        return True

    def _process_erasure(self, config, row):
        """Forget a customer whom the marketplace asks us to forget."""
        self.env["res.partner"]._marketplace_forget(config, row.external_id)
        # The code itself may be a name; the key stays, by which a copy is known, unless it is made of the code.
        key = f"erase:{row.digest}:{row.id}" if row.external_id and row.external_id in row.key else row.key
        done = {"state": "done", "payload": "null", "external_id": False, "key": key}
        row.write({**done, "attempts": 0, "next_attempt": False, "last_error": False})

    def _await_order(self, row, external_id):
        """Keep a status that came before its order: creating the order takes it into account."""
        if row.attempts >= STATUS_ATTEMPTS:
            raise MappingError("hashed_id", _("Order %s is not here. Pull orders, then replay this.", external_id))
        moment = fields.Datetime.now() + timedelta(seconds=backoff(row.attempts + 1, base=60))
        row.write({"attempts": row.attempts + 1, "next_attempt": moment})

    def _catch_up(self, config, orders):
        """Apply the statuses that came before the orders they are about."""
        early = self.env["marketplace.inbox"].search(
            [
                ("config_id", "=", config.id),
                ("kind", "=", "status"),
                ("state", "in", ("waiting", "failed")),
                ("external_id", "in", list(orders)),
            ],
            order="id",
        )
        for row in early:
            try:
                self._process_status(config, row)
            except MappingError as err:
                row._fail(err)  # a message that can't be understood is no reason to refuse the order

    def _follow_up(self, row):
        """Do what follows the import of the order by what it is now and the account's policy: cancel, confirm.

        :return: whether that is done; not as long as a newer document waits, which would change what is confirmed
        """
        sale_order = row.order_id.with_company(row.config_id.company_id)
        if sale_order.marketplace_status == "cancelled":
            self._cancel(sale_order)
        elif sale_order.marketplace_status == "returned":
            self._take_back(sale_order)
        elif sale_order.marketplace_hold:
            return True  # it goes on when that is mended
        elif sale_order.state in ("draft", "sent") and self._is_to_confirm(sale_order):
            if sale_order._has_newer_document():
                return False
            sale_order.action_confirm()
        elif sale_order.state == "sale":
            self._compare(sale_order, row)
        return True

    # ------------------------------------------------------------------ parsing and finding

    def _parse(self, config, row):
        """Return the neutral order of a document.

        :raise MappingError: the document can't be understood
        """
        return self._parse_all(config, row)[0]

    def _parse_all(self, config, rows):
        """As :meth:`_parse`, of many documents."""
        orders = [config._api()._parse_order(config, row._document()) for row in rows]
        accounts = config._accounts_of([(order.account_code, order.external_id) for order in orders])
        for order, account in zip(orders, accounts, strict=True):
            order.currency = order.currency.strip().upper() or config.connected_currency or ""  # where it has but one
            if account != config:
                raise MappingError(
                    "supplier_code",
                    _(
                        "The order is for the supplier code %r. Enter that code on the account it belongs to, then "
                        "replay.",
                        order.account_code,
                    ),
                )
        return orders

    def _find_orders(self, config, external_ids):
        """Return the sales orders that exist already: ``{marketplace's order id: sale.order}``."""
        found = self.env["sale.order"].search(
            [("marketplace_config_id", "=", config.id), ("cartona_id", "in", external_ids)]
        )
        return {sale_order.cartona_id: sale_order for sale_order in found}

    def _refuse_elsewhere(self, config, external_ids):
        """Make no second order of one that came in at an account which was archived since.

        :raise MappingError: there is one, and where
        """
        others = config.with_context(active_test=False)._credential_group() - config
        known = [("marketplace_config_id", "in", others.ids), ("cartona_id", "in", external_ids)]
        order = self.env["sale.order"].search(known, limit=1) if others else None
        if order:
            raise MappingError(
                "",
                _(
                    "Order %(order)s came in at the account %(account)s, which is archived. Unarchive it, then replay "
                    "this, so that the order is not made a second time.",
                    order=order.name,
                    account=order.marketplace_config_id.name,
                ),
            )

    # ------------------------------------------------------------------ creating

    def _create_new(self, config, orders):
        """Create the orders that are here for the first time: ``{marketplace's order id: sale.order}``."""
        external_ids = [order.external_id for order in orders]
        self._refuse_elsewhere(config, external_ids)
        created = self._create_orders(config, orders)
        for sale_order, order in zip(created, orders, strict=True):
            self._note_phone(sale_order, order.customer)
        return dict(zip(external_ids, created, strict=True))

    def _create_orders(self, config, orders):
        """Create sales orders for neutral orders, in one batch."""
        if not orders:
            return self.env["sale.order"]
        partners = self._resolve_partners(config, orders)
        listings = self._resolve_listings(config, orders)
        env = self.with_company(config.company_id)._in_language_of(config.env["res.partner"]).env
        return env["sale.order"].create(
            [self._prepare_order_values(config, order, partners, listings) for order in orders]
        )

    def _resolve_partners(self, config, orders):
        """Return ``{order id: (customer, delivery contact)}``, making those that are new; see ``res.partner``."""
        return self.env["res.partner"]._marketplace_resolve(config, orders)

    def _prepare_order_values(self, config, order, partners, listings):
        """Return the values of a new sales order. Extend this to take over more of the neutral order."""
        partner, address = partners[order.external_id]
        values = {
            **self._prepare_marketplace_values(order),
            **self._prepare_policy_values(config, order),
            "marketplace_config_id": config.id,
            "cartona_id": order.external_id,
            "company_id": config.company_id.id,
            "partner_id": partner.id,
            "client_order_ref": order.reference or order.external_id,
            "origin": f"{config.name} {order.reference or order.external_id}",
            "date_order": order.ordered_at or fields.Datetime.now(),
            "note": plaintext2html(order.note) if order.note else False,
            "order_line": self._in_language_of(partner)._prepare_order_lines(config, order, listings),
        }
        if address:
            values["partner_shipping_id"] = address.id
        # Even none: Odoo would take the customer's, and the order would be in the currency of that.
        values["pricelist_id"] = self._pricelist_in(config, order.currency).id
        return values

    def _pricelist_in(self, config, currency):
        """Return the pricelist of orders in ``currency`` (a code, ``""``: the account's own): the account's where it
        fits, else any that Odoo lets orders of the company have (a branch none of its company's); none where there is
        none: the order is then in another currency, and held."""
        own = config.pricelist_id
        if (
            not currency
            or currency == config.currency_id.name
            or not self.env["marketplace.api"]._currency_id(currency)
        ):
            return own
        fitting = own._check_company_domain(config.company_id)
        return own.search([("currency_id.name", "=", currency), *fitting], limit=1)

    def _prepare_marketplace_values(self, order):
        """Return what the marketplace alone knows of an order, for a new order and for a change alike."""
        return {
            "marketplace_status": order.status,
            "marketplace_heard_status": order.status,
            "marketplace_raw_status": order.raw_status,
            "marketplace_total": order.total or 0.0,
            "marketplace_total_known": order.total is not None,
            "marketplace_rebate": order.supplier_rebate,
            "marketplace_reason": order.cancellation_reason,
            "marketplace_edited_by_admin": order.edited_by_marketplace,
            "marketplace_preferred_day": order.preferred_day,
            "marketplace_estimated_day": order.estimated_day,
            "marketplace_pickup_at": order.pickup_at,
            "marketplace_credit": order.credit,
            "marketplace_installment": order.installment,
            "marketplace_top_up": order.wallet_top_up,
            "marketplace_delivers": order.delivered_by_marketplace,
            "marketplace_otp_required": order.otp_required,
            "marketplace_currency": order.currency,
            "marketplace_ship_by": order.ship_by,
        }

    # ------------------------------------------------------------------ policy

    def _is_to_follow_up(self, sale_order):
        """Tell whether there is anything to do for :meth:`_follow_up`."""
        if sale_order.marketplace_status == "cancelled":
            return sale_order.state != "cancel"
        if sale_order.marketplace_status == "returned":
            asked = (sale_order.marketplace_asked or {}).get("returned")
            return sale_order.state in ("draft", "sent") or sale_order.state == "sale" and asked != "returned"
        if sale_order.state not in ("draft", "sent") or sale_order.marketplace_hold:
            return False
        return not sale_order.order_line or self._is_to_confirm(sale_order)

    def _is_to_confirm(self, sale_order):
        """Tell whether the account's policy confirms this order now."""
        policy = sale_order.marketplace_config_id.confirm_policy
        status = sale_order.marketplace_status
        if status in STOPPED:
            return False
        if not sale_order.order_line:
            raise UserError(_("The order has no lines to deliver. Cancel it, or add what was ordered."))
        return policy == "always" or (policy == "approved" and STATUS_RANK[status] >= STATUS_RANK["approved"])
