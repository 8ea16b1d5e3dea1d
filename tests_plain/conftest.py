# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Makes ``cartona_integration.transport`` and its neighbours importable without Odoo.

The repository's root is the addon, whose own ``__init__`` imports Odoo models. A stand-in package of the addon's name
points to the same folder, so that its plain Python parts are found and the ``__init__`` is never run.
"""

import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

package = types.ModuleType("cartona_integration")
package.__path__ = [str(ROOT)]
sys.modules.setdefault("cartona_integration", package)

import pytest  # noqa: E402
from cartona_integration.sandbox import Sandbox  # noqa: E402
from cartona_integration.transport.auth import HeaderToken  # noqa: E402
from cartona_integration.transport.client import Client  # noqa: E402
from cartona_integration.transport.session import new_session  # noqa: E402
from raw_server import RawServer  # noqa: E402


@pytest.fixture(autouse=True)
def _closed_sessions(monkeypatch):
    """Closes what the clients of a test left open."""
    sessions = []

    def recorded():
        sessions.append(new_session())
        return sessions[-1]

    monkeypatch.setattr("cartona_integration.transport.client.new_session", recorded)
    yield
    for session in sessions:
        session.close()


@pytest.fixture
def box():
    """A marketplace with ten made-up products and no orders."""
    with Sandbox(products=10, token="secret-token") as running:
        yield running


@pytest.fixture
def exchanges():
    """What the observer of ``client`` was told."""
    return []


@pytest.fixture
def client(box, exchanges):
    auth = HeaderToken("AuthorizationToken", box.token)
    with Client(box.url, auth, observer=exchanges.append, secrets=[box.token], timeout=5) as client:
        yield client


@pytest.fixture
def raw():
    """``raw(b"HTTP/1.1 200 OK…")`` starts a server that answers every request with these bytes; gives its URL."""
    servers = []

    def start(*answers):
        servers.append(RawServer(*answers))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
