# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import copy
import pickle

import pytest
import requests
from cartona_integration.transport import errors
from cartona_integration.transport.auth import BasicAuth, HeaderToken, QueryKey, Together
from cartona_integration.transport.client import Client
from cartona_integration.transport.errors import error_for_status
from cartona_integration.transport.words import Words
from raw_server import http


def prepared(auth):
    return requests.Request("GET", "https://shop.example/", auth=auth).prepare()


def test_the_token_is_sent_with_its_prefix_and_without_pasted_space():
    assert prepared(HeaderToken("AuthorizationToken", " abc\n")).headers["authorizationtoken"] == b"abc"
    assert prepared(HeaderToken("Authorization", "abc", "Bearer ")).headers["Authorization"] == b"Bearer abc"


@pytest.mark.parametrize("token", ["", None, False, "  \n"])
def test_an_empty_token_is_refused(token):
    with pytest.raises(errors.ConfigurationError, match="empty"):
        HeaderToken("AuthorizationToken", token)


@pytest.mark.parametrize("token", ["se\ncret", "se\rcret", "se\x00cret", "se\x7fcret", "سر-secret", "sec\u2026ret"])
def test_a_token_that_can_not_be_in_a_header_is_refused_without_being_shown(token):
    with pytest.raises(errors.ConfigurationError, match="paste it again") as caught:
        HeaderToken("AuthorizationToken", token)
    assert "cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("header", ["", None, "A B", "A:B", "A\r\nB", "رأس"])
def test_a_header_name_that_can_not_be_is_refused(header):
    with pytest.raises(errors.ConfigurationError, match="header"):
        HeaderToken(header, "abc")


def test_the_token_is_never_shown():
    auth = HeaderToken("AuthorizationToken", "secret")
    assert "secret" not in f"{auth!r} {auth}"


def test_equal_tokens_are_equal():
    assert HeaderToken("A", "x") == HeaderToken("A", "x") != HeaderToken("A", "y")
    assert len({HeaderToken("A", "x"), HeaderToken("A", "x"), HeaderToken("B", "x")}) == 2
    assert HeaderToken("A", "x") != "x"


def test_user_and_password_go_as_basic_in_utf8():
    assert prepared(BasicAuth(" ck ", "pässe\n")).headers["Authorization"] == b"Basic Y2s6cMOkc3Nl"


@pytest.mark.parametrize("pair", [("", "p"), (None, "p"), (" ", "p"), ("u", ""), ("u", None), ("u", "\n")])
def test_a_user_or_password_that_is_empty_is_refused(pair):
    with pytest.raises(errors.ConfigurationError, match="enter both"):
        BasicAuth(*pair)


def test_a_key_goes_in_the_query_beside_what_is_there():
    request = requests.Request("GET", "https://shop.example/?a=1", auth=QueryKey(" key ", " s&cret "))
    assert request.prepare().url == "https://shop.example/?a=1&key=s%26cret"
    assert "cret" not in repr(request.auth)


@pytest.mark.parametrize(("pair", "words"), [((" ", "k"), "name of the key"), (("n", None), "API key is empty")])
def test_a_key_or_its_name_that_is_empty_is_refused(pair, words):
    with pytest.raises(errors.ConfigurationError, match=words):
        QueryKey(*pair)


def test_several_kinds_go_together():
    both = Together(HeaderToken("A", "x"), QueryKey("n", "y"))
    request = prepared(both)
    assert (request.headers["A"], request.url) == (b"x", "https://shop.example/?n=y")
    assert "x" not in repr(both).replace("HeaderToken", "")


@pytest.mark.parametrize("kind", [QueryKey, BasicAuth, HeaderToken, lambda *pair: Together(QueryKey(*pair))])
def test_only_the_same_credentials_are_equal(kind):
    one, twin, others = kind("b", "m"), kind("b", "m"), [kind("b", "a"), kind("b", "z"), kind("a", "m"), kind("c", "m")]
    assert one == twin
    assert hash(one) == hash(twin)
    assert not [other for other in others if one == other or other == one]
    assert one != "m"


# === errors ===


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.RequestRejected),
        (401, errors.AuthenticationFailed),
        (403, errors.AuthenticationFailed),
        (404, errors.RequestRejected),
        (405, errors.ConfigurationError),
        (407, errors.ConfigurationError),
        (408, errors.TemporaryFailure),
        (409, errors.RequestRejected),
        (413, errors.RequestRejected),
        (422, errors.RequestRejected),
        (425, errors.TemporaryFailure),
        (429, errors.RateLimited),
        (500, errors.TemporaryFailure),
        (503, errors.TemporaryFailure),
        (599, errors.TemporaryFailure),
        (301, errors.ConfigurationError),
        (600, errors.InvalidResponse),
        (100, errors.InvalidResponse),
    ],
)
def test_each_status_has_its_error(status, kind):
    error = error_for_status(status, "their words", 3.0)
    assert type(error) is kind
    assert error.status == status
    assert error.message.endswith(f"(HTTP {status}): their words")
    assert error.seconds == (3.0 if kind in (errors.RateLimited, errors.TemporaryFailure) else None)


