# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json

import pytest
import requests
from cartona_integration.sandbox import Sandbox
from cartona_integration.transport.auth import HeaderToken
from cartona_integration.transport.client import Client, Record, Response
from cartona_integration.transport.errors import (
    AuthenticationFailed,
    ConfigurationError,
    InvalidResponse,
    MarketplaceError,
    RateLimited,
    RequestRejected,
    TemporaryFailure,
)
from raw_server import elapsed, http, refused_port


def test_a_good_answer_comes_back_parsed(client):
    answer = client.request("GET", "supplier-product", params={"page": 1, "per_page": 3})
    assert answer.status == 200
    assert [row["internal_product_id"] for row in answer.json()] == ["SKU-00001", "SKU-00002", "SKU-00003"]
    assert answer.headers["content-TYPE"].startswith("application/json")


def test_json_is_sent_as_utf8_and_an_empty_list_is_a_body(client, box):
    client.request("post", "supplier-product/bulk-update", json=[{"supplier_product_id": "1", "notes": "ملاحظة"}])
    client.request("POST", "supplier-product/bulk-update", json=[])
    sent = box.journal
    assert "ملاحظة" in sent[0].text
    assert sent[1].text == "[]"


def test_bytes_and_forms_are_sent_as_they_are(client, box):
    client.request("POST", "supplier-product/bulk-update", data=b"[]")
    with pytest.raises(RequestRejected):
        client.request("POST", "supplier-product/bulk-update", data={"a": "b c"})
    assert [entry.text for entry in box.journal] == ["[]", "a=b+c"]


def test_the_token_goes_out_bare_in_its_header(raw):
    server = raw(http(b"[]"))
    Client(server.url, HeaderToken("AuthorizationToken", "abc.def")).request("GET", "x")
    assert "\r\nAuthorizationToken: abc.def\r\n" in server.requests[0]


def test_the_path_of_the_base_url_is_kept(raw):
    server = raw(http(b"[]"))
    for base in (server.url, server.url.rstrip("/")):
        for path in ("order/pull-orders", "/order/pull-orders"):
            Client(base).request("GET", path)
    assert {request.split(" ")[1] for request in server.requests} == {"/api/order/pull-orders"}


def test_an_absolute_url_of_the_same_origin_is_allowed(raw):
    server = raw(http(b"[1]"))
    assert Client(server.url).request("GET", f"{server.url}next?page=2").json() == [1]


def test_connections_are_kept_alive(box):
    with Client(box.url, HeaderToken("AuthorizationToken", box.token)) as client:
        seen = {id(_connection(client)) for _call in range(5) if client.request("GET", "supplier-product")}
    assert len(seen) == 1


def test_a_connection_whose_answer_is_not_read_to_its_end_is_closed(raw):
    client = Client(raw(http(b"[" + b" " * 1_000_000 + b"]")).url, max_bytes=1000)
    with pytest.raises(InvalidResponse, match="larger"):
        client.request("GET", "x")
    connection = _connection(client)
    assert connection is None or connection.sock is None


def _connection(client):
    pool = client.session.get_adapter(client.base_url).poolmanager.connection_from_url(client.base_url)
    return pool.pool.queue[-1]


def test_own_session_is_closed_and_a_given_one_is_not(box):
    closed = []
    session = requests.Session()
    session.close = lambda: closed.append(session)
    with Client(box.url, session=session):
        pass
    assert closed == []
    with Client(box.url) as client:
        client.session.close = lambda: closed.append(client)
    assert closed == [client]


def test_nothing_is_taken_from_the_environment(raw, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{refused_port()}")
    server = raw(http(b"[]"))
    Client(server.url).request("GET", "x")
    assert "authorization" not in server.requests[0].lower()


# === errors ===


def test_a_wrong_token_is_a_rejection_until_classified(box):
    with pytest.raises(RequestRejected) as caught:
        Client(box.url, HeaderToken("AuthorizationToken", "wrong")).request("GET", "supplier-product")
    assert caught.value.status == 400
    assert "invalid credentials" in caught.value.message


def test_the_adapter_may_reinterpret_an_error(box):
    def classify(status, data):
        return AuthenticationFailed if status == 400 and "invalid credentials" in data["error"] else None

    client = Client(box.url, HeaderToken("AuthorizationToken", "wrong"), classify=classify)
    with pytest.raises(AuthenticationFailed, match="invalid credentials") as caught:
        client.request("GET", "supplier-product")
    assert caught.value.status == 400


def test_a_classifier_may_return_an_instance_and_gets_text_where_there_is_no_json(raw):
    seen = []

    def classify(status, data):
        seen.append((status, data))
        return RateLimited("slow down")

    with pytest.raises(RateLimited, match="slow down") as caught:
        Client(raw(http(b"busy", "503 Busy", Retry_After="7")).url, classify=classify).request("GET", "x")
    assert seen == [(503, "busy")]
    assert (caught.value.status, caught.value.seconds) == (503, 7.0)


def test_a_classifier_is_not_asked_about_good_answers_and_redirects(raw):
    def classify(status, data):
        raise AssertionError

    Client(raw(http(b"[]")).url, classify=classify).request("GET", "x")
    with pytest.raises(ConfigurationError):
        Client(raw(http(b"", "302 Found", Location="/x")).url, classify=classify).request("GET", "x")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent", "304 Not Modified"])
def test_redirects_are_never_followed(raw, status):
    target = raw(http(b"[]"))
    server = raw(http(b"", status, Location=target.url))
    with pytest.raises(ConfigurationError, match="redirected"):
        Client(server.url, HeaderToken("AuthorizationToken", "secret")).request("GET", "x")
    assert target.requests == []


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "299 Odd"])
def test_whatever_begins_with_two_is_a_good_answer(raw, status):
    assert Client(raw(http(b"[]", status)).url).request("GET", "x").status == int(status[:3])


