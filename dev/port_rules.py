"""What differs between the 17.0 source and newer series, as far as this source meets it; each rule with its reason.

RULES are regular expressions (multi-line, dot matches newline); TRANSFORMATIONS are functions for what a regular
expression can't see; OLD_WORDS must not be left over: several would be passed over in silence. All by the series
from which on they are true.
"""

import ast
import re
from dataclasses import dataclass

PY, XML, JS = ("*.py",), ("*.xml",), ("*.js",)
ALL = PY + XML + JS


@dataclass(frozen=True)
class Rule:
    pattern: str
    replacement: str
    files: tuple
    reason: str


@dataclass(frozen=True)
class OldWord:
    pattern: str
    files: tuple
    reason: str


# What is true from a series on; a port to a newer one takes what came before it too.
RULES = {
    "18.0": [
        # --- manifest ---
        Rule(r'("version": ")17\.0\.', r"\g<1>{series}.", ("__manifest__.py",), "else not installable, in silence"),
        Rule(r"(\A# [^\n]* for Odoo )17\.0\n", r"\g<1>{series}\n", ("README.md",), "what the user reads first"),
        Rule(r"(\n## )17\.0\.(?=\d+\.\d+\.\d+)", r"\g<1>{series}.", ("CHANGELOG.md",), "the version of the manifest"),
        # --- views ---
        Rule(r"<tree\b", "<list", XML, "tree views are called list"),
        Rule(r"</tree>", "</list>", XML, "tree views are called list"),
        Rule(r"(expr=\"[^\"]*)\btree\b", r"\1list", XML, "anchors in views"),
        Rule(r"(name=\"(?:view_mode|mode)\">[^<]*)\btree\b", r"\1list", XML, "view modes of actions"),
        Rule(r"(\bmode=\"[^\"]*)\btree\b", r"\1list", XML, "mode of a one2many"),
        Rule(r"([\"'])tree\1", r"\1list\1", PY + JS, "view types in actions"),
        Rule(r"([\"'])tree,", r"\1list,", PY + JS, "view modes in actions"),
        Rule(r",tree([,\"'])", r",list\1", PY + JS, "view modes in actions"),
        Rule(r"<div class=\"oe_chatter\">.*?</div>", "<chatter/>", XML, "raw tables instead of the chatter"),
        Rule(r"hasclass\('oe_chatter'\)", "chatter", XML, "anchor of the chatter"),
        Rule(r"t-name=\"kanban-box\"", 't-name="card"', XML, "old cards have to go"),
        Rule(r"t-name=\"kanban-menu\"", 't-name="menu"', XML, "a menu of a new card"),
        # --- records ---
        Rule(r"\n\s*<field name=\"(?:numbercall|doall)\"[^\n]*/>", "", XML, "crons run for ever"),
        Rule(r"\n\s*<field name=\"(?:numbercall|doall)\">[^\n]*</field>", "", XML, "crons run for ever"),
        Rule(
            r"<field name=\"detailed_type\">product</field>", '<field name="is_storable" eval="True"/>', XML,
            "a flag beside the type",
        ),
        Rule(r"<field name=\"detailed_type\">service<", '<field name="type">service<', XML, "one field again"),
        # --- Python ---
        Rule(
            r"what\.type = 'product'", "what.is_storable", ("models/product_product_kits.py",),
            "a flag beside the type",
        ),
        Rule(r"\._filter_access_rules\(", "._filtered_access(", PY, "renamed"),
        Rule(
            r"\.check_access_rights\(operation\)\n\s*records\.check_access_rule\(", ".check_access(", ("compat.py",),
            "one method for rights and rules",
        ),
        Rule(r"\"type\", \"detailed_type\"", '"type", "is_storable"', ("compat.py",), "a flag beside the type"),
        # --- tests ---
        Rule(r"\"detailed_type\": \"product\"", '"is_storable": True', ("tests/*.py",), "a flag beside the type"),
        # --- tours ---
        Rule(r"\n\s*test: true,", "", JS, "every tour is a test; the key is refused"),
        Rule(r"(\brun: [\"'])text ", r"\1edit ", JS, "renamed"),
    ],
    "19.0": [
        # --- views ---
        Rule(
            r"(<group)(?: (?:expand|string)=\"[^\"]*\")+(>\s*<filter)", r"\1\2", XML,
            "a search group has no attributes",
        ),
        # --- records ---
        Rule(r"\bgroups_id\b", "group_ids", ALL, "renamed on users, actions, menus, views"),
        Rule(r"(model=\"res\.groups\"(?:(?!</record>).)*name=\")users\"", r'\1user_ids"', XML, "renamed on groups"),
        # --- Python ---
        Rule(r"type=([\"'])json\1", r"type=\1jsonrpc\1", PY, "routes of type json are called jsonrpc"),
        Rule(r"\n\s*\"wizards/sale_order_cancel_views\.xml\",", "", ("__manifest__.py",), "cancelling asks nothing"),
        Rule(r"\nfrom \. import sale_order_cancel\b", "", ("wizards/__init__.py",), "cancelling asks nothing"),
        Rule(r"([\"'.])tax_id\b", r"\1tax_ids", PY + XML, "renamed on lines of sales orders"),
        Rule(r"\b_compute_tax_id\b", "_compute_tax_ids", PY, "renamed on lines of sales orders"),
        Rule(
            r"\bproduct_uom\b", "product_uom_id", ("models/sale_order*.py", "views/sale_order*.xml"),
            "renamed on lines",
        ),
        Rule(r"\bodoo\.registry\(", "odoo.modules.registry.Registry(", PY, "one name for it"),
        Rule(r"\btools\.table_exists\b", "tools.sql.table_exists", PY, "not among odoo.tools' own names any more"),
        # --- tests ---
        Rule(
            r"registry\.enter_test_mode\(([\w.]+)\)", r"registry_enter_test_mode(cr=\1, register_cleanup=False)", PY,
            "moved from the registry to the test",
        ),
        Rule(r"from odoo\.sql_db import TestCursor", "from odoo.tests.test_cursor import TestCursor", PY, "moved"),
        Rule(r"registry\.leave_test_mode", "registry_leave_test_mode", PY, "moved from the registry to the test"),
        Rule(r"self\.registry\.in_test_mode\(\)", "self._registry_patched", ("tests/*.py",), "moved to the test"),
        Rule(r"\w+\.registry\.in_test_mode\(\)", 'type(cr).__name__ == "TestCursor"', PY, "nobody else knows"),
        # --- tours ---
        Rule(r"@web_tour/tour_service/tour_utils", "@web_tour/tour_utils", JS, "moved"),
    ],
}  # fmt: skip


