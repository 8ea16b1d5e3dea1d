"""Clients of a running system, as an integrator would write them: of Odoo's external API and of the sandbox."""

import itertools
import json
import urllib.error
import urllib.request

ANSWER_LIMIT = 300
PAGE = 500


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
        answer = exchange(f"{self.url}/jsonrpc", body)
        if "error" in answer:
            data = answer["error"].get("data", {})
            raise RpcError(data.get("message") or answer["error"]["message"], data.get("debug", ""))
        return answer.get("result")


class SandboxClient:
    """Both sides of the sandbox: what a supplier sees (`catalogue`) and what only its admin side tells."""

    def __init__(self, url, admin, token):
        self.url, self.admin, self.token = url, admin, token

    def get(self, path):
        """`get("journal?path=bulk-update&since=5")`"""
        return exchange(self._admin(path))

    def post(self, path, body):
        """`post("orders", {"count": 3})`"""
        return exchange(self._admin(path), body)

    def delete(self, path):
        """`delete("faults")`"""
        return exchange(self._admin(path), method="DELETE")

    def catalogue(self):
        """All products as the supplier's own API shows them, by their SKU."""
        rows, page = [], 1
        while len(rows) == (page - 1) * PAGE:
            rows += exchange(
                f"{self.url.rstrip('/')}/supplier-product?page={page}&per_page={PAGE}",
                headers={"AuthorizationToken": self.token},
            )
            page += 1
        return {row["internal_product_id"]: row for row in rows}

    def _admin(self, path):
        return f"{self.admin.rstrip('/')}/{path}"


def exchange(url, body=None, headers=(), method=None):
    """Send JSON (GET without a body) and give the answer's."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **dict(headers)}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_LIMIT) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise RpcError(f"{url} answers {error.code}: {error.read(2000).decode(errors='replace')}") from error
