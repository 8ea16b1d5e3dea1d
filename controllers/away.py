# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What a marketplace hears while the database is away.

Odoo then serves only what needs none, and answers our addresses with 404. To a marketplace that means: there is no such
address, give up; some even strike it off. What is true is: come back later. Routes that need no database are those of
modules that each server loads for all of its databases, which ours has no reason to be, so the answer is changed where
Odoo gives it.

Where PostgreSQL answers and it is the server's settings that lead to no database, no time will mend that: then Odoo's
404 is true.
"""

import logging
import sys
from functools import wraps

import psycopg2
from werkzeug.exceptions import NotFound

from odoo.http import Request, db_filter
from odoo.service import db as service_db

_logger = logging.getLogger(__name__)

PREFIX = "/marketplace_integration/"
# PostgreSQL starts within seconds; what is not delivered again comes by the next pull anyway.
RETRY_SECONDS = 30


def answer_while_away():
    """Have Odoo answer 503 instead of 404 below our addresses, while the database that would serve them is away."""
    serve = Request._serve_nodb

    @wraps(serve)
    def _serve_nodb(self):
        chosen = sys.exc_info()[1] is not None  # Odoo comes here while it handles that the database it chose fails
        try:
            return serve(self)
        except NotFound:
            if not self.httprequest.path.startswith(PREFIX) or not _is_away(chosen):
                raise
        message = "The database does not answer. Deliver again later."
        headers = {"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"}
        return self.make_json_response({"status": "error", "error": message}, headers=headers, status=503)

    Request._serve_nodb = _serve_nodb


def _is_away(chosen):
    """Tell whether time alone will bring back a database for this request. One is chosen where it is the only one that
    the server's settings let through.

    :param bool chosen: Odoo knew which one, and it failed
    """
    try:
        names = db_filter(service_db.list_dbs(force=True))
    except psycopg2.OperationalError:
        return True  # PostgreSQL does not answer
    if len(names) == 1 or (names and chosen):
        return True  # it was away when Odoo looked
    _logger.warning("%s databases match a request to %s: have db_name or dbfilter name one", len(names), PREFIX)
    return False
