# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import hashlib
import json
import logging
import math
import zlib
from collections import Counter

import psycopg2

from odoo import _, fields, models, tools
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..compat import check_access
from ..database import transaction_locks
from ..schemas import NOT_LEFT, RowResult
from ..transport.errors import MarketplaceError
from ..transport.redaction import MASK
from ..transport.text import storable

_logger = logging.getLogger(__name__)

# An order in one of these has goods of ours to come.
OPEN_STATUSES = (*NOT_LEFT, "shipped")
# A document in one of these may still become an order, or change one.
OPEN_STATES = ("waiting", "imported", "failed")
# Orders of an account share so many locks: the database has room for some thousand in all.
LOCKS = 1024


class MarketplaceInbox(models.Model):
    """A document as it came from a marketplace, stored before anything is made of it, so that it can't be lost.

    A document that says the same as the newest one of its order is not stored again; one that went back to an older
    content is, since it is news.
    """

    _name = "marketplace.inbox"
    _inherit = ["marketplace.failure", "marketplace.owned"]
    _description = "Received from a Marketplace"
    _order = "id desc"
    _rec_name = "external_id"

    # ------------------------------------------------------------------ fields

    config_id = fields.Many2one("marketplace.config", string="Account", required=True, ondelete="cascade", index=True)
    # Of what is masked in a document, an OTP of a few digits, the digest of the whole would tell by trying them all.
    key = fields.Char(
        required=True,
        readonly=True,
        groups="cartona_integration.group_marketplace_manager",
        help="Unique for the account: event id, or order id and digest.",
    )
    kind = fields.Selection(
        [("order", "Order"), ("status", "Status"), ("notice", "Notice of an order"), ("erase", "Forget a customer")],
        default="order",
        required=True,
        readonly=True,
    )
    external_id = fields.Char(string="Marketplace Order ID", readonly=True)
    digest = fields.Char(readonly=True, groups="cartona_integration.group_marketplace_manager")
    version = fields.Char(readonly=True, help="When the marketplace last changed it, by its own clock.")
    stale = fields.Boolean(readonly=True, help="Came after a newer version of the same order.")
    source = fields.Selection([("pull", "Pulled"), ("webhook", "Webhook")], required=True, readonly=True)
    first_of_order = fields.Boolean(readonly=True, help="Nothing was known of the order when this came.")
    payload = fields.Text(help="The document. It can be corrected here and replayed.")
    private = fields.Json(
        groups="cartona_integration.group_marketplace_manager",
        readonly=True,
        help="What the document holds for managers' eyes only; it is masked in the document itself.",
    )
    demand = fields.Json(
        readonly=True,
        help="Selling units that an order asks for, by external product ID, as long as it is not imported.",
    )
    state = fields.Selection(
        [
            ("waiting", "Waiting"),
            ("imported", "Imported, to be followed up"),
            ("done", "Done"),
            ("superseded", "Replaced by a newer one"),
            ("failed", "Failed"),
            ("closed", "Closed: customer forgotten"),
            ("aside", "Set aside"),
        ],
        default="waiting",
        required=True,
        readonly=True,
        index=True,
    )
    needs_ack = fields.Boolean(readonly=True, help="The marketplace sends it again until it is acknowledged.")
    acknowledged_at = fields.Datetime(readonly=True)
    ack_attempts = fields.Integer(
        readonly=True, help="How often the marketplace failed when we wanted to say that we have it."
    )
    ack_error = fields.Char(
        string="Acknowledgement Refused",
        readonly=True,
        help="Why the marketplace did not let us say that we have it. It sends it again until it does.",
    )
    order_id = fields.Many2one(
        "sale.order", string="Sales Order", readonly=True, ondelete="set null", index="btree_not_null"
    )
    attempts = fields.Integer(readonly=True)
    next_attempt = fields.Datetime(readonly=True)
    last_error = fields.Char(readonly=True)
    set_aside_by = fields.Many2one(
        "res.users", readonly=True, ondelete="set null", help="Who said that no order is to be made of it."
    )
    set_aside_at = fields.Datetime(string="Set Aside on", readonly=True)

    _sql_constraints = [("key_unique", "UNIQUE (config_id, key)", "This document is stored already.")]

    def init(self):
        tools.create_index(
            self.env.cr,
            "marketplace_inbox_open_idx",
            self._table,
            ["config_id", "id"],
            where="state IN ('waiting', 'imported')",
        )
        tools.create_index(
            self.env.cr,
            "marketplace_inbox_notice_idx",
            self._table,
            ["config_id", "id"],
            where="state = 'waiting' AND kind = 'notice'",
        )
        tools.create_index(
            self.env.cr, "marketplace_inbox_failed_idx", self._table, ["config_id"], where="state = 'failed'"
        )
        tools.create_index(self.env.cr, "marketplace_inbox_order_idx", self._table, ["config_id", "external_id", "id"])
        tools.create_index(
            self.env.cr,
            "marketplace_inbox_demand_idx",
            self._table,
            ["config_id"],
            where="state IN ('waiting', 'failed') AND order_id IS NULL",
        )
        tools.create_index(
            self.env.cr,
            "marketplace_inbox_ack_idx",
            self._table,
            ["config_id"],
            where="needs_ack AND acknowledged_at IS NULL",
        )
        tools.create_index(
            self.env.cr,
            "marketplace_inbox_first_idx",
            self._table,
            ["config_id", "source", "create_date"],
            where="first_of_order",
        )

    # ------------------------------------------------------------------ CRUD

    def write(self, vals):
        if "payload" in vals:
            self._check_json(vals["payload"])
            self._mark_demand()
        result = super().write(vals)
        if "payload" in vals:
            for row in self:
                row.demand = row._demand_of(row.config_id, row.kind, row._document())
        return result

    # ------------------------------------------------------------------ actions

    def action_replay(self):
        """Process the documents again, as they stand here now, each at the account that its supplier code names."""
        check_access(self, "write")
        self._check_replayable()
        for row in self:
            row._reroute()
        replayed = self.filtered(lambda row: row.state != "superseded")
        again = {"set_aside_by": False, "set_aside_at": False}
        replayed.write({"state": "waiting", "attempts": 0, "next_attempt": False, "last_error": False, **again})
        self.env["marketplace.wake"]._request()

    def action_set_aside(self):
        """Have documents that failed, and of which no order is to be made, wait for nobody. They stay in the list, can
        be replayed, and what they asked for is for sale again."""
        check_access(self, "write")
        failed = self.filtered(lambda row: row.state == "failed")
        if not failed:
            raise UserError(_("Only what failed can be set aside."))
        failed._mark_demand()
        failed.write({"state": "aside", "set_aside_by": self.env.uid, "set_aside_at": fields.Datetime.now()})

    # ------------------------------------------------------------------ business

    def _store(self, documents, source, needs_ack=False):
        """Store raw documents and return ``(rows, number of new ones)``.

        :param list documents: ``[(config, kind, external id, raw)]``, or with a fifth item, the event's own unique id
        :return: for each document the row that holds it: a new one, or the newest of its order when that says the same
        """
        self._lock_orders(documents)
        return self._store_locked(documents, source, needs_ack)

    def _store_locked(self, documents, source, needs_ack=False):
        """As :meth:`_store`, of orders that are locked already: two transactions that lock some and then some more may
        wait for each other."""
        rows, new = self.browse(), []
        for config, kind, external_id, raw, *event in documents:
            digest, event_id = self._digest(raw), event[0] if event else ""
            row, known = self._find_stored(config, kind, external_id, digest, event_id)
            if not known or (source == "pull" and row._is_told_otherwise()):
                row = self._insert(config, kind, external_id, raw, digest, source, event_id, row)
                new.append(self._lane_of(config, kind))
            if needs_ack:
                row.write({"needs_ack": True, "acknowledged_at": False})
            rows |= row
        if new:
            self.env["marketplace.wake"]._request(*new)
        return rows, len(new)

    def _lock_orders(self, documents):
        """Let nobody else store documents of these orders until the commit: each has to see which is the newest."""
        orders = {(config.id, external_id) for config, kind, external_id, *_raw in documents if kind == "order"}
        shares = {
            (config_id, zlib.crc32(str(external_id).encode("utf-8", "surrogatepass")) % LOCKS)
            for config_id, external_id in orders
        }
        if shares:
            names = [f"marketplace:stored:{config_id}:{share}" for config_id, share in shares]
            transaction_locks(self.env.cr, names)

    def _lane_of(self, config, kind):
        """Return ``(account id, lane)`` of who goes on with a document: what a notice is about is fetched."""
        return (config._credentials().id, "pull") if kind == "notice" else (config.id, "inbox")

    def _find_stored(self, config, kind, external_id, digest, event_id):
        """Return the row that may hold the document already, and whether it does: that of the same event, whatever came
        since (a copy of it is no news), else the newest of its order, for a status that of either kind (one that was
        said before a document came is another one after it); without an order id, that of the same content. One of
        which no order can be made any more does not hold it. Notices say the same each time, whatever has happened:
        each is news."""
        self.flush_model(["config_id"])
        self.env.cr.execute(
            SQL(
                """
                SELECT id, key = %(event)s OR digest = %(digest)s FROM (
                    (SELECT 0 AS rank, id, key, digest FROM marketplace_inbox
                      WHERE config_id = %(config)s AND key = %(event)s)
                     UNION ALL
                    (SELECT 1 AS rank, id, key, CASE WHEN %(gone)s THEN '' ELSE digest END
                       FROM marketplace_inbox i
                      WHERE config_id = %(config)s AND kind = ANY(%(kinds)s) AND external_id = %(external)s
                        AND kind != 'notice' AND stale IS NOT TRUE AND (external_id != '' OR digest = %(digest)s)
                   ORDER BY id DESC LIMIT 1)
                ) AS stored ORDER BY rank LIMIT 1
                """,
                config=config.id,
                event=event_id,
                kinds=["order", "status"] if kind == "status" else [kind],
                external=external_id,
                digest=digest,
                gone=self._gone_sql(),
            )
        )
        found = self.env.cr.fetchone()
        return (self.browse(found[0]), found[1]) if found else (self.browse(), False)

    def _is_told_otherwise(self):
        """Tell whether a status of the order came since. A queue that hands out again what it was told is here does so
        because that is over: the customer had the order open, say, and changed nothing."""
        later = [("config_id", "=", self.config_id.id), ("external_id", "=", self.external_id), ("id", ">", self.id)]
        again = self.kind == "order" and self.acknowledged_at
        return bool(again and self.search_count([*later, ("kind", "=", "status")], limit=1))

    def _insert(self, config, kind, external_id, raw, digest, source, event_id, newest):
        """Insert one document, or find the one that another transaction has inserted under the same key.

        :param newest: the newest document of the same order, if any; what is older than that is set aside
        """
        version = self._version_of(config, kind, raw)
        stale = bool(newest.version and version and version < newest.version)
        if kind == "order" and newest and not version and source == "webhook" and config._capabilities()["needs_ack"]:
            # A relay delivers late what it could not at once. What has gone back to this comes by the queue, too.
            stale = self._repeats(config, external_id, digest) > 0
        first = kind == "order" and bool(external_id) and not newest
        key = event_id or f"{kind}:{external_id}:{digest}:{self._repeats(config, external_id, digest)}"
        shown, private = self._split_private(config, raw)
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO marketplace_inbox
                    (config_id, key, kind, external_id, digest, version, stale, source, payload, private, demand,
                     state, attempts, needs_ack, first_of_order, create_date, write_date, create_uid, write_uid)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, FALSE, %s,
                        now() at time zone 'utc', now() at time zone 'utc', %s, %s)
                ON CONFLICT (config_id, key) DO NOTHING RETURNING id
                """,
                config.id,
                key,
                kind,
                external_id,
                digest,
                version or None,
                stale,
                source,
                self._dump(shown),
                json.dumps(private) if private else None,
                json.dumps({} if stale else self._demand_of(config, kind, raw)),
                "superseded" if stale else "waiting",
                first,
                self.env.uid,
                self.env.uid,
            )
        )
        inserted = self.env.cr.fetchone()
        if inserted:
            return self.browse(inserted[0])
        return self.search([("config_id", "=", config.id), ("key", "=", key)])

    def _version_of(self, config, kind, raw):
        """Return by what newer documents of the order are known, ``""`` where nothing tells, or the adapter stumbles
        over the document, which must hold back no other."""
        try:
            return config._api()._version(config, raw) if kind == "order" else ""
        except psycopg2.Error:
            raise
        except Exception:
            _logger.exception("The version of a document of %s can't be read", config.code)
            return ""

    def _split_private(self, config, raw):
        """Return the document as everybody may see it, and what is taken out of it for managers."""
        names = config._capabilities()["private_fields"] if isinstance(raw, dict) else ()
        private = {name: storable(str(raw[name])) for name in names if raw.get(name)}
        return {**raw, **dict.fromkeys(private, MASK)} if private else raw, private

    def _repeats(self, config, external_id, digest):
        """Return how often this very content of the order was new before."""
        return self.search_count(
            [("config_id", "=", config.id), ("external_id", "=", external_id), ("digest", "=", digest)]
        )

    def _hold_unknown_supplier(self):
        """Put aside documents that name a supplier nobody here is; they are not acknowledged, so they come again."""
        for row in self.filtered(lambda row: row.state == "waiting"):
            code = row.config_id._api()._identify(row.config_id, row._document())[1]
            row._fail(
                _("No account has the supplier code %r. Enter it on the account it belongs to, then replay.", code)
            )

    def _reroute(self):
        """Move the document to the account it is for, if that can be told now."""
        self.ensure_one()
        if self.kind not in ("order", "status"):
            return
        code = self.config_id._api()._identify(self.config_id, self._document())[1]
        account = self.config_id._account_of(code, self.external_id)
        if not account or account == self.config_id:
            return
        if self.search_count([("config_id", "=", account.id), ("key", "=", self.key)]):
            self.state = "superseded"  # it has come to the right account by another way meanwhile
        else:
            self.config_id = account

    def _document(self):
        """Return the payload as parsed JSON."""
        self.ensure_one()
        return json.loads(self.payload or "null")

    def _fail(self, error):
        """Put the document aside with its error until a person has mended what it says."""
        self._mark_demand()
        message = self.env["marketplace.api"]._in_words(error)
        self.write({"state": self._failed_state(), "last_error": message, "attempts": self.attempts + 1})
        self.config_id._tell_responsible(
            _("What %s sent could not be processed", self.config_id.name),
            _("%s The inbox of the account shows all of them; mend the cause, then replay.", message),
            cause="documents",
        )

    def _note_acknowledgements(self, results):
        """Note what became of the acknowledgements, ``{order id: RowResult}``. A refusal is told to a person, and tried
        again with each pull: the document itself is as good as any."""
        for row in self.filtered(lambda row: row.external_id in results):
            result = results[row.external_id]
            if result.outcome == "accepted":
                row.write({"acknowledged_at": fields.Datetime.now(), "ack_error": False})
            elif result.outcome == "rejected":
                row.ack_error = result.message or result.code
                row.config_id._tell_responsible(
                    _("%s does not let us say that its orders are here", row.config_id.name),
                    _(
                        "Order %(order)s: %(error)s It is here, and other orders come in; it is told again with each "
                        "pull, and the inbox shows all of them. Ask the marketplace if that goes on.",
                        order=row.external_id,
                        error=row.ack_error,
                    ),
                    cause="acknowledgements",
                )

    def _note_unanswered(self, error, patience):
        """Note that the marketplace failed when these documents were acknowledged together. Where it has done so
        ``patience`` times, and at one order alone by now, that counts as a refusal."""
        for row in self:
            row.ack_attempts += 1
        if len(set(self.mapped("external_id"))) == 1 and max(self.mapped("ack_attempts")) >= patience:
            result = RowResult.rejected("", self.env["marketplace.api"]._in_words(error))
            self._note_acknowledgements({self[0].external_id: result})

    def _demand_of(self, config, kind, raw):
        """Return what an order asks for, ``{external product id: selling units}``, as far as it can be understood. A
        line that names a reference alone counts for what is listed by it."""
        if kind != "order":
            return {}
        try:
            order = config._api()._parse_order(config, raw)
        except MarketplaceError:
            return {}
        except psycopg2.Error:
            raise  # of the database, not of the document
        except Exception:
            # Processing it says so, and holds back no other; here it would keep all of them from being stored.
            _logger.exception("What an order of %s asks for can't be read", config.code)
            return {}
        lines = [line for line in order.lines if not line.cancelled] if order.status in OPEN_STATUSES else []
        processor, listings = self.env["marketplace.order.processor"], {}
        if not all(line.product_external_id for line in lines):
            listings = processor._resolve_listings(config, [order])
        demand = Counter()
        for line in lines:
            demand[line.product_external_id or processor._listing_of(line, listings).external_id] += line.quantity
        # Sums of absurd numbers are none that a database takes.
        return {key: quantity for key, quantity in demand.items() if key and math.isfinite(quantity)}

    def _mark_demand(self):
        """What these documents ask for has changed: the marketplace's own stock moved, or will not after all."""
        for config, rows in self.filtered("demand").grouped("config_id").items():
            asked = list({external_id for row in rows for external_id in row.demand})
            listings = self.env["marketplace.listing"].search(
                [("config_id", "=", config.id), ("external_id", "in", asked)]
            )
            self.env["marketplace.outbox"]._mark("stock", listing=listings.ids, force=True)
            self.env["marketplace.outbox"]._mark("stock", product=listings.product_id.ids)

    def _demand_by_product(self, products, warehouses, elsewhere=()):
        """Return what documents that are not imported yet ask for: ``{product id: quantity}`` in the product's unit.

        The marketplace has taken it off its own stock; what we send must not give it back.

        :param elsewhere: the ids of accounts that sell from these warehouses and deliver from another one
        """
        self.env.cr.execute(
            SQL(
                """
                SELECT i.config_id, l.product_id, sum(d.value::float8 * l.pack_size)
                  FROM marketplace_inbox i
                  JOIN marketplace_config c ON c.id = i.config_id AND c.active
                 CROSS JOIN LATERAL jsonb_each_text(i.demand) AS d (key, value)
                  JOIN marketplace_listing l ON l.config_id = i.config_id AND l.external_id = d.key
                 WHERE i.state IN ('waiting', 'failed') AND i.kind = 'order' AND i.order_id IS NULL
                   AND l.product_id = ANY(%s)
                   AND NOT EXISTS (
                       SELECT 1 FROM sale_order o
                        WHERE o.marketplace_config_id = i.config_id AND o.cartona_id = i.external_id)
                   AND NOT EXISTS (
                       SELECT 1 FROM marketplace_inbox newer
                        WHERE newer.config_id = i.config_id AND newer.external_id = i.external_id
                          AND newer.kind = 'order' AND newer.id > i.id AND newer.stale IS NOT TRUE
                          AND i.external_id != '')
              GROUP BY i.config_id, l.product_id
                """,
                products.ids,
            )
        )
        demand = {}
        for config_id, product_id, quantity in self.env.cr.fetchall():
            config = self.env["marketplace.config"].browse(config_id)
            if config_id in elsewhere or config._delivery_warehouse() in warehouses:
                demand[product_id] = demand.get(product_id, 0.0) + quantity
        return demand

    # ------------------------------------------------------------------ helpers

    def _digest(self, raw):
        text = json.dumps(raw, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def _dump(self, raw):
        """Return the JSON text to store, readable where it can be: a lone surrogate fits no database."""
        text = json.dumps(raw, ensure_ascii=False, indent=2)
        try:
            text.encode()
        except UnicodeEncodeError:
            text = json.dumps(raw)
        return text

    def _check_json(self, payload):
        try:
            json.loads(payload or "")
        except ValueError as err:
            raise UserError(_("The document is not valid JSON: %s", err)) from err
