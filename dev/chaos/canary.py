"""Secrets that are planted before a run, and the search for them after it: in the whole database, in the files beside
it and in the server's log, as they are and within what was encoded as Base64 (headers, jobs, attachments). They may
stand in the columns that are named here, and nowhere else."""

import base64
import re
import secrets
import tempfile
from functools import cached_property

# Where a secret may stand, and why. Credentials are encrypted, so they stand nowhere.
KEPT = {
    ("marketplace_inbox", "private"): "what a driver proves himself by, for managers alone; masked in the document",
}
COPY = re.compile(r"^COPY (?:public\.)?\"?(\w+)\"? \((.*)\) FROM stdin;$")


# Credentials that the account holds beside its token.
HELD = ("webhook_secret", "webhook_secret_previous", "client_secret", "refresh_token")


def forms(secret):
    """The secret as it is, in hexadecimals, as PostgreSQL dumps bytes, and within Base64: what stands before
    it decides which of three ways."""
    raw = secret.encode()
    encoded = [base64.b64encode(bytes(before) + raw).decode() for before in range(3)]
    # The first and last characters also say what stands beside it.
    within = [text[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6] for before, text in enumerate(encoded)]
    return [secret, raw.hex(), *within]


class Canaries:
    """`token` and the other credentials of the account, `otp` of customers and `pickup_otp` of drivers, each found by
    a search for it."""

    def __init__(self):
        for name in ("token", *HELD, "otp", "pickup_otp"):
            setattr(self, name, f"canary{name.replace('_', '')}{secrets.token_hex(12)}")

    def held(self):
        return {name: getattr(self, name) for name in HELD}

    def all(self):
        return {name: value for name, value in vars(self).items() if isinstance(value, str)}

    @cached_property
    def _looked_for(self):
        return {name: re.compile("|".join(map(re.escape, forms(value)))) for name, value in self.all().items()}

    def within(self, text):
        """The names of those that stand in the text."""
        return [name for name, form in self._looked_for.items() if form.search(text)]

    def places(self, lines):
        """Where they stand in a dump: `{(secret, table, column): how often}`."""
        found, table, columns = {}, "", []
        for line in lines:
            head = COPY.match(line.rstrip("\n"))
            if head:
                table, columns = head[1], [name.strip(' "') for name in head[2].split(",")]
                continue
            for name in self.within(line):
                cells = line.rstrip("\n").split("\t")
                column = next((index for index, cell in enumerate(cells) if name in self.within(cell)), None)
                place = (name, table, columns[column] if column is not None and column < len(columns) else "?")
                found[place] = found.get(place, 0) + 1
        return found


def search(system, canaries):
    """What was looked through, where a secret stands that should not, and where it may.

    :return: ``(number of places, [words], [(what may stand there, how often, why)])``
    """
    with tempfile.NamedTemporaryFile("r+", errors="replace") as dump:
        system.cluster.tool("pg_dump", "--data-only", "-f", dump.name, system.database)
        found = canaries.places(dump)
        dump.seek(0)
        tables = sum(bool(COPY.match(line)) for line in dump)
    wrong = [f"{name} in {table}.{column}, {count} times" for (name, table, column), count in found.items()
             if (table, column) not in KEPT]  # fmt: skip
    files = [system.stack.log, *files_of(system)]
    for path in files:
        wrong += [f"{name} in {path}" for name in canaries.within(path.read_text(errors="replace"))]
    kept = [
        (f"planted {name} in {table}.{column}", count, KEPT[table, column])
        for (name, table, column), count in found.items()
        if (table, column) in KEPT
    ]
    return tables + len(files), wrong, kept


def files_of(system):
    folder = system.stack.instance.data_dir / "filestore" / system.database
    return [path for path in folder.rglob("*") if path.is_file()]
