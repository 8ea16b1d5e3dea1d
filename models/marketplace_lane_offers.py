# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
import time
from datetime import timedelta

from odoo import _, fields, models
from odoo.tools import SQL

from ..database import is_of_database, own_transaction
from ..schemas import UNLIMITED, RowResult
from ..transport import errors
from .marketplace_api import Reach
from .marketplace_config_resume import PATIENCE
from .marketplace_listing import DUE
from .marketplace_sender import MAX_ATTEMPTS, PROBE_FAILURES, UNANSWERED

_logger = logging.getLogger(__name__)

FOLD_ROWS = 10_000
# Listings that are computed together. More in one go cost less each: prices and quantities come in a few queries.
CLAIM_ROWS = 1000
# What was computed longer ago is not sent.
FRESH_SECONDS = 2.0
# How long a step asks for what it needs before it can send, where there is nothing to send meanwhile: each computes all
# that is due anew.
LOCATE_SECONDS = 20.0
# The code of a result that says: what else the product was named by there is not true any more.
STALE = "stale"
# The code of one that says: the marketplace does not have the product.
UNKNOWN = "unknown"


class MarketplaceLaneOffers(models.AbstractModel):
    """Prices and stock on their way out. A step folds outbox rows into due marks, takes a batch of due listings,
    computes what is true now, leaves out what the marketplace already has, and sends the rest in one call.

    No row is locked during the call: the one sender of the lane is the only one that touches due marks. What changes
    during the call leaves a new outbox row, and is folded and sent after it.
    """

    _name = "marketplace.lane.offers"
    _inherit = "marketplace.lane"
    _description = "Lane of Prices and Stock"

    _linger_seconds = 0.2

    # ------------------------------------------------------------------ lane

    def _has_work(self, config):
        # A paused account still folds, so that its outbox does not grow with every change.
        self.env.cr.execute(
            SQL("SELECT 1 FROM marketplace_outbox WHERE lane = 'offers' AND config_id = %s LIMIT 1", config.id)
        )
        if self.env.cr.fetchone():
            return True
        return self._may_talk(config) and bool(
            self.env["marketplace.listing"]._due_ids(config, limit=1) or self.env["marketplace.push"]._due(config)
        )

    def _next_attempt(self, config):
        moments = [self.env["marketplace.listing"]._next_due(config), self.env["marketplace.push"]._next_poll(config)]
        return min(filter(None, moments), default=None)

    def _at_rest(self, config):
        self.env["marketplace.task"]._finish_syncs()

    def _has_backlog(self, config):
        return len(self.env["marketplace.listing"]._due_ids(config, limit=config.batch_size)) == config.batch_size

    def _step(self, config_id):
        rows, settled = [], 0
        polled = self.env["marketplace.push"]._poll_next(self, config_id)
        with own_transaction(self.env) as env:
            folded = env[self._name]._fold(env["marketplace.config"].browse(config_id))
        with own_transaction(self.env) as env:
            config = env["marketplace.config"].browse(config_id)
            if self._may_talk(config):
                config._await_orders_after_absence()
                rows, settled = env[self._name]._claim(config)
            size = config._running()._size(self._lane(), config.batch_size)
            if env[self._name]._failures(config) >= PROBE_FAILURES:
                # The marketplace has not answered lately: a probe, not a full load; of as many as are sent at once by
                # now, where it may be one of them that it can't stand.
                size = size if size < config.batch_size else 1
                rows = rows[:size]
        rows, located = self._locate(config_id, rows)
        self._send_all(config_id, self._batches(rows, size))
        return bool(polled or folded or settled or rows or located)

    def _batches(self, rows, size):
        """Return the rows in batches; what failed by itself before goes alone, after the others."""
        together = [row for row in rows if not row.get("alone")]
        batches = [together[start : start + size] for start in range(0, len(together), size)]
        return batches + [[row] for row in rows if row.get("alone")]

    def _locate(self, config_id, rows):
        """Give each row what else its marketplace has to name it by. It is asked once for each listing, and before
        anything is sent, a batch at a time in a transaction of its own, so that what was found stays found.

        :return: the rows that can be sent, and whether any was looked up. Looking up ends soon where others wait to be
            sent; else it may take longer, and what was computed before is not sent: the next step computes it anew
        """
        unknown = sorted((row for row in rows if not row["remote"]), key=lambda row: bool(row.get("alone")))
        patience = FRESH_SECONDS / 2 if len(unknown) < len(rows) else LOCATE_SECONDS
        started, located = time.monotonic(), False
        while unknown and time.monotonic() - started <= patience:
            with own_transaction(self.env) as env:
                config = env["marketplace.config"].browse(config_id)
                able = config._capabilities()
                if not able["needs_remote"]:
                    return rows, False
                size = config._running()._size(self._lane(), able["locate_size"] or config.batch_size)
                count = sum(not row.get("alone") for row in unknown[:size]) or 1  # what failed before goes alone
                batch, unknown = unknown[:count], unknown[count:]
                if not self._may_talk(config) or not env[self._name]._locate_batch(config, batch):
                    break
            located = True
        if time.monotonic() - started > FRESH_SECONDS:
            return [], located
        return [row for row in rows if row["remote"]], located

    def _locate_batch(self, config, rows):
        """Look up one batch, and store what was found; tell whether the marketplace answered. A batch that is refused
        as a whole is halved until the row that it is refused for is alone."""
        api = config._api()
        found, error = self._guarded(config, api._locate_products, config, [row["external_id"] for row in rows])
        if isinstance(error, errors.RequestRejected | errors.MappingError):
            if len(rows) > 1:
                middle = len(rows) // 2
                return self._locate_batch(config, rows[:middle]) and self._locate_batch(config, rows[middle:])
            self._store(rows, [RowResult.rejected(getattr(error, "code", ""), str(error))])
            return True
        if error:
            self._step_aside(config, rows, error)
        for row in () if error else rows:
            row["remote"] = found.get(row["external_id"])
            self.env["marketplace.listing"].browse(row["listing_id"]).remote = row["remote"]
            if not row["remote"]:
                self._store([row], [RowResult.rejected(UNKNOWN, self._unknown_there(config, row["external_id"]))])
        return not error

    def _unknown_there(self, config, external_id):
        return _(
            "Product not found: %(marketplace)s has none with the ID %(id)s. Correct the external product ID of the "
            "listing, or archive it.",
            marketplace=config._api()._label(),
            id=external_id,
        )

    def _send_all(self, config_id, batches):
        """Send the batches, as long as their values are fresh; what is left stays due, and is computed again.

        A batch that was begun is halved to the end, however slow the marketplace is: starting over would never get to
        the bad row. Each call has a transaction of its own, so that no row stays locked during one; what it leaves and
        the doubt about the next batch are stored together, as each commit waits for the disk.
        """
        computed = time.monotonic()
        with own_transaction(self.env) as env:
            parts = env[self._name]._begin_batch(config_id, batches, wait=True)
        while parts:
            with own_transaction(self.env) as env:
                config = env["marketplace.config"].browse(config_id)
                if not self._may_talk(config):
                    for rows in parts:
                        env["marketplace.listing"]._know_again(config, rows)
                    return
                parts[:0] = env[self._name]._send(config, parts.pop(0))
                if not parts and time.monotonic() - computed <= FRESH_SECONDS:
                    parts = env[self._name]._begin_batch(config_id, batches)

    def _begin_batch(self, config_id, batches, wait=False):
        """Take the next one off ``batches`` of which anything can be sent, if the account may talk; return it as a
        list, empty when there is none. Of what is not sent after all, nothing is doubtful.

        :param wait: for who else is at work at these listings. Without, theirs stay due: who waits while the results of
            a batch are not stored could lose them
        """
        config = self.env["marketplace.config"].browse(config_id)
        config.invalidate_recordset()  # it was read before a call: somebody may have paused it meanwhile
        config._running().invalidate_recordset()
        while batches and self._may_talk(config):
            rows = self.env["marketplace.listing"]._hold(config, batches.pop(0), wait)
            if rows:
                self.env["marketplace.listing"]._doubt(rows)
                return [rows]
        return []

    # ------------------------------------------------------------------ business

    def _fold(self, config):
        """Turn outbox rows into due marks on their listings; return how many rows there were."""
        folded = self._take_rows(config)
        single = [row for row in folded if row[0]]
        for _listing_id, *flags, look_again, since, cancel, _count in (row for row in folded if not row[0]):
            if cancel:
                self._unforce(config)
            if look_again:
                config._ask_second_look()
            if not any(flags):
                continue
            # That all of the account is looked at again is noted on the account alone.
            values = SQL("(%s, %s, %s, %s, FALSE, %s::timestamp)", *map(bool, flags), since)
            self._set_due(
                SQL("(VALUES %s) AS f (price, stock, publication, force, look_again, since)", values),
                SQL("l.config_id = %s", config.id),
                # What is due for a reason of its own keeps its place before all others.
                SQL("l.wide_due IS TRUE OR NOT coalesce(l.price_due OR l.stock_due OR l.publication_due, FALSE)"),
            )
        if single:
            ids, *flags, since, _cancels, _counts = map(list, zip(*single, strict=True))
            types = f"unnest(%s::int[]{', %s::bool[]' * len(flags)}, %s::timestamp[])"
            columns = "f (id, price, stock, publication, force, look_again, since)"
            source = SQL("%s AS %s", SQL(types, ids, *flags, since), SQL(columns))
            self._set_due(source, SQL("l.id = f.id"), SQL("FALSE"))
        return sum(row[-1] for row in folded)

    def _take_rows(self, config):
        """Delete outbox rows and return what they ask for, one row for each listing and one, without, for the account:
        ``[(listing id, price, stock, publication, force, look again, since, cancel, number of rows)]``.

        Rows are taken up to an id, not by a list of ids: the table is empty most of the time, so PostgreSQL expects a
        handful of rows, and compares each with each.
        """
        self.env.cr.execute(
            SQL(
                """
                WITH taken AS (
                    DELETE FROM marketplace_outbox
                     WHERE lane = 'offers' AND config_id = %s AND id <= (
                        SELECT max(id) FROM (
                            SELECT id FROM marketplace_outbox
                             WHERE lane = 'offers' AND config_id = %s ORDER BY id LIMIT %s
                        ) AS oldest
                    ) RETURNING id, listing_id, price, stock, publication, force, look_again, cancel, created_at
                )
                SELECT listing_id, bool_or(price), bool_or(stock), bool_or(publication),
                       bool_or(force AND (listing_id IS NOT NULL
                                          OR id > coalesce((SELECT max(id) FROM taken WHERE cancel), 0))),
                       coalesce(bool_or(look_again), FALSE), min(created_at), bool_or(cancel), count(*)
                  FROM taken GROUP BY listing_id
                """,
                config.id,
                config.id,
                FOLD_ROWS,
            )
        )
        return self.env.cr.fetchall()

    def _unforce(self, config):
        """Forget that everything was to be sent again: what has not changed is settled without a call."""
        self.env.cr.execute(
            SQL(
                "UPDATE marketplace_listing SET forced = FALSE "
                "WHERE config_id = %s AND wide_due IS TRUE AND forced AND %s",
                config.id,
                SQL(DUE),
            )
        )

    def _set_due(self, source, condition, wide):
        """Mark the listings under ``condition`` due for what the rows ``f`` of ``source`` say; ``wide`` tells which of
        them only because everything is."""
        self.env.cr.execute(
            SQL(
                """
                UPDATE marketplace_listing l
                   SET wide_due = %s,
                       price_due = coalesce(l.price_due, FALSE) OR f.price,
                       stock_due = coalesce(l.stock_due, FALSE) OR f.stock,
                       publication_due = coalesce(l.publication_due, FALSE) OR f.publication,
                       forced = coalesce(l.forced, FALSE) OR f.force,
                       due_since = least(l.due_since, f.since),
                       look_again_after = CASE WHEN l.state = 'new' OR f.look_again
                                               THEN clock_timestamp() AT TIME ZONE 'utc'
                                               ELSE l.look_again_after END,
                       attempts = 0, next_attempt = NULL, state = 'waiting'
                  FROM %s WHERE %s
                """,
                wide,
                source,
                condition,
            )
        )

    def _claim(self, config):
        """Return the neutral rows of the next batches, and how many due listings were settled without a call."""
        Listing = self.env["marketplace.listing"]
        listings = Listing.browse(Listing._due_ids(config, limit=max(CLAIM_ROWS, config.batch_size)))
        rows, settled, waiting = [], [], []
        prepared = self._prepare(listings)
        for listing, row in prepared:
            if row is None:
                settled.append(listing.id)
            elif row.keys() & {"price", "quantity", "published"}:
                row["alone"] = listing.error_code == UNANSWERED
                rows.append(row)
            elif "problem" in row:
                self._store_problem(row)
            else:
                waiting.append(listing.id)
        Listing.browse(settled)._settle()
        Listing.browse(waiting).write({"state": "waiting", "next_attempt": fields.Datetime.now() + PATIENCE})
        # Whatever becomes of their due marks, these are sent when all stock is looked at again.
        held = [listing.id for listing, row in prepared if row and "quantity_waits" in row]
        Listing.browse(held).write({"quantity_pushed_at": False})
        self._ask_for_orders(config, rows)
        return rows, len(listings) - len(rows)

    def _ask_for_orders(self, config, rows):
        """Have orders pulled beside the stock that is about to be sent, which gives back what was sold there since the
        last pull. The stock goes at once: it may be less than what is there."""
        if any(0 < row.get("quantity", 0) < UNLIMITED for row in rows):
            config._pull_beside_stock()

    def _prepare(self, listings):
        """Return ``[(listing, row to send or None)]``. When a batch can't be computed it is halved, so that the one
        listing that is to blame is found, and holds back no other."""
        try:
            with self.env.cr.savepoint():
                offers = listings._offers(due_only=True)
                return [(listing, listing._prepare_offer_row(offers[listing.id])) for listing in listings]
        except Exception as err:
            if is_of_database(err):
                raise
            self.env.invalidate_all()
            if len(listings) > 1:
                middle = len(listings) // 2
                return self._prepare(listings[:middle]) + self._prepare(listings[middle:])
            _logger.exception("The offer of listing %s can't be computed", listings.id)
            return [(listings, {"listing_id": listings.id, "problem": self.env["marketplace.api"]._unforeseen(err)})]

    def _send(self, config, rows):
        """Send one batch and store what became of each row.

        :return: batches to send instead: a batch that is refused as a whole is halved until the bad row is alone, so
            that the good ones go in
        """
        results, error = self._guarded(config, self._push, config, rows)
        if isinstance(error, errors.RequestRejected):
            if len(rows) > 1:
                middle = len(rows) // 2
                return [rows[:middle], rows[middle:]]
            results = [RowResult.rejected(error.code or str(error.status or ""), str(error))]
        if results is None:
            self._step_aside(config, rows, error)
            self.env["marketplace.listing"]._know_again(config, rows)
            return []  # the lane waits, or the account is paused; the rows stay due
        self._store(rows, results)
        self.env["marketplace.push"]._keep(config, rows, results)
        config._running()._widen(self._lane(), len(rows))
        config._running().last_push_at = fields.Datetime.now()
        return []

    def _step_aside(self, config, rows, error):
        """After a batch that failed again, send fewer rows at once; after one row that failed alone, let the next probe
        be another one: it may be this one that the marketplace can't stand."""
        if len(rows) > 1:
            if self._failures(config) >= PROBE_FAILURES:
                config._running()._narrow(self._lane(), len(rows))
            return
        listing = self.env["marketplace.listing"].browse(rows[0]["listing_id"]).exists()
        blamed = listing and self._put_off(config, listing, error)
        if blamed:
            listing._store_result(blamed, MAX_ATTEMPTS, self._retry_time(blamed, listing.attempts + 1))

    def _push(self, config, rows):
        """Send one batch. A row that can't be put into the marketplace's form is refused here, by itself."""
        api = config._api()
        refused = {}
        for index, row in enumerate(rows):
            try:
                row["wire"] = api._serialize_product(config, row)
            except errors.MarketplaceError as err:
                refused[index] = RowResult.rejected(err.code, str(api._retold(err)))
            except Exception as err:
                _logger.exception("Listing %s can't be put into the form of %s", row["listing_id"], config.code)
                refused[index] = RowResult.rejected("", api._unforeseen(err))
            row["refused_here"] = index in refused
        sendable = [row for row in rows if not row["refused_here"]]
        answers = self._push_sendable(config, sendable) if sendable else []
        if len(answers) != len(sendable):
            raise errors.InvalidResponse(
                _("%(sent)s rows were sent, %(answered)s were answered", sent=len(sendable), answered=len(answers))
            )
        left = iter(answers)
        return [refused[index] if index in refused else next(left) for index in range(len(rows))]

    def _push_sendable(self, config, rows):
        """Send what is in the marketplace's form, and note in each row whether it may have got there."""
        reach, left = Reach(), True
        try:
            return config._api().with_context(marketplace_reach=reach)._push_offers(config, rows)
        except errors.MarketplaceError as err:
            left = reach.there or errors.maybe_applied(err)
            raise
        finally:
            for row in rows:
                row["unsent"] = row["unsent"] and not left

    def _store(self, rows, results):
        """Store accepted rows in one statement, and those that were not tried, the others one by one: they are few."""
        self.env["marketplace.listing"]._store_accepted(
            [row for row, result in zip(rows, results, strict=True) if result.outcome == "accepted"]
        )
        self._store_waiting(rows, results)
        for row, result in zip(rows, results, strict=True):
            if result.outcome not in ("accepted", "pending", "wait"):
                listing = self.env["marketplace.listing"].browse(row["listing_id"]).exists()
                if not listing:
                    continue  # deleted during the call: it was not on sale before, and was refused
                if not row.get("refused_here") and listing.config_id._api()._is_unknown(result):
                    listing._note_gone()
                    result.code = result.code or UNKNOWN
                    result.message = self._unknown_there(listing.config_id, listing.external_id)
                else:
                    listing._know_again(listing.config_id, [row])
                if result.code == STALE:
                    listing.remote = False  # asked for anew with the next attempt
                    listing._note_anew()
                listing._store_result(result, MAX_ATTEMPTS, self._retry_time(result, listing.attempts + 1))
            elif "problem" in row and result.outcome == "accepted":
                self._store_problem(row)

    def _store_waiting(self, rows, results):
        """Put off the rows that were not tried, which may be thousands, in one write for each time they wait."""
        waiting = {}
        for row, result in zip(rows, results, strict=True):
            if result.outcome == "wait":
                waiting.setdefault((result.after, result.message), []).append(row["listing_id"])
        for (seconds, message), ids in waiting.items():
            moment = fields.Datetime.now() + timedelta(seconds=seconds or 0.0)
            self.env["marketplace.listing"].browse(ids).write(
                {"state": "waiting", "next_attempt": moment, "error_code": False, "last_error": message or False}
            )

    def _store_problem(self, row):
        listing = self.env["marketplace.listing"].browse(row["listing_id"]).exists()
        if not listing:
            return
        listing._store_result(RowResult.rejected("", row["problem"]), MAX_ATTEMPTS, None)
        listing.price_due = True  # what was not sent is still to be sent, with the next change
