# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""As much of GraphQL as a marketplace in a box needs: which fields are asked for, so that it gives no others."""

import re

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\.\.\.|[A-Za-z_]\w*|-?\d+|[{}()\[\]:!$@=]')


class Field:
    """A field that is asked for: ``fields`` are those below it, ``None`` for a scalar; ``kind`` is the type of a
    fragment; ``needs`` the variable that an @include hangs on."""

    def __init__(self, alias, name, kind="", needs="", fields=None):
        self.alias, self.name, self.kind, self.needs, self.fields = alias, name, kind, needs, fields


def selection(text: str) -> list[Field]:
    """What the one operation of a document asks for."""
    tokens = _TOKEN.findall(text)
    place = tokens.index("{") if "(" not in tokens[:3] else _after(tokens, tokens.index("("))
    while tokens[place] != "{":
        place += 1
    return _fields(tokens, place)[0]


def project(data, fields: list[Field], variables: dict):
    """``data`` with the fields that are asked for and nothing else; ``KeyError`` for one that it has not."""
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
        answer[field.alias] = value if field.fields is None else project(value, field.fields, variables)
    return answer


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
    if tokens[place] == "(":
        place = _after(tokens, place)
    needs = ""
    while tokens[place] == "@":
        end = _after(tokens, place + 2)
        if tokens[place + 1] == "include":
            needs = tokens[end - 2]
        place = end
    below = None
    if tokens[place] == "{":
        below, place = _fields(tokens, place)
    return Field(alias, name, needs=needs, fields=below), place


def _after(tokens, place):
    """The place behind the parenthesis that opens at ``place``."""
    depth = 0
    while True:
        depth += {"(": 1, ")": -1}.get(tokens[place], 0)
        place += 1
        if not depth:
            return place
