# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import pytest
from cartona_integration.transport import errors, oauth
from cartona_integration.transport.client import Client
from raw_server import http

TWO_COOKIES = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n"
    b"Set-Cookie: sid=abc; Path=/; Max-Age=7200; Secure; HttpOnly\r\n"
    b"Set-Cookie: zone=eg; Path=/; Max-Age=3600\r\n\r\n{}"
)


def asked(server, **values):
    with Client(server.url) as client:
        return oauth.fetch(client, oauth.Grant(f"{server.url}login", {"token": "signed"}, json=True, **values))


def test_a_session_is_all_of_its_cookies_and_ends_with_the_first_of_them(raw):
    token = asked(raw(TWO_COOKIES), cookies=True)
    assert token.access_token == "sid=abc; zone=eg"
    assert token.seconds == pytest.approx(3600 - oauth.MARGIN, abs=5)


def test_a_session_whose_end_is_not_told_lasts_until_it_is_refused(raw):
    assert asked(raw(http(Set_Cookie="sid=abc")), cookies=True) == oauth.Token("sid=abc")


def test_no_cookie_is_no_session(raw):
    with pytest.raises(errors.InvalidResponse, match="without a cookie"):
        asked(raw(http(b'{"access_token": "t"}')), cookies=True)


def test_a_session_is_shown_and_its_text_hides_it(raw):
    server = raw(http(b"{}"))
    auth = oauth.SessionCookies("sid=abc; zone=eg")
    Client(server.url, auth).request("GET", "whoami")
    assert "\r\nCookie: sid=abc; zone=eg\r\n" in server.requests[0]
    assert "abc" not in repr(auth)


def test_cookies_are_not_kept_by_the_connection(raw):
    """Else whoever logged in would be let in by that alone, and others of the same account would not."""
    server = raw(http(b"{}", Set_Cookie="sid=abc"))
    with Client(server.url) as client:
        assert [cookie.value for cookie in client.request("GET", "login").cookies] == ["abc"]
        client.request("GET", "whoami")
    assert "Cookie:" not in server.requests[1]


def test_a_token_that_lives_shortly_is_used_for_half_its_life(raw):
    answer = http(b'{"access_token": "t", "expires_in": 80, "refresh_token": "r"}')
    assert asked(raw(answer)) == oauth.Token("t", 40.0, "r")