@pytest.mark.parametrize("status", ["199 Odd", "300 Choose"])
def test_only_what_begins_with_two_is_a_good_answer(raw, status):
    with pytest.raises(MarketplaceError) as caught:
        Client(raw(http(b"", status)).url).request("GET", "x")
    assert caught.value.status == int(status[:3])


def test_retry_after_is_understood_in_seconds(client, box):
    box.fail("pull-orders", status=429, retry_after="17")
    with pytest.raises(RateLimited) as caught:
        client.request("GET", "order/pull-orders")
    assert caught.value.seconds == 17.0
    assert client.request("GET", "order/pull-orders").json() == []


@pytest.mark.parametrize("ahead", [1800, -1800])
def test_a_retry_after_date_is_meant_by_the_marketplaces_clock(client, box, ahead):
    """Otherwise a marketplace whose clock is half an hour ahead would make us wait half an hour."""
    box.faults.ahead = ahead
    box.fail("pull-orders", status=429, retry_after="+17")
    with pytest.raises(RateLimited) as caught:
        client.request("GET", "order/pull-orders")
    assert caught.value.seconds == pytest.approx(17, abs=1)  # dates are told in whole seconds


def test_the_marketplaces_own_words_and_code_are_kept(raw):
    body = json.dumps({"errors": [{"code": "E7", "message": "price too low"}, {"message": "no stock"}]}).encode()
    with pytest.raises(RequestRejected) as caught:
        Client(raw(http(body, "422 No")).url).request("POST", "x", json={})
    assert "price too low; no stock" in caught.value.message
    assert caught.value.code == "E7"


@pytest.mark.parametrize(
    ("body", "words", "code"),
    [
        (b'{"error": {"code": 12, "message": "nested"}}', "nested", "12"),
        (b'{"error": true, "message": "flagged"}', "flagged", ""),
        (b'{"errors": {"name": ["is taken"]}}', "name: is taken", ""),
        (b'[{"error": "first", "code": "A"}]', "first", "A"),
        (b'"just text"', "just text", ""),
        (b"plain text", "plain text", ""),
        (b"[]", "", ""),
        (b"null", "", ""),
        (b"", "", ""),
        (b'{"a":{"b":{"c":{"d":{"e":1}}}}}', "", ""),
        (b"x" * 5000, "x" * 299 + "\u2026", ""),
    ],
)
def test_words_are_found_in_answers_of_any_shape(raw, body, words, code):
    with pytest.raises(RequestRejected) as caught:
        Client(raw(http(body, "422 No")).url).request("GET", "x")
    assert words in caught.value.message
    assert caught.value.code == code
    assert len(caught.value.message) < 400


def test_a_web_page_is_not_quoted_in_an_error(raw):
    page = b"<html><body>Bad Gateway</body></html>"
    with pytest.raises(TemporaryFailure) as caught:
        Client(raw(http(page, "502 Bad Gateway", Content_Type="text/html")).url).request("GET", "x")
    assert "<" not in caught.value.message


def test_an_unknown_address_without_json_is_a_wrong_url(box):
    wrong = Client(box.url.replace("/api/v1/", "/shop/"))
    with pytest.raises(ConfigurationError, match="check the API URL") as caught:
        wrong.request("GET", "supplier-product")
    assert caught.value.status == 404


def test_an_unknown_record_with_json_is_a_rejection(client):
    with pytest.raises(RequestRejected, match="order not found"):
        client.request("POST", "order/update-order-status/nope", json={"status": "approved"})


# === answers that are no JSON ===


def test_html_instead_of_json_says_so(client, box):
    box.fail(kind="html")
    answer = client.request("GET", "supplier-product")
    with pytest.raises(InvalidResponse, match="HTML"):
        answer.json()


def test_broken_json_says_so(client, box):
    box.fail(kind="broken_json")
    answer = client.request("GET", "supplier-product")
    with pytest.raises(InvalidResponse, match="broken JSON") as caught:
        answer.json()
    assert caught.value.status == 200


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_an_empty_answer_says_so(body):
    with pytest.raises(InvalidResponse, match="empty"):
        Response(204, {}, body).json()


