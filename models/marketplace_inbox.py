# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import hashlib
import json

from odoo import _, fields, models, tools
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..transport.text import storable

OPEN_STATES = ("waiting", "imported", "failed")


class MarketplaceInbox(models.Model):
    """A document as it came from a marketplace, stored before anything is made of it, so that it can't be lost.

    A document that says the same as the newest one of its order is not stored again; one that went back to an older
    content is, since it is news.
    """

    _name = "marketplace.inbox"
    _description = "Received from a Marketplace"
    _order = "id desc"
    _rec_name = "external_id"

    # ------------------------------------------------------------------ fields

    config_id = fields.Many2one("marketplace.config", string="Account", required=True, ondelete="cascade", index=True)
    key = fields.Char(required=True, readonly=True, help="Unique for the account: event id, or order id and digest.")
    kind = fields.Selection([("order", "Order"), ("status", "Status")], default="order", required=True, readonly=True)
    external_id = fields.Char(string="Order ID", readonly=True)
    digest = fields.Char(readonly=True)
    source = fields.Selection([("pull", "Pulled"), ("webhook", "Webhook")], required=True, readonly=True)
    payload = fields.Text(help="The document. It can be corrected here and replayed.")
    state = fields.Selection(
        [
            ("waiting", "Waiting"),
            ("imported", "Imported, to be followed up"),
            ("done", "Done"),
            ("superseded", "Replaced by a newer one"),
            ("failed", "Failed"),
        ],
        default="waiting",
        required=True,
        readonly=True,
        index=True,
    )
    needs_ack = fields.Boolean(readonly=True, help="The marketplace sends it again until it is acknowledged.")
    acknowledged_at = fields.Datetime(readonly=True)
    order_id = fields.Many2one("sale.order", readonly=True, ondelete="set null", index="btree_not_null")
    attempts = fields.Integer(readonly=True)
    next_attempt = fields.Datetime(readonly=True)
    last_error = fields.Char(readonly=True)

    _sql_constraints = [("key_unique", "UNIQUE (config_id, key)", "This document is stored already.")]

    def init(self):
        tools.create_index(
            self.env.cr,
            "marketplace_inbox_open_idx",
            self._table,
            ["config_id", "id"],
            where="state IN ('waiting', 'imported')",
        )
        tools.create_index(self.env.cr, "marketplace_inbox_order_idx", self._table, ["config_id", "external_id", "id"])
        tools.create_index(
            self.env.cr,
            "marketplace_inbox_ack_idx",
            self._table,
            ["config_id"],
            where="needs_ack AND acknowledged_at IS NULL",
        )

    # ------------------------------------------------------------------ CRUD

    def write(self, vals):
        if "payload" in vals:
            self._check_json(vals["payload"])
        return super().write(vals)

    # ------------------------------------------------------------------ actions

    def action_replay(self):
        """Process the documents again, as they stand here now, each at the account that its supplier code names."""
        self.check_access_rights("write")
        for row in self:
            row._reroute()
        replayed = self.filtered(lambda row: row.state != "superseded")
        replayed.write({"state": "waiting", "attempts": 0, "next_attempt": False, "last_error": False})
        self.env["marketplace.wake"]._request()

    # ------------------------------------------------------------------ business

    def _store(self, documents, source, needs_ack=False):
        """Store raw documents and return ``(rows, number of new ones)``.

        :param list documents: ``[(config, kind, external id, raw)]``, or with a fifth item, the event's own unique id
        :return: for each document the row that holds it: a new one, or the newest of its order when that says the same
        """
        rows, new = self.browse(), 0
        for config, kind, external_id, raw, *event in documents:
            digest, event_id = self._digest(raw), event[0] if event else ""
            row = self._known_event(config, event_id) or self._newest(config, kind, external_id, digest)
            if row.key != event_id and row.digest != digest:
                row = self._insert(config, kind, external_id, raw, digest, source, event_id)
                new += 1
            if needs_ack:
                row.write({"needs_ack": True, "acknowledged_at": False})
            rows |= row
        if new:
            self.env["marketplace.wake"]._request()
        return rows, new

    def _known_event(self, config, event_id):
        """Return the row of a delivery that came before, whatever came since: a copy of it is no news."""
        return self.search([("config_id", "=", config.id), ("key", "=", event_id)]) if event_id else self.browse()

    def _newest(self, config, kind, external_id, digest):
        """Return the newest document of the order; of one without an order id, the one of the same content."""
        domain = [("config_id", "=", config.id), ("kind", "=", kind), ("external_id", "=", external_id)]
        if not external_id:
            domain.append(("digest", "=", digest))
        return self.search(domain, order="id desc", limit=1)

    def _insert(self, config, kind, external_id, raw, digest, source, event_id):
        """Insert one document, or find the one that another transaction has inserted under the same key."""
        key = event_id or f"{kind}:{external_id}:{digest}:{self._repeats(config, external_id, digest)}"
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO marketplace_inbox
                    (config_id, key, kind, external_id, digest, source, payload, state, attempts, needs_ack,
                     create_date, write_date, create_uid, write_uid)
                VALUES (%s, %s, %s, %s, %s, %s, %s, 'waiting', 0, FALSE,
                        now() at time zone 'utc', now() at time zone 'utc', %s, %s)
                ON CONFLICT (config_id, key) DO NOTHING RETURNING id
                """,
                config.id,
                key,
                kind,
                external_id,
                digest,
                source,
                self._dump(raw),
                self.env.uid,
                self.env.uid,
            )
        )
        inserted = self.env.cr.fetchone()
        if inserted:
            return self.browse(inserted[0])
        return self.search([("config_id", "=", config.id), ("key", "=", key)])

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
        code = self.config_id._api()._identify(self.config_id, self._document())[1]
        account = self.config_id._route(code)
        if not account or account == self.config_id or self.kind != "order":
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
        self.write({"state": "failed", "last_error": storable(str(error)), "attempts": self.attempts + 1})

    # ------------------------------------------------------------------ helpers

    def _digest(self, raw):
        text = json.dumps(raw, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def _dump(self, raw):
        """Return the JSON text to store, readable where it can be: a lone surrogate fits no database."""
        text = json.dumps(raw, ensure_ascii=False)
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
