"""A client of Odoo's external API, as an integrator would write it: what works here works for a customer."""

import itertools
import json
import urllib.request


class RpcError(Exception):
    """The server's own message, with its traceback in `details`."""

    def __init__(self, message, details=""):
        super().__init__(message)
        self.details = details


class OdooClient:
    def __init__(self, url, database, login, password):
        self.url, self.database, self.password = url, database, password
        self._ids = itertools.count(1)
        self.user = self._service("common", "login", database, login, password)
        if not self.user:
            raise RpcError(f"{url} refuses the login {login}")

    def call(self, model, method, *args, **kwargs):
        """`call("sale.order", "search_read", [("state", "=", "sale")], fields=["name"])`"""
        caller = (self.database, self.user, self.password)
        return self._service("object", "execute_kw", *caller, model, method, args, kwargs)

    def _service(self, service, method, *args):
        body = {
            "jsonrpc": "2.0", "method": "call", "id": next(self._ids),
            "params": {"service": service, "method": method, "args": args},
        }  # fmt: skip
        request = urllib.request.Request(
            f"{self.url}/jsonrpc", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=300) as response:
            answer = json.load(response)
        if "error" in answer:
            data = answer["error"].get("data", {})
            raise RpcError(data.get("message") or answer["error"]["message"], data.get("debug", ""))
        return answer.get("result")
