# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""As much of GraphQL as a marketplace in a box needs: which fields are asked for, so that it gives no others."""

import re

_NAME = re.compile(r"\s*(?:query|mutation)\s+(\w+)")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\.\.\.|[A-Za-z_]\w*|-?\d+|[{}()\[\]:!$@=]')


class Field:
    """A field that is asked for: ``fields`` are those below it, ``None`` for a scalar; ``kind`` is the type of a
    fragment; ``needs`` the variable that an @include hangs on; ``arguments`` those that are a variable (``"$name"``),
    a text or a number."""

    def __init__(self, alias, name, kind="", needs="", fields=None, arguments=None):
        self.alias, self.name, self.kind, self.needs, self.fields = alias, name, kind, needs, fields
        self.arguments = arguments or {}

    def given(self, variables: dict) -> dict:
        """The arguments with the values of the variables in them."""
        return {
            name: variables.get(value[1:]) if value.startswith("$") else value.strip('"')
            for name, value in self.arguments.items()
        }

    def below(self, name: str) -> "Field | None":
        """The field of that name among those below."""
        return next((field for field in self.fields or () if field.name == name), None)


def operation_name(text: str) -> str:
    """The name of the one operation of a document, ``""`` where it has none."""
    found = _NAME.match(text)
    return found[1] if found else ""


def selection(text: str) -> list[Field]:
    """What the one operation of a document asks for."""
    tokens = _TOKEN.findall(text)
    place = _after(tokens, tokens.index("(")) if tokens[0] != "{" and "(" in tokens[:3] else 0
    while tokens[place] != "{":
        place += 1
    return _fields(tokens, place)[0]


def project(data, fields: list[Field], variables: dict):
    """``data`` with the fields that are asked for and nothing else; ``KeyError`` for one that it has not.

    A list whose nodes are asked for is a connection, given by pages; of another one come as many rows as are asked for.
    """
    if data is None:
        return None
    if isinstance(data, list):
        return [project(row, fields, variables) for row in data]
    answer = {}
    for field in fields:
        if field.needs and not variables.get(field.needs):
            continue
        if field.kind:
            if data.get("__typename") == field.kind:
                answer.update(project(data, field.fields, variables))
            continue
        value = data[field.name]
        if isinstance(value, list):
            value = _part(value, field, variables)
        answer[field.alias] = value if field.fields is None else project(value, field.fields, variables)
    return answer


def _part(rows, field, variables):
    given = field.given(variables)
    size = int(given.get("first") or len(rows))
    if not field.below("nodes"):
        return rows[:size]
    start = int(given.get("after") or 0)
    end = start + size
    return {"nodes": rows[start:end], "pageInfo": {"hasNextPage": len(rows) > end, "endCursor": str(end)}}


def _fields(tokens, place):
    found, place = [], place + 1
    while tokens[place] != "}":
        field, place = _field(tokens, place)
        found.append(field)
    return found, place + 1


def _field(tokens, place):
    if tokens[place] == "...":
        kind = tokens[place + 2]
        below, place = _fields(tokens, place + 3)
        return Field("", "", kind=kind, fields=below), place
    alias = name = tokens[place]
    place += 1
    if tokens[place] == ":":
        name, place = tokens[place + 1], place + 2
    arguments = {}
    if tokens[place] == "(":
        end = _after(tokens, place)
        arguments = _arguments(tokens[place + 1 : end - 1])
        place = end
    needs = ""
    while tokens[place] == "@":
        end = _after(tokens, place + 2)
        if tokens[place + 1] == "include":
            needs = tokens[end - 2]
        place = end
    below = None
    if tokens[place] == "{":
        below, place = _fields(tokens, place)
    return Field(alias, name, needs=needs, fields=below, arguments=arguments), place


def _arguments(tokens):
    """``{name: value}`` of the arguments that are no list and no object."""
    found, depth = {}, 0
    for place, token in enumerate(tokens):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token, 0)
        if token == ":" and not depth and tokens[place + 1] not in "{[":
            value = tokens[place + 1]
            found[tokens[place - 1]] = value + tokens[place + 2] if value == "$" else value
    return found


def _after(tokens, place):
    """The place behind the parenthesis that opens at ``place``."""
    depth = 0
    while True:
        depth += {"(": 1, ")": -1}.get(tokens[place], 0)
        place += 1
        if not depth:
            return place
