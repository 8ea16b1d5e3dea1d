# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The other side of the counter, for use from another process: ``/_sandbox/``, JSON, no authentication, loopback only.

GET health · state · products/<id>[?supplier_code=] · orders/<id> · journal?since=N[&method=&path=] · faults
POST orders {"count": n} or {"order": {...}} · orders/<id> {"action": "edit"|"cancel", ...} · products {...}
POST faults {...} · options {...} · clock {"ahead": seconds} · deliver {"url", "kind", "hashed_id", "secret"}
DELETE journal · faults
"""

import json

from werkzeug.wrappers import Response

from . import deliver
from .answers import json_bytes
from .faults import Fault
from .options import Options
from .state import Refused

#: Options that make no sense to change from outside while it runs.
_FIXED = ("supplier_codes",)


class Admin:
    """Answers admin calls; ``answer`` never raises."""

    def __init__(self, state, faults, journal):
        self.state, self.faults, self.journal = state, faults, journal

    def answer(self, request, path) -> Response:
        name, _slash, key = path.strip("/").partition("/")
        method = getattr(self, f"_{request.method.lower()}_{name}", None)
        if method is None:
            return _json({"error": "no such admin call"}, 404)
        try:
            text = request.get_data(as_text=True)
            return _json(method(key, json.loads(text) if text.strip() else {}, request.args))
        except Refused as refusal:
            return _json({"error": refusal.message}, refusal.status)
        except KeyError as error:
            return _json({"error": f"{error} is missing or unknown"}, 404)
        except (AttributeError, TypeError, ValueError, OSError) as error:
            return _json({"error": str(error)}, 400)

    # === GET ===

    def _get_health(self, key, body, query):
        return {"ok": True}

    def _get_state(self, key, body, query):
        return {**self.state.summary(), "calls": len(self.journal)}

    def _get_products(self, key, body, query):
        return self.state.product(key, query.get("supplier_code"))

    def _get_orders(self, key, body, query):
        return {"order": self.state.order(key), "inside": self.state.inside(key)}

    def _get_journal(self, key, body, query):
        since = int(query.get("since") or 0)
        entries = self.journal.entries(query.get("method"), query.get("path") or "", since)
        return [entry.as_dict() for entry in entries]

    def _get_faults(self, key, body, query):
        return [fault.as_dict() for fault in self.faults.all()]

    # === POST ===

    def _post_products(self, key, body, query):
        return self.state.add_product(body)

    def _post_orders(self, key, body, query):
        if key:
            return self._change_order(key, dict(body))
        count = int(body.get("count", 1))
        if not 1 <= count <= 100_000:
            raise Refused("count must be between 1 and 100000", 400)
        return [self.state.add_order(body.get("order")) for _index in range(count)]

    def _change_order(self, hashed_id, body):
        action = body.pop("action", "edit")
        if action == "cancel":
            return self.state.cancel_order(hashed_id)
        if action != "edit":
            raise Refused("action must be edit or cancel", 400)
        amounts = {int(line): amount for line, amount in (body.pop("amounts", None) or {}).items()}
        return self.state.edit_order(hashed_id, body.pop("values", {}), amounts, body.pop("by", "retailer"))

    def _post_faults(self, key, body, query):
        return self.faults.add(Fault(**body)).as_dict()

    def _post_options(self, key, body, query):
        unknown = [name for name in body if name not in Options.__dataclass_fields__ or name in _FIXED]
        if unknown:
            raise Refused(f"options that can't be set: {', '.join(unknown)}", 400)
        Options(**{**vars(self.state.options), **body})  # only to check the values
        vars(self.state.options).update(body)
        return {name: value for name, value in vars(self.state.options).items() if name != "token"}

    def _post_deliver(self, key, body, query):
        document = self.state.order(body["hashed_id"]) if body.get("hashed_id") else None
        now = self.faults.now()
        return deliver.deliver(body["url"], body["kind"], document, body["secret"], body.get("headers"), now)

    def _post_clock(self, key, body, query):
        self.faults.ahead = float(body["ahead"])
        return {"time": self.faults.now()}

    # === DELETE ===

    def _delete_journal(self, key, body, query):
        self.journal.clear()
        return {}

    def _delete_faults(self, key, body, query):
        self.faults.clear()
        return {}


def _json(data, status=200):
    return Response(json_bytes(data), status, mimetype="application/json")
