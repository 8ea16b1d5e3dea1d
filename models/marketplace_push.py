# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import _, fields, models, tools
from odoo.tools import SQL

from ..database import own_transaction
from ..schemas import RowResult
from ..transport.retry import backoff

POLL_SECONDS = 10.0
POLL_CAP = 300.0
# What the marketplace has not answered by then is sent again.
PATIENCE = timedelta(hours=24)
SENT = ("price", "quantity", "published")
KEPT = ("listing_id", "external_id", "sku", "problem", "begun", *SENT)


class MarketplacePush(models.Model):
    """Offers that a marketplace has taken and will judge later: what was sent, and the handle to ask with.

    Until it has answered, nothing else is sent of these listings, so that the last change wins; what changes meanwhile
    stays due.
    """

    _name = "marketplace.push"
    _description = "Push that Awaits its Answer"
    _order = "id"
    _log_access = False

    config_id = fields.Many2one("marketplace.config", required=True, ondelete="cascade")
    handle = fields.Char(required=True)
    rows = fields.Json(required=True)
    row_count = fields.Integer()
    created_at = fields.Datetime(required=True, default=fields.Datetime.now)
    next_poll = fields.Datetime(required=True)
    polls = fields.Integer()

    def init(self):
        tools.create_index(self.env.cr, "marketplace_push_next_poll_idx", self._table, ["config_id", "next_poll"])

    # ------------------------------------------------------------------ asking

    def _due(self, config):
        """Return the push that is to be asked about now, if any."""
        return self.search([("config_id", "=", config.id), ("next_poll", "<=", fields.Datetime.now())], limit=1)

    def _next_poll(self, config):
        return self.search([("config_id", "=", config.id)], order="next_poll", limit=1).next_poll or None

    def _poll_next(self, lane, config_id):
        """Ask about one push that is due; tell whether there was one."""
        with own_transaction(self.env) as env:
            config = env["marketplace.config"].browse(config_id)
            push = env[self._name]._due(config)
            lane = env[lane._name]
            if not push or not lane._may_talk(config):
                return False
            api = config._api()
            results, error = lane._guarded(config, api._poll_push, config, push.handle, push.rows)
            if error and lane._may_talk(config):
                # It knows nothing of this push, or its answer makes no sense: the rows are sent again.
                results = [RowResult.retry(str(error), code=error.code or "")] * len(push.rows)
            if results is None and push.created_at + PATIENCE < fields.Datetime.now():
                results = [RowResult.retry(_("The marketplace took the offer and never said more."))] * len(push.rows)
            if results is None:
                push._postpone()
            else:
                push._conclude(lane, results)
            return True

    def _postpone(self):
        seconds = backoff(self.polls + 1, base=POLL_SECONDS, cap=POLL_CAP)
        self.write({"polls": self.polls + 1, "next_poll": fields.Datetime.now() + timedelta(seconds=seconds)})

    # ------------------------------------------------------------------ rows

    def _keep(self, config, rows, results):
        """Remember the rows that were answered ``pending``; their listings wait for that answer."""
        by_handle = {}
        for row, result in zip(rows, results, strict=True):
            if result.outcome == "pending":
                by_handle.setdefault(result.handle, []).append({key: row[key] for key in KEPT if key in row})
        moment = fields.Datetime.now() + timedelta(seconds=POLL_SECONDS)
        for handle, kept in by_handle.items():
            values = {"handle": handle, "rows": kept, "row_count": len(kept), "next_poll": moment}
            push = self.create({"config_id": config.id, **values})
            self.env["marketplace.listing"].browse([row["listing_id"] for row in kept])._await(push)

    def _conclude(self, lane, results):
        """Store what the marketplace has answered, and let the listings go on."""
        rows = self.rows
        if len(results) != len(rows):
            results = [RowResult.retry(_("The marketplace did not answer for each row."))] * len(rows)
        listings = self.env["marketplace.listing"].browse([row["listing_id"] for row in rows]).exists()
        sent_as = {row["listing_id"]: row["external_id"] for row in rows}
        moved = listings.filtered(
            lambda listing: (listing.config_id, listing.external_id) != (self.config_id, sent_as[listing.id])
        )
        alive = set((listings - moved).ids)
        judged = [pair for pair in zip(rows, results, strict=True) if pair[0]["listing_id"] in alive]
        newer = {listing.id: listing._due_values() for listing in listings}
        listings.write({"push_id": False})
        lane._store([row for row, _result in judged], [result for _row, result in judged])
        for row, result in judged:
            if result.outcome != "accepted":
                listings.browse(row["listing_id"])._due_again(row)
        for listing in listings:
            if newer[listing.id]:
                # Changed meanwhile: what is true now goes at once, whatever became of what was true before.
                again = {"state": "waiting", "attempts": 0, "next_attempt": False, "due_since": fields.Datetime.now()}
                listing.write({**newer[listing.id], **again})
        refused = {row["listing_id"] for row, result in zip(rows, results, strict=True) if result.outcome == "rejected"}
        for listing in moved.filtered(lambda listing: listing.id not in refused):
            listing._take_off(self.config_id, sent_as[listing.id])
        self.unlink()


class MarketplaceListing(models.Model):
    _inherit = "marketplace.listing"

    push_id = fields.Many2one(
        "marketplace.push", string="Awaits", readonly=True, copy=False, ondelete="set null", index="btree_not_null"
    )

    def _await(self, push):
        """Note that what was due has been sent, and is judged later."""
        self.env.cr.execute(
            SQL(
                """
                UPDATE marketplace_listing
                   SET push_id = %s, price_due = FALSE, stock_due = FALSE, publication_due = FALSE, wide_due = FALSE,
                       forced = FALSE, state = 'waiting', next_attempt = NULL
                 WHERE id = ANY(%s)
                """,
                push.id,
                self.ids,
            )
        )
        self.invalidate_recordset()

    def _is_on_its_way(self):
        """Tell whether something of it is to be sent, or was sent and is judged later."""
        return bool(self.price_due or self.stock_due or self.publication_due or self.push_id)

    def _due_values(self):
        return {name: self[name] for name in ("price_due", "stock_due", "publication_due", "forced") if self[name]}

    def _due_again(self, row):
        """What was sent and not taken is still to be sent, with the next change or attempt, even if it is what was
        there before: nobody knows what of it the marketplace shows."""
        marks = {"price_due": "price", "stock_due": "quantity", "publication_due": "published"}
        self.write({"forced": True, **{due: True for due, key in marks.items() if key in row}})

    def _take_off(self, config, external_id):
        """Have what may have come on sale under a former id say again what is true there."""
        place = [("config_id", "=", config.id), ("external_id", "=", external_id)]
        if not self.with_context(active_test=False).search_count(place):
            self._leave_behind({"config_id": config.id, "external_id": external_id})
        self.with_context(active_test=False).search(place)._request_sync(force=True)
