# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Sending a signed webhook delivery to a receiver on this machine."""

import hashlib
import hmac
import http.client
import ipaddress
import json
import time
from urllib.parse import urlsplit

KINDS = ("orders", "status", "test")


def deliver(
    url: str, kind: str, document: dict | None, secret: str, headers: dict | None = None, now: float | None = None
) -> dict:
    """POST the delivery; gives ``{status, body, seconds}`` of the answer. ``ValueError`` for what can't be sent.

    ``orders`` sends the whole document, ``status`` its ``hashed_id`` and ``status``, ``test`` a greeting. Signed with
    HMAC-SHA256 over ``<unix seconds>.<body>`` at ``now``; ``headers`` are added and may replace the signature's.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not _is_loopback(parts.hostname or ""):
        raise ValueError("deliveries go to http on this machine only")
    body = json.dumps(_payload(kind, document), ensure_ascii=False).encode()
    sent = {"Content-Type": "application/json", **signature(body, secret, now), **(headers or {})}
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    started = time.monotonic()
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=30)
    try:
        connection.request("POST", target, body, sent)
        answer = connection.getresponse()
        text = answer.read(100_000).decode("utf-8", "replace")
    finally:
        connection.close()
    return {"status": answer.status, "body": text, "seconds": time.monotonic() - started}


def signature(body: bytes, secret: str, now: float | None = None) -> dict[str, str]:
    """The two headers that prove a delivery."""
    stamp = str(int(time.time() if now is None else now))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Marketplace-Signature": f"sha256={digest}", "X-Marketplace-Timestamp": stamp}


def _payload(kind, document):
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    if kind == "test":
        return {"test": True}
    if document is None:
        raise ValueError("hashed_id is needed for this kind")
    return document if kind == "orders" else {"hashed_id": document["hashed_id"], "status": document["status"]}


def _is_loopback(host):
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
