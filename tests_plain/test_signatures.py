# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import base64
import hmac
import json

import pytest
from cartona_integration.transport.errors import ConfigurationError, WebhookRejected
from cartona_integration.transport.signatures import SCHEMES, sign, verify
from conftest import ROOT
from werkzeug.datastructures import Headers

NOW = 1_700_000_000
BODY = '{"hashed_id": "pPX2wRNM", "name": "بقالة"}'.encode()
VECTORS = ROOT.parent / "shared" / "specs" / "webhook-vectors.json"
#: Secrets as each scheme wants them.
SECRETS = {"token": "s3cret", "hmac": "s3cret", "standard": "whsec_" + base64.b64encode(b"k" * 24).decode()}
OTHERS = {"token": "other", "hmac": "other", "standard": "whsec_" + base64.b64encode(b"x" * 24).decode()}
SHOPIFY = {"header": "X-Shopify-Hmac-SHA256", "encoding": "base64", "prefix": "", "base": "{body}"}

each_scheme = pytest.mark.parametrize("scheme", list(SCHEMES))
timed_scheme = pytest.mark.parametrize("scheme", ["hmac", "standard"])


def signed(scheme, body=BODY, now=NOW, **options):
    return sign(scheme, body, SECRETS[scheme], now, **options)


# === every scheme ===


@each_scheme
def test_what_is_signed_is_accepted(scheme):
    proof = verify(scheme, signed(scheme), BODY, [SECRETS[scheme]], NOW + 7)
    assert proof == (0, None if scheme == "token" else 7)


@each_scheme
def test_header_names_of_any_case_and_kind_are_found(scheme):
    headers = signed(scheme)
    for form in (
        {name.upper(): value for name, value in headers.items()},
        {name.lower(): value for name, value in headers.items()},
        Headers(list(headers.items())),
    ):
        verify(scheme, form, BODY, [SECRETS[scheme]], NOW)


@each_scheme
@pytest.mark.parametrize("secrets", [[], None, "", [""], [None], ["  "], [False]])
def test_no_secret_set_means_refused(scheme, secrets):
    with pytest.raises(WebhookRejected, match="no secret is set"):
        verify(scheme, signed(scheme), BODY, secrets, NOW)


@each_scheme
def test_an_empty_secret_verifies_nothing_that_was_signed_with_it(scheme):
    with pytest.raises(ConfigurationError, match="No secret"):
        sign(scheme, BODY, "", NOW)


@each_scheme
def test_a_wrong_secret_is_refused(scheme):
    with pytest.raises(WebhookRejected) as caught:
        verify(scheme, signed(scheme), BODY, [OTHERS[scheme]], NOW)
    assert SECRETS[scheme] not in str(caught.value)


@each_scheme
def test_two_secrets_are_accepted_while_one_replaces_the_other(scheme):
    for secrets, which in (([SECRETS[scheme], OTHERS[scheme]], 0), ([OTHERS[scheme], SECRETS[scheme]], 1)):
        assert verify(scheme, signed(scheme), BODY, secrets, NOW).secret == which


#: Where each scheme's signature stands, and what it is when nothing is signed.
SIGNED = {
    "token": ("X-Marketplace-Token", "x"),
    "hmac": ("X-Marketplace-Signature", "sha256="),
    "standard": ("webhook-signature", "v1,"),
}


@each_scheme
@pytest.mark.parametrize("given", ["first", "second", "of neither", "empty"])
def test_what_is_given_is_compared_with_each_secrets_own_in_constant_time_whichever_it_is(scheme, given, monkeypatch):
    third = SECRETS[scheme].replace("s3cret", "third").replace("a2tr", "enp6")
    secrets = [SECRETS[scheme], OTHERS[scheme]]
    signer = {"first": secrets[0], "second": secrets[1]}.get(given, third)
    headers = sign(scheme, BODY, signer, NOW)
    header, nothing = SIGNED[scheme]
    headers = {**headers, header: nothing} if given == "empty" else headers
    compared, compare = [], hmac.compare_digest

    def counted(one, other):
        compared.append(other)
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    try:
        assert verify(scheme, headers, BODY, secrets, NOW).secret == ["first", "second"].index(given)
    except WebhookRejected:
        assert given in ("of neither", "empty")
    assert len(compared) == len(set(compared)) == 2


