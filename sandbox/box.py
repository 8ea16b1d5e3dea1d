# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The sandbox as an object: start it, look into it, act as the retailer, break it."""

import threading

from .app import ADMIN, API, App
from .faults import Fault, Faults
from .journal import Entry, Journal
from .options import Options
from .server import Server
from .state import State


class Sandbox:
    """A running marketplace, as a context manager or with ``start()`` and ``stop()``.

    ``products`` and ``orders`` are a number to make up or a list of explicit rows; ``options`` are those of
    ``Options``. ``url`` is the API's base URL, ``admin_url`` the admin's, ``token`` what the API wants in its header.
    """

    def __init__(self, products=0, orders=0, token="sandbox-token", seed=1, host="127.0.0.1", port=0, **options):
        self.options = Options(token=token, **options)
        self.state = State(self.options, products, orders, seed)
        self.faults = Faults(seed)
        self.log = Journal()
        self.app = App(self.state, self.faults, self.log)
        self._server = Server(host, port, self.app)
        self._thread: threading.Thread | None = None
        root = f"http://{host}:{self._server.server_address[1]}"
        self.url, self.admin_url = root + API, root + ADMIN

    @property
    def token(self) -> str:
        return self.options.token

    # === running ===

    def __enter__(self):
        return self.start()

    def __exit__(self, *_exc):
        self.stop()

    def start(self):
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="sandbox", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End it with its connections and whatever a fault holds up. May be called twice."""
        self.faults.clear()
        if self._thread:
            self._server.shutdown()
            self._thread.join(5)
        self._server.close_connections()
        self._server.server_close()

    # === looking ===

    @property
    def journal(self) -> list[Entry]:
        return self.log.entries()

    def calls(self, path: str = "", method: str | None = None) -> list[Entry]:
        """Calls whose path holds the regular expression ``path``."""
        return self.log.entries(method, path)

    def wait_for(self, path: str, count: int = 1, timeout: float = 10.0, method: str | None = None) -> list[Entry]:
        """The calls to ``path`` as soon as there are ``count``; ``TimeoutError`` when they do not come."""
        return self.log.wait(count, timeout, method, path)

    def clear_journal(self) -> None:
        self.log.clear()

    def product(self, external_id, supplier_code=None) -> dict:
        """A product as an account has it (the first account without a code); ``KeyError`` when there is none."""
        return self.state.product(external_id, supplier_code)

    def order(self, hashed_id) -> dict:
        return self.state.order(hashed_id)

    def otp(self, hashed_id) -> str:
        """The OTP that the retailer would tell the driver."""
        return self.state.inside(hashed_id)["retailer_otp"]

    def queued(self) -> list[str]:
        """Ids of the orders that wait to be acknowledged, in the order they are handed out."""
        with self.state.lock:
            return [order.document["hashed_id"] for order in self.state.queue()]

    # === acting as the retailer or the marketplace ===

    def add_product(self, **row) -> dict:
        return self.state.add_product(row)

    def add_order(self, **values) -> dict:
        """Place an order; what is not given is made up, also in ``order_details=[{"supplier_product_id": …}]``."""
        return self.state.add_order(values)

    def edit_order(self, hashed_id, amounts=None, by="retailer", **values) -> dict:
        """Edit as the retailer, or ``by="admin"``; ``amounts`` is ``{line id: amount}``. Raises ``Refused``."""
        return self.state.edit_order(hashed_id, values, amounts, by)

    def cancel_order(self, hashed_id) -> dict:
        """Cancel as the retailer. Raises ``Refused`` when it is too late for that."""
        return self.state.cancel_order(hashed_id)

    # === breaking ===

    def fail(self, path: str = "", kind: str = "status", **values) -> Fault:
        """Set a fault (see ``faults.Fault``): ``box.fail("bulk-update", status=429, retry_after="2", times=3)``."""
        return self.faults.add(Fault(kind=kind, path=path, **values))

    def clear_faults(self) -> None:
        self.faults.clear()
