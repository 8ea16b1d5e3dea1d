# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models


class StockPicking(models.Model):
    _inherit = "stock.picking"

    def _action_done(self):
        result = super()._action_done()
        self._tell_marketplace_left()
        return result

    def action_cancel(self):
        # With the backorder given up, what has left is all there is.
        result = super().action_cancel()
        self._tell_marketplace_left()
        return result

    def _tell_marketplace_left(self):
        """Tell the marketplace that the goods of an order have left, once nothing of it is left to go out."""
        # sudo: whoever validates a delivery may lack rights on sales orders and accounts
        for order in self.sudo().filtered(lambda p: p.picking_type_code == "outgoing").sale_id:
            if order.marketplace_config_id and order._has_all_left():
                order._tell_marketplace(order.marketplace_config_id.left_status)
