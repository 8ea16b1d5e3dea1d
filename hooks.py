# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import contextlib
import os

from odoo.tools import SQL

from .database import own_transaction
from .models.marketplace_identity import PARAMETER
from .models.marketplace_wake import DATES_SINCE, OUR_MODELS

# On columns that stay. Those on ours go with them.
INDEXES = (
    "product_pricelist_item_marketplace_base_idx",
    "product_pricelist_item_marketplace_end_idx",
    "product_pricelist_item_marketplace_start_idx",
    "product_template_marketplace_delay_idx",
    "res_partner_marketplace_mobile_idx",
    "res_partner_marketplace_phone_idx",
    "sale_order_line_marketplace_draft_idx",
    "stock_lot_marketplace_expiry_idx",
)

JOBS = """
    DELETE FROM queue_job WHERE id IN (
        SELECT id FROM queue_job WHERE model_name IN (%s) FOR UPDATE SKIP LOCKED)
"""


def uninstall_hook(env):
    """Take along what Odoo does not know to be ours: indexes on its own columns, jobs that wait, and by what a copy of
    this database is known. The key that secrets were encrypted with stays: other databases may have theirs."""
    for name in INDEXES:
        env.cr.execute(SQL("DROP INDEX IF EXISTS %s", SQL.identifier(name)))
    with own_transaction(env) as own:  # the job runner is at work on the same rows
        own.cr.execute(SQL(JOBS, SQL(OUR_MODELS)))
    ours = ["|", ("key", "=", PARAMETER), ("key", "=like", f"{DATES_SINCE}.%")]
    env["ir.config_parameter"].search(ours).unlink()
    path = env["marketplace.identity"]._fingerprint_path()

    @env.cr.postcommit.add
    def _forget_fingerprint():
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
