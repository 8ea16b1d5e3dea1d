# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import random
import time
from datetime import datetime, timezone

import pytest
from cartona_integration.transport.retry import backoff, clock_ahead, parse_retry_after, sent_at, server_time

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


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0200"])
def test_the_senders_time_is_in_utc_wherever_we_stand(zone, monkeypatch):
    monkeypatch.setenv("TZ", "Africa/Cairo")
    time.tzset()
    hour = 9 if zone == "+0200" else 7
    try:
        told = server_time(f"Wed, 21 Oct 2015 0{hour}:28:00 {zone}")
        assert told == datetime(2015, 10, 21, 7, 28, tzinfo=timezone.utc)
        assert clock_ahead(f"Wed, 21 Oct 2015 0{hour}:28:30 {zone}", NOW) == 30
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("date", [None, "", "soon", "Fri, 31 Dec 9999 23:59:59 -0200"])
def test_a_sender_that_tells_no_time_tells_none(date):
    assert server_time(date) is None
