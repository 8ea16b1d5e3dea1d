"""What developers and CI use: a real Odoo, its database, the tests, a demonstration. Never imported by the addon."""
