"""The process that runs `inside.py`, as a client sees it."""

import contextlib
import json
import os
import subprocess
from pathlib import Path

from ..common import Stop, end_process
from ..stack import tail

SCRIPT = Path(__file__).with_name("inside.py")


class Within:
    """`within.compute_offers(account=1)` calls the method of that name in Odoo's process."""

    def __init__(self, process, log):
        self._process, self._log = process, log

    def __getattr__(self, name):
        def call(**arguments):
            self._process.stdin.write(json.dumps({"call": name, "with": arguments}) + "\n")
            self._process.stdin.flush()
            return self._read()

        return call

    def _read(self):
        line = self._process.stdout.readline()
        if not line:
            raise Stop(f"{tail(self._log)}\nthe process that should answer ended")
        said = json.loads(line)
        if "error" in said:
            raise Stop(said["error"])
        return said["answer"]


@contextlib.contextmanager
def within_odoo(stack):
    """A process of its own on the stack's database, with the registry loaded."""
    configuration = stack.instance.configuration(
        f"{stack.log.stem}-within", db_name=stack.database, dbfilter=f"^{stack.database}$"
    )
    command = [str(stack.instance.python), str(SCRIPT), str(configuration)]
    try:
        with answering(command, stack.log, env=stack.instance.env, cwd=os.sep) as within:
            yield within
    finally:
        configuration.unlink(missing_ok=True)


@contextlib.contextmanager
def answering(command, log, **options):
    """A process that answers calls line by line, once it has said that it is there; what else it says is logged."""
    with open(log, "a") as output:
        process = subprocess.Popen(
            command, start_new_session=True, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output,
            **options,
        )  # fmt: skip
    try:
        within = Within(process, log)
        within._read()
        yield within
    finally:
        end_process(process)
