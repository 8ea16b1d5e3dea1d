# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from cartona_integration.transport.errors import MappingError, RequestRejected
from cartona_integration.transport.redaction import covered, excerpt, redact, without_codes, without_personal
from cartona_integration.transport.words import _ as sentence  # by another name it is no text to translate

SECRET = 'p@ss "w\\ord/+سر'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote(SECRET),
        quote_plus(SECRET),
        quote(quote(SECRET, safe=""), safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        base64.b64encode(f"user:{SECRET}".encode()).decode(),
        base64.b64encode(f"a:{SECRET}:b".encode()).decode(),
        base64.b64encode(f"ab{SECRET}".encode()).decode(),
        quote(base64.b64encode(SECRET.encode()).decode(), safe=""),
    ],
)
def test_a_secret_is_found_in_every_form(form):
    redacted = redact(f"before {form} after", [SECRET])
    assert "***" in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")
    assert not any(form[start : start + 8] in redacted for start in range(2, len(form) - 10))


@pytest.mark.parametrize("before", ["", "a", "ab", "user:"])
def test_of_a_long_secret_in_base64_no_more_is_left_than_depends_on_what_stands_around(before):
    secret = "".join(map(chr, range(48, 112)))
    left = redact(base64.b64encode(f"{before}{secret}:z".encode()).decode(), [secret]).split("***")
    assert len(left) == 2
    assert all(len(part) <= len(around) * 4 / 3 + 4 for part, around in zip(left, (before, ":z"), strict=True))


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ('{"pickup_otp": "123456", "a": 1}', '{"pickup_otp": "***", "a": 1}'),
        ('{"retailer_otp":4711}', '{"retailer_otp":"***"}'),
        ('{"otp": null}', '{"otp": null}'),
        ('{"token": "a\\"b"}', '{"token": "***"}'),
        ('{"Authorization": "Bearer abc"}', '{"Authorization": "***"}'),
        ('{"AuthorizationToken": "abc"}', '{"AuthorizationToken": "***"}'),
        ('{"api_key": "k", "client_secret": "s"}', '{"api_key": "***", "client_secret": "***"}'),
        ('{"tokens": ["a", "b"], "b": 2}', '{"tokens": "***", "b": 2}'),
        ('{"secret": {"a": "x"}}', '{"secret": "***"}'),
        ("{'password': 'abc'}", "{'password': \"***\"}"),
        ('{"body": "{\\"token\\": \\"abc\\"}"}', '{"body": "{\\"token\\": \\"***\\"}"}'),
        ('{"otp_required": true, "laptop": "x"}', '{"otp_required": true, "laptop": "x"}'),
        ("https://h/?token=abc&page=1", "https://h/?token=***&page=1"),
        ("access_token=abc%20d&b=1", "access_token=***&b=1"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("AuthorizationToken: abc", "AuthorizationToken: ***"),
        ('{"token": "cut off', '{"token": "***"'),
        ('{"token": "cut off\\', '{"token": "***"'),
        ("nothing to hide", "nothing to hide"),
        ("", ""),
    ],
)
def test_values_of_telling_keys_are_masked(text, redacted):
    assert redact(text) == redacted


def test_the_longer_of_two_secrets_is_masked_whole():
    assert redact("abcdef abc", ["abc", "abcdef"]) == "*** ***"


@pytest.mark.parametrize("secrets", [[], [""], [None], [" "], None or ()])
def test_no_secret_changes_nothing(secrets):
    assert redact("a b c", secrets) == "a b c"


@pytest.mark.parametrize("secrets", ["abc", b"abc", [b"abc"]])
def test_a_secret_may_be_one_text_or_bytes(secrets):
    assert redact("xabcx", secrets) == "x***x"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, ""),
        (b'{"a": 1}', '{"a": 1}'),
        (b"\xff", "\ufffd"),
        ({"name": "اسم", "token": "x"}, '{"name": "اسم", "token": "***"}'),
        ([1, object], f'[1, "{object}"]'),
        ("text", "text"),
    ],
)
def test_an_excerpt_can_be_made_of_anything(data, text):
    assert excerpt(data) == text


