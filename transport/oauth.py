# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Access tokens that a marketplace gives for a while (OAuth 2.0, RFC 6749: refresh token and client credentials), and
sessions, which are told by cookies instead."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from requests.auth import HTTPBasicAuth

from .auth import HeaderToken
from .errors import AuthenticationFailed, InvalidResponse, RequestRejected
from .words import _

#: A token is taken for expired this much before it is: the call that carries it takes time, too.
MARGIN = 60.0


@dataclass(frozen=True)
class Grant:
    """How to ask for a token: ``form`` is posted to ``url``; ``basic`` is a user name and password, where the
    marketplace wants the client in the header and not in the form. ``json``: the form is sent as JSON. ``cookies``: it
    answers with a session; the token is what ``SessionCookies`` shows."""

    url: str
    form: Mapping[str, str] = field(repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)
    json: bool = False
    cookies: bool = False

    def secrets(self) -> list[str]:
        """What of it must not be seen."""
        shown = {"grant_type", "client_id", "scope"}
        hidden = [value for key, value in self.form.items() if key not in shown]
        return [*hidden, self.basic[1]] if self.basic else hidden


@dataclass(frozen=True)
class Token:
    """What the marketplace gave. ``seconds`` is how long it may be used, less a margin, ``None`` for ever;
    ``refresh_token`` is there when it takes the place of the former one."""

    access_token: str = field(repr=False)
    seconds: float | None = None
    refresh_token: str = field(default="", repr=False)


class BearerToken(HeaderToken):
    """Sends ``Authorization: Bearer <token>``."""

    def __init__(self, token: str):
        super().__init__("Authorization", token, prefix="Bearer ")


class SessionCookies(HeaderToken):
    """Sends the cookies of a session: ``Cookie: <name>=<value>; …``."""

    def __init__(self, token: str):
        super().__init__("Cookie", token)


def fetch(client, grant: Grant) -> Token:
    """Ask for a token, by a ``Client`` whose origin is that of the grant.

    :raise AuthenticationFailed: it is not given; a person has to authorize the account again
    :raise InvalidResponse: what came is no token
    """
    if grant.basic:
        client.auth = HTTPBasicAuth(*(part.encode() for part in grant.basic))
    body = {"json": dict(grant.form)} if grant.json else {"data": dict(grant.form)}
    try:
        response = client.request("POST", grant.url, **body)
        if grant.cookies:
            return _session(response.cookies)
        answer = response.json()
    except RequestRejected as err:
        # 400 invalid_grant, 401 invalid_client: RFC 6749, section 5.2.
        why = _refused(grant, err.words)
        raise AuthenticationFailed(why, code=err.code, status=err.status, may_pass=err.may_pass) from None
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not token or not isinstance(token, str):
        raise InvalidResponse(_("The marketplace answered without an access token; check the token URL in the account"))
    return Token(token, _lifetime(answer.get("expires_in")), str(answer.get("refresh_token") or ""))


def _refused(grant, why):
    if grant.form.get("grant_type") == "refresh_token":  # it may have run out, or the answer with the next one was lost
        return _(
            "Invalid token: the marketplace gives no token: %(why)s. Check the client id and secret; where they are "
            "right, authorize the app at the marketplace again and enter the new refresh token on the account",
            why=why,
        )
    return _(
        "Invalid token: the marketplace gives no token: %(why)s. Check the client id and secret, and authorize "
        "the account again",
        why=why,
    )


def _session(cookies):
    if not cookies:
        raise InvalidResponse(_("The marketplace answered without a cookie; check the token URL in the account"))
    ends = [cookie.expires for cookie in cookies if cookie.expires]
    token = "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies)
    return Token(token, _lifetime(min(ends) - time.time()) if ends else None)


def _lifetime(seconds):
    try:
        seconds = float(seconds)
    except (TypeError, ValueError):
        return None
    # A token that lives hardly longer than the margin is used for half its life.
    return max(seconds - MARGIN, seconds / 2)
