"""One run: set up, break while all flows, come to rest, compare."""

import time
from collections import Counter

from ..common import Stop, say, timed
from ..roundtrip import NotSeen, RoundTrip
from . import canary
from .breaker import Breaker
from .flow import Flow
from .logbook import ALLOWED, RESTART, SECONDS, is_recent, judge
from .people import Notes, make_people
from .plan import USERS, Plan
from .quiet import NotQuiet, Quiet
from .report import Report
from .system import running_system
from .truth import Truth

# Whatever Odoo and its job runner write when they are killed stands in the log, too.
LOG = "no error in the log that nothing explains"
SETTINGS = {"timeout": 2.0, "batch_size": 10, "confirm_policy": "always", "push_lines": False}
LOST = ("OperationalError", "InterfaceError", "JobFoundDead", "psycopg2.DatabaseError")


def run(seed, size, name="chaos"):
    """Break a system as the seed says, and give the report of what came of it."""
    start, plan, report, notes = time.monotonic(), Plan(seed, size), Report(name, str(seed)), Notes()
    say(f"SEED={seed}: {plan.summary()}")
    canaries = canary.Canaries()
    with running_system(seed_number(seed), size.products, canaries.token) as system:
        with timed("set up"):
            trip = prepare(system, canaries.held())
            people = make_people(system, notes, USERS)
        flow = Flow(system, plan, trip, people, notes, canaries)
        with timed("broken while it worked"), Breaker(system, plan) as breaker:
            flow.run()
        quiet = Quiet(system, trip.account)
        settle(report, flow, quiet, size, notes)
        report.done.update(done(system, breaker, notes, quiet))
        compare(report, system, plan, trip, flow, notes, quiet)
        read_log(report, system, breaker, notes)
        find_secrets(report, system, canaries)
    report.seconds = time.monotonic() - start
    return report


def seed_number(seed):
    return int.from_bytes(str(seed).encode()[:6], "big")


def prepare(system, secrets):
    """A live account with all products listed and pushed, before anything breaks."""
    trip = RoundTrip(system.stack)
    try:
        trip.make_products()
        trip.connect()
        trip.match()
        trip.first_push()
    except NotSeen as error:
        raise Stop(f"the system could not be set up: {error}") from error
    known = trip.odoo.call("marketplace.config", "fields_get", [], ["type"])
    values = {name: value for name, value in SETTINGS.items() if name in known}
    trip.odoo.call("marketplace.config", "write", [trip.account], {**values, **secrets})
    return trip


def settle(report, flow, quiet, size, notes):
    with timed("came to rest"):
        try:
            quiet.reach(size.quiet)
            # Some of it needs that the marketplace was told of what was done before.
            while flow.finish():
                quiet.reach(size.quiet)
            wrong = []
        except NotQuiet as error:
            wrong = [f"after {size.quiet:.0f} s: {error}"]
    report.check("nothing waits", 1, wrong)
    notes.counts["dead letters healed by Retry"] = quiet.retried


def done(system, breaker, notes, quiet):
    faults = Counter()
    for fault in breaker.struck:
        kind = f"{fault['kind']} {fault['status']}" if fault["kind"] == "status" else fault["kind"]
        faults[f"sandbox: {kind}"] += fault["hits"]
    requests = system.sandbox.get("state")["calls"]
    ends = {"server ended by itself and started again": len(system.server.ends)}
    return {**breaker.counts, **ends, **faults, **notes.counts, "sandbox: requests": requests}


def compare(report, system, plan, trip, flow, notes, quiet):
    for name, (looked_at, wrong) in Truth(system, plan, trip, flow).checks().items():
        report.check(name, looked_at, wrong)
    dead = [f"{where}: {what}" for where, rows in quiet.failed().items() for what in rows]
    report.check("no dead letter is left after Retry", quiet.retried, dead)
    jobs = system.query("SELECT identity_key, exc_name, exc_message FROM queue_job WHERE state = 'failed'")
    unexplained = [row for row in jobs if not any(name in (row[1] or "") for name in LOST)]
    report.check("no job failed but by a lost connection or a killed worker", len(jobs), unexplained)
    report.done["jobs failed by a lost connection or a killed worker"] = len(jobs) - len(unexplained)
    seen = [f"{each['who']} {each['call']}: {each['said']}\n{each['details']}" for each in notes.tracebacks]
    report.check("nobody saw a traceback", notes.counts["RPC calls answered"], seen)
    report.check("hardly anybody was refused what they did", *notes.refusals())


def read_log(report, system, breaker, notes):
    explained, unexplained = judge(system.stack.log, breaker.events)
    report.allowed += [(name, explained[name], why) for name, _cause, _what, why in ALLOWED if name in explained]
    wrong = [f"{record.logger}: {record.text[:3000]}" for record in unexplained]
    lost = notes.database_lost
    early = [words for moment, words in lost if not is_recent(RESTART, moment, breaker.events)]
    report.check("nobody was told of a lost database but after a restart", len(lost), early)
    report.check(
        "no webhook was refused for good, nor told to come again without a restart", *refused(system, breaker, notes)
    )
    ends = system.server.ends
    untimely = [f"at {moment:.0f}" for moment in ends if not is_recent(RESTART, moment, breaker.events)]
    report.check("the server did not end by itself but without PostgreSQL", len(ends), untimely)
    report.check(LOG, sum(explained.values()), wrong)


def refused(system, breaker, notes):
    """How many webhooks were answered, and those whose answer makes a marketplace give up or repeat without a reason.
    A signature of another time is refused, and so it must be. A server that came up without PostgreSQL does not know
    our addresses until it has seen the database."""
    wrong = [
        f"{status} at {moment:.0f}"
        for moment, status in notes.deliveries
        if status not in (200, 401)
        and not (status >= 500 and is_recent(RESTART, moment, breaker.events))
        and not (status == 404 and is_started_anew(system, moment))
    ]
    return len(notes.deliveries), wrong


def is_started_anew(system, moment):
    return any(0 < moment - end < SECONDS for end in system.server.ends)


def find_secrets(report, system, canaries):
    looked_at, wrong, kept = canary.search(system, canaries)
    report.check("no secret stands but where it is kept", looked_at, wrong)
    report.allowed += kept
    # A search that finds nothing anywhere would be blind.
    report.check("the search for secrets sees", 1, [] if kept else ["not even where they are kept"])