# --- transformations ------------------------------------------------------------------------------------------------


def constraints(text):
    """`_sql_constraints = [(name, sql, message), ...]` → one `models.Constraint` each.

    19.0 only warns about the list, and makes no constraint in the database.
    """
    if "_sql_constraints" not in text:
        return text
    lines = text.splitlines(keepends=True)
    found = [node for node in ast.walk(ast.parse(text)) if is_constraint_list(node)]
    for node in sorted(found, key=lambda node: node.lineno, reverse=True):
        lines[node.lineno - 1 : node.end_lineno] = [
            "".join(map(lambda one: one_constraint(text, one), node.value.elts))
        ]
    return "".join(lines)


def is_constraint_list(node):
    return (
        isinstance(node, ast.Assign)
        and [getattr(target, "id", None) for target in node.targets] == ["_sql_constraints"]
        and isinstance(node.value, ast.List)
    )


def one_constraint(text, node):
    name, sql, message = node.elts
    arguments = ", ".join(ast.get_source_segment(text, part) for part in (sql, message))
    return f"    _{ast.literal_eval(name)} = models.Constraint({arguments})\n"


def privileges(text):
    """A group's category becomes a privilege of that category; groups of one privilege are a choice, as before."""
    groups = [record for record in re.findall(r"<record\b.*?</record>", text, re.S) if 'model="res.groups"' in record]
    category = r"<field name=\"category_id\" ref=\"([\w.]+)\"\s*/>"
    for reference in dict.fromkeys(re.findall(category, "".join(groups))):
        privilege = f"privilege_{reference.replace('.', '_')}"
        record = privilege_record(text, reference, privilege)
        first = re.search(r"[ \t]*<record\b[^>]*model=\"res\.groups\"", text).start()
        text = text[:first] + record + text[first:]
    return re.sub(
        r"(<record\b[^>]*model=\"res\.groups\"(?:(?!</record>).)*)" + category,
        lambda found: f'{found[1]}<field name="privilege_id" ref="privilege_{found[2].replace(".", "_")}"/>',
        text,
        flags=re.S,
    )


