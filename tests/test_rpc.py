# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .common import MarketplaceCase

# What is public besides buttons, on purpose.
PUBLIC = {("marketplace.config", "get_dashboard_data")}
ODOO_NAMES = ("create", "write", "unlink", "copy", "read", "name_create", "init")


class TestRpc(MarketplaceCase):
    """Whatever has no underscore can be called by every user, from outside, with any argument."""

    def public_methods(self, model):
        """Return the names of the methods that this module makes callable on a model."""
        ours = [cls for cls in type(model).__mro__ if cls.__module__.startswith("odoo.addons.cartona_integration.")]
        names = {name for cls in ours for name, value in vars(cls).items() if callable(value)}
        return sorted(name for name in names if not name.startswith("_") and name not in ODOO_NAMES)

    def test_only_buttons_can_be_called(self):
        seen = 0
        for model in self.env.registry:
            for name in self.public_methods(self.env[model]):
                seen += 1
                fine = name.startswith("action_") or (model, name) in PUBLIC
                self.assertTrue(fine, f"{model}.{name}")
        self.assertGreater(seen, 30)


