# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Authentication objects; the only code that puts a credential into a request."""

import base64

from requests.auth import AuthBase

from .errors import ConfigurationError
from .words import _


class HeaderToken(AuthBase):
    """Sends ``<header>: <prefix><token>``.

    Surrounding white space of the token is dropped (it comes from pasting). Raises ``ConfigurationError`` when the
    token is empty or can't stand in a header. The text of the object and of its errors never shows the token.
    """

    def __init__(self, header: str, token: str, prefix: str = ""):
        self.header = (header or "").strip()
        if not self.header or not self.header.isascii() or any(c in self.header for c in " :\r\n\t"):
            raise ConfigurationError(_("The name of the authentication header is not valid; correct it in the account"))
        token = (token or "").strip()
        if not token:
            raise ConfigurationError(_("Invalid token: it is empty; enter the token on the account"))
        self._value = _header_value(f"{prefix or ''}{token}")

    def __call__(self, request):
        request.headers[self.header] = self._value
        return request

    def __eq__(self, other):
        return isinstance(other, HeaderToken) and (self.header, self._value) == (other.header, other._value)

    def __hash__(self):
        return hash((self.header, self._value))

    def __repr__(self):
        return f"<HeaderToken {self.header}: ***>"


def _header_value(value):
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ConfigurationError(_("The API token has a line break or control character in it; paste it again"))
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        # "from None": the original error quotes the token.
        raise ConfigurationError(_("The API token has characters that no token has; paste it again")) from None


class QueryKey(AuthBase):
    """Puts ``<name>=<key>`` into the query, for marketplaces that take no header. The text of the object hides it."""

    def __init__(self, name: str, key: str):
        self.name, self._key = (name or "").strip(), (key or "").strip()
        if not self.name:
            raise ConfigurationError(_("The name of the key in the query is empty; enter it in the account"))
        if not self._key:
            raise ConfigurationError(_("The API key is empty; enter it in the account"))

    def __call__(self, request):
        request.prepare_url(request.url, {self.name: self._key})
        return request

    def __eq__(self, other):
        return isinstance(other, QueryKey) and (self.name, self._key) == (other.name, other._key)

    def __hash__(self):
        return hash((self.name, self._key))

    def __repr__(self):
        return f"<QueryKey {self.name}: ***>"


class BasicAuth(HeaderToken):
    """Sends user name and password as HTTP Basic, as UTF-8."""

    def __init__(self, user: str, password: str):
        if not (user or "").strip() or not (password or "").strip():
            raise ConfigurationError(_("The user name or the password is empty; enter both in the account"))
        pair = base64.b64encode(f"{user.strip()}:{password.strip()}".encode()).decode()
        super().__init__("Authorization", pair, prefix="Basic ")


class Together(AuthBase):
    """Several kinds of authentication on one request: marketplaces that want two tokens at once."""

    def __init__(self, *parts: AuthBase):
        self.parts = parts

    def __call__(self, request):
        for part in self.parts:
            request = part(request)
        return request

    def __eq__(self, other):
        return isinstance(other, Together) and self.parts == other.parts

    def __hash__(self):
        return hash(self.parts)

    def __repr__(self):
        return f"<Together {', '.join(map(repr, self.parts))}>"
