# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields, models, tools
from odoo.tools import SQL

# Settings by which a transaction decides that a change of its own is nothing to an account.
LOOKED_AT = {"active", "pricelist_id", "sync_price", "sync_stock"}
# Listings that are looked at again at a time.
ROWS = 10_000

# A transaction sees the database as it was when it began. When the last one that was older than a listing has ended,
# nobody is left who does not know it. One that has lasted for hours is somebody's who forgot it: it is not waited for.
OLDEST = """
    SELECT coalesce(min(xact_start), clock_timestamp()) AT TIME ZONE 'utc'
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid != pg_backend_pid() AND backend_type = 'client backend'
       AND xact_start > clock_timestamp() - interval '6 hours'
"""


class MarketplaceWake(models.AbstractModel):
    """The second look at what is new. A transaction that began before a product was listed, an import of prices or a
    large delivery say, does not see the listing, and so leaves nothing in the outbox for it. Without another look after
    its end, what it changed would be told to nobody.
    """

    _inherit = "marketplace.wake"

    def _look_again(self):
        """Mark for another look what some transactions could not see when they left their marks."""
        self.env.cr.execute(OLDEST)
        oldest = self.env.cr.fetchone()[0]
        self.env["marketplace.listing"]._look_again(oldest)
        self.env["marketplace.config"]._look_again(oldest)


class MarketplaceListing(models.Model):
    _inherit = "marketplace.listing"

    look_again_after = fields.Datetime(
        readonly=True, copy=False, help="Looked at again when all that began before this moment has ended."
    )

    def init(self):
        result = super().init()
        tools.create_index(
            self.env.cr,
            "marketplace_listing_look_again_idx",
            self._table,
            ["look_again_after"],
            where="look_again_after IS NOT NULL",
        )
        return result

    def _look_again(self, oldest):
        """Mark what is new for another look, as far as all transactions are younger: since ``oldest``."""
        self.env.cr.execute(
            SQL(
                """
                UPDATE marketplace_listing SET look_again_after = NULL
                 WHERE id IN (SELECT id FROM marketplace_listing WHERE look_again_after < %s
                               LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
             RETURNING id
                """,
                oldest,
                ROWS,
            )
        )
        self.browse(row[0] for row in self.env.cr.fetchall())._request_sync()


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    look_again = fields.Boolean(readonly=True, copy=False, help="Settings were changed that decide what is marked.")
    look_again_after = fields.Datetime(
        readonly=True, copy=False, help="Same as on a listing; filled in once it is known."
    )

    def _with_second_look(self, vals):
        """Return the values of a write, and that the account is to be looked at again where they decide that."""
        return {**vals, "look_again": True, "look_again_after": False} if LOOKED_AT & vals.keys() else vals

    def _ask_second_look(self):
        """Have all of the account looked at again: what was folded says that more leads to it than some may know."""
        self.env.cr.execute(
            "UPDATE marketplace_config SET look_again = TRUE, look_again_after = NULL WHERE id = ANY(%s)", [self.ids]
        )
        self.invalidate_recordset(["look_again", "look_again_after"])

    def _look_again(self, oldest):
        """As for listings: mark all of the accounts for another look whose settings were changed."""
        self.env.cr.execute(
            SQL(
                "UPDATE marketplace_config SET look_again = FALSE, look_again_after = NULL "
                "WHERE look_again AND look_again_after < %s RETURNING id",
                oldest,
            )
        )
        ready = [row[0] for row in self.env.cr.fetchall()]
        if ready:
            self.env["marketplace.outbox"]._mark("price", "stock", "publication", config=ready)
        # What is seen here has been committed: who begins from now on knows it.
        self.env.cr.execute(
            "UPDATE marketplace_config SET look_again_after = clock_timestamp() AT TIME ZONE 'utc' "
            "WHERE look_again AND look_again_after IS NULL"
        )
        self.invalidate_model(["look_again", "look_again_after"])
