"""`make run`: a whole system on embedded defaults, one round trip through it as proof, then it stays up until Ctrl-C.

ONCE=1 ends after the round trip; status 0 only if it worked.
"""

import contextlib
import os
import time

from . import roundtrip
from .common import say
from .stack import running_stack

PRODUCTS, ORDERS = 200, 30


def main():
    with running_stack("run", products=PRODUCTS, orders=ORDERS, keep=bool(os.environ.get("KEEP"))) as stack:
        steps = roundtrip.run(stack)
        print(roundtrip.table(steps), flush=True)
        if not all(step.worked for step in steps):
            say(f"the round trip failed; the server's log is {stack.log}")
            return 1
        if os.environ.get("ONCE"):
            return 0
        print(f"\n  Odoo      {stack.url}  login {stack.login}, password {stack.password}")
        print(f"  sandbox   {stack.sandbox.url}\n  log       {stack.log}\n\nCtrl-C stops everything.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                stack.check()
                time.sleep(1)
        say("stopping")
        return 0
