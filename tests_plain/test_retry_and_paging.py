# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import random

import pytest
from cartona_integration.transport.errors import InvalidResponse
from cartona_integration.transport.paging import pages
from cartona_integration.transport.retry import backoff, clock_ahead, parse_retry_after, sent_at

NOW = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


class Fixed:
    """A random source that gives a fixed fraction of the range."""

    def __init__(self, fraction):
        self.fraction = fraction

    def uniform(self, low, high):
        return low + (high - low) * self.fraction


def test_waits_double_up_to_the_cap():
    assert [backoff(n, rng=Fixed(1)) for n in (1, 2, 3, 4)] == [5, 10, 20, 40]
    assert backoff(100_000, rng=Fixed(1)) == 3600
    assert backoff(3, base=1, cap=3, rng=Fixed(1)) == 3


def test_half_of_the_wait_is_random():
    assert backoff(2, rng=Fixed(0)) == 5
    waits = {backoff(4, rng=random.Random(n)) for n in range(50)}
    assert len(waits) > 40
    assert all(20 <= wait <= 40 for wait in waits)


@pytest.mark.parametrize("attempt", [0, -3])
def test_an_attempt_before_the_first_counts_as_the_first(attempt):
    assert backoff(attempt, rng=Fixed(1)) == 5


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("17", 17.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("-5", 0.0),
        ("999999999", 86400.0),
        ("inf", 86400.0),
        ("1e400", 86400.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:20:00 GMT", 0.0),
        ("Wed, 21 Oct 2095 07:20:00 GMT", 86400.0),
        ("Wed, 21 Oct 99999 07:20:00 GMT", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(value, seconds):
    assert parse_retry_after(value, NOW) == seconds


def test_the_senders_clock_is_what_its_answer_says_else_ours():
    assert sent_at("Wed, 21 Oct 2015 07:28:30 GMT", NOW) == NOW + 30
    assert sent_at("Wed, 21 Oct 2015 07:27:00 GMT", NOW) == NOW - 60
    assert sent_at("soon", NOW) == NOW
    assert sent_at(None, NOW) == NOW
    assert clock_ahead("Wed, 21 Oct 2015 07:28:30 GMT", NOW) == 30
    assert clock_ahead("", NOW) is None
    assert clock_ahead("soon", NOW) is None


# === paging ===


def listed(rows, per_page):
    calls = []

    def fetch(page):
        calls.append(page)
        return rows[(page - 1) * per_page : page * per_page]

    return fetch, calls


@pytest.mark.parametrize(
    ("count", "found", "asked"), [(0, [], [1]), (3, [3], [1]), (5, [5], [1, 2]), (12, [5, 5, 2], [1, 2, 3])]
)
def test_pages_end_at_the_first_short_one(count, found, asked):
    fetch, calls = listed(list(range(count)), 5)
    assert [len(page) for page in pages(fetch, per_page=5)] == found
    assert calls == asked


def test_a_marketplace_that_ignores_the_page_number_is_read_once():
    calls = []

    def same(page):
        calls.append(page)
        return [1, 2, 3]

    assert list(pages(same, per_page=3)) == [[1, 2, 3]]
    assert calls == [1, 2]


def test_counting_may_start_elsewhere():
    fetch, calls = listed(list(range(12)), 5)
    assert list(pages(fetch, per_page=5, start=3)) == [[10, 11]]
    assert calls == [3]


def test_the_limit_counts_pages_wherever_counting_starts():
    calls = []
    with pytest.raises(InvalidResponse, match="no end after 4 pages"):
        for page in pages(lambda page: [page], per_page=1, start=4, limit=4):
            calls += page
    assert calls == [4, 5, 6, 7]


def test_a_list_without_end_is_an_error_after_what_was_read():
    seen = []
    with pytest.raises(InvalidResponse, match="no end after 4 pages"):
        seen.extend(pages(lambda page: [page], per_page=1, limit=4))
    assert list(pages(lambda page: [page] if page < 4 else [], per_page=1, limit=4)) == [[1], [2], [3]]


@pytest.mark.parametrize("answer", [None, {}, "rows"])
def test_a_page_that_is_no_list_is_an_invalid_response(answer):
    with pytest.raises(InvalidResponse, match="not a list"):
        list(pages(lambda page: answer, per_page=5))


def test_the_sandboxs_catalogue_is_read_to_its_end(client):
    def fetch(page):
        return client.request("GET", "supplier-product", params={"page": page, "per_page": 4}).json()

    assert [len(page) for page in pages(fetch, per_page=4)] == [4, 4, 2]
