# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from .common import MarketplaceCase

# Rows of the table that name an account, whatever has become of it.
OF_ACCOUNT = "SELECT count(*) FROM {} WHERE {} = %s"
# What is read once when an account is deleted, and not for each of its rows.
ONE_PASS = {
    "marketplace_config.credentials_id",
    "marketplace_rest_file.config_id",
    "marketplace_rest_preview.config_id",
    "res_partner.marketplace_config_id",
    "sale_order.marketplace_config_id",
}


class TestDeletedAccounts(MarketplaceCase):
    """An account that is deleted takes along all that is its own."""

    def prepare(self):
        super().prepare()
        self.gone = self._create_account(name="Gone soon")
        product = self.products[0]
        values = {"config_id": self.gone.id, "product_id": product.id, "external_id": "gone-1"}
        self.env["marketplace.listing"].create(values)
        product.list_price = 77
        self.env.cr.flush()
        for lane in ("orders", "invoices"):
            self.env["marketplace.outbox"].create({"config_id": self.gone.id, "lane": lane})
        self.gone.action_pause()  # one that is live can't be deleted with what it has to tell

    def left(self):
        """Return ``{table: rows}`` of what names the account."""
        self.env.flush_all()
        found = {}
        for name in self.env.registry:
            model = self.env[name]
            if not name.startswith("marketplace.") or model._abstract or not model._auto:
                continue
            for field in {"config_id", "account_id"} & set(model._fields):
                if model._fields[field].store:
                    self.env.cr.execute(OF_ACCOUNT.format(model._table, field), [self.gone.id])
                    found[model._table] = self.env.cr.fetchone()[0]
        return {table: rows for table, rows in found.items() if rows}

    def test_nothing_of_it_is_left_in_any_table(self):
        self.assertGreater(self.left()["marketplace_outbox"], 2)
        self.gone.unlink()
        self.assertEqual(self.left(), {})

    def test_what_a_transaction_wrote_that_had_not_seen_it_goes_by_night(self):
        ours = self.env["marketplace.outbox"].create({"config_id": self.account.id, "lane": "orders"})
        self.gone.unlink()
        late = self.env["marketplace.outbox"].create({"config_id": self.gone.id, "lane": "offers"})
        new = late.copy()
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE marketplace_outbox SET created_at = %s WHERE id = ANY(%s)",
            [self.env.cr.now() - timedelta(days=2), (ours | late).ids],
        )
        new.created_at = self.env.cr.now()
        self.env["marketplace.outbox"]._gc_of_deleted_accounts()
        self.env.invalidate_all()
        self.assertEqual((ours | late | new).exists(), ours | new)

    def test_what_names_a_deleted_account_or_listing_is_found_by_an_index(self):
        """PostgreSQL looks for it row by row of what is deleted, whatever the size of the table."""
        self.env.cr.execute(
            """
            SELECT DISTINCT c.conrelid::regclass || '.' || a.attname
              FROM pg_constraint c
              JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
             WHERE c.contype = 'f' AND c.confrelid = ANY(%s::regclass[])
               AND NOT EXISTS (
                   SELECT 1 FROM pg_index i
                    WHERE i.indrelid = c.conrelid AND i.indkey[0] = a.attnum
                      AND coalesce(pg_get_expr(i.indpred, i.indrelid) = format('(%%I IS NOT NULL)', a.attname), TRUE))
            """,
            [["marketplace_config", "marketplace_listing", "marketplace_audit"]],
        )
        self.assertEqual({row[0] for row in self.env.cr.fetchall()} - ONE_PASS, set())
