"""`make mutants`: puts small faults into a copy of the code, one at a time, and runs the tests that should notice.

A sample of each file of TARGETS: COUNT=… mutants of each, at most; the same ones for the same SEED=…; ONLY=transport
(a part of the files' names) for some. What survives is shown as a difference; mutants_accepted.py says why some may.
Tests that come to no end have not failed: the machine may be busy. They run once more when all others are done, and
what comes to no end again is shown and counted by itself.
"""

import difflib
import json
import os
import shutil
from collections import Counter

from . import test
from .common import MODULE, ROOT, Stop, call, say, state_dir, tracked
from .mutants_accepted import reason
from .mutants_judge import FAIL, LATE, PASS, Judge
from .odoo_source import WRITTEN_FOR
from .python_env import DEV, environment

TARGETS = {
    "transport/address.py": "address private_network client",
    "transport/auth.py": "auth_and_errors client",
    "transport/client.py": "client client_network auth_and_errors redaction private_network",
    "transport/errors.py": "auth_and_errors client",
    "transport/failures.py": "client_network client auth_and_errors",
    "transport/names.py": "names",
    "transport/oauth.py": "oauth auth_and_errors",
    "transport/reading.py": "reading",
    "transport/redaction.py": "redaction",
    "transport/retry.py": "retry client",
    "transport/session.py": "private_network client client_network",
    "transport/signatures.py": "signatures",
    "transport/text.py": "auth_and_errors reading redaction",
    "transport/words.py": "auth_and_errors client reading",
    "schemas.py": "schemas",
    "encryption.py": "tests/test_secrets.py",
    "database.py": "tests/test_refusals.py tests/test_concurrency.py",
    "models/marketplace_audit.py": "tests/test_audit.py tests/test_refusals.py",
    "models/marketplace_config_state.py": "tests/test_offer_failures.py tests/test_orders_out.py",
    "models/marketplace_failure.py": "tests/test_dashboard_failures.py",
    "models/marketplace_lane_offers.py": "tests/test_offers.py tests/test_offer_failures.py tests/test_refusals.py",
    "models/marketplace_lane_orders.py": "tests/test_orders_out.py tests/test_otp.py tests/test_order_lines_out.py",
    "models/marketplace_line_changes.py": "tests/test_order_lines_out.py",
    "models/marketplace_listing.py": "tests/test_offers.py tests/test_offer_failures.py tests/test_matching.py",
    "models/marketplace_offer.py": "tests/test_offer_values.py tests/test_offers.py",
    "models/marketplace_outbox.py": "tests/test_offers.py tests/test_orders_out.py tests/test_offer_values.py",
    "models/marketplace_push.py": "tests/test_amazon_offers.py",
    "models/marketplace_sender.py": "tests/test_offer_failures.py tests/test_orders_out.py tests/test_sweeper.py",
    "models/marketplace_stock_rule.py": "tests/test_offer_values.py tests/test_policies.py",
}
KINDS = KILLED, ACCEPTED_ONE, SURVIVED, ENDLESS = "killed", "accepted", "survived", "without an end"
KIND_OF = {FAIL: KILLED, PASS: SURVIVED, LATE: ENDLESS}


def main():
    only = os.environ.get("ONLY", "")
    targets = {name: judges_of(words) for name, words in TARGETS.items() if only in name}
    if not targets:
        raise Stop(f"ONLY={only}: choose a part of {', '.join(TARGETS)}")
    os.environ["SERIES"] = WRITTEN_FOR
    addon = copy_addon()
    with Judge(addon) as judge:
        for words in sorted(set(map(tuple, targets.values()))):
            verdict = judge.verdict(words)
            if verdict != PASS:
                raise Stop(f"without any mutant, {' '.join(words)}: {verdict}")
        total = judge_all(judge, addon, targets, sample(addon, targets))
    say(f"all: {figures(total)}")
    return 1 if total[SURVIVED] else 0


def judge_all(judge, addon, targets, samples):
    """How many of the mutants there are of each kind; those without an end are judged again after all others."""
    outcomes, late = Counter(), []
    for name, mutants in samples.items():
        kinds = [(outcome(judge, addon / name, name, mutant, targets[name]), mutant) for mutant in mutants]
        late += [(name, mutant) for kind, mutant in kinds if kind == ENDLESS]
        found = Counter(kind for kind, _mutant in kinds)
        say(f"{name}: {figures(found)}")
        outcomes += found
    for name, mutant in late:
        kind = outcome(judge, addon / name, name, mutant, targets[name])
        say(f"{name}: what had come to no end, alone: {kind}")
        outcomes.subtract([ENDLESS])
        outcomes[kind] += 1
    return outcomes


def judges_of(words):
    return [word if "/" in word else f"{test.PLAIN}/test_{word}.py" for word in words.split()]


def copy_addon():
    """The mutants' own copy, which Odoo finds as it does the checkout."""
    addon = state_dir() / "mutants" / MODULE
    shutil.rmtree(addon.parent, ignore_errors=True)
    for name in tracked():
        (addon / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, addon / name)
    return addon


def sample(addon, names):
    seed, count = os.environ.get("SEED", "1"), os.environ.get("COUNT", "20")
    say(f"SEED={seed} COUNT={count}")
    made = call([environment("mutants"), DEV / "mutants_make.py", addon, seed, count, *names])
    return json.loads(made.stdout)


def outcome(judge, path, name, mutant, words):
    source = path.read_text()
    if reason(*change(source, mutant, name)):
        return ACCEPTED_ONE
    path.write_text(mutant)
    try:
        kind = KIND_OF[judge.verdict(words)]
    finally:
        path.write_text(source)
    if kind != KILLED:
        shown = difflib.unified_diff(source.splitlines(), mutant.splitlines(), name, name, "", "", 2, "")
        print("\n".join(shown), flush=True)
    return kind


def change(source, mutant, name):
    """A mutant by what it changes, wherever that stands: file, lines before, lines after, but for comments of their own
    and empty ones, which go with what stands below them."""
    lines = list(difflib.ndiff(source.splitlines(), mutant.splitlines()))
    code = [(line[:2], line[2:].strip()) for line in lines if not line[2:].lstrip().startswith("#")]
    before, after = ("\n".join(text for start, text in code if start == sign and text) for sign in ("- ", "+ "))
    return name, before, after


def figures(outcomes):
    return f"{sum(outcomes.values())} mutants, " + ", ".join(f"{outcomes[kind]} {kind}" for kind in KINDS)
