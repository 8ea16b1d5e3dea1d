"""What a row takes on disk, its indexes and what is stored aside included: to reckon how large a database will grow.

Of rows that came the ordinary way: products that were listed and pushed, orders that were pulled, and the calls of all
that in the log.
"""

from .figures import Row
from .orders import Orders

ORDERS = 1000
TABLES = {
    "marketplace_listing": ("a listing", ""),
    "marketplace_inbox": ("a document", "octet_length(payload)"),
    "marketplace_sync_log": ("a logged call", "octet_length(request) + octet_length(response)"),
}
NOTES = {
    "marketplace_inbox": "an order of 3 lines; floor: the document's own text",
    "marketplace_sync_log": "floor: the excerpts of what was sent and answered",
}


class Disk:
    def __init__(self, system):
        self.system, self.within = system, system.within

    def rows(self):
        Orders(self.system, prefix="disk").pull(ORDERS, "never", new_shops=True)
        self.system.rest()
        return [self.row(table, *told) for table, told in TABLES.items()]

    def row(self, table, name, text):
        self.within.vacuum(how="FULL, ANALYZE", table=table)  # nothing is left of removed rows
        ((size, count, least),) = self.within.query(
            sql=f"SELECT pg_total_relation_size('{table}'), count(*), avg({text or 0})::float8 FROM {table}"
        )
        note = "; ".join(filter(None, (f"{count} rows", NOTES.get(table, ""))))
        return Row(f"disk of {name}", size / count, "bytes", least or None, note=note)
