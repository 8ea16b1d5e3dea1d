# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from odoo.modules.module import get_manifest
from odoo.tests import TransactionCase, tagged

ADDON = Path(__file__).resolve().parent.parent
MODULE = "cartona_integration"
AUTOMATIC = ("id", "create_uid", "create_date", "write_uid", "write_date")


def number(version):
    """Return the addon's own part of a version, without that of Odoo's series: a port carries it to other series."""
    return tuple(int(part) for part in version.split(".")[-3:])


def shape_of(env):
    """Return what this addon keeps in the database, ``{model: {field: {…}}}``: its own fields of lasting tables; and
    under ``index`` and ``cron`` what Odoo leaves as it was where there is one of that name."""
    shape = {}
    for name, model in sorted(env.items()):
        if model._abstract or model._transient or not model._auto:
            continue
        fields = {
            field.name: described(field, env)
            for field in sorted(model._fields.values(), key=lambda field: field.name)
            if is_kept(field) and set(field._modules) == {MODULE}
        }
        if fields:
            shape[name] = fields
    return {**shape, "index": indexes_of(env), "cron": crons_of(env)}


def indexes_of(env):
    """Return ``{name: {"definition"}}`` of the indexes that our ``init`` makes; those of fields are Odoo's to keep."""
    env.cr.execute(
        r"""
        SELECT c.relname, regexp_replace(pg_get_indexdef(c.oid), '^CREATE (UNIQUE )?INDEX \S+ ON (\w+\.)?', '\1')
          FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
         WHERE c.relkind = 'i' AND c.relname ~ '(marketplace|cartona).*_(idx|unique)$'
           AND i.indrelid::regclass::text !~ '_rel$'  -- Odoo's own
           AND c.relname !~ '_(phone|mobile)_idx$'  -- series differ in them
           AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = c.oid)
      ORDER BY c.relname
        """
    )
    return {name: {"definition": definition} for name, definition in env.cr.fetchall()}


def crons_of(env):
    """Return ``{name: {"code"}}`` of our crons."""
    known = env["ir.model.data"].search([("module", "=", MODULE), ("model", "=", "ir.cron")], order="name")
    return {data.name: {"code": env["ir.cron"].browse(data.res_id).code} for data in known}


def is_kept(field):
    return field.store and field.name not in AUTOMATIC and bool(field.column_type or field.type == "many2many")


def described(field, env):
    """Return what matters of a field to rows that are there already."""
    told = {
        "type": field.type,
        "relation": field.comodel_name if field.relational else None,
        "table": field.relation if field.type == "many2many" else None,
        "selection": sorted(field.get_values(env)) if field.type == "selection" else None,
        "required": bool(field.required),
        "filled": bool(field.default or field.compute),
    }
    return {key: value for key, value in told.items() if value}


def changes(old, new):
    """Give what of ``old`` rows need help to become ``new``: ``(the words a script names it by, what it is)``."""
    for model, fields in old.items():
        if model not in new:
            yield (model, model.replace(".", "_")), f"{model} is gone"
            continue
        for name, was in fields.items():
            yield from (((name,), f"{model}.{name} {what}") for what in changed(was, new[model].get(name)))
        for name in new[model].keys() - fields.keys():
            if new[model][name].get("required") and not new[model][name].get("filled"):
                yield (name,), f"{model}.{name} is new and required, and rows that are there have nothing for it"


def changed(was, now):
    """Return what a script has to do something about in a field that was as ``was``."""
    if not now:
        return ["is gone"]
    keys = ("type", "relation", "table", "definition", "code")
    found = [f"has another {key}" for key in keys if was.get(key) != now.get(key)]
    lost = set(was.get("selection", ())) - set(now.get("selection", ()))
    if lost and "selection" in now:
        found.append(f"has no {', '.join(sorted(lost))} any more")
    if now.get("required") and not was.get("required"):
        found.append("is required now")
    return found


def unaided(found, scripts):
    """Return those of the changes that no script names."""
    return [what for words, what in found if not any(re.search(rf"\b{re.escape(w)}\b", scripts) for w in words)]


def scripts_between(folder, older, newer):
    """Return the text of the scripts that Odoo runs from one version to another; of folders like ``1.1.0``: with the
    series in its name, one would be passed over in silence by the ports to other series."""
    folders = [path for path in folder.glob("*") if re.fullmatch(r"\d+\.\d+\.\d+", path.name)]
    chosen = sorted(path for path in folders if older < number(path.name) <= newer)
    return "\n".join(
        script.read_text() for path in chosen for script in sorted([*path.glob("pre-*.py"), *path.glob("post-*.py")])
    )


def record(path, shape):
    """Write the shape of a version that is about to be released: a line for each field, so that diffs are read."""
    models = (
        f"{json.dumps(model)}: {{\n"
        + ",\n".join(f"{json.dumps(name)}: {json.dumps(told)}" for name, told in fields.items())
        + "\n}"
        for model, fields in shape.items()
    )
    path.write_text("{\n" + ",\n".join(models) + "\n}\n")