@pytest.mark.parametrize("body", [b'{"a": NaN}', b"[" * 200_000, b"\xff\xfe\x00", b'{"a": Infinity}', b"[1,"])
def test_what_python_would_read_but_is_no_json_is_refused(body):
    with pytest.raises(InvalidResponse):
        Response(200, {}, body).json()


def test_text_never_fails():
    assert Response(200, {}, b"\xff abc").text.endswith(" abc")


# === what can't be sent ===


@pytest.mark.parametrize("data", [float("nan"), {"a": object()}, {1, 2}])
def test_what_is_no_json_is_refused_before_it_is_sent(client, box, data):
    with pytest.raises(RequestRejected, match="can't be written as JSON"):
        client.request("POST", "x", json=data)
    assert box.journal == []


def test_a_header_that_can_not_be_sent_is_a_configuration_error(client, box):
    with pytest.raises(ConfigurationError, match="can't be sent"):
        client.request("GET", "x", headers={"X-Account": "a\r\nb"})
    assert box.journal == []


def test_an_impossible_host_name_is_a_configuration_error():
    with pytest.raises(ConfigurationError):
        Client("https://" + "a" * 64 + "..example/").request("GET", "x")


@pytest.mark.parametrize("timeouts", [{"timeout": 0}, {"connect_timeout": -1}])
def test_timeouts_must_be_positive(box, timeouts):
    with pytest.raises(ConfigurationError, match="more than 0"):
        Client(box.url, **timeouts)


# === observer ===


def test_each_request_is_observed_once(client, exchanges, box):
    client.request("GET", "supplier-product", params={"per_page": 1})
    box.fail(status=500)
    with pytest.raises(TemporaryFailure):
        client.request("POST", "order/pull-orders", json=[1])
    box.fail(kind="drop")
    with pytest.raises(TemporaryFailure):
        client.request("GET", "order/pull-orders")
    with pytest.raises(ConfigurationError):
        client.request("GET", "https://elsewhere.example/")
    seen = [(each.method, each.status) for each in exchanges]
    assert seen == [("GET", 200), ("POST", 500), ("GET", None), ("GET", None)]
    good = exchanges[0]
    assert isinstance(good, Record)
    assert good.url == f"{box.url}supplier-product?per_page=1"
    assert "SKU-00001" in good.response_excerpt
    assert exchanges[1].request_excerpt == "[1]"


def test_even_a_failure_nobody_foresaw_is_observed(client, exchanges, monkeypatch):
    def broken(self, request, **_kwargs):
        raise RuntimeError("a bug")

    monkeypatch.setattr(requests.Session, "send", broken)
    with pytest.raises(RuntimeError):
        client.request("GET", "x")
    assert [(each.method, each.status) for each in exchanges] == [("GET", None)]


def test_no_secret_reaches_the_observer_or_an_error(exchanges, raw):
    body = json.dumps({"error": "token s3cr3t+/x is bad", "pickup_otp": "987654", "access_token": "zzz"}).encode()
    url = raw(http(body, "400 Bad")).url
    client = Client(url, HeaderToken("X-T", "s3cr3t+/x"), observer=exchanges.append, secrets=["s3cr3t+/x"])
    with pytest.raises(RequestRejected) as caught:
        client.request("POST", "x", params={"key": "s3cr3t+/x", "password": "pw"}, json={"retailer_otp": "4711"})
    told = repr(exchanges[0]) + str(caught.value) + caught.value.message
    for secret in ("s3cr3t", "987654", "zzz", "4711", "password=pw"):
        assert secret not in told
    assert "***" in exchanges[0].url


def test_excerpts_are_short(exchanges, raw):
    client = Client(raw(http(b'["' + b"x" * 100_000 + b'"]')).url, observer=exchanges.append)
    client.request("POST", "x", json=["y" * 100_000])
    assert len(exchanges[0].request_excerpt) <= 2000
    assert len(exchanges[0].response_excerpt) <= 2000


def test_a_text_body_is_sent_and_shown_as_it_is(exchanges, raw):
    server = raw(http(b"[]"))
    Client(server.url, observer=exchanges.append).request("POST", "x", data="سعر")
    assert exchanges[0].request_excerpt == "سعر"


def test_an_observer_that_fails_does_not_undo_the_request(box, caplog):
    def broken(record):
        raise OSError("disk full")

    client = Client(box.url, HeaderToken("AuthorizationToken", box.token), observer=broken)
    assert client.request("GET", "supplier-product").status == 200
    assert "observer" in caplog.text


def test_a_thousand_small_calls_take_no_forty_milliseconds_each():
    with Sandbox(products=1, token="t") as box, Client(box.url, HeaderToken("AuthorizationToken", "t")) as client:
        client.request("GET", "supplier-product")
        seconds = elapsed(lambda: [client.request("GET", "supplier-product") for _call in range(200)])
    assert seconds < 4, "head and body of an answer leave in one send"
