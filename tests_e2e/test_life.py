"""The addon's life in a database: what it leaves behind when it goes, and that it can come back."""

import os
import subprocess

import pytest

from dev.common import MODULE
from dev.databases import Databases
from dev.instance import Instance
from dev.postgres import Cluster

# What a database consists of, each thing by a name that is the same in every copy.
SHAPE = {
    "table": "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
    "column": "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'",
    "index": "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'",
    "constraint": "SELECT conrelid::regclass || ': ' || conname FROM pg_constraint",
    "trigger": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    "function": "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "sequence": "SELECT sequencename FROM pg_sequences",
    "model": "SELECT model FROM ir_model",
    "field": "SELECT model || '.' || name FROM ir_model_fields",
    "cron": "SELECT cron_name FROM ir_cron",
    "channel": "SELECT complete_name FROM queue_job_channel",
    "job function": "SELECT name FROM queue_job_function",
    "parameter": "SELECT key FROM ir_config_parameter",
    "record": "SELECT module || '.' || name FROM ir_model_data WHERE module = 'cartona_integration'",
    "view": "SELECT model || ': ' || name FROM ir_ui_view",
    "rule": "SELECT name FROM ir_rule",
    "group": "SELECT name ->> 'en_US' FROM res_groups",
    "job that waits": "SELECT name FROM queue_job WHERE state IN ('pending', 'enqueued', 'started')",
    "default": "SELECT f.name FROM ir_default d JOIN ir_model_fields f ON f.id = d.field_id",
    "attachment": "SELECT name FROM ir_attachment WHERE res_model LIKE 'marketplace.%%'",
    "activity": "SELECT res_model FROM mail_activity WHERE res_model LIKE 'marketplace.%%'",
    "message": "SELECT model FROM mail_message WHERE model LIKE 'marketplace.%%'",
}
# An account that has been live, with all that it leaves: a listing, an order's document, jobs, an identity.
LIVE = """
account = env["marketplace.config"].create({"name": "Gone soon", "auth_token": "t", "base_url": "http://127.0.0.1:9"})
account.action_go_live()
product = env["product.product"].create({"name": "Gone", "cartona_id": "gone-1", "marketplace_sync_enabled": True})
account._tell_responsible("Something", "to be done", cause="Something")
env["marketplace.inbox"]._store([(account, "order", "1", {"hashed_id": "1"}, "")], "webhook")
account.action_pull_orders()
env["marketplace.sender"].with_delay()._job_drain(account.id, "offers")  # without a key, as from the shell
for number, model in enumerate(("marketplace.vendor", "res.partner", "sale.order")):
    theirs = env["res.partner"].with_delay(identity_key=f"marketplace:{number}", description=f"Theirs {number}")
    record = theirs.name_search("").db_record()
    env.cr.execute("UPDATE queue_job SET model_name = %s WHERE id = %s", [model, record.id])
env.cr.commit()
"""
# Of other addons, whose models, keys and names are much like ours.
THEIRS = {"Theirs 0", "Theirs 1", "Theirs 2"}
# Where PostgreSQL keeps each table: at another place after it was written anew.
FILES = """
    SELECT relname, pg_relation_filenode(oid) FROM pg_class
     WHERE relkind = 'r' AND (relname LIKE 'marketplace\\_%' OR relname IN (
       'sale_order', 'sale_order_line', 'res_partner', 'product_product', 'product_template', 'stock_picking'))
"""
SCRIPT = """
def migrate(cr, version):
    cr.execute("INSERT INTO ir_config_parameter (key, value) VALUES (%s, %s)", ["{key}", version])
"""
UNINSTALL = f"""
env["marketplace.config"].search([("state", "=", "live")]).action_pause()
env["ir.module.module"].search([("name", "=", "{MODULE}")]).button_immediate_uninstall()
"""


@pytest.fixture(scope="module")
def life():
    with Cluster() as cluster:
        instance = Instance(cluster)
        databases = Databases(cluster, instance)
        databases.prepare()
        with databases.fresh("life") as name:
            yield cluster, instance, databases.base(), name


def shape(cluster, database):
    return {what: set(filter(None, cluster.query(query, database=database))) for what, query in SHAPE.items()}


def shell(instance, database, script):
    configuration = instance.configuration(f"life-{os.getpid()}", queue_job={"channels": "root:0"})
    try:
        command = instance.command("shell", "-c", configuration, "-d", database, "--no-http")
        done = subprocess.run(command, env=instance.env, input=script, text=True, capture_output=True, timeout=300)
    finally:
        configuration.unlink()
    assert not done.returncode and "Traceback" not in done.stderr, done.stderr[-5000:]


def update(instance, name, *more):
    configuration = instance.configuration(f"update-{os.getpid()}")
    try:
        options = ("-c", configuration, "-d", name, "-u", MODULE, "--stop-after-init", "--no-http", *more)
        done = subprocess.run(instance.command(*options), env=instance.env, capture_output=True, text=True, timeout=300)
    finally:
        configuration.unlink()
    assert not done.returncode and "Traceback" not in done.stderr, done.stderr[-5000:]


def test_an_update_writes_no_table_anew_and_runs_the_scripts_of_the_versions_between(life, tmp_path):
    """Also those of a folder without a series in its name, which is what the ports to other series carry."""
    cluster, instance, _base, name = life
    number = cluster.query(f"SELECT latest_version FROM ir_module_module WHERE name = '{MODULE}'", database=name)[0]
    own = number.split(".", 2)[2]
    before = f"UPDATE ir_module_module SET latest_version = replace(latest_version, '{own}', '0.9.0')"
    cluster.query(f"{before} WHERE name = '{MODULE}'", database=name)
    for version, phase in (("0.9.0", "pre"), (own, "pre"), (own, "post"), ("99.0.0", "post")):
        script = tmp_path / MODULE / version / f"{phase}-{version}.py"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(SCRIPT.format(key=f"migrated.{version}.{phase}"))
    files = cluster.query(FILES, database=name)
    update(instance, name, "--upgrade-path", tmp_path)
    assert len(files) > 20
    assert sorted(cluster.query(FILES, database=name)) == sorted(files)
    ran = cluster.query("SELECT key FROM ir_config_parameter WHERE key LIKE 'migrated.%' ORDER BY id", database=name)
    cluster.query("DELETE FROM ir_config_parameter WHERE key LIKE 'migrated.%'", database=name)
    assert ran == [f"migrated.{own}.pre", f"migrated.{own}.post"]


def test_uninstalling_leaves_nothing_behind_takes_nothing_along_and_can_be_undone(life):
    cluster, instance, base, name = life
    before = shape(cluster, base)
    installed = shape(cluster, name)
    assert len(installed["table"] - before["table"]) > 20
    shell(instance, name, LIVE + UNINSTALL)
    after = shape(cluster, name)
    assert after["job that waits"] >= THEIRS
    after["job that waits"] -= THEIRS
    left = {what: sorted(after[what] - before[what]) for what in SHAPE if after[what] - before[what]}
    gone = {what: sorted(before[what] - after[what]) for what in SHAPE if before[what] - after[what]}
    assert (left, gone) == ({}, {})
    instance.install(name, [MODULE])
    again = shape(cluster, name)
    assert again["table"] == installed["table"]
    assert again["cron"] == installed["cron"]