@tagged("post_install", "-at_install")
class TestReleased(TransactionCase):
    """Whoever has a released version can update: what became of each stored field is taken care of."""

    def test_what_a_released_version_stored_is_still_there_or_taken_along(self):
        version, shape = get_manifest(MODULE)["version"], shape_of(self.env)
        if os.environ.get("RECORD"):
            record(ADDON / "tests" / f"released_{version}.json", shape)
        released = sorted((ADDON / "tests").glob("released_*.json"))
        self.assertTrue(released)
        for path in released:
            with self.subTest(path.name):
                older = path.stem.removeprefix("released_")
                scripts = scripts_between(ADDON / "migrations", number(older), number(version))
                left = unaided(changes(json.loads(path.read_text()), shape), scripts)
                self.assertFalse(left, f"see “Releases” in docs/DEVELOPMENT.md; from {older} to {version}")

    def test_every_folder_of_scripts_is_for_all_series(self):
        folders = [path.name for path in (ADDON / "migrations").glob("[!_.]*")]
        self.assertFalse([name for name in folders if not re.fullmatch(r"\d+\.\d+\.\d+", name)])

    def test_the_fields_of_ours_are_known(self):
        shape = shape_of(self.env)
        self.assertGreater(len([name for name in shape if name.startswith("marketplace.")]), 20)
        self.assertEqual(shape["sale.order"]["marketplace_config_id"]["relation"], "marketplace.config")
        self.assertIn("cancelled", shape["sale.order"]["marketplace_status"]["selection"])
        self.assertFalse({"name", "create_date"} & shape["sale.order"].keys(), "Odoo's own")
        self.assertNotIn("marketplace_ships", shape.get("stock.picking", ()), "not stored")
        self.assertNotIn("marketplace.otp", shape, "a wizard")

    def test_the_indexes_and_crons_of_ours_are_known(self):
        shape = shape_of(self.env)
        self.assertEqual(shape["cron"]["cron_sweep"], {"code": "model._cron_sweep()"})
        self.assertGreater(len(shape["index"]), 30)
        self.assertIn("(config_id, id) WHERE", shape["index"]["marketplace_inbox_open_idx"]["definition"])
        self.assertIn("UNIQUE", shape["index"]["marketplace_task_running_idx"]["definition"])
        self.assertNotIn("marketplace_inbox_key_unique", shape["index"], "a constraint: Odoo makes it anew")

    def test_what_odoo_would_leave_as_it_was_is_found(self):
        was = {"index": {"some_idx": {"definition": "t (a)"}}, "cron": {"cron_x": {"code": "model._x()"}}}
        now = {"index": {"some_idx": {"definition": "t (a, b)"}}, "cron": {"cron_x": {"code": "model._y()"}}}
        wanted = ["index.some_idx has another definition", "cron.cron_x has another code"]
        self.assertEqual(self.found(was, now), wanted)
        self.assertEqual(self.found(was, {"index": {}, "cron": {}}), ["index.some_idx is gone", "cron.cron_x is gone"])
        self.assertEqual(unaided(changes(was, now), "DROP INDEX some_idx; cron_x"), [])

    def test_each_change_that_old_rows_feel_is_found(self):
        was = {"m.x": {"kind": {"type": "selection", "selection": ["a", "b"]}, "who": {"type": "char"}}}
        self.assertEqual(self.found(was, was), [])
        self.assertEqual(self.found(was, {}), ["m.x is gone"])
        for now, what in (
            ({}, "is gone"),
            ({"type": "text"}, "has another type"),
            ({"type": "char", "required": True}, "is required now"),
        ):
            fields = {**was["m.x"], "who": now}
            self.assertEqual(self.found(was, {"m.x": fields}), [f"m.x.who {what}"])
        kind = {"type": "selection", "selection": ["a", "c"]}
        self.assertEqual(self.found(was, {"m.x": {**was["m.x"], "kind": kind}}), ["m.x.kind has no b any more"])
        for new, count in (({"type": "char", "required": True}, 1), ({"type": "char"}, 0)):
            self.assertEqual(len(self.found(was, {"m.x": {**was["m.x"], "new": new}})), count)

    def found(self, was, now):
        return unaided(changes(was, now), "")

    def test_a_script_that_names_it_takes_it_along(self):
        was = {"m.x": {"who": {"type": "char"}}, "m.y": {"what": {"type": "char"}}}
        self.assertEqual(unaided(changes(was, {"m.x": {}}), "ALTER TABLE m_x RENAME who TO whom; DROP TABLE m_y"), [])
        self.assertEqual(unaided(changes(was, {"m.x": {}}), "whose, m_yes"), ["m.x.who is gone", "m.y is gone"])

    def test_the_scripts_are_those_that_odoo_would_run(self):
        folder = Path(self.enterContext(TemporaryDirectory()))
        for name in ("1.0.0/pre-a.py", "1.1.0/pre-b.py", "1.2.0/post-c.py", "1.3.0/pre-d.py", "17.0.1.2.0/pre-e.py"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(Path(name).stem)
        (folder / "1.1.0" / "notes.py").write_text("notes")
        self.assertEqual(scripts_between(folder, (1, 0, 0), (1, 2, 0)), "pre-b\npost-c")
        self.assertEqual(scripts_between(folder, (1, 0, 0), (1, 0, 0)), "")
