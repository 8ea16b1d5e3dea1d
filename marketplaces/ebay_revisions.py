# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import _, api, fields, models, tools
from odoo.tools import SQL

from ..database import VACUUM_SECONDS, delete_old, own_transaction
from ..schemas import RowResult

# eBay lets a listing be revised so often in a day, whatever of it is changed, and all its variations together. Its day
# begins by its own clock, so what counts here is any 24 hours.
REVISIONS = 250
# Of them the last ones are kept for stock: what is sold out must not go on being sold.
KEPT_FOR_STOCK = 50
DAY = timedelta(hours=24)
VACUUM_ROWS = 50_000


class MarketplaceEbayRevision(models.Model):
    """One change of one listing that eBay has taken. Rows are added and counted, never changed."""

    _name = "marketplace.ebay.revision"
    _description = "Revision of an eBay Listing"
    _log_access = False

    config_id = fields.Many2one("marketplace.config", required=True, ondelete="cascade")
    listing = fields.Char(required=True, help="eBay's id of the listing.")
    revised_at = fields.Datetime(required=True)

    def init(self):
        tools.create_index(
            self.env.cr, "marketplace_ebay_revision_idx", self._table, ["config_id", "listing", "revised_at"]
        )

    def _waits(self, config, rows):
        """Return ``{listing id: RowResult}`` of the rows that have to wait, since their eBay listing has been revised
        too often."""
        counts = self._counts(config, {row["remote"].get("listing") or "" for row in rows} - {""})
        waits = {}
        for row in rows:
            listing = row["remote"].get("listing") or ""
            limit = REVISIONS if "quantity" in row else REVISIONS - KEPT_FOR_STOCK
            count, oldest = counts.get(listing, (0, None))
            if count >= limit:
                waits[row["listing_id"]] = self._wait(config, row, count, oldest)
            else:
                counts[listing] = (count + 1, oldest or fields.Datetime.now())
        return waits

    def _counts(self, config, listings):
        """Return ``{eBay listing: (revisions in the last 24 hours, the oldest of them)}``."""
        self.flush_model()
        self.env.cr.execute(
            SQL(
                "SELECT listing, count(*), min(revised_at) FROM marketplace_ebay_revision "
                "WHERE config_id = %s AND listing = ANY(%s) AND revised_at > %s GROUP BY listing",
                config._credentials().id,
                list(listings),
                fields.Datetime.now() - DAY,
            )
        )
        return {listing: (count, oldest) for listing, count, oldest in self.env.cr.fetchall()}

    def _wait(self, config, row, count, oldest):
        seconds = max(60.0, (oldest + DAY - fields.Datetime.now()).total_seconds())
        message = _(
            "Changed %(count)s times in 24 hours, and eBay takes %(limit)s. It goes on when that is over.",
            count=count,
            limit=REVISIONS,
        )
        if "quantity" in row:
            config._tell_responsible(
                _("%s: stock has to wait, eBay takes no more changes today", config.name),
                _("%(sku)s: %(why)s Until then more may be sold than there is.", sku=row["external_id"], why=message),
                cause="ebay-revisions",
            )
        return RowResult.wait(seconds, message)

    def _note(self, config, rows):
        """Note that the listings of these rows were revised; for good, whatever becomes of the caller."""
        listings = [row["remote"].get("listing") for row in rows if row["remote"].get("listing")]
        if not listings:
            return
        owner, now = config._credentials(), fields.Datetime.now()
        with own_transaction(self.env) as env:
            env[self._name].create(
                [{"config_id": owner.id, "listing": listing, "revised_at": now} for listing in listings]
            )

    @api.autovacuum
    def _gc_old_revisions(self):
        """Delete what counts no more."""
        delete_old(self.env, self._table, "revised_at", fields.Datetime.now() - DAY, VACUUM_ROWS, VACUUM_SECONDS)