def test_an_error_without_words_has_no_colon_at_its_end():
    assert str(error_for_status(503)).endswith("(HTTP 503)")


def test_a_batch_that_is_too_large_says_what_to_do():
    assert "lower the batch size" in error_for_status(413).message


def test_an_answer_that_says_try_later_was_not_applied():
    assert [status for status in (408, 425, 500, 502, 503, 504) if not error_for_status(status).maybe_applied] == [
        425,
        503,
    ]


def test_all_errors_are_marketplace_errors_with_the_same_attributes():
    for kind in (
        errors.ConfigurationError,
        errors.UnsupportedFeature,
        errors.AuthenticationFailed,
        errors.RequestRejected,
        errors.RateLimited,
        errors.TemporaryFailure,
        errors.InvalidResponse,
        errors.WebhookRejected,
    ):
        error = kind("words", code="C", status=418)
        assert isinstance(error, errors.MarketplaceError)
        assert (str(error), error.message, error.code, error.status, error.seconds) == (
            "words",
            "words",
            "C",
            418,
            None,
        )
    assert errors.RateLimited("words", 5).seconds == 5
    assert errors.TemporaryFailure("words").maybe_applied is False


def test_a_mapping_error_tells_its_path():
    error = errors.MappingError("order_details[2].amount", "is missing")
    assert str(error) == "order_details[2].amount: is missing"
    assert (error.path, error.message) == ("order_details[2].amount", "is missing")
    assert str(errors.MappingError("", "is no object")) == "is no object"


def test_a_path_before_a_sentence_in_arabic_leaves_it_running_from_right_to_left():
    error = errors.MappingError("status", Words("Unknown %(status)r.", status="wrapped"))
    assert str(error) == "status: Unknown 'wrapped'."
    error.retell(lambda _source: "«%(status)s» غير معروفة.")
    assert str(error) == "\u200fstatus: «wrapped» غير معروفة."
    assert str(errors.MappingError("status", "1234")) == "status: 1234"
    assert str(errors.MappingError("name", "The name «شاي» is too short.")) == "name: The name «شاي» is too short."
    assert str(errors.MappingError("status", "(غير معروفة)")) == "\u200fstatus: (غير معروفة)"


def test_errors_survive_copying():
    error = errors.MappingError("a", "b")
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert str(twin) == "a: b"


@pytest.mark.parametrize("make", [errors.RequestRejected, lambda words: errors.MappingError("a", words)])
def test_errors_told_in_another_language_survive_copying(make):
    error = make(Words("is missing"))
    error.retell(lambda _source: "fehlt")
    assert str(error).endswith("fehlt")
    assert (str(copy.copy(error)), copy.copy(error).code) == (str(error), "")


# === whose word it is ===

JSON, PAGE = b'{"error": "no"}', b"<html><body>no</body></html>"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_what_is_said_in_json_is_the_marketplaces_word_and_a_page_is_not(raw, status):
    for body, may_pass in ((JSON, False), (b"[]", False), (PAGE, True), (b"", True), (b'"no"', True)):
        with pytest.raises(errors.FINAL) as caught:
            Client(raw(http(body, f"{status} No")).url).request("GET", "x")
        assert caught.value.may_pass is may_pass, body


def test_a_refused_token_may_be_told_in_the_header_as_oauth_has_it(raw):
    for header, may_pass in (('Bearer realm="shop", error="invalid_token"', False), ("Basic", True)):
        with pytest.raises(errors.AuthenticationFailed) as caught:
            Client(raw(http(b"", "401 No", WWW_Authenticate=header)).url).request("GET", "x")
        assert caught.value.may_pass is may_pass


@pytest.mark.parametrize("status", ["302 Found", "407 Proxy"])
def test_who_leads_elsewhere_or_wants_a_proxys_password_is_not_the_marketplace(raw, status):
    with pytest.raises(errors.ConfigurationError) as caught:
        Client(raw(http(JSON, status, Location="/x")).url).request("GET", "x")
    assert caught.value.may_pass


@pytest.mark.parametrize("status", ["429 Slow", "503 Away", "600 Odd"])
def test_of_what_is_tried_again_anyway_it_is_not_asked_whose_word_it_is(raw, status):
    with pytest.raises(errors.MarketplaceError) as caught:
        Client(raw(http(PAGE, status)).url).request("GET", "x")
    assert not caught.value.may_pass


def test_only_what_will_not_pass_needs_a_person():
    for kind in (errors.AuthenticationFailed, errors.ConfigurationError):
        assert errors.needs_person(kind("no"))
        assert not errors.needs_person(kind("no", may_pass=True))
    assert not any(errors.needs_person(kind("no")) for kind in (errors.RequestRejected, errors.TemporaryFailure))
