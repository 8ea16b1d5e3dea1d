# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""``python -m sandbox``: the marketplace as a process of its own. The first line on stdout is JSON and tells where."""

import argparse
import ipaddress
import json
import signal
import threading

from .box import Sandbox
from .options import ROW_ANSWERS, SPELLINGS


def main(arguments=None) -> int:
    given = _parser().parse_args(arguments)
    box = Sandbox(
        products=given.products,
        orders=given.orders,
        token=given.token,
        seed=given.seed,
        host=given.host,
        port=given.port,
        supplier_codes=tuple(given.accounts.split(",")),
        row_answer=given.row_answer,
        spelling=given.spelling,
        bad_token_status=given.bad_token_status,
        alternative_paths=given.alternative_paths,
    )
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    box.start()
    print(json.dumps({"url": box.url, "admin": box.admin_url, "token": box.token}), flush=True)
    done.wait()
    box.stop()
    return 0


def _parser():
    parser = argparse.ArgumentParser("sandbox", description="A marketplace in a box, speaking Cartona's API.")
    parser.add_argument("--host", default="127.0.0.1", type=_loopback, help="an address of this machine")
    parser.add_argument("--port", default=0, type=int, help="0 takes a free one")
    parser.add_argument("--products", default=200, type=int)
    parser.add_argument("--orders", default=20, type=int)
    parser.add_argument("--token", default="sandbox-token")
    parser.add_argument("--seed", default=1, type=int, help="the same seed makes up the same data")
    parser.add_argument("--accounts", default="1", help="supplier codes under the token, parted by commas")
    parser.add_argument("--row-answer", default="error", choices=ROW_ANSWERS)
    parser.add_argument("--spelling", default="sic", choices=SPELLINGS)
    parser.add_argument("--bad-token-status", default=400, type=int, choices=(400, 401, 403))
    parser.add_argument("--alternative-paths", action="store_true", help="answer orders/… and base-product/… too")
    return parser


def _loopback(host):
    # The admin side has no authentication.
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise argparse.ArgumentTypeError("must be an address of this machine")
    return host


if __name__ == "__main__":
    raise SystemExit(main())
