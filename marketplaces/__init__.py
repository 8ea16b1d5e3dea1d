# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""One adapter for each marketplace, in files that begin with its code. Being here is being registered."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
