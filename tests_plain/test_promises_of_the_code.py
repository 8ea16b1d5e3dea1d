# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Promises that can be read off the code: who commits, who changes the state of Odoo's records, what a context holds.

They are read from the syntax: what a name refers to is told by how it is called, and what is built at run time is not
seen.
"""

import ast
import re

import pytest
from conftest import ROOT

PARTS = ("controllers", "marketplaces", "models", "transport", "wizards")
#: They commit cursors that they have opened themselves; whoever else did would release the lock of queue_job.
COMMIT = {"database.py", "models/marketplace_api_tokens.py"}
#: What a context may say: how to read or write, never about which account or record …
CONTEXT = {"active_test", "lang", "mail_activity_automation_skip", "mail_activity_quick_update", "mail_create_nolog"}
CONTEXT |= {"mail_notrack", "tracking_disable", "_partners_skip_fields_sync", "marketplace_as_delivered"}
CONTEXT |= {"marketplace_customer_lang", "marketplace_deadline", "marketplace_fresh", "marketplace_matching"}
CONTEXT |= {"marketplace_mover", "marketplace_reach"}
#: … but where Odoo itself asks the context: its wizard for returns, its quantities of a place and a company, its taxes
#: whether to round, and its days where they are.
ODOO_ASKS = {
    "compat.py": {"active_id", "active_ids", "active_model"},
    "models/account_tax.py": {"round", "round_base"},
    "models/marketplace_order_promises.py": {"tz"},
    "models/product_product.py": {"location", "company_id"},
    "models/product_product_kits.py": {"company_id"},
    "models/sale_order_invoice.py": {"tz"},
}
#: Names of Odoo's documents, whose state its own actions change.
DOCUMENTS = re.compile(r"\b(\w+_)?(order|picking|move|invoice|production|repair|payment)(s|_ids?)?\b")
TABLES = re.compile(
    r"UPDATE\s+(sale_order|purchase_order|stock_picking|stock_move|account_move)\b[^;]*\bstate\s*=", re.I
)


def sources():
    files = [path for part in PARTS for path in sorted((ROOT / part).rglob("*.py"))]
    return [*files, *(path for path in sorted(ROOT.glob("*.py")))]


def names(path):
    return path.relative_to(ROOT).as_posix()


TREES = {names(path): ast.parse(path.read_text(encoding="utf-8")) for path in sources()}
WORDS = {
    target.id: node.value.value
    for tree in TREES.values()
    for node in tree.body
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    for target in node.targets
    if isinstance(target, ast.Name)
}


def calls(tree, *names):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) in names]


def called(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def wrong(check):
    return [f"{name}:{line}: {what}" for name, tree in TREES.items() for line, what in check(name, tree)]


# ---------------------------------------------------------------------- the checks


def commits(name, tree):
    """A commit where none is allowed; on ``self.env`` anywhere, since that is the job's or the user's own."""
    for call in calls(tree, "commit", "rollback"):
        if name not in COMMIT or ast.unparse(call.func).startswith("self."):
            yield call.lineno, ast.unparse(call)


def retries(_name, tree):
    for node in ast.walk(tree):
        told = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "name", None)
        if told == "RetryableJobError":
            yield node.lineno, told


def states(_name, tree):
    """The state of one of Odoo's documents, written."""
    odoos = {id(node) for owner in ast.walk(tree) if is_odoos(owner) for node in ast.walk(owner)}
    for node in ast.walk(tree):
        for record in writes_state(node):
            if id(node) in odoos or DOCUMENTS.search(record):
                yield node.lineno, ast.unparse(node)
        if isinstance(node, ast.Dict) and id(node) in odoos and "state" in keys(node):
            yield node.lineno, ast.unparse(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and TABLES.search(node.value):
            yield node.lineno, node.value


def is_odoos(node):
    """Whether it is a class that adds to a model of Odoo's."""
    if not isinstance(node, ast.ClassDef):
        return False
    said = [one for one in node.body if isinstance(one, ast.Assign) and one.targets[0].id in ("_name", "_inherit")]
    return bool(said) and "marketplace." not in ast.unparse(said)


def writes_state(node):
    """The records, as they are called, whose state is written here."""
    if isinstance(node, (ast.Assign, ast.AugAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (ast.unparse(one.value) for one in targets if isinstance(one, ast.Attribute) and one.attr == "state")
    elif isinstance(node, ast.Call) and called(node) in ("write", "update", "_write") and node.args:
        yield from ([ast.unparse(node.func)] if "state" in keys(node.args[0]) else [])


def keys(node):
    """The keys of a dict that is written out; one that is named is looked up, ``?`` where that is not possible."""
    for key in getattr(node, "keys", ()):
        if isinstance(key, ast.Constant):
            yield key.value
        else:
            yield WORDS.get(getattr(key, "id", None), "?")


def contexts(name, tree):
    allowed = CONTEXT | ODOO_ASKS.get(name, set())
    for call in calls(tree, "with_context"):
        found = [word.arg for word in call.keywords if word.arg]
        given = [word.value for word in call.keywords if not word.arg] + call.args
        for value in given:
            found += keys_of(value, tree)
        yield from ((call.lineno, f"context {key}") for key in found if key not in allowed)
    for line, value in environments(tree):
        found = [key for node in ast.walk(value) if isinstance(node, ast.Dict) for key in [*keys(node), None]] or ["?"]
        yield from ((line, f"context {key}") for key in found if key and key not in allowed)


def environments(tree):
    """The contexts of environments that are made anew: ``(line, context)``."""
    for call in calls(tree, "Environment", "env"):
        given = [word.value for word in call.keywords if word.arg == "context"]
        given += call.args[2:3]
        yield from ((call.lineno, value) for value in given)


def keys_of(value, tree):
    if isinstance(value, ast.Dict):
        return list(keys(value))
    built = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and same(node.targets[0], value)]
    return [key for one in built for key in (keys(one) if isinstance(one, ast.Dict) else "?")] or ["?"]


def same(target, value):
    return isinstance(target, ast.Name) and isinstance(value, ast.Name) and target.id == value.id


def firsts(_name, tree):
    """Whatever account comes first, or whatever record of a table."""
    for call in calls(tree, "search", "search_fetch"):
        limit = next((ast.unparse(word.value) for word in call.keywords if word.arg == "limit"), "")
        everything = not call.args or ast.unparse(call.args[0]) == "[]"
        if limit == "1" and (everything or "'marketplace.config'" in ast.unparse(call.func)):
            yield call.lineno, ast.unparse(call)
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and re.search(r"\.search\(\[\]\)\[(0|:1)\]$", ast.unparse(node)):
            yield node.lineno, ast.unparse(node)


# ---------------------------------------------------------------------- what they find


@pytest.mark.parametrize("check", [commits, retries, states, contexts, firsts], ids=lambda check: check.__name__)
def test_nothing_breaks_the_promise(check):
    assert len(TREES) > 150
    assert not wrong(check), "\n".join(wrong(check))


def test_what_is_allowed_is_needed():
    assert {name for name, tree in TREES.items() if calls(tree, "commit")} == COMMIT
    told = {name: {what.split()[1] for _line, what in contexts("", tree)} for name, tree in TREES.items()}
    assert {name: found for name, found in told.items() if found} == ODOO_ASKS


BROKEN = [
    (commits, "self.env.cr.commit()"),
    (commits, "with cursor() as cr:\n    cr.rollback()"),
    (retries, "from odoo.addons.queue_job.exception import RetryableJobError"),
    (retries, "raise exception.RetryableJobError('later')"),
    (states, "order.write({'state': 'done'})"),
    (states, "row.sale_order_id.sudo().write({'name': 'x', 'state': 'cancel'})"),
    (states, "self.picking_ids.state = 'done'"),
    (states, "class X(Model):\n    _inherit = 'sale.order'\n    def f(self):\n        self.state = 'sale'"),
    (states, "class X(Model):\n    _inherit = 'stock.move'\n    def f(self):\n        v = {'state': 'done'}"),
    (states, "cr.execute('UPDATE sale_order SET state = %s')"),
    (contexts, "self.with_context(config_id=config.id)"),
    (contexts, "self.with_context(**{'order_ids': order.ids})"),
    (contexts, "self.with_context({'default_config_id': 1})"),
    (contexts, "self.with_context(**whatever())"),
    (contexts, "api.Environment(cr, SUPERUSER_ID, {'config_id': 1})"),
    (contexts, "api.Environment(cr, SUPERUSER_ID, {**env.context})"),
    (contexts, "self.env(context=dict(self.env.context, config_id=1))"),
    (firsts, "self.env['marketplace.config'].search([], limit=1)"),
    (firsts, "self.env['marketplace.config'].sudo().search([('state', '=', 'live')], limit=1)"),
    (firsts, "self.search([])[:1]"),
]


@pytest.mark.parametrize(("check", "source"), BROKEN)
def test_what_breaks_it_is_found(check, source):
    assert list(check("models/x.py", ast.parse(source)))


FINE = [
    (commits, "self.commit_later()"),
    (states, "class X(Model):\n    _inherit = 'marketplace.task'\n    def f(self):\n        self.state = 'done'"),
    (states, "command.write({'state': 'waiting'})"),
    (contexts, "self.with_context(active_test=False, lang=None)"),
    (contexts, "api.Environment(cr, SUPERUSER_ID, {'lang': lang} if lang else {})"),
    (contexts, "self.env(su=True)"),
    (firsts, "self.search([('order_id', '=', order.id)], limit=1)"),
]


@pytest.mark.parametrize(("check", "source"), FINE)
def test_what_keeps_it_is_left_alone(check, source):
    assert not list(check("models/x.py", ast.parse(source)))
