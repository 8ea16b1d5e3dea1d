# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""A vendor's own model as a judge of what is sent to it and of what its fake answers: Swagger 2.0 and the JSON Schema
(draft 7) that such models use. Small on purpose; a word of a schema that it does not know is an error, not a pass."""

import re
from urllib.parse import quote

_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}
_TALK = {"title", "description", "example", "examples", "format", "default", "$comment", "$schema", "$id"}


class Model:
    """The operations of one Swagger document."""

    def __init__(self, document):
        self.document = document
        self._operations = [
            (method.upper(), re.compile(re.sub(r"\{[^}]+\}", r"[^/]+", path)), operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if method != "parameters"
        ]

    def operation(self, method, path):
        """The operation of a call, ``None`` where the model has none. ``path`` is as on the wire, percent-encoded."""
        found = [one for verb, pattern, one in self._operations if verb == method and pattern.fullmatch(path)]
        return found[0] if found else None

    def problems(self, operation, query, body, status, answer):
        """What of a call and its answer is not as the model says."""
        found = list(self._query_problems(operation, query))
        wanted = next((one["schema"] for one in operation.get("parameters", ()) if one.get("in") == "body"), None)
        if wanted:
            found += problems(wanted, body, self.document, strict=True, where="body")
        elif body is not None:
            found.append("body: none is taken")
        told = operation["responses"].get(str(status))
        if told is None:
            found.append(f"answer: {status} is no status of this operation")
        elif "schema" in told:
            found += problems(told["schema"], answer, self.document, strict=True, where="answer")
        return found

    def _query_problems(self, operation, query):
        known = {one["name"]: one for one in operation.get("parameters", ()) if one.get("in") == "query"}
        for name in query.keys() - known.keys():
            yield f"query: {name} is no parameter"
        for name, parameter in known.items():
            if name not in query:
                if parameter.get("required"):
                    yield f"query: {name} is missing"
                continue
            yield from problems(parameter, _typed(parameter, query[name]), self.document, where=f"query.{name}")


def problems(schema, value, root, strict=False, where=""):
    """What of ``value`` is not as ``schema`` says; ``strict``: nor as it does not say, for objects it describes."""
    if schema is True or schema is False:
        return [] if schema else [f"{where}: must not be there"]
    if "$ref" in schema:
        return problems(_resolved(schema["$ref"], root), value, root, strict, where)
    found = list(_of_value(schema, value, where))
    if isinstance(value, dict):
        found += _of_object(schema, value, root, strict, where)
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            found += problems(schema["items"], item, root, strict, f"{where}[{index}]")
    if "oneOf" in schema:
        fitting = [one for one in schema["oneOf"] if not problems(one, value, root, False, where)]
        if len(fitting) != 1:
            found.append(f"{where}: {len(fitting)} of the alternatives fit, not one")
    return found


def _of_value(schema, value, where):
    kind = schema.get("type")
    if kind and (not isinstance(value, _TYPES[kind]) or isinstance(value, bool) != (kind == "boolean")):
        yield f"{where}: {value!r} is no {kind}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{where}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: {value!r} does not match {schema['pattern']}"
    size = value if isinstance(value, (int, float)) else len(value) if hasattr(value, "__len__") else 0
    if any(size < schema[word] for word in schema.keys() & {"minimum", "minItems", "minLength", "minProperties"}):
        yield f"{where}: {size} is too small"
    if any(size > schema[word] for word in schema.keys() & {"maximum", "maxItems", "maxLength"}):
        yield f"{where}: {size} is too large"
    words = {"type", "const", "enum", "pattern", "minimum", "minItems", "minLength", "minProperties", "maximum"}
    words |= {
        "maxItems",
        "maxLength",
        "items",
        "properties",
        "required",
        "additionalProperties",
        "oneOf",
        "definitions",
    }
    words |= {"name", "in", "collectionFormat", "allowEmptyValue", *_TALK}
    for word in schema.keys() - words:
        if not word.startswith(("x-", "docEnum")):
            yield f"{where}: the schema's word {word} is not known here"


def _of_object(schema, value, root, strict, where):
    known = schema.get("properties", {})
    missing = [name for name in schema.get("required", ()) if name not in value]
    found = [f"{where}.{name}: is missing" for name in missing if name not in value]
    more = schema.get("additionalProperties", not (strict and known))
    for name, item in value.items():
        found += problems(known.get(name, more), item, root, strict, f"{where}.{name}")
    return found


def _resolved(reference, root):
    found = root
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def _typed(parameter, text):
    """A query's text as what its parameter says it is."""
    if parameter["type"] == "array":
        return text.split(",")
    return int(text) if parameter["type"] == "integer" else text


def on_the_wire(path):
    """A decoded path of a journal as it may have been sent; only ids hold what had to be encoded."""
    return "/" + quote(path, safe="/|")
