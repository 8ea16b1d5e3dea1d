"""Makes a template and the files of the languages from what Odoo exported; run with Odoo's Python, which has polib.

`merge.py exported.pot folder language ...`. The files come out the same whoever makes them, and whenever.
"""

import sys
from pathlib import Path

import polib

# No dates and no versions of whoever ran it: a file changes when a term does.
METADATA = {
    "Project-Id-Version": "cartona_integration 17.0",
    "Report-Msgid-Bugs-To": "",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
}
HEADER = "Translation of Cartona & Marketplace Integration, made by `make i18n`."


def template(exported):
    fresh = polib.POFile()
    fresh.header, fresh.metadata = HEADER, dict(METADATA)
    fresh.extend(sorted(exported, key=lambda entry: entry.msgid))
    return fresh


def translated(terms, former, language):
    """The terms with what `former` says of them; its head, where a translator keeps notes, stays as it is."""
    known = {entry.msgid: entry for entry in former if not entry.obsolete and not entry.fuzzy}
    fresh = polib.POFile()
    fresh.header = former.header or HEADER
    fresh.metadata = {**METADATA, "Language": language}
    for term in terms:
        before = known.get(term.msgid)
        fresh.append(
            polib.POEntry(
                msgid=term.msgid,
                msgstr=before.msgstr if before else "",
                comment=term.comment,
                tcomment=before.tcomment if before else "",
                occurrences=term.occurrences,
                flags=term.flags,
            )  # fmt: skip
        )
    return fresh


def main(exported, folder, *languages):
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    terms = template(polib.pofile(exported))
    terms.save(str(folder / "cartona_integration.pot"))
    print(f"{len(terms)} terms")
    for language in languages:
        path = folder / f"{language}.po"
        former = polib.pofile(str(path)) if path.exists() else polib.POFile()
        merged = translated(terms, former, language)
        merged.save(str(path))
        print(f"{language}: {len(merged.untranslated_entries())} without a translation")


if __name__ == "__main__":
    main(*sys.argv[1:])
