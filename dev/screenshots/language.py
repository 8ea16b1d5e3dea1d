"""The system in another language: `dashboard-ar` is the page `dashboard` for a user who reads Arabic."""

import os
import shutil

from ..common import Stop, cache_dir, call, digest, locked, timed

ENGLISH = "en_US"
# What follows the page's name, and Odoo's code of the language.
LANGUAGES = {"ar": "ar_001", "fr": "fr_FR"}
# By it Odoo mirrors its style sheets; without, it only warns, and shows pages half mirrored.
RTLCSS = "rtlcss@4.3.0"


def by_language(names, pages):
    """Yield for each language that is asked for its code, nothing for the user's own, and its pages.

    `names` are those of pages, with or without a language; `all` is each page in the user's own.
    """
    for suffix, code in {"": None, **LANGUAGES}.items():
        wanted = [{**page, "name": f"{page['name']}-{suffix}" if suffix else page["name"]} for page in pages]
        wanted = [page for page in wanted if page["name"] in names or (not suffix and "all" in names)]
        if wanted:
            yield code, wanted


def speak(odoo, code):
    """Install a language and have the user read it."""
    language = odoo.call("res.lang", "search", [("code", "=", code)], context={"active_test": False})
    wizard = odoo.call("base.language.install", "create", {"lang_ids": [(6, 0, language)], "overwrite": True})
    odoo.call("base.language.install", "lang_install", [wizard])
    odoo.call("res.users", "write", [odoo.user], {"lang": code})


def offer_rtlcss():
    """Put rtlcss where a server that is started now finds it."""
    if shutil.which("rtlcss"):
        return
    folder = cache_dir() / f"rtlcss-{digest(RTLCSS)}"
    if not (folder / "complete").exists():
        if not shutil.which("npm"):
            raise Stop("pictures from right to left need npm (Debian: nodejs, npm)")
        with locked("rtlcss", folder=cache_dir()), timed("rtlcss from npm"):
            call(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, RTLCSS])
            (folder / "complete").touch()
    os.environ["PATH"] = f"{folder / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
