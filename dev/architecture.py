"""`make architecture`: the picture in docs/ARCHITECTURE.md, drawn from what the code imports.

A room stands below all that take something from it, so every arrow points down (a broken one: called by name, not
imported); where imports go round in a circle there is no such order, and no picture either.
"""

import ast
import re
from html import escape

from .common import ROOT, Stop

PICTURE = ROOT / "docs" / "images" / "architecture.svg"
# Each room of the addon, and what one finds there.
ROOMS = {
    "controllers": "webhooks: verify, store, answer",
    "wizards": "questions that a button asks",
    "static": "dashboard and account form in the browser",
    "hooks.py": "what uninstalling leaves to us",
    "marketplaces": "one adapter each: their words ↔ ours",
    "models": "the engine, and what it adds to Odoo's models",
    "transport": "HTTP: limits, signatures, retries, redaction",
    "schemas.py": "neutral orders, offers, results",
    "encryption.py": "fields that hold secrets",
    "database.py": "own transactions, locks",
    "screen.py": "what the web client is asked to show",
    "compat.py": "what differs between series",
}
CALL = re.compile(r"""\benv\["marketplace\.|\borm\.call\(""")
WIDTH, HEIGHT, GAP, FLOOR, MARGIN = 280, 58, 24, 130, 20
STYLE = (
    "rect{fill:#f4f6fb;stroke:#5b6b8c}text{font-family:sans-serif;fill:#1d2433;text-anchor:middle}"
    ".name{font-size:15px;font-weight:bold}.what{font-size:11.5px}line{stroke:#5b6b8c;marker-end:url(#tip)}"
    ".calls{stroke-dasharray:5 4}"
)


def main():
    PICTURE.write_text(picture(), encoding="utf-8")
    print(PICTURE)
    return 0


def picture():
    """The SVG as text; the same code gives the same text."""
    arrows = {(room, other) for room in ROOMS for other in taken_from(room)} | called()
    floors = floors_of(arrows)
    places = dict(place(floors))
    seen = drawn(arrows)
    width = 2 * MARGIN + max(map(len, floors)) * (WIDTH + GAP) - GAP
    height = 2 * MARGIN + (len(floors) - 1) * FLOOR + HEIGHT
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            "<title>The rooms of the addon; an arrow leads from a room to what it takes from another</title>",
            f"<style>{STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
            'orient="auto"><path d="M0 0L8 4L0 8z" fill="#5b6b8c"/></marker></defs>',
            f'<rect width="{width}" height="{height}" style="fill:#fff;stroke:none"/>',
            *(arrow(places, *ends) for ends in sorted(seen)),
            *(room(name, *places[name]) for name in sorted(places)),
            "</svg>\n",
        ]
    )


# === what the code says ===


def modules(name):
    path = ROOT / name
    return [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))


def taken_from(name):
    """The other rooms from which a room imports anything."""
    found = {other for path in modules(name) for other in imported(path)}
    return found & ROOMS.keys() - {name}


def imported(path):
    """Rooms behind the relative imports of a module that lead out of its folder."""
    depth = len(path.relative_to(ROOT).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            for name in [node.module] if node.module else [alias.name for alias in node.names]:
                top = name.partition(".")[0]
                yield top if (ROOT / top).is_dir() else f"{top}.py"


def called():
    """Who calls models by their names without importing them: routes, and the browser's part over Odoo's RPC."""
    texts = {
        "controllers": [path.read_text(encoding="utf-8") for path in modules("controllers")],
        "static": [path.read_text(encoding="utf-8") for path in sorted((ROOT / "static" / "src").rglob("*.js"))],
    }
    return {(name, "models") for name, found in texts.items() if any(CALL.search(text) for text in found)}


def drawn(arrows):
    """The arrows without those that follow from others: who takes from a room may take from all that it stands on."""
    return {ends for ends in arrows if not leads(ends, arrows - {ends})}


def leads(ends, arrows):
    name, other = ends
    onward = {to for start, to in arrows if start == name}
    return other in onward or any(leads((to, other), arrows) for to in onward)


# === where it stands ===


def floors_of(arrows):
    """Rooms by floor, the top one first: a room's floor is the longest way down from it."""
    level, left = {}, set(ROOMS)
    while left:
        below = {room: [other for name, other in arrows if name == room] for room in left}
        ready = {room for room in left if not set(below[room]) & left}
        if not ready:
            raise Stop(f"imports go round in a circle among {', '.join(sorted(left))}")
        level.update({room: 1 + max((level[other] for other in below[room]), default=-1) for room in ready})
        left -= ready
    return [[name for name in ROOMS if level[name] == floor] for floor in range(max(level.values()), -1, -1)]


def place(floors):
    """Name and upper left corner of each room; floors are centred."""
    widest = max(map(len, floors))
    for number, names in enumerate(floors):
        start = MARGIN + (widest - len(names)) * (WIDTH + GAP) // 2
        for column, name in enumerate(names):
            yield name, (start + column * (WIDTH + GAP), MARGIN + number * FLOOR)


def room(name, x, y):
    middle = x + WIDTH // 2
    return (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text class="name" x="{middle}" y="{y + 25}">{escape(name)}</text>'
        f'<text class="what" x="{middle}" y="{y + 44}">{escape(ROOMS[name])}</text>'
    )


def arrow(places, name, other):
    (x, y), (to_x, to_y) = places[name], places[other]
    # Ends lie side by side in the order of where they come from, so that arrows into one room stay apart.
    lean = max(-WIDTH // 3, min(WIDTH // 3, (x - to_x) // 6))
    kind = "" if other in taken_from(name) else ' class="calls"'
    return f'<line{kind} x1="{x + WIDTH // 2 - lean}" y1="{y + HEIGHT}" x2="{to_x + WIDTH // 2 + lean}" y2="{to_y}"/>'
