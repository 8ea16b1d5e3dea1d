# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What can go wrong with a marketplace, as classes a caller can act upon, and the table from HTTP status to class.

Messages are short English sentences for the log and the dashboard; they tell the next step and never hold a secret.
"""

from collections.abc import Callable

from .text import RIGHT_TO_LEFT_MARK, is_right_to_left, storable
from .words import Words, _


class MarketplaceError(Exception):
    """Base of everything the transport and the adapters raise on purpose.

    ``code`` is the marketplace's own error code (``""``: it gave none), ``status`` the HTTP status (``None``: there was
    no answer), ``seconds`` how long the marketplace asks to wait (``None``: it did not say). ``may_pass``: what sounds
    final was not said by the marketplace, but by whatever stands in between, and may be over in a moment.
    """

    seconds: float | None = None

    def __init__(self, message: str, code: str = "", status: int | None = None, may_pass: bool = False):
        super().__init__(storable(message))
        self.words = message
        self.message = storable(message)
        self.code = code
        self.status = status
        self.may_pass = may_pass

    def __str__(self) -> str:
        return self.message

    def retell(self, say: Callable[[str], str]):
        """Tell the message in the language of ``say(source)``, as far as it is made of sentences of the transport."""
        if isinstance(self.words, Words):
            self.message = self.words.said(say)

    def cover(self, hide: Callable[[str], str]):
        """Put ``hide(text)`` in place of whatever the marketplace has said."""
        self.words = self.words.covered(hide) if isinstance(self.words, Words) else hide(self.words)
        self.message, self.code = hide(self.message), hide(self.code)
        self.args = tuple(map(hide, self.args))


class ConfigurationError(MarketplaceError):
    """A setting of the account is wrong; nothing helps until a person corrects it."""


class UnsupportedFeature(MarketplaceError):
    """The marketplace has no such thing; do not try again."""


class AuthenticationFailed(MarketplaceError):
    """The credentials are not accepted; the account should pause until a person corrects them."""


class RequestRejected(MarketplaceError):
    """The marketplace understood and refuses this request; sending the same again gives the same answer."""


class _Later(MarketplaceError):
    """A failure that may pass; ``seconds`` is the wait the marketplace asked for, if it did."""

    def __init__(self, message: str, seconds: float | None = None, code: str = "", status: int | None = None):
        super().__init__(message, code, status)
        self.seconds = seconds


class RateLimited(_Later):
    """Too many requests; wait ``seconds`` (``None``: the marketplace did not say) and go on."""


class TemporaryFailure(_Later):
    """Unreachable, too slow or broken for now; the same request may succeed later.

    ``maybe_applied`` is True when the request had left this machine: the marketplace may have carried it out although
    no good answer came back. A write that is not idempotent must then be checked before it is repeated.
    """

    def __init__(self, message, seconds=None, code="", status=None, maybe_applied=False):
        super().__init__(message, seconds, code, status)
        self.maybe_applied = maybe_applied


class InvalidResponse(MarketplaceError):
    """An answer came that is not what the contract says: HTML, broken JSON, too large, the wrong shape."""


class MappingError(MarketplaceError):
    """A document of the marketplace can't be understood; ``path`` names the field, as ``order_details[2].amount``."""

    def __init__(self, path: str, message: str, code: str = "", status: int | None = None):
        super().__init__(message, code, status)
        self.path = storable(path)
        self.args = (self.path, self.message)

    def __str__(self) -> str:
        if not self.path:
            return self.message
        # The path is Latin, and a browser lays a text out by its first letter: the mark counts as an Arabic one.
        return f"{RIGHT_TO_LEFT_MARK if is_right_to_left(self.message) else ''}{self.path}: {self.message}"


class WebhookRejected(MarketplaceError):
    """A delivery that is not proven to come from the marketplace; the message is the reason, for the log."""


#: HTTP status → class and the next step. What is not listed: see ``error_for_status``.
STATUS_ERRORS: dict[int, tuple[type[MarketplaceError], str]] = {
    401: (
        AuthenticationFailed,
        _("Invalid token: the marketplace refused the credentials; enter the current token on the account"),
    ),
    403: (
        AuthenticationFailed,
        _("Invalid token: the marketplace refused access; check the token and its rights on the account"),
    ),
    # An order or product that is gone also answers 404, so this is about the row; the client turns a 404 without a
    # JSON body (a web server's own page) into a ConfigurationError.
    404: (
        RequestRejected,
        _("The marketplace does not know this address or record; check the ID, then the paths of the account"),
    ),
    405: (ConfigurationError, _("The marketplace does not take this call; check the URL and the paths")),
    407: (ConfigurationError, _("Something on the way to the marketplace wants a password; ask who runs the network")),
    408: (TemporaryFailure, _("The marketplace gave up waiting for the request; it is tried again")),
    413: (RequestRejected, _("The request is too large for the marketplace; lower the batch size")),
    425: (TemporaryFailure, _("The marketplace asks to send this later; it is tried again")),
    429: (RateLimited, _("The marketplace limits the number of calls; sending goes on later")),
}

_REDIRECTED = (ConfigurationError, _("The marketplace redirected the request; set the final URL in the account"))
_REJECTED = (RequestRejected, _("The marketplace rejected the request"))
_BROKEN = (TemporaryFailure, _("The marketplace has a failure of its own; it is tried again"))
_STRANGE = (InvalidResponse, _("The marketplace answered with an unknown status; check the URL"))

#: Temporary statuses that say the request was not carried out.
_NOT_APPLIED = frozenset({425, 503})


def error_for_status(status: int, message: str = "", retry_after: float | None = None) -> MarketplaceError:
    """The error, not raised, for an answer outside 2xx.

    ``message`` is what the marketplace said (already redacted, may be empty); ``retry_after`` is in seconds.
    """
    kind, hint = STATUS_ERRORS.get(status) or _by_hundred(status)
    text = Words("%(hint)s (HTTP %(status)s)", hint=hint, status=status)
    if message:
        text = Words("%(text)s: %(message)s", text=text, message=message)
    if issubclass(kind, TemporaryFailure):
        return kind(text, retry_after, status=status, maybe_applied=status not in _NOT_APPLIED)
    if issubclass(kind, RateLimited):
        return kind(text, retry_after, status=status)
    return kind(text, status=status)


#: What is not tried again as it is.
FINAL = (AuthenticationFailed, ConfigurationError, RequestRejected)


def needs_person(error: Exception) -> bool:
    """Whether nothing but a person can help: the marketplace refuses the credentials, or a setting is wrong."""
    return isinstance(error, (AuthenticationFailed, ConfigurationError)) and not error.may_pass


def maybe_applied(error: Exception) -> bool:
    """Whether the marketplace may have done what it was asked, although it gave no good answer."""
    if hasattr(error, "maybe_applied"):
        return error.maybe_applied
    return not isinstance(error, (*FINAL, RateLimited))


def _by_hundred(status):
    return {3: _REDIRECTED, 4: _REJECTED, 5: _BROKEN}.get(status // 100, _STRANGE)
