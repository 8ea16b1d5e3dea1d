"""The port to a newer series: what is rewritten, and that an old word is never passed over in silence."""

import importlib
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT))
port = importlib.import_module("dev.port")
Stop = importlib.import_module("dev.common").Stop


@pytest.fixture
def addon(tmp_path):
    """A small addon; gives a function that writes a file, ports all and returns that file's text."""
    source, target = tmp_path / "source", tmp_path / "target"

    def ported(name, text, series="19.0"):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        port.port(source, target, series)
        return (target / name).read_text()

    return ported


def test_manifest_says_the_new_series(addon):
    assert '"19.0.1.0.0"' in addon("__manifest__.py", '{\n    "version": "17.0.1.0.0",\n}\n')


def test_sql_constraints_become_constraints_of_the_same_name(addon):
    text = addon(
        "models/account.py",
        "class Account(models.Model):\n"
        "    _sql_constraints = [\n"
        '        ("code_unique", "UNIQUE(code)", "One (1) account a code."),\n'
        '        ("rate_positive", "CHECK(rate > 0)", "A rate is positive."),\n'
        "    ]\n"
        "    code = 1\n",
    )
    assert '    _code_unique = models.Constraint("UNIQUE(code)", "One (1) account a code.")\n' in text
    assert '    _rate_positive = models.Constraint("CHECK(rate > 0)", "A rate is positive.")\n' in text
    assert text.endswith("    code = 1\n")


def test_tree_views_and_modes_become_lists(addon):
    text = addon(
        "views/a.xml",
        '<odoo><field name="view_mode">kanban,tree,form</field><tree editable="top"><field name="a"/></tree>'
        '<xpath expr="//field[@name=\'x\']/tree/field" position="after"/></odoo>',
    )
    assert "tree" not in text
    assert '<list editable="top"><field name="a"/></list>' in text
    assert ">kanban,list,form<" in text


def test_view_types_in_code_become_lists(addon):
    text = addon("models/a.py", 'action = {"view_mode": "tree,form", "views": [(False, "tree")]}\nstreet = "street"\n')
    assert text == 'action = {"view_mode": "list,form", "views": [(False, "list")]}\nstreet = "street"\n'


def test_cron_fields_that_are_gone_are_dropped(addon):
    text = addon(
        "data/cron.xml",
        '<odoo>\n    <field name="numbercall">-1</field>\n    <field name="doall" eval="False"/>\n'
        '    <field name="a"/>\n</odoo>',
    )
    assert text == '<odoo>\n    <field name="a"/>\n</odoo>'


def test_a_group_gets_a_privilege_of_its_category(addon):
    text = addon(
        "security/groups.xml",
        '<odoo>\n    <record id="category" model="ir.module.category">\n'
        '        <field name="name">Shops</field>\n    </record>\n'
        '    <record id="group_user" model="res.groups">\n        <field name="name">User</field>\n'
        '        <field name="category_id" ref="category"/>\n'
        '        <field name="users" eval="[]"/>\n    </record>\n</odoo>',
    )
    assert '<record id="privilege_category" model="res.groups.privilege">' in text
    assert text.count('<field name="name">Shops</field>') == 2
    assert '<field name="privilege_id" ref="privilege_category"/>' in text
    assert '<field name="user_ids" eval="[]"/>' in text
    assert text.index("res.groups.privilege") < text.index('"group_user"')


def test_chatter_and_search_groups(addon):
    text = addon(
        "views/b.xml",
        '<odoo><div class="oe_chatter">\n<field name="message_ids"/>\n</div>'
        '<group expand="0" string="Group By">\n<filter name="x"/></group></odoo>',
    )
    assert "<odoo><chatter/><group>\n<filter" in text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("static/src/a.js", 'this.user = useService("user");\n'),
        ("models/a.py", "picking.move_ids_without_package.unlink()\n"),
        ("models/a.py", 'product.detailed_type == "product"\n'),
        ("views/a.xml", '<odoo><field name="target">inline</field></odoo>'),
        ("models/a.py", "for row in records.read_group([], [], []):\n    pass\n"),
    ],
)
def test_an_old_word_that_no_rule_knows_is_refused_with_its_place(addon, name, text):
    with pytest.raises(Stop, match=f"{name}:1: .* is left"):
        addon(name, text)


def test_a_rewrite_that_breaks_python_is_refused(addon):
    with pytest.raises(Stop, match="models/a.py:1: is no Python"):
        addon("models/a.py", "class A(:\n")


def test_what_left_the_source_leaves_the_port(addon, tmp_path):
    addon("models/old.py", "a = 1\n")
    addon("wizards/old.py", "a = 1\n")
    (tmp_path / "source/models/old.py").unlink()
    (tmp_path / "source/wizards/old.py").unlink()
    addon("models/new.py", "a = 1\n")
    assert [path.name for path in (tmp_path / "target").rglob("*.py")] == ["new.py"]
    assert not (tmp_path / "target/wizards").exists()


def test_dev_and_plain_tests_are_not_part_of_the_addon(addon, tmp_path):
    for name in ("dev", "tests_plain", ".git"):
        (tmp_path / "source" / name).mkdir(parents=True)
        (tmp_path / "source" / name / "a.py").write_text("a = 1\n")
    addon("models/a.py", "a = 1\n")
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["models"]


def test_a_series_takes_what_came_until_then_and_nothing_later(addon):
    model = 'class A(models.Model):\n    _sql_constraints = [("a", "UNIQUE(a)", "One.")]\n    groups_id = line.tax_id\n'
    assert addon("models/a.py", model, "18.0") == model
    assert '    _a = models.Constraint("UNIQUE(a)", "One.")\n    group_ids = line.tax_ids\n' in addon(
        "models/a.py", model
    )
    view = '<odoo><tree/><search><group expand="0"><filter name="a"/></group></search></odoo>'
    assert addon("views/a.xml", view, "18.0") == view.replace("<tree", "<list")
    assert addon("views/a.xml", view) == view.replace("<tree", "<list").replace(' expand="0"', "")


def test_an_old_word_is_refused_from_its_series_on(addon):
    addon("models/a.py", "for row in records.read_group([], [], []):\n    pass\n", "18.0")
    with pytest.raises(Stop, match="a.py:1: .* is left"):
        addon("models/a.py", 'product.detailed_type == "product"\n', "18.0")


@pytest.mark.parametrize("series", port.RULES)
def test_this_source_can_be_ported(tmp_path, series):
    port.port(ROOT, tmp_path / "ported", series)
    assert f'"version": "{series}.' in (tmp_path / "ported/__manifest__.py").read_text()
