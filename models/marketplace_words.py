# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import re
from functools import partial

from odoo import _, models
from odoo.exceptions import RedirectWarning, UserError

from ..schemas import RowResult
from ..transport.errors import MarketplaceError
from ..transport.redaction import covered
from ..transport.text import storable
from ..transport.words import Words

# Codes of our own, which tell a person nothing.
OUR_CODES = {"doubt", "editing", "otp", "stale", "unanswered", "unknown"}
# What marketplaces without codes say of a product that they do not have, in the languages in which ours speak.
NOT_FOUND = re.compile(
    r"\bproduct\b.{0,40}\b(?:not found|does not exist)\b|\bproduit\b.{0,40}\b(?:introuvable|inexistant|non trouvé)\b"
    r"|منتج.{0,40}(?:غير موجود|لم يتم العثور)|(?:غير موجود|لم يتم العثور).{0,40}منتج",
    re.IGNORECASE,
)


def _results(answer):
    """Return what became of rows, wherever it stands in an adapter's answer."""
    if isinstance(answer, RowResult):
        return [answer] if answer.message or answer.code else []
    parts = answer if type(answer) in (list, tuple) else ()
    return [result for part in parts for result in _results(part)]


class MarketplaceApi(models.AbstractModel):
    _inherit = "marketplace.api"

    def _with_code(self, words, code):
        """Return what a person reads of an error: its words, and the marketplace's own code where they lack it."""
        if not words or not code or code in OUR_CODES or code in words:
            return words or ""
        return _("%(words)s (code %(code)s)", words=words, code=code)

    def _retold(self, error):
        """Return the error in the language of the work, where its words are the transport's, which knows English."""
        if isinstance(error, MarketplaceError):
            error.retell(self._say)
        return error

    def _covered(self, told, secrets):
        """Return an error, or what became of rows, without ``secrets``: a marketplace may repeat what it was sent."""
        hide = partial(covered, secrets=secrets)
        if isinstance(told, MarketplaceError):
            told.cover(hide)
        elif isinstance(told, Exception):
            told.args = tuple(hide(part) if isinstance(part, str) else part for part in told.args)
        for result in _results(told):
            result.message, result.code = hide(result.message), hide(result.code)
        return told

    def _unforeseen(self, error=""):
        """Return what a person reads of an error that nobody foresaw. Odoo's own words for people stay as they are."""
        if isinstance(error, (UserError, RedirectWarning)):
            return str(error.args[0])  # a warning has the way to go beside it
        if not str(error):
            return _("Something unforeseen happened here. Tell who looks after Odoo: the server's log has the details.")
        return _(
            "Something unforeseen happened here (%s). Tell who looks after Odoo: the server's log has the details.",
            error,
        )

    def _in_words(self, error):
        """Return what a person reads of any error, as it may be stored."""
        known = isinstance(error, (MarketplaceError, str))
        return storable(str(self._retold(error)) if known else self._unforeseen(error))

    def _said(self, words):
        """Return a sentence in the language of the work, where it keeps what it is made of."""
        return words.said(self._say) if isinstance(words, Words) else words

    def _say(self, source):
        return _(source)

    def _is_unknown(self, result):
        """Tell whether this result of a row says that the marketplace does not have the product: by its code or, of a
        marketplace that gives none, by the marketplace's own words, whatever the language of those who read ours."""
        return result.code == "unknown" or bool(NOT_FOUND.search(result.message or ""))

    def _refused_silently(self):
        return _("The marketplace refused this and does not say why. Look at it there, correct it, then retry.")


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    def _trouble(self):
        """Return why nothing reaches this account's marketplace just now, and what to do, in words; ``""``: nothing is
        wrong with it."""
        self.ensure_one()
        # sudo: whoever sees that something waits may see what for; reasons hold no credentials
        config = self.sudo()
        if not config.active:
            return _("%s is archived: nothing is sent to it, and no orders come in. Unarchive it first.", config.name)
        if config.state == "draft":
            return _("%s is not live yet. Test its connection, then start it.", config.name)
        if config.state == "live" and not config._is_running():
            return config._not_original_reason(self.env["marketplace.identity"]._is_copy())
        return (config.state == "paused" and config.pause_reason) or config._running().last_error or ""
