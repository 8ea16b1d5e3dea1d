# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Webhook signatures: proving that a delivery comes from who knows the secret, and signing one.

Rules of every scheme: the scheme and its parameters come from the account, never from the delivery; the raw body is
verified before anyone parses it; comparisons take constant time; no secret set means refused; several secrets are
accepted while one replaces the other.
"""

import base64
import binascii
import hashlib
import hmac
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from .errors import ConfigurationError, WebhookRejected
from .words import _

#: What the account may name as ``algorithm``.
ALGORITHMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}

#: Seconds a delivery may be older or newer than our clock.
TOLERANCE = 300.0

#: What is signed where the account says nothing else, and where its time stands.
BASE = "{timestamp}.{body}"
TIMESTAMP_HEADER = "X-Marketplace-Timestamp"

_ENCODINGS = ("hex", "base64")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


class Proof(NamedTuple):
    """What a genuine delivery was proven by."""

    secret: int  #: which of the usable secrets, from 0
    age: float | None  #: seconds between its signed time and now; None where no time is signed


def verify(scheme: str, headers: Mapping, body: bytes, secrets: Iterable[str], now: float, **options) -> Proof:
    """Return the proof when the delivery is genuine, else raise ``WebhookRejected`` with the reason.

    ``headers`` is any mapping with text keys of any case, ``body`` the bytes as received, ``secrets`` all that are
    valid now (one text is taken as one secret), ``now`` Unix time in seconds, ``options`` those of the scheme's
    function. A setting that can't work is a ``WebhookRejected`` too: nothing is ever let in because of it.
    """
    known = _usable(secrets)
    if not known:
        raise WebhookRejected(_("no secret is set; enter the webhook secret in the account"))
    try:
        return _scheme(scheme).verify(_lowered(headers), bytes(body), known, float(now), **options)
    except ConfigurationError as error:
        raise WebhookRejected(_("the webhook settings can't work: %(why)s", why=error.words)) from error


def sign(scheme: str, body: bytes, secret: str, now: float, **options) -> dict[str, str]:
    """Headers that make ``verify`` accept ``body``. Raises ``ConfigurationError`` when the settings can't work."""
    known = _usable(secret)
    if not known:
        raise ConfigurationError(_("No secret to sign with; enter the webhook secret in the account"))
    return _scheme(scheme).sign(bytes(body), known[0], float(now), **options)


# === a static token ===


def verify_token(headers, body, secrets, now, *, header="X-Marketplace-Token", prefix=""):
    """The secret itself stands in a header. Proves the sender, not the body; for marketplaces that offer no better."""
    given = _unprefixed(_header(headers, header), prefix, header)
    found = _which_equal(given, secrets)
    if found is None:
        raise WebhookRejected(_("the token in %(header)s is not ours", header=header))
    return Proof(found, None)


def sign_token(body, secret, now, *, header="X-Marketplace-Token", prefix=""):
    return {header: prefix + secret}


# === HMAC over the body, with or without a time ===


def verify_hmac(
    headers,
    body,
    secrets,
    now,
    *,
    header="X-Marketplace-Signature",
    algorithm="sha256",
    encoding="hex",
    prefix="sha256=",
    base=BASE,
    timestamp_header=TIMESTAMP_HEADER,
    tolerance=TOLERANCE,
):
    """HMAC of ``base``, where ``{body}`` is the raw body and ``{timestamp}`` the text of ``timestamp_header``.

    The time is Unix seconds and may differ from ours by ``tolerance`` seconds either way; a ``base`` without
    ``{timestamp}`` (Shopify, WooCommerce) has no time to check. The secret is used as UTF-8.
    """
    before, after, timed = _template(base)
    given = _unprefixed(_header(headers, header), prefix, header)
    given = given.lower() if encoding == "hex" else given
    stamp = _header(headers, timestamp_header) if timed else ""
    message = _message(before, after, stamp, body)
    expected = [_digest(secret.encode(), message, algorithm, encoding) for secret in secrets]
    found = _which_equal(given, expected)
    if found is None:
        raise WebhookRejected(_("the signature in %(header)s does not match the body", header=header))
    return Proof(found, _check_age(stamp, now, tolerance) if timed else None)


def sign_hmac(
    body,
    secret,
    now,
    *,
    header="X-Marketplace-Signature",
    algorithm="sha256",
    encoding="hex",
    prefix="sha256=",
    base=BASE,
    timestamp_header=TIMESTAMP_HEADER,
    tolerance=TOLERANCE,
):
    before, after, timed = _template(base)
    stamp = str(int(now)) if timed else ""
    message = _message(before, after, stamp, body)
    headers = {header: prefix + _digest(secret.encode(), message, algorithm, encoding)}
    return {**headers, timestamp_header: stamp} if timed else headers


def _template(base):
    """What stands before and after the body, and whether the time is signed."""
    if base.count("{body}") != 1:
        raise ConfigurationError(_("the signed text must contain {body} once"))
    before, after = base.split("{body}")
    return before, after, "{timestamp}" in base


def _message(before, after, stamp, body):
    return before.replace("{timestamp}", stamp).encode() + body + after.replace("{timestamp}", stamp).encode()


