"""Amazon: the calls of one round trip of the addon, as a test writes them down, made again by Amazon's own client.

The client is PyPI's amzn-sp-api, in an environment of its own. It is given what each call says (path, query, body), and
answered with what the fake Amazon answered the addon; so its reading of that is checked, too.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from .common import ROOT, Stop
from .python_env import environment

CLIENT = Path(__file__).parent / "conformance_amazon_client.py"
TEST = "tests/test_amazon_models.py"


def check():
    try:
        python = environment("conformance-amazon")
    except Stop as error:
        raise Stop(f"Amazon's client can't be had ({str(error).strip().splitlines()[0]})") from error
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "ours.json", Path(folder) / "theirs.json"
        written = {"T": TEST, "MARKETPLACE_WIRE": str(ours), "PYTEST_ADDOPTS": "-k written_down"}
        run([sys.executable, "-m", "dev", "test"], written)
        run([python, CLIENT, ours, theirs], {})
        pairs = list(zip(json.loads(ours.read_text()), json.loads(theirs.read_text()), strict=True))
    return [line for mine, other in pairs for line in differences(mine, other)], len(pairs)


def run(command, values):
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, env={**os.environ, **values}, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{command[-1]} failed:\n{(done.stdout + done.stderr)[-4000:]}")


def differences(mine, other):
    """What of one call differs, however each side writes it: percent-encoding, order of keys, spaces in JSON."""
    name = f"{mine['method']} {mine['path']}"
    if other.get("problem"):
        return [f"{name}: the client can't: {other['problem']}"]
    return [
        f"{name}: {part} is {form(mine[part])!r} here and {form(other[part])!r} there"
        for part, form in FORMS.items()
        if form(mine[part]) != form(other[part])
    ]


def body_form(text):
    try:
        return json.loads(text)
    except ValueError:
        return sorted(parse_qsl(text))


FORMS = {
    "method": str,
    "path": lambda path: [unquote(step) for step in path.split("/")],
    "query": lambda query: sorted(parse_qsl(query)),
    "body": body_form,
    "shows_token": bool,
}
