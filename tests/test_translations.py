# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from collections import defaultdict
from pathlib import Path

import polib

from odoo import release
from odoo.tests import TransactionCase, tagged
from odoo.tools.translate import TranslationModuleReader

MODULE = "cartona_integration"
TEMPLATE = Path(__file__).resolve().parent.parent / "i18n" / f"{MODULE}.pot"
ADVICE = "run `make i18n` and translate what is new in i18n/*.po"
# What makes a view, a menu or an action; where these differ in a newer series, so do the ids of what is in them.
WRITTEN_FOR = "17.0"


@tagged("post_install", "-at_install")
class TestTranslations(TransactionCase):
    """The template holds what Odoo would export now: who translates it translates all there is, and nothing else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.exported = cls.export()

    @classmethod
    def export(cls):
        """Return each term with the places where it is shown: ``{term: {place}}``."""
        terms = defaultdict(set)
        # A file that it can't read is left out with no more than this: an f-string within _() is enough.
        with cls().assertNoLogs("odoo.tools.translate", "ERROR"):
            reader = TranslationModuleReader(cls.env.cr, modules=[MODULE])
        for _module, kind, name, res_id, term, *_rest in reader:
            # As it stands in the file: code has no line there, so that moving code changes nothing.
            terms[term].add(f"{kind}:{name}" if kind == "code" else f"{kind}:{name}:{res_id}")
        return terms

    def in_the_template(self):
        terms = {entry.msgid: {place for place, _line in entry.occurrences} for entry in polib.pofile(str(TEMPLATE))}
        self.assertGreater(len(terms), 1000)
        return terms

    def test_no_term_is_missing_from_the_template(self):
        missing = sorted(self.exported.keys() - self.in_the_template().keys())
        self.assertFalse(missing, ADVICE)

    def test_no_term_of_the_template_is_stale(self):
        self.only_on_the_series_of_the_source()
        stale = sorted(self.in_the_template().keys() - self.exported.keys())
        self.assertFalse(stale, ADVICE)

    def test_each_term_is_known_in_every_place_that_shows_it(self):
        """A field, a view or a menu is translated only where the file names it."""
        self.only_on_the_series_of_the_source()
        known, shown = self.in_the_template(), self.exported.items()
        moved = {term: sorted(places ^ known[term]) for term, places in shown if places != known.get(term)}
        self.assertFalse(moved, ADVICE)

    def only_on_the_series_of_the_source(self):
        """The template is made on 17.0. A newer series lacks what the port leaves out (the wizard that cancels orders),
        names records otherwise, and has other mixins: there what counts is that no text is left untranslated."""
        if release.version.partition("-")[0] != WRITTEN_FOR:
            self.skipTest(f"the template is made on {WRITTEN_FOR}")
