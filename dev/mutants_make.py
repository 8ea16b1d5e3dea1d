"""Prints a sample of the faults that can be put into files, as JSON; run by the Python that has cosmic-ray.

`mutants_make.py ROOT SEED COUNT FILE…`: at most COUNT of each file, one at a place.
"""

import contextlib
import itertools
import json
import random
import re
import sys
import warnings
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

# `|` stands in annotations alone, and `is` for `==` gives the same for short texts and numbers: no test tells these.
SENSELESS = re.compile(r"BitOr_|Operator_Is_(?!IsNot)|Operator_IsNot_(?!Is$)|Operator_(?!Is)\w+_Is(Not)?$")


def main(root, seed, count, *files):
    json.dump({name: sample(Path(root, name).read_text(), f"{seed} {name}", int(count)) for name in files}, sys.stdout)


def sample(source, seed, count):
    """Versions of a source, each with one fault."""
    rng = random.Random(seed)
    places = {}
    for operator in operators():
        found = [start for node in ast_nodes(get_ast(source)) for start, _end in operator.mutation_positions(node)]
        for occurrence, start in enumerate(found):
            places.setdefault(start, []).append((operator, occurrence))
    mutants = (mutated(source, *rng.choice(places[start])) for start in rng.sample(sorted(places), len(places)))
    return list(itertools.islice(filter(None, mutants), count))


def operators():
    for name in operator_names():
        operator = get_operator(name)
        if not operator.arguments() and not SENSELESS.search(name):
            yield operator()


def mutated(source, operator, occurrence):
    """None where nothing that Python could read comes of it."""
    with contextlib.suppress(SyntaxError, AttributeError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = mutate_code(source, operator, occurrence)
        compile(text, "mutant", "exec")
        return text


if __name__ == "__main__":
    main(*sys.argv[1:])
