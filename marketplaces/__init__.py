# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""One file for each marketplace. Adding a file here is registering it: every module of this folder is loaded."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
