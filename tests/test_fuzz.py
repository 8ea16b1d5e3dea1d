# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Bodies that nobody would think of. `FUZZ=10000 make test T=tests/test_fuzz.py` tries so many new ones."""

import copy
import json
import os
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo import release
from odoo.tests import HttpCase, tagged
from odoo.tools import file_open

from ..transport import signatures
from .common import SECRET, MarketplaceCase

# Each body takes the same way on each series: few of them show that a port goes it too.
EXAMPLES = int(os.environ.get("FUZZ") or (60 if release.version_info[0] == 17 else 20))
HOW = settings(
    max_examples=EXAMPLES,
    derandomize=not os.environ.get("FUZZ"),  # the short form is the same each time
    print_blob=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

# What has broken programs before.
AWKWARD = st.sampled_from(
    [
        *("", " ", "\x00", "a\x00b", "\ud800", "\u202e", "‏١٢٣", "٣٫٥", "NaN", "-0", "1e400", "0x10", "null", "{}"),
        *("0000-00-00", "9999-12-31T23:59:59Z", "2026-02-30", "../../etc/passwd", "' OR 1=1 --", "<b>", "%s", "{0}"),
        *("x" * 5000, "é" * 300, 0, -1, 2**31, 2**63, 2**200, -(2**63), 1e308, 5e-324, 0.1, True, False, None),
        *([], {}, [[]], [{}], [None], {"": None}, {"id": {"id": 1}}),
    ]
)
SCALARS = st.one_of(AWKWARD, st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
RAW = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([b"[" * 100_000, b"\xef\xbb\xbf{}", b'{"a":1,"a":2}', b"\x1f\x8b\x08\x00", b"{" * 3, b'"\\ud800"']),
    ANYTHING.map(lambda value: json.dumps(value).encode()),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Content-Type", "Content-Encoding", "X-Marketplace-Signature", "X-Marketplace-Timestamp", "X-Marketplace-Key"]
    ),
    st.one_of(
        st.sampled_from(["application/json", "application/json; charset=utf-16", "gzip", "identity", "sha256=", "1e9"]),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
    ),
    max_size=3,
)


def places(value, path=()):
    """Yield the path of everything within a document."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from places(below, (*path, key))


@st.composite
def altered(draw, document):
    """The document with one to three of its parts replaced, repeated or left out."""
    document = copy.deepcopy(document)
    for _n in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([path for path in places(document) if path] or [()]))
        if not path:
            break
        holder = document
        for step in path[:-1]:
            holder = holder[step]
        change = draw(st.sampled_from(["replace", "replace", "drop", "repeat"]))
        if change == "replace":
            holder[path[-1]] = copy.deepcopy(draw(ANYTHING))
        elif change == "drop":
            holder.pop(path[-1])
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(holder[path[-1]]))
    return document


@tagged("post_install", "-at_install")
class TestFuzz(MarketplaceCase, HttpCase):
    def prepare(self):
        super().prepare()
        self.list_products()
        self.set_stock(self.products[0], 1_000_000)
        self.commit()
        with file_open("cartona_integration/controllers/openapi.json") as file:
            self.api = json.load(file)
        self.told = self.api["paths"]["/marketplace_integration/webhook/{kind}/{key}"]["post"]["responses"]

    def post(self, kind, body, headers, key=None):
        path = f"/marketplace_integration/webhook/{kind}/{key or self.account.webhook_key}"
        answer = self.url_open(path, data=body, headers=headers)
        self.finish_requests()
        return answer

    def signed(self, body):
        return {"Content-Type": "application/json", **signatures.sign("hmac", body, SECRET, time.time())}

    def check(self, answer):
        """The answer is one of those that the description of our routes tells, and reads as it says."""
        self.assertIn(str(answer.status_code), self.told, answer.text)
        if answer.status_code == 200:
            self.assertEqual(answer.json()["status"], "ok")
        elif answer.status_code not in (404, 405):
            refused = self.api["components"]["responses"]["Refused"]["content"]["application/json"]["schema"]
            self.assertEqual(sorted(answer.json()), sorted(refused["required"]))
            self.assertNotIn("Traceback", answer.text)

    def inbox(self):
        return self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)])

    def test_whatever_is_sent_is_answered_as_documented_and_only_what_is_signed_is_stored(self):
        @HOW
        @given(
            kind=st.sampled_from(["orders", "status", "test"]), body=RAW, headers=HEADERS,
            key=st.none() | st.text(st.characters(min_codepoint=45, max_codepoint=122), min_size=1, max_size=20),
        )  # fmt: skip
        def attack(kind, body, headers, key):
            answer = self.post(kind, body, headers, key)
            self.check(answer)
            self.assertNotEqual(answer.status_code, 200)

        attack()
        self.assertFalse(self.inbox())

    def test_a_signed_body_of_any_kind_is_answered_as_documented(self):
        @HOW
        @given(kind=st.sampled_from(["orders", "status", "test"]), body=RAW)
        def deliver(kind, body):
            self.check(self.post(kind, body, self.signed(body)))

        deliver()

    def test_documents_with_odd_parts_end_as_orders_or_stand_as_failed_with_the_reason(self):
        document = self.box_order((self.products[0], 2, 30.0), (self.products[1], 1, 5.0), status="pending")
        stored = 0

        @HOW
        @given(altered(document), st.integers(0, 10**6))
        def deliver(odd, number):
            nonlocal stored
            if isinstance(odd, dict) and odd.get("hashed_id") == document["hashed_id"]:
                odd["hashed_id"] = f"odd-{number}"
            body = json.dumps(odd).encode()
            answer = self.post("orders", body, self.signed(body))
            self.check(answer)
            stored += answer.json().get("new", 0) if answer.status_code == 200 else 0

        deliver()
        self.assertGreater(stored, EXAMPLES // 4)
        self.commit()
        rows = self.inbox()
        self.assertFalse(rows.filtered(lambda row: row.state == "waiting" and not row.last_error))
        for row in rows.filtered(lambda row: row.state == "failed"):
            self.assertTrue(row.last_error)
            self.assertNotIn("Traceback", row.last_error)
        self.assertTrue(rows.filtered(lambda row: row.state not in ("waiting", "failed")))