@each_scheme
def test_one_secret_may_be_given_as_a_text(scheme):
    verify(scheme, signed(scheme), BODY, SECRETS[scheme], NOW)
    verify(scheme, signed(scheme), BODY, [SECRETS[scheme].encode()], NOW)


@each_scheme
def test_every_missing_header_is_refused_by_its_name(scheme):
    headers = signed(scheme)
    for name in headers:
        rest = {other: value for other, value in headers.items() if other != name}
        with pytest.raises(WebhookRejected, match=name):
            verify(scheme, rest, BODY, [SECRETS[scheme]], NOW)
        with pytest.raises(WebhookRejected, match=name):
            verify(scheme, {**headers, name: " "}, BODY, [SECRETS[scheme]], NOW)


@each_scheme
@pytest.mark.parametrize("value", ["سر", "\xff\udcff", "v1,\udcff", "sha256=\u0661", "sha256=", "v1,"])
def test_odd_characters_in_a_header_are_refused_not_a_crash(scheme, value):
    headers = signed(scheme)
    name = [name for name in headers if "timestamp" not in name.lower() and "id" not in name.lower()][0]
    with pytest.raises(WebhookRejected):
        verify(scheme, {**headers, name: value}, BODY, [SECRETS[scheme]], NOW)


@timed_scheme
@pytest.mark.parametrize("change", [lambda body: body + b" ", lambda body: body[:-1], lambda body: b""])
def test_a_changed_body_is_refused(scheme, change):
    with pytest.raises(WebhookRejected, match="match"):
        verify(scheme, signed(scheme), change(BODY), [SECRETS[scheme]], NOW)


@timed_scheme
@pytest.mark.parametrize(("age", "words"), [(301, "old"), (10**6, "old"), (-301, "ahead"), (-(10**6), "ahead")])
def test_too_old_and_too_new_deliveries_are_refused(scheme, age, words):
    with pytest.raises(WebhookRejected, match=words):
        verify(scheme, signed(scheme), BODY, [SECRETS[scheme]], NOW + age)


@timed_scheme
@pytest.mark.parametrize("age", [300, -300, 0.5])
def test_deliveries_within_the_tolerance_pass(scheme, age):
    verify(scheme, signed(scheme), BODY, [SECRETS[scheme]], NOW + age)


@timed_scheme
def test_the_tolerance_can_be_set(scheme):
    with pytest.raises(WebhookRejected, match="10 s are allowed"):
        verify(scheme, signed(scheme), BODY, [SECRETS[scheme]], NOW + 11, tolerance=10)


@timed_scheme
def test_a_changed_time_breaks_the_signature(scheme):
    headers = signed(scheme, now=NOW - 1000)
    name = next(name for name in headers if "timestamp" in name.lower())
    with pytest.raises(WebhookRejected, match="match"):
        verify(scheme, {**headers, name: str(NOW)}, BODY, [SECRETS[scheme]], NOW)


# === hmac ===


@pytest.mark.parametrize("stamp", ["1e9", "-1700000000", "١٧٠٠٠٠٠٠٠٠", "1700000000.5", "0x10", "9" * 13])
def test_a_signed_time_that_is_no_unix_time_is_refused(stamp):
    # Signed by the right secret: the sender itself is wrong.
    headers = sign("hmac", BODY, "s3cret", NOW, base=stamp + ".{body}")
    with pytest.raises(WebhookRejected, match="Unix time"):
        verify("hmac", {**headers, "X-Marketplace-Timestamp": stamp}, BODY, ["s3cret"], NOW)


