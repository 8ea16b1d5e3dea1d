# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""eBay's signature of its notifications: ECDSA over the body, by a key that is fetched by its id. Plain functions."""

import base64
import binascii
import hashlib
import json
import re
import textwrap

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ..transport.errors import WebhookRejected
from ..transport.words import _

HEADER = "X-EBAY-SIGNATURE"
#: What eBay's SDK answers where a signature does not match.
REFUSED = 412
DIGESTS = {"SHA1": hashes.SHA1, "SHA256": hashes.SHA256, "SHA384": hashes.SHA384, "SHA512": hashes.SHA512}
#: Ids of keys are UUIDs; what looks different is not asked for.
_KID = re.compile(r"[A-Za-z0-9-]{8,64}")
NO_SECRET = _("no secret is set; enter the verification token in the account")
UNKNOWN_KEY = _("eBay knows no key with this id")
COPY = _("this database is a copy, and asks eBay nothing")
FETCHING = _("eBay's key is just being fetched")
TOO_MANY = _("too many unknown keys in an hour")
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----(.*)-----END PUBLIC KEY-----", re.DOTALL)


def refused(why: str) -> WebhookRejected:
    return WebhookRejected(why, status=REFUSED)


def not_fetched(error) -> WebhookRejected:
    return refused(_("eBay's key could not be fetched: %(why)s", why=error.words))


def read_header(value: str) -> tuple[str, bytes]:
    """``(id of the key, signature)`` of the header: base64 of JSON.

    :raise WebhookRejected: it is missing or makes no sense
    """
    if not value:
        raise refused(_("the header %(name)s is missing", name=HEADER))
    try:
        told = json.loads(base64.b64decode(value, validate=True))
        kid, signature = told["kid"], base64.b64decode(told["signature"], validate=True)
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        raise refused(_("the header %(name)s can't be read", name=HEADER)) from None
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise refused(_("the header %(name)s names no key", name=HEADER))
    return kid, signature


def read_key(pem: str):
    """The public key of a PEM text, which eBay writes on one line; ``None`` for what is none."""
    match = _PEM.search(pem or "")
    if not match:
        return None
    lines = "\n".join(textwrap.wrap("".join(match[1].split()), 64))
    try:
        key = load_pem_public_key(f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n".encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


def verify(pem: str, digest: str, signature: bytes, body: bytes) -> None:
    """Prove that ``body`` was signed with the key. The digest is the one that eBay names with the key, never that of
    the delivery.

    :raise WebhookRejected: it was not
    """
    key = read_key(pem)
    if key is None or digest not in DIGESTS:
        raise refused(_("eBay's key is of a kind that is not known here"))
    if not any(_matches(key, digest, signature, text) for text in _texts(body)):
        raise refused(_("the signature in %(header)s does not match the body", header=HEADER))


def _matches(key, digest, signature, text):
    try:
        key.verify(signature, text, ec.ECDSA(DIGESTS[digest]()))
    except (InvalidSignature, UnsupportedAlgorithm):  # the second: a system that has forbidden SHA-1
        return False
    return True


def _texts(body):
    """The body as it came, then as eBay's own SDK would write what it says: a proxy may have changed its spaces."""
    yield body
    try:
        yield json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return


def challenge_answer(code: str, token: str, endpoint: str) -> str:
    """What proves that an endpoint is ours, in the sequence that eBay asks for."""
    return hashlib.sha256(f"{code}{token}{endpoint}".encode()).hexdigest()
