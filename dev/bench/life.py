"""What updating the addon (`-u`) costs in a database in which much has happened, beside the same in an empty one.

On databases of its own, which no server runs on meanwhile.
"""

import os
import subprocess
import time

from ..common import MODULE, Stop
from ..databases import Databases
from .figures import Row, p50

DOCUMENTS = LOG_ROWS = 1_000_000
REPEATS = 3
ACCOUNT = """
account = env["marketplace.config"].create({"name": "Much", "auth_token": "t", "base_url": "http://127.0.0.1:9"})
partner = env["res.partner"].create({"name": "Somebody"})
order = env["sale.order"].create({"partner_id": partner.id, "marketplace_config_id": account.id, "cartona_id": "o"})
env.cr.commit()
"""
FILL = f"""
    INSERT INTO marketplace_inbox (config_id, key, kind, source, state, external_id, digest, payload, create_date)
    SELECT c.id, 'key-' || n, 'order', 'pull', CASE n % 1000 WHEN 0 THEN 'failed' ELSE 'done' END, 'o-' || n,
           md5(n::text), repeat('{{"amount": 1}}', 40), now() at time zone 'utc' - n * interval '5 seconds'
      FROM marketplace_config c, generate_series(1, {DOCUMENTS}) AS n WHERE c.name = 'Much';
    INSERT INTO marketplace_sync_log (config_id, operation, direction, status, request, response, create_date)
    SELECT c.id, 'push_offers', 'out', 'success', repeat('{{"price": 1}}', 4), repeat('{{"ok": true}}', 4),
           now() at time zone 'utc' - n * interval '2 seconds'
      FROM marketplace_config c, generate_series(1, {LOG_ROWS}) AS n WHERE c.name = 'Much';
    VACUUM ANALYZE marketplace_inbox;
    VACUUM ANALYZE marketplace_sync_log;
"""
# The rows that were read one after the other, without an index, and those that were written.
TOUCHED = """
    SELECT relname, seq_tup_read, n_tup_upd + n_tup_ins + n_tup_del FROM pg_stat_user_tables
     WHERE relname IN (SELECT replace(model, '.', '_') FROM ir_model WHERE model LIKE 'marketplace.%')
        OR relname IN ('sale_order', 'sale_order_line')
"""


class Life:
    def __init__(self, system):
        self.cluster, self.instance = system.stack.cluster, system.stack.instance

    def rows(self):
        databases = Databases(self.cluster, self.instance)
        with databases.fresh("bench-bare") as bare, databases.fresh("bench-life") as name:
            self.fill(name)
            before = self.touched(name)
            pairs = [(self.update(bare), self.update(name)) for _repeat in range(REPEATS)]
            scans = self.scans(before, self.touched(name))
        floor, taken = (p50(each) for each in zip(*pairs, strict=True))
        note = f"{DOCUMENTS} documents and {LOG_ROWS} log rows; floor: without them, by turns. Read without an index: "
        return [Row("update of the addon (-u)", taken, "s", floor, "≤ 1.2 × floor", note + (scans or "nothing"))]

    def update(self, database):
        """The seconds of one update, the start of Odoo included."""
        start = time.monotonic()
        self.odoo("-u", MODULE, "-d", database, "--stop-after-init")
        return time.monotonic() - start

    def fill(self, database):
        self.odoo("-d", database, command="shell", script=ACCOUNT)
        for statement in FILL.split(";\n"):
            if statement.strip():
                self.cluster.query(statement, database=database)

    def touched(self, database):
        time.sleep(1)  # PostgreSQL counts with a delay
        rows = (line.split("|") for line in self.cluster.query(TOUCHED, database=database))
        return {name: (int(read), int(written)) for name, read, written in rows}

    def scans(self, before, after):
        """What an update read without an index, or wrote, as text: tables of a thousand rows and more."""
        read = {name: (after[name][0] - before.get(name, (0, 0))[0]) // REPEATS for name in after}
        return ", ".join(f"{rows} rows of {name}" for name, rows in sorted(read.items()) if rows >= 1000)

    def odoo(self, *arguments, command=None, script=None):
        instance = self.instance
        configuration = instance.configuration(f"life-{os.getpid()}", queue_job={"channels": "root:0"})
        try:
            line = instance.command(*filter(None, [command]), "-c", configuration, *arguments, "--no-http")
            done = subprocess.run(line, env=instance.env, input=script, text=True, capture_output=True, check=False)
        finally:
            configuration.unlink()
        if done.returncode or "Traceback" in done.stderr:
            raise Stop(f"{done.stderr[-5000:]}\n{' '.join(arguments)} failed")