def test_cartonas_default_is_what_its_description_says():
    import hashlib
    import hmac

    expected = hmac.new(b"s3cret", b"1700000000." + BODY, hashlib.sha256).hexdigest()
    assert signed("hmac") == {
        "X-Marketplace-Signature": f"sha256={expected}",
        "X-Marketplace-Timestamp": "1700000000",
    }


def test_hex_is_read_in_both_cases():
    headers = signed("hmac")
    upper = "sha256=" + headers["X-Marketplace-Signature"].removeprefix("sha256=").upper()
    verify("hmac", {**headers, "X-Marketplace-Signature": upper}, BODY, ["s3cret"], NOW)


def test_a_signature_without_its_prefix_is_refused():
    headers = signed("hmac")
    bare = headers["X-Marketplace-Signature"].removeprefix("sha256=")
    with pytest.raises(WebhookRejected, match="does not start with sha256="):
        verify("hmac", {**headers, "X-Marketplace-Signature": bare}, BODY, ["s3cret"], NOW)


def test_the_algorithm_is_the_accounts_and_never_the_senders():
    weak = signed("hmac", algorithm="sha1", prefix="sha1=")
    with pytest.raises(WebhookRejected):
        verify("hmac", weak, BODY, ["s3cret"], NOW)
    verify("hmac", weak, BODY, ["s3cret"], NOW, algorithm="sha1", prefix="sha1=")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("base", ["{body}", "{timestamp}.{body}", "v0:{timestamp}:{body}:{timestamp}"])
def test_every_combination_signs_and_verifies(algorithm, encoding, base):
    options = {"algorithm": algorithm, "encoding": encoding, "base": base, "prefix": ""}
    headers = signed("hmac", **options)
    assert ("X-Marketplace-Timestamp" in headers) == ("{timestamp}" in base)
    verify("hmac", headers, BODY, ["s3cret"], NOW, **options)


def test_without_a_time_in_the_signed_text_none_is_checked():
    headers = {**signed("hmac", **SHOPIFY), "X-Marketplace-Timestamp": "1"}
    verify("hmac", headers, BODY, ["s3cret"], NOW, **SHOPIFY)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"algorithm": "md5"}, "unknown algorithm"),
        ({"algorithm": "none"}, "unknown algorithm"),
        ({"encoding": "utf-8"}, "unknown encoding"),
        ({"base": "{timestamp}"}, "once"),
        ({"base": "{body}{body}"}, "once"),
    ],
)
def test_settings_that_can_not_work_refuse_the_delivery(options, words):
    with pytest.raises(WebhookRejected, match=words):
        verify("hmac", signed("hmac"), BODY, ["s3cret"], NOW, **options)
    with pytest.raises(ConfigurationError, match=words):
        sign("hmac", BODY, "s3cret", NOW, **options)


def test_an_unknown_scheme_refuses_the_delivery():
    with pytest.raises(WebhookRejected, match="unknown webhook scheme"):
        verify("none", {}, BODY, ["s3cret"], NOW)
    with pytest.raises(ConfigurationError, match="unknown webhook scheme"):
        sign("none", BODY, "s3cret", NOW)


# === token ===


def test_a_token_may_stand_in_any_header_with_a_prefix():
    options = {"header": "Authorization", "prefix": "Bearer "}
    assert signed("token", **options) == {"Authorization": "Bearer s3cret"}
    verify("token", signed("token", **options), BODY, ["s3cret"], NOW, **options)
    with pytest.raises(WebhookRejected, match="does not start with"):
        verify("token", {"Authorization": "Basic s3cret"}, BODY, ["s3cret"], NOW, **options)
    with pytest.raises(WebhookRejected, match="not ours"):
        verify("token", {"Authorization": "Bearer s3cre"}, BODY, ["s3cret"], NOW, **options)


# === Standard Webhooks ===


