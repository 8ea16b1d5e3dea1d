# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Authentication objects; the only code that puts a credential into a request."""

from requests.auth import AuthBase

from .errors import ConfigurationError


class HeaderToken(AuthBase):
    """Sends ``<header>: <prefix><token>``.

    Surrounding white space of the token is dropped (it comes from pasting). Raises ``ConfigurationError`` when the
    token is empty or can't stand in a header. The text of the object and of its errors never shows the token.
    """

    def __init__(self, header: str, token: str, prefix: str = ""):
        self.header = (header or "").strip()
        if not self.header or not self.header.isascii() or any(c in self.header for c in " :\r\n\t"):
            raise ConfigurationError("The name of the authentication header is not valid; correct it in the account")
        token = (token or "").strip()
        if not token:
            raise ConfigurationError("The API token is empty; enter it in the account")
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
        raise ConfigurationError("The API token has a line break or control character in it; paste it again")
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        # "from None": the original error quotes the token.
        raise ConfigurationError("The API token has characters that no token has; paste it again") from None
