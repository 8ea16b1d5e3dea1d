# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import re

from odoo import _, models
from odoo.exceptions import UserError
from odoo.tools import SQL, sql

from ..compat import check_access, format_list
from ..screen import RELOAD, notification
from ..transport.redaction import MASK, written_forms
from .marketplace_erasure import TELLING
from .marketplace_wake import OUR_MODELS
from .res_partner import CODE

# Where something may have been written down of a customer: table, columns, and which of its rows are of these accounts
# or orders. The log and the documents are not here: they are read for it on their own.
ACCOUNT = "config_id = ANY(%(accounts)s)"
CHATTER = (
    "model = 'marketplace.config' AND res_id = ANY(%(accounts)s) OR model = 'sale.order' AND res_id = ANY(%(orders)s) "
    "OR model = 'stock.picking' AND res_id = ANY(%(pickings)s) "
    "OR model = 'res.partner' AND res_id = ANY(%(people)s) AND create_uid = 1"  # what we wrote
)
OF_MESSAGES = "mail_message_id IN (SELECT id FROM mail_message WHERE %s)"
HOLD_TEXTS = ("marketplace_hold", "marketplace_hold_key", "marketplace_hold_accepted")
ORDER_TEXTS = ("client_order_ref", "marketplace_reason", *HOLD_TEXTS)
# Jobs of ours for these accounts, or for whichever has work: then their names tell no account.
JOB = (
    f"model_name IN ({OUR_MODELS}) AND coalesce("
    "substring(identity_key from '^marketplace:[a-z]+:([0-9]+)')::int = ANY(%(accounts)s), TRUE)"
)
# What a job is called with has to stay as long as it may run by itself: it names accounts and lanes, as a customer may
# be called.
OVER = " AND state IN ('done', 'failed', 'cancelled')"
JOB_TEXTS = ("name", "func_string", "result", "exc_message", "exc_info")
# Columns of JSON, in texts alone of which something is masked: a number is no code, and has to stay one.
JSON = ("payload", "args", "kwargs")
JSON_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"(?P<key>\s*:)?')
TRACKED = ("old_value_char", "new_value_char", "old_value_text", "new_value_text")
WRITTEN = (
    ("marketplace_inbox", ("last_error",), ACCOUNT + " AND last_error IS NOT NULL"),
    ("marketplace_outbox", ("last_error",), ACCOUNT),
    ("marketplace_outbox", ("payload",), "order_id = ANY(%(orders)s)"),
    ("marketplace_task", ("message",), ACCOUNT),
    ("marketplace_audit", ("last_error",), ACCOUNT),
    ("marketplace_config_state", ("last_error", "told"), ACCOUNT),
    ("sale_order", ORDER_TEXTS, "id = ANY(%(orders)s)"),
    ("sale_order_line", ("marketplace_comment",), "order_id = ANY(%(orders)s)"),
    ("mail_message", ("subject", "body", "record_name"), CHATTER),
    ("mail_tracking_value", TRACKED, OF_MESSAGES % CHATTER),
    ("mail_activity", ("summary", "note", "marketplace_cause"), CHATTER.replace("model =", "res_model =")),
    ("queue_job", JOB_TEXTS, JOB),
    ("queue_job", ("args", "kwargs"), JOB + OVER),
)


class ResPartner(models.Model):
    """Customers whom a person forgets, and what was written down of them here and there."""

    _inherit = "res.partner"

    # ------------------------------------------------------------------ actions

    def action_marketplace_forget(self):
        """Forget these customers at all their accounts, under all their codes."""
        check_access(self, "write")
        known = ((partner, partner._marketplace_codes()) for partner in self)
        codes = {partner: codes for partner, codes in known if codes}
        if not codes:
            raise UserError(_("No marketplace knows this contact, so there is nothing to forget. Archive it instead."))
        configs = self.env["marketplace.config"].union(*(config for known in codes.values() for config in known))
        check_access(configs, "write")
        # sudo: the rights on the contact and on each account were just checked; it is found in what only machinery has
        kept = [partner for partner, known in codes.items() if not partner.sudo()._marketplace_forget_as(known)]
        return self._marketplace_forgotten(self.union(*kept) if kept else self.browse())

    def _marketplace_forgotten(self, kept):
        """Return what the person is told, and show the contacts anew."""
        text = _("The customer is forgotten. The orders stay, without a name.")
        if kept:
            text = _(
                "What marketplaces told is removed. %s stays, as a customer of yours by other ways too, or as a user: "
                "decide whether the contact may.",
                format_list(self.env, kept.mapped("display_name")),
            )
        return notification(text, "warning" if kept else "success", bool(kept), RELOAD)

    # ------------------------------------------------------------------ business

    def _marketplace_codes(self):
        """Return by what this customer is known, at which accounts: ``{account: {codes}}``, without what stands before
        a code; what is none (a phone, an order) as it is."""
        self.ensure_one()
        # sudo: which accounts they are; the caller checks whether the user may change these
        partner, codes = self.sudo(), {}
        for row in partner.marketplace_code_ids:
            codes.setdefault(row.config_id, set()).add(row.code.removeprefix(CODE))
        if partner.marketplace_config_id:
            known = (partner.cartona_id or "").removeprefix(CODE)
            codes.setdefault(partner.marketplace_config_id, set()).add(known)
        return {config.with_env(self.env): known - {""} for config, known in codes.items()}

    def _marketplace_scrub(self, accounts, orders, words):
        """Mask these words in whatever was written of these accounts and orders: errors, messages, activities, jobs."""
        forms = written_forms(words, TELLING)
        if not forms:
            return
        self.env.flush_all()
        pattern = re.compile("|".join(map(re.escape, forms)))
        scope = {
            "accounts": accounts.ids,
            "orders": orders.ids,
            "pickings": orders.picking_ids.ids,
            "people": (self | self.with_context(active_test=False).child_ids).ids,
        }
        for table, columns, where in WRITTEN:
            kinds = sql.table_columns(self.env.cr, table)  # series differ in them
            for column in [name for name in columns if name in kinds]:
                kind = kinds[column]["udt_name"]
                self._marketplace_mask(table, column, kind, SQL(where, **scope), forms, pattern)
        self.env.invalidate_all()

    def _marketplace_mask(self, table, column, kind, where, forms, pattern):
        names = {"name": SQL.identifier(column), "table": SQL.identifier(table)}
        found = SQL(
            "SELECT id, %(name)s::text FROM %(table)s WHERE (%(where)s) AND EXISTS "
            "(SELECT 1 FROM unnest(%(forms)s::text[]) AS form WHERE position(form in %(name)s::text) > 0)",
            **names,
            where=where,
            forms=forms,
        )
        self.env.cr.execute(found)
        for row_id, text in self.env.cr.fetchall():
            masked = pattern.sub(MASK, text)
            if column in JSON:
                masked = JSON_TEXT.sub(lambda m: m[0] if m["key"] else pattern.sub(MASK, m[0]), text)
            clean = SQL("%s::%s", masked, SQL.identifier(kind))
            self.env.cr.execute(
                SQL("UPDATE %(table)s SET %(name)s = %(clean)s WHERE id = %(id)s", **names, clean=clean, id=row_id)
            )
