# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models

from ..transport.errors import MarketplaceError

# Codes of our own, which tell a person nothing.
OUR_CODES = {"doubt", "editing", "otp", "stale"}


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

    def _say(self, source):
        return _(source)

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
        if config.state == "draft":
            return _("%s is not live yet. Test its connection, then start it.", config.name)
        return (config.state == "paused" and config.pause_reason) or config._running().last_error or ""
