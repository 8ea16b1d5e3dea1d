# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import base64

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


@pytest.mark.parametrize("lifetime", [b'"soon"', b"null", b"{}"])
def test_a_token_whose_end_is_not_told_lasts_until_it_is_refused(raw, lifetime):
    answer = http(b'{"access_token": "t", "expires_in": ' + lifetime + b"}")
    assert asked(raw(answer)) == oauth.Token("t")


def test_a_token_is_renewed_a_minute_before_its_end(raw):
    assert asked(raw(http(b'{"access_token": "t", "expires_in": "3600"}'))).seconds == 3540


@pytest.mark.parametrize(
    ("json", "kind", "body"),
    [(True, "application/json", '{"token":"signed"}'), (False, "application/x-www-form-urlencoded", "token=signed")],
)
def test_the_form_is_sent_as_the_marketplace_wants_it(raw, json, kind, body):
    server = raw(http(b'{"access_token": "t"}'))
    with Client(server.url) as client:
        oauth.fetch(client, oauth.Grant(f"{server.url}token", {"token": "signed"}, json=json))
    head, _gap, sent = server.requests[0].partition("\r\n\r\n")
    assert (sent, f"Content-Type: {kind}\r\n" in f"{head}\r\n") == (body, True)


def test_the_client_may_stand_in_the_header(raw):
    server = raw(http(b'{"access_token": "t"}'))
    with Client(server.url) as client:
        oauth.fetch(client, oauth.Grant(f"{server.url}token", {"grant_type": "x"}, basic=("id", "pässe")))
    pair = base64.b64encode("id:pässe".encode()).decode()
    assert f"\r\nAuthorization: Basic {pair}\r\n" in server.requests[0]


def test_what_must_not_be_seen_of_a_grant_is_known_and_its_text_hides_it():
    form = {"grant_type": "refresh_token", "client_id": "app", "scope": "all", "refresh_token": "hidden-1"}
    assert oauth.Grant("https://shop.example/", form).secrets() == ["hidden-1"]
    grant = oauth.Grant("https://shop.example/", form, basic=("app", "hidden-2"))
    assert grant.secrets() == ["hidden-1", "hidden-2"]
    assert "hidden" not in f"{grant} {oauth.Token('hidden-3', 1, 'hidden-4')}"


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized"])
def test_a_grant_that_is_refused_asks_for_a_person(raw, status):
    server = raw(http(b'{"error": "invalid_grant", "error_description": "revoked", "code": "E7"}', status))
    with pytest.raises(errors.AuthenticationFailed) as caught:
        asked(server)
    assert caught.value.status == int(status[:3])
    assert "invalid_grant" in caught.value.message
    assert not caught.value.may_pass


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "403 Forbidden"])
def test_a_page_in_place_of_a_token_may_pass(raw, status):
    with pytest.raises(errors.AuthenticationFailed) as caught:
        asked(raw(http(b"<html></html>", status)))
    assert caught.value.may_pass


@pytest.mark.parametrize("answer", [b"{}", b"[]", b'"t"', b'{"access_token": ""}', b'{"access_token": 7}'])
def test_an_answer_without_a_token_is_an_invalid_response(raw, answer):
    with pytest.raises(errors.InvalidResponse, match="without an access token"):
        asked(raw(http(answer)))
