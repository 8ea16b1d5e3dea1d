# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models


class MarketplaceConfig(models.Model):
    """Whose stock an account sells, and from where its orders are delivered. Where that is another warehouse, the first
    ones bring what is ordered there."""

    _inherit = "marketplace.config"

    def _delivery_warehouse(self):
        """Return the warehouse that the account's orders are delivered from."""
        self.ensure_one()
        return self.sale_warehouse_id or self._warehouses()[:1]

    def _warehouses(self):
        """Return the warehouses whose stock is sold at this account; none when those that were chosen are gone."""
        self.ensure_one()
        chosen = self.with_context(active_test=False).warehouse_ids
        if chosen:
            return chosen.filtered("active")
        return self.env["stock.warehouse"].search([("company_id", "=", self.company_id.id)])

    def _delivered_elsewhere(self, warehouses):
        """Return from where the accounts deliver that sell the stock of these warehouses, where that is a place whose
        own stock they do not sell: ``{account id: warehouse id}``. What is ordered is brought there; until an order
        is confirmed, nothing else says that it takes any of it."""
        # Of archived accounts, too: their drafts may still be confirmed.
        accounts = self.search([("active", "in", (True, False)), ("sale_warehouse_id", "!=", False)])
        return {
            config.id: config.sale_warehouse_id.id
            for config in accounts
            if config._sells_from(warehouses) and config.sale_warehouse_id not in warehouses | config._warehouses()
        }

    def _mark_neighbours(self, vals):
        """What these accounts deliver from where is taken off what others sell."""
        if {"warehouse_ids", "sale_warehouse_id"} & vals.keys():
            others = self.sudo().search([("company_id", "in", self.company_id.ids), ("id", "not in", self.ids)])
            self.env["marketplace.outbox"]._mark("stock", config=others.ids)

    def _sells_from(self, warehouses):
        """Tell whether the account sells the stock of any of these warehouses."""
        chosen = self.with_context(active_test=False).warehouse_ids
        return bool(chosen & warehouses) if chosen else self.company_id in warehouses.company_id

    def _stranded_warehouses(self):
        """Return the warehouses whose stock is sold, and that bring nothing to where orders are delivered from."""
        reached = self._delivery_warehouse()
        while more := reached.resupply_wh_ids - reached:
            reached |= more
        return self._warehouses() - reached
