# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What a marketplace hears while the database is away.

Odoo then serves only what needs none, and answers our addresses with 404. To a marketplace that means: there is no such
address, give up; some even strike it off. What is true is: come back later. Routes that need no database are those of
modules that each server loads for all of its databases, which ours has no reason to be, so the answer is changed where
Odoo gives it.
"""

from functools import wraps

from werkzeug.exceptions import NotFound

from odoo.http import Request

PREFIX = "/marketplace_integration/"
# PostgreSQL starts within seconds; what is not delivered again comes by the next pull anyway.
RETRY_SECONDS = 30


def answer_while_away():
    """Have Odoo answer 503 instead of 404 below our addresses, where it finds no database to serve them."""
    serve = Request._serve_nodb

    @wraps(serve)
    def _serve_nodb(self):
        try:
            return serve(self)
        except NotFound:
            if not self.httprequest.path.startswith(PREFIX):
                raise
        message = "The database does not answer. Deliver again later."
        headers = {"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"}
        return self.make_json_response({"status": "error", "error": message}, headers=headers, status=503)

    Request._serve_nodb = _serve_nodb
