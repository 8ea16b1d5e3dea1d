# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
import re
import time

from odoo import api, fields, models
from odoo.tools import SQL

from ..database import own_transaction
from ..encryption import Secret, is_key_away
from ..transport.redaction import MASK, written_forms

# Rows of the log that are looked at in one transaction, and how long one run of the cron goes on.
PIECE = 2000
RUN_SECONDS = 20
# A shorter text would be found in too much.
TELLING = 4


class MarketplaceErasure(models.Model):
    """What the log still has to forget of a customer. The log of a busy account takes minutes to read, which nobody who
    waits for a button has, nor the lane that a marketplace's request comes by. So it is read afterwards, in pieces,
    each row once for all words; where it stopped, it goes on."""

    _name = "marketplace.erasure"
    _description = "Customer to be Forgotten by the Log"
    _order = "id"
    _log_access = False

    # Of what is to be forgotten nothing may stand anywhere, as long as this waits neither.
    words = Secret(required=True)
    accounts = fields.Json(required=True)
    cursor = fields.Integer(help="The last row of the log that was read.")

    # ------------------------------------------------------------------ business

    @api.model
    def _begin(self, accounts, words, orders):
        """Have the log of these accounts forget what names one of the texts ``words``, or one of these orders by its
        ID, as soon as this is committed."""
        # An order's ID is no secret: it stands where it stands as it is.
        found = {"words": written_forms(words, TELLING), "orders": sorted(filter(_is_telling, orders))}
        if accounts and any(found.values()):
            self.sudo().create({"words": json.dumps(found), "accounts": accounts.ids})
            self.env["marketplace.doctor"]._cron("cron_erasure")._trigger()

    @api.model
    def _cron_go_on(self):
        """Read the log on where it was left, piece by piece, and come back for the rest."""
        deadline = time.monotonic() + RUN_SECONDS
        while time.monotonic() < deadline:
            with own_transaction(self.env) as env:
                if not env[self._name]._step():
                    return
        self.env["marketplace.doctor"]._cron("cron_erasure")._trigger()

    def _step(self):
        """Read one piece for the first that waits; tell whether there was one that can be read: while there is no key
        at all, it waits for the next run."""
        self.env.cr.execute("SELECT id FROM marketplace_erasure ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED")
        erasure = self.browse([row[0] for row in self.env.cr.fetchall()])
        if not erasure or (not erasure.words and is_key_away()):
            return False
        rows = erasure._next_rows()
        erasure._clear(rows)
        if len(rows) < PIECE:
            erasure.unlink()
        else:
            erasure.cursor = rows[-1][0]
        return True

    def _next_rows(self):
        self.env.cr.execute(
            SQL(
                "SELECT id, concat_ws(E'\\n', request, response), concat_ws(E'\\n', message, url) "
                "FROM marketplace_sync_log WHERE config_id = ANY(%s) AND id > %s ORDER BY id LIMIT %s",
                self.accounts,
                self.cursor,
                PIECE,
            )
        )
        return self.env.cr.fetchall()

    def _clear(self, rows):
        """Remove the excerpts that name one of the words or orders, and mask the words in what else a row says; that
        there was a call stays."""
        execute = self.env.cr.execute
        if not self.words:  # no key opens them any more: better too much goes than what was to be forgotten stays
            gone = SQL("request = NULL, response = NULL, message = NULL, url = NULL")
            return execute(SQL("UPDATE marketplace_sync_log SET %s WHERE id = ANY(%s)", gone, [row[0] for row in rows]))
        found = json.loads(self.words)
        words, telling = found["words"], found["words"] + found["orders"]
        naming = [row_id for row_id, excerpts, _told in rows if any(word in excerpts for word in telling)]
        told = [row_id for row_id, _excerpts, told in rows if any(word in told for word in words)]
        execute(SQL("UPDATE marketplace_sync_log SET request = NULL, response = NULL WHERE id = ANY(%s)", naming))
        pattern = re.compile("|".join(map(re.escape, words)) or "(?!)")
        for row in self.env["marketplace.sync.log"].browse(told):
            row.write({name: pattern.sub(MASK, row[name]) for name in ("message", "url") if row[name]})


def _is_telling(word):
    return len(word) >= TELLING
