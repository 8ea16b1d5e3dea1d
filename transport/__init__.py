# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The wire, in plain Python: HTTP, authentication, errors, redaction, webhook signatures, readers.

Nothing here imports Odoo, or anything else of the addon; only the standard library and ``requests``.
"""
