"""Does before the first test what the first ones would do otherwise, each within its own time and transaction."""

import inspect

import pytest

# What a page of the web client asks for. Odoo's own runner makes all there are: half a minute for some more.
SCRIPTS = ("web.assets_web", "web.assets_tests", "web.chartjs_lib")
STYLES = ("web.assets_web", "web.assets_web_print")  # the second from 18.0 on


@pytest.fixture(scope="session", autouse=True)
def manifests(load_registry):
    """Reads all manifests before the first request does.

    Odoo reads them when the first requests come, in several threads at once where a browser sends these; CPython's
    parser then fails now and then ("AST constructor recursion depth mismatch"), and with it whichever test came first.
    """
    import odoo.http

    if hasattr(odoo.http.root, "statics"):
        return odoo.http.root.statics
    return odoo.modules.module.Manifest.all_addon_manifests()


@pytest.fixture(scope="session", autouse=True)
def assets(request, manifests):
    """Makes the web client's scripts and styles once, as Odoo's own runner does: made in a test, they end with it."""
    if any(map(starts_browser, {item.module for item in request.session.items})):
        import odoo

        registry = odoo.modules.registry.Registry(odoo.tests.common.get_db_name())
        with registry.cursor() as cursor:
            templates = odoo.api.Environment(cursor, odoo.api.SUPERUSER_ID, {})["ir.qweb"]
            for name in SCRIPTS:
                templates._get_asset_bundle(name, css=False).js()
            for name in STYLES:
                templates._get_asset_bundle(name, js=False).css()


def starts_browser(module):
    source = inspect.getsource(module)
    return "start_tour(" in source or "browser_js(" in source