def privilege_record(text, reference, privilege):
    """Named like its category where that stands in the same file."""
    found = re.search(rf"id=\"{re.escape(reference)}\".*?<field name=\"name\">(.*?)</field>", text, re.S)
    name = found[1] if found else "Marketplace Integration"
    return (
        f'    <record id="{privilege}" model="res.groups.privilege">\n'
        f'        <field name="name">{name}</field>\n'
        f'        <field name="category_id" ref="{reference}"/>\n'
        f"    </record>\n"
    )


TRANSFORMATIONS = {
    "19.0": [
        ("*.py", constraints),
        ("security/*.xml", privileges),
        ("data/*.xml", privileges),
    ],
}

OLD_WORDS = {
    "18.0": [
        OldWord(r"[\"']version[\"']: [\"']17\.0", ("__manifest__.py",), "not installable, in silence"),
        OldWord(r"</?tree\b", XML, "view type"),
        OldWord(r"name=\"view_mode\">[^<]*\btree\b", XML, "view mode"),
        OldWord(r"expr=\"[^\"]*\btree\b", XML, "anchor"),
        OldWord(r"[\"'](?:\w+,)*tree(?:,\w+)*[\"']", PY + JS, "view type; silent until clicked"),
        OldWord(r"oe_chatter", XML, "raw tables instead of the chatter, in silence"),
        OldWord(r"kanban-(?:box|menu)", XML + JS, "borne with until 18.0, fails when opened in 19.0"),
        OldWord(r"useService\(\"(?:rpc|user|router)\"\)", JS, "fails in the browser only"),
        OldWord(r"\b_lt\b", JS, "fails in the browser only"),
        OldWord(r"\b(?:numbercall|doall)\b", ALL, "fields of crons"),
        OldWord(r"\bdetailed_type\b", ALL, "field is gone"),
        OldWord(r"\b(?:group_operator|user_has_groups|name_get|_name_search|_patch_method)\b", PY, "gone or renamed"),
        OldWord(r"\.(?:check_access_rights|check_access_rule)\(", PY, "changed"),
        OldWord(r"\bunaccent=", PY, "gone"),
    ],
    "19.0": [
        OldWord(r"<group[^>]*\bexpand=", XML, "search group"),
        OldWord(r"\btarget(?:=|\">)\"?inline", XML, "action target"),
        OldWord(r"_sql_constraints", PY, "no constraint in the database, only a warning"),
        OldWord(r"useService\(\"company\"\)", JS, "fails in the browser only"),
        OldWord(r"type=[\"']json[\"']", PY, "route type"),
        OldWord(r"\bgroups_id\b", ALL, "renamed"),
        OldWord(r"model=\"res\.groups\"(?:(?!</record>)[\s\S])*?name=\"(?:category_id|users)\"", XML, "renamed"),
        OldWord(r"\btax_id\b(?!s)", ALL, "tax_ids on order lines"),
        OldWord(r"\b(?:uom_po_id|product_packaging_id|procurement_group_id)\b", ALL, "field is gone"),
        OldWord(r"\bmove_(?:line_)?ids_without_package\b", ALL, "field is gone"),
        OldWord(r"\.(?:read_group|method_direct_trigger)\(", PY, "changed"),
        OldWord(r"self\._(?:cr|uid|context)\b", PY, "deprecated: env.cr, env.uid, env.context"),
        OldWord(r"odoo\.osv", PY, "deprecated: odoo.fields.Domain"),
        OldWord(
            r"\b(?:enter|leave|in)_test_mode\b(?<!registry_enter_test_mode)(?<!registry_leave_test_mode)", PY, "moved"
        ),
        OldWord(r"stock\.quant\.package|procurement\.group|uom\.category\b|product\.packaging\b", ALL, "model is gone"),
        OldWord(r"product\.product_category_(?:all|1)\b|cat_expense\b", ALL, "record is gone"),
    ],
}  # fmt: skip


def until(table, series):
    """What a table holds for a series: its own and what came before it."""
    return [one for since, found in table.items() if since <= series for one in found]
