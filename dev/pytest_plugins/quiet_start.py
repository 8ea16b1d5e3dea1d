"""Reads all manifests before the first request does.

Odoo reads them when the first requests come, in several threads at once where a browser sends these; CPython's parser
then fails now and then ("AST constructor recursion depth mismatch"), and with it whichever test came first.
"""

import pytest


@pytest.fixture(scope="session", autouse=True)
def manifests(load_registry):
    import odoo.http

    if hasattr(odoo.http.root, "statics"):
        return odoo.http.root.statics
    return odoo.modules.module.Manifest.all_addon_manifests()