# === Standard Webhooks (www.standardwebhooks.com), symmetric signatures ===


def verify_standard(headers, body, secrets, now, *, tolerance=TOLERANCE):
    """``webhook-signature`` is a list of ``v1,<base64>`` parted by spaces; other versions are ignored.

    Secrets are base64, with or without ``whsec_``; one that is not is skipped while another is there.
    """
    name, stamp = _header(headers, "webhook-id"), _header(headers, "webhook-timestamp")
    marked = [part.partition(",") for part in _header(headers, "webhook-signature").split()]
    given = [signature for version, _comma, signature in marked if version == "v1"]
    if not given:
        raise WebhookRejected(_("webhook-signature has no signature of version v1"))
    message = _standard_message(name, stamp, body)
    keys = _standard_keys(secrets)
    expected = [_digest(key, message, "sha256", "base64") for key in keys.values()]
    # A list, not a loop that ends early: every signature is compared, whichever matches.
    found = [index for index in [_which_equal(signature, expected) for signature in given] if index is not None]
    if not found:
        raise WebhookRejected(_("no signature in webhook-signature matches the body"))
    return Proof(list(keys)[min(found)], _check_age(stamp, now, tolerance))


def sign_standard(body, secret, now, *, id="", tolerance=TOLERANCE):
    """``id`` is the delivery's own, the same on each repetition; a new one is made when it is empty."""
    name, stamp = id or f"msg_{uuid.uuid4().hex}", str(int(now))
    digest = _digest(_standard_keys([secret])[0], _standard_message(name, stamp, body), "sha256", "base64")
    return {"webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": f"v1,{digest}"}


def _standard_message(name, stamp, body):
    return f"{name}.{stamp}.".encode() + body


def _standard_keys(secrets):
    """The keys of the secrets that are any, by the number of the secret."""
    keys = {number: key for number, key in enumerate(map(_standard_key, secrets)) if key}
    if not keys:
        raise ConfigurationError(_("the secret must be whsec_ followed by base64"))
    return keys


def _standard_key(secret):
    text = secret.removeprefix("whsec_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


# === table ===


class Scheme(NamedTuple):
    """``verify(headers, body, secrets, now, **options)``, lower-case header names; ``sign(body, secret, now, …)``."""

    verify: Callable
    sign: Callable


#: The schemes an account can be set to. eBay's ECDSA needs a library beyond the standard one and is not here.
SCHEMES = {
    "token": Scheme(verify_token, sign_token),
    "hmac": Scheme(verify_hmac, sign_hmac),
    "standard": Scheme(verify_standard, sign_standard),
}


# === helpers ===


def _scheme(name):
    if name not in SCHEMES:
        raise _unknown(_("webhook scheme"), name, SCHEMES)
    return SCHEMES[name]


def _unknown(what, name, known):
    return ConfigurationError(
        _("unknown %(what)s %(name)s; choose one of %(known)s", what=what, name=repr(name), known=", ".join(known))
    )


def _usable(secrets):
    secrets = [secrets] if isinstance(secrets, (str, bytes)) else list(secrets or ())
    texts = (secret.decode() if isinstance(secret, bytes) else secret for secret in secrets)
    return [text.strip() for text in texts if text and text.strip()]


def _lowered(headers):
    return {str(key).lower(): str(value) for key, value in headers.items()}


def _header(headers, name):
    value = headers.get(name.lower(), "").strip()
    if not value:
        raise WebhookRejected(_("the header %(name)s is missing", name=name))
    return value


def _unprefixed(value, prefix, header):
    if not value.startswith(prefix):
        raise WebhookRejected(_("%(header)s does not start with %(prefix)s", header=header, prefix=prefix))
    return value[len(prefix) :].lstrip()  # a form that asks for "Bearer " drops the space


def _digest(key, message, algorithm, encoding):
    if algorithm not in ALGORITHMS:
        raise _unknown(_("algorithm"), algorithm, ALGORITHMS)
    if encoding not in _ENCODINGS:
        raise _unknown(_("encoding"), encoding, _ENCODINGS)
    mac = hmac.new(key, message, ALGORITHMS[algorithm])
    return mac.hexdigest() if encoding == "hex" else base64.b64encode(mac.digest()).decode()


def _which_equal(given, expected):
    """The number of the text that is ``given``, None when none is; all are compared, each in constant time."""
    given = given.encode("utf-8", "replace")
    equal = [hmac.compare_digest(given, text.encode("utf-8", "replace")) for text in expected]
    return equal.index(True) if True in equal else None


def _check_age(stamp, now, tolerance):
    """The delivery's age in seconds; negative where its clock is ahead of ours."""
    if not _TIMESTAMP.fullmatch(stamp):
        raise WebhookRejected(_("the timestamp is no Unix time in seconds"))
    age = now - int(stamp)
    shown, most = format(abs(age), ".0f"), format(tolerance, ".0f")
    if age > tolerance:
        raise WebhookRejected(_("the delivery is %(age)s s old, %(most)s s are allowed", age=shown, most=most))
    if age < -tolerance:
        raise WebhookRejected(_("the delivery is dated %(age)s s ahead; check the clocks", age=shown))
    return age
