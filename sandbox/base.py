# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What every marketplace in a box has: a server, a journal of its calls, and faults on request."""

import copy
import json
import logging
import re
import threading
import time
from email.utils import formatdate

from werkzeug.wrappers import Request, Response

from .answers import json_bytes
from .faults import Fault, Faults
from .journal import Entry, Journal
from .server import Server

_logger = logging.getLogger(__name__)

_PAGE = "<!DOCTYPE html>\n<html><head><title>Sandbox</title></head><body><h1>Nothing to see here</h1></body></html>\n"


class Refused(Exception):
    """The marketplace refuses; ``status`` is the HTTP status where the refusal is not hidden in a 200. ``code`` is the
    marketplace's own, ``details`` whatever else its answer has to hold."""

    def __init__(self, message: str, status: int = 422, code: str = "", **details):
        super().__init__(message)
        self.message, self.status, self.code, self.details = message, status, code, details


class BaseApp:
    """The WSGI application around a marketplace's work: faults and journal. Wire faults are told to the server in
    ``environ["sandbox.wire"]``; see ``server.py``."""

    def __init__(self, faults: Faults, journal: Journal):
        self.faults, self.journal = faults, journal

    def __call__(self, environ, start_response):
        request = Request(environ, populate_request=False)
        return self.call(request, request.path.lstrip("/"))(environ, start_response)

    def call(self, request, path):
        """Answer one call and note it in the journal."""
        arrived, wall = time.monotonic(), time.time()
        text = request.get_data(cache=False).decode("utf-8", "replace")
        fault = self.faults.strike(request.method, path, text)
        response, rows = self._struck(fault, request, path, text) if fault else self.work(request, path, text)
        self.journal.add(
            monotonic=arrived,
            time=wall,
            seconds=time.monotonic() - arrived,
            method=request.method,
            path=path,
            query=request.args.to_dict(),
            status=0 if request.environ.get("sandbox.wire") in ("reset", "drop") else response.status_code,
            rows=rows,
            text=text,
            fault=fault.kind if fault else "",
        )
        return response

    def work(self, request, path, text):
        """Do what the call asks for, and return the answer with the number of its rows."""
        raise NotImplementedError

    def page(self, status):
        """A web page, where JSON was expected."""
        return Response(_PAGE, status, mimetype="text/html")

    def _struck(self, fault, request, path, text):
        wire = request.environ
        if fault.kind == "status":
            body = {"error": f"fault {fault.status}"} if fault.body is None else fault.body
            response = Response(body, fault.status) if isinstance(body, str) else json_response(body, fault.status)
            if fault.retry_after is not None:
                response.headers["Retry-After"] = self._retry_after(str(fault.retry_after))
            if 300 <= fault.status < 400:
                response.headers["Location"] = f"{request.host_url}elsewhere"
            return response, 0
        if fault.kind == "html":
            return self.page(200), 0
        if fault.kind in ("hang", "reset"):
            wire["sandbox.wire"] = "reset" if fault.kind == "reset" else "drop"
            if fault.kind == "hang":
                self.faults.pause(fault.seconds)
            return Response(status=500), 0
        if fault.kind == "delay":
            self.faults.pause(fault.seconds)
            return self.work(request, path, text)
        response, rows = self.work(request, path, text)
        if fault.kind == "broken_json":
            response.set_data(response.get_data()[:-1] + b',"')
        else:
            wire["sandbox.wire"] = fault.kind
        return response, rows

    def _retry_after(self, text):
        return formatdate(self.faults.now() + float(text), usegmt=True) if text.startswith("+") else text


_LOCKS = (threading.Event, threading.Condition, type(threading.Lock()), type(threading.RLock()))
_RUNNING = (BaseApp, Server, threading.Thread, *_LOCKS)


