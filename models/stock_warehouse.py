# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, models


class StockWarehouse(models.Model):
    _inherit = "stock.warehouse"

    @api.model_create_multi
    def create(self, vals_list):
        warehouses = super().create(vals_list)
        warehouses._mark_marketplace_stock()
        return warehouses

    def write(self, vals):
        result = super().write(vals)
        if {"active", "company_id", "view_location_id", "lot_stock_id"} & vals.keys():
            self._mark_marketplace_stock()
        return result

    def _mark_marketplace_stock(self):
        """An account that names no warehouse sells the stock of all of them."""
        # sudo: who manages warehouses needs no rights on accounts
        configs = self.env["marketplace.config"].sudo().search([("company_id", "in", self.company_id.ids)])
        self.env["marketplace.outbox"]._mark("stock", config=configs.ids)
