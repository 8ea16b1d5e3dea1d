# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Makes ``cartona_integration.transport`` and its neighbours importable without Odoo.

The repository's root is the addon, whose own ``__init__`` imports Odoo models. A stand-in package of the addon's name
points to the same folder, so that its plain Python parts are found and the ``__init__`` is never run.
"""

import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

package = types.ModuleType("cartona_integration")
package.__path__ = [str(ROOT)]
sys.modules.setdefault("cartona_integration", package)
