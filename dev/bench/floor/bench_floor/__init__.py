"""What Odoo needs for a request by itself: a route like a webhook's that does nothing.

Loaded into the server that is measured, installed nowhere.
"""

from odoo import http


class Floor(http.Controller):
    @http.route("/bench_floor", type="http", auth="public", methods=["POST"], csrf=False, save_session=False)
    def nothing(self):
        return http.request.make_json_response({"status": "ok"})