def test_several_signatures_may_be_sent_and_other_versions_are_ignored():
    headers = signed("standard")
    good = headers["webhook-signature"]
    for value in (f"v1a,xxxx {good}", f"v1,AAAA {good} v2,BBBB", f"{good} {good}"):
        verify("standard", {**headers, "webhook-signature": value}, BODY, [SECRETS["standard"]], NOW)
    for value in (good.replace("v1,", "v2,"), good.replace("v1,", ""), "v1", ","):
        with pytest.raises(WebhookRejected):
            verify("standard", {**headers, "webhook-signature": value}, BODY, [SECRETS["standard"]], NOW)


def test_the_prefix_of_the_secret_may_be_left_out():
    verify("standard", signed("standard"), BODY, [SECRETS["standard"].removeprefix("whsec_")], NOW)


@pytest.mark.parametrize("size", [23, 24, 25])
def test_a_standard_secret_may_lack_the_signs_at_its_end(size):
    whole = "whsec_" + base64.b64encode(b"k" * size).decode()
    bare = whole.rstrip("=")
    assert verify("standard", sign("standard", BODY, whole, NOW), BODY, [bare], NOW).secret == 0
    assert verify("standard", sign("standard", BODY, bare, NOW), BODY, [whole], NOW).secret == 0


def test_a_secret_that_is_no_base64_is_refused_but_does_not_hurt_the_other():
    with pytest.raises(WebhookRejected, match="followed by base64"):
        verify("standard", signed("standard"), BODY, ["whsec_!!!"], NOW)
    with pytest.raises(WebhookRejected, match="followed by base64"):
        verify("standard", signed("standard"), BODY, ["whsec_"], NOW)
    with pytest.raises(ConfigurationError, match="followed by base64"):
        sign("standard", BODY, SECRETS["standard"] + "!", NOW)
    with pytest.raises(WebhookRejected, match="followed by base64"):
        verify("standard", signed("standard"), BODY, ["سر"], NOW)
    assert verify("standard", signed("standard"), BODY, ["whsec_!!!", SECRETS["standard"]], NOW).secret == 1


def test_the_id_is_signed_and_kept_on_repetition():
    headers = signed("standard", id="msg_1")
    assert headers["webhook-id"] == "msg_1"
    assert signed("standard")["webhook-id"] != signed("standard")["webhook-id"]
    with pytest.raises(WebhookRejected, match="match"):
        verify("standard", {**headers, "webhook-id": "msg_2"}, BODY, [SECRETS["standard"]], NOW)


# === what others published ===


def vectors(scheme):
    if not VECTORS.exists():
        pytest.skip("the published vectors (webhook-vectors.json) are not on this machine")
    return [vector for vector in json.loads(VECTORS.read_text()) if vector["scheme"] == scheme]


def test_the_published_vectors_of_standard_webhooks_hold():
    for vector in vectors("standard-webhooks"):
        stamp = int(vector["headers"]["webhook-timestamp"])
        body = base64.b64decode(vector["body_b64"])
        verify("standard", vector["headers"], body, [vector["secret"]], stamp)
        again = sign("standard", body, vector["secret"], stamp, id=vector["headers"]["webhook-id"])
        assert again == vector["headers"]


def test_the_published_vectors_of_shopify_hold():
    for vector in vectors("shopify"):
        body = base64.b64decode(vector["body_b64"])
        verify("hmac", vector["headers"], body, [vector["secret"]], NOW, **SHOPIFY)
        assert sign("hmac", body, vector["secret"], NOW, **SHOPIFY) == vector["headers"]
        with pytest.raises(WebhookRejected):
            verify("hmac", vector["headers"], body + b"\n", [vector["secret"]], NOW, **SHOPIFY)


def test_a_vector_from_the_libraries_of_standard_webhooks_holds():
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    verify("standard", headers, b'{"test": 2432232314}', ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], 1614265330)


def test_the_vector_of_a_prefixed_hex_signature_holds():
    body, secret = b"Hello, World!", "It's a Secret to Everybody"
    options = {"header": "X-Hub-Signature-256", "base": "{body}"}
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    verify("hmac", {"X-Hub-Signature-256": f"sha256={digest}"}, body, [secret], NOW, **options)