class BaseBox:
    """A running marketplace, as a context manager or with ``start()`` and ``stop()``. ``root`` is where it answers."""

    def __init__(self, host="127.0.0.1", port=0, seed=1):
        self.faults = Faults(seed)
        self.log = Journal()
        self.app = self.make_app()
        self._server = Server(host, port, self.app)
        self._place = self._server.server_address[:2]
        self._thread: threading.Thread | None = None
        self.root = f"http://{host}:{self._server.server_address[1]}"

    def make_app(self) -> BaseApp:
        raise NotImplementedError

    # === running ===

    def __enter__(self):
        return self.start()

    def __exit__(self, *_exc):
        self.stop()

    def start(self):
        """Serve; again at the same place where it was stopped."""
        if self._thread:
            self._server = Server(*self._place, self.app)
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

    # === going back ===

    def keep(self, beside: dict | None = None) -> dict:
        """All that the marketplace knows by now, with its journal and faults, for :meth:`restore`; and what somebody
        has ``beside`` it, which may name rows of it."""
        parts = self._parts()
        known = {name: self._knowledge(part) for name, part in parts.items()}
        return copy.deepcopy({"beside": beside or {}, "known": known}, self._memo(parts))

    def restore(self, kept: dict) -> dict:
        """Be again as it was when ``kept`` was made, and serve, at the same place. Returns what was kept beside."""
        self.faults.clear()
        parts = self._parts()
        again = copy.deepcopy(kept, self._memo(parts))
        for name, values in again["known"].items():
            vars(parts[name]).update(values)
            for later in self._knowledge(parts[name]).keys() - values.keys():
                delattr(parts[name], later)
        if not self._thread.is_alive():
            self.start()
        return again["beside"]

    def _parts(self):
        """What is known stands in the attributes of these, which others hold on to."""
        named = {"faults": self.faults, "log": self.log, "state": getattr(self, "state", None)}
        return {"box": self, **{name: part for name, part in named.items() if part is not None}}

    def _knowledge(self, part):
        """What is no part of what makes it run."""
        return {name: value for name, value in vars(part).items() if not isinstance(value, _RUNNING)}

    def _memo(self, parts):
        """Parts are not copied where one names another."""
        return {id(part): part for part in parts.values()}

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

    # === breaking ===

    def fail(self, path: str = "", kind: str = "status", **values) -> Fault:
        """Set a fault (see ``faults.Fault``): ``box.fail("bulk-update", status=429, retry_after="2", times=3)``."""
        return self.faults.add(Fault(kind=kind, path=path, **values))

    def clear_faults(self) -> None:
        self.faults.clear()


class RoutedApp(BaseApp):
    """Work by the routes of a ``RoutedBox``."""

    def __init__(self, box, faults, journal):
        super().__init__(faults, journal)
        self.box = box
        self._routes = [(method, re.compile(path), getattr(box, name)) for method, path, name in box.ROUTES]

    def work(self, request, path, text):
        try:
            handler, parts = self._route(request.method, path)
            with self.box.lock:
                self.box.authenticate(request, path)
                answer = handler(request, text, **parts)
        except Refused as refusal:
            return json_response(self.box.refusal(refusal), refusal.status), 0
        except Exception:
            _logger.exception("The sandbox itself failed")
            return json_response({"error": "the sandbox itself failed, see its log"}, 500), 0
        if isinstance(answer, Response):
            return answer, 1
        return json_response(answer), len(answer) if isinstance(answer, list) else 1

    def _route(self, method, path):
        known = False
        for allowed, pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if match and method == allowed:
                return handler, match.groupdict()
            known |= bool(match)
        raise Refused("method not allowed", 405) if known else Refused("not found", 404)


class RoutedBox(BaseBox):
    """A marketplace whose calls stand in a table: ``ROUTES`` are ``(method, regular expression of the whole path
    without its first slash, name of the method that answers)``.

    The method is called with the werkzeug request, the body as text and the named groups of the path, under ``lock``;
    it returns data for JSON or a werkzeug ``Response``, or raises ``Refused``.
    """

    ROUTES: tuple[tuple[str, str, str], ...] = ()

    def __init__(self, **server):
        self.lock = threading.RLock()
        super().__init__(**server)

    def make_app(self):
        return RoutedApp(self, self.faults, self.log)

    def authenticate(self, request, path) -> None:
        """:raise Refused: the call may not be made; the routes that need no credentials are the box's own to know"""

    def refusal(self, refusal: Refused):
        """The answer's JSON for a refusal, in the marketplace's own form."""
        return {"error": refusal.message}


def parsed(text: str):
    """The body as JSON, ``Refused`` where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("the body is not JSON", 400) from None


def json_response(data, status=200, headers=None):
    return Response(json_bytes(data), status, headers, mimetype="application/json")