def test_an_excerpt_of_what_json_can_not_write_is_its_text():
    circle = []
    circle.append(circle)
    assert excerpt(circle) == "[[...]]"


def test_an_excerpt_is_cut_after_redaction():
    text = "x" * 1990 + "secret-secret-secret"
    assert len(excerpt(text, ["secret-secret-secret"])) == 1993
    assert excerpt("y" * 3000) == "y" * 1999 + "…"
    assert excerpt("y" * 30, limit=10) == "y" * 9 + "…"


@pytest.mark.parametrize("before", range(0, 80, 3))
def test_a_secret_on_the_edge_of_a_long_text_leaves_nothing(before):
    secret = "0123456789abcdefghijklmnopqrstuvwxyz"
    # Almost only secrets: after redaction the place of the cut is well within the limit.
    redacted = excerpt("~" * before + secret * 3000, [secret])
    assert redacted.startswith("~" * before + "***")
    assert set(redacted) <= set("~*…")


def test_a_value_on_the_edge_of_a_long_text_leaves_nothing():
    row = '{"pickup_otp": "123456", "a": ["x"]}, '
    for before in range(len(row)):
        assert "123" not in excerpt("~" * before + row * 1000)


def test_long_texts_cost_little():
    import time

    started = time.monotonic()
    for data in (b"x" * 10_000_000, b'{"' * 5_000_000, b"token" * 2_000_000, b'"\\' * 5_000_000):
        assert len(excerpt(data, ["secret-secret"])) <= 2000
    assert time.monotonic() - started < 5


def test_personal_data_goes_at_any_depth_and_nothing_else():
    document = {"id": 1, "Buyer": {"name": "A"}, "lines": [{"name": "Tea", "phone": "1"}, 2], "phone": None}
    assert without_personal(document, {"buyer", "phone"}) == {
        "id": 1,
        "Buyer": None,
        "lines": [{"name": "Tea", "phone": None}, 2],
        "phone": None,
    }
    assert document["Buyer"] == {"name": "A"}


def test_a_code_goes_where_it_stands_for_a_person_and_stays_where_something_is_counted_or_paid():
    kept = {
        "quantity": 12,
        "unit_count": 12.0,
        "selling_price": "12",
        "lines": [12, {"id": 12}],
        "ok": True,
        "no": None,
    }
    codes = {"12", "True", "None", "12.0"}
    gone = {"retailer_code": "12", "customerId": 12, "Buyer": {"member_no": ["12", 13]}, "client": "12", "theirs": 12}
    assert without_codes({**kept, **gone}, codes, {"theirs"}) == {
        **kept,
        **{"retailer_code": None, "customerId": None, "Buyer": {"member_no": [None, 13]}, "client": None},
        "theirs": None,
    }


def test_a_code_that_is_nothing_else_by_chance_goes_anywhere_but_where_something_is_paid():
    for code in ("KV007", "somebody-else", "5023456789"):
        data = {"any": [code], "deep": {"path": code}, "text": f"{code}0", "totalPrice": code, "amount_paid": code}
        left = {"any": [None], "deep": {"path": None}}
        assert without_codes(data, {code}, set()) == {**data, **left}
    for code in ("tea", "12345", "box 12", "1200.50"):
        assert without_codes({"any": code}, {code}, set()) == {"any": code}


@pytest.mark.parametrize("kind", [RequestRejected, lambda words: MappingError("[0].id", words)])
def test_an_error_that_is_covered_tells_no_secret_in_any_language_and_keeps_its_own_words(kind):
    given = f"<{SECRET}>"
    error = kind(sentence("Invalid token: the marketplace says %(why)s", why=sentence("no to %(given)s", given=given)))
    error.cover(lambda text: covered(text, [SECRET]))
    assert str(error).endswith("Invalid token: the marketplace says no to <***>")
    assert SECRET not in repr(error)
    error.retell(lambda source: source.replace("no to", "non à"))
    assert str(error).endswith("Invalid token: the marketplace says non à <***>")
