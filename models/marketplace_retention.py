# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..database import VACUUM_SECONDS, delete_in_pieces

KEEP_DAYS = 90
BATCH = 1000

TASKS = "SELECT id FROM marketplace_task WHERE state != 'running' AND finished_at < %s LIMIT %s FOR UPDATE SKIP LOCKED"
# The newest audit of an account is what its dashboard tells of, however old it is.
OLD_AUDITS = """
    SELECT %s FROM marketplace_audit a %s
     WHERE a.state != 'running' AND a.create_date < %%s
       AND EXISTS (SELECT 1 FROM marketplace_audit newer WHERE newer.config_id = a.config_id AND newer.id > a.id)
       AND %s
     LIMIT %%s FOR UPDATE OF %s SKIP LOCKED"""
# Written by transactions that had not seen that the account was being deleted.
ORPHANS = """
    SELECT id FROM marketplace_outbox o
     WHERE created_at < %s AND NOT EXISTS (SELECT 1 FROM marketplace_config c WHERE c.id = o.config_id)
     LIMIT %s FOR UPDATE SKIP LOCKED"""
DRIFTS = OLD_AUDITS % ("d.id", "JOIN marketplace_drift d ON d.audit_id = a.id", "true", "d")
EMPTY = "NOT EXISTS (SELECT 1 FROM marketplace_drift d WHERE d.audit_id = a.id)"
AUDITS = OLD_AUDITS % ("a.id", "", EMPTY, "a")


class MarketplaceTask(models.Model):
    _inherit = "marketplace.task"

    @api.autovacuum
    def _gc_finished_tasks(self):
        _delete_old(self.env, self._table, TASKS)


class MarketplaceAudit(models.Model):
    _inherit = "marketplace.audit"

    @api.autovacuum
    def _gc_old_audits(self):
        """Delete what old audits found, then the audits, so that no single one takes long."""
        _delete_old(self.env, "marketplace_drift", DRIFTS)
        _delete_old(self.env, self._table, AUDITS)


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    @api.ondelete(at_uninstall=False)
    def _unlink_except_at_work(self):
        self._refuse_to_leave_behind()
        self.with_context(active_test=False)._refuse_to_leave_sharing(self)

    def unlink(self):
        ids = self.ids
        self._mark_waiting_demand()
        result = super().unlink()
        self.env.flush_all()
        self.env.cr.execute(SQL("DELETE FROM marketplace_outbox WHERE config_id = ANY(%s)", ids))
        return result


class MarketplaceOutbox(models.Model):
    _inherit = "marketplace.outbox"

    @api.autovacuum
    def _gc_of_deleted_accounts(self):
        _delete_old(self.env, self._table, ORPHANS, days=1)


def _delete_old(env, table, query, days=KEEP_DAYS):
    """Delete the rows that ``query`` finds with a date and a limit."""
    found = SQL(query, fields.Datetime.now() - timedelta(days=days), BATCH)
    delete_in_pieces(env, table, found, BATCH, VACUUM_SECONDS)
