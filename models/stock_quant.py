# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import datetime, time, timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..compat import expiry_field

STOCK_FIELDS = {"quantity", "reserved_quantity", "location_id", "product_id"}
# How many days products take to be delivered, which each of them is sold no more before it expires: found one after the
# other, since they are few however many products there are. Who enters more than a century means never.
DELAYS = """
    WITH RECURSIVE delay (days) AS (
        SELECT 0
         UNION ALL
        SELECT (SELECT min(sale_delay) FROM product_template WHERE sale_delay > 0 AND sale_delay > days)
          FROM delay WHERE days IS NOT NULL
    )
    SELECT days FROM delay WHERE days < 36500"""
EXPIRING_LOTS = "SELECT product_id, %s AS days FROM stock_lot WHERE %s > %s AND %s <= %s"
EXPIRING = """
    SELECT DISTINCT lot.product_id
      FROM (%s) AS lot
      JOIN product_product p ON p.id = lot.product_id
      JOIN product_template t ON t.id = p.product_tmpl_id
     WHERE greatest(t.sale_delay, 0) = lot.days"""


class StockQuant(models.Model):
    _inherit = "stock.quant"

    @api.model_create_multi
    def create(self, vals_list):
        quants = super().create(vals_list)
        quants._mark_marketplace_stock()
        return quants

    def write(self, vals):
        # A reservation changes what is free without touching the quantity.
        result = super().write(vals)
        if STOCK_FIELDS & vals.keys():
            self._mark_marketplace_stock()
        return result

    def unlink(self):
        self._mark_marketplace_stock()
        return super().unlink()

    def _mark_marketplace_dates(self, since):
        """Mark the products of what has expired after ``since``, in UTC, or would from now on before it is
        delivered. Odoo's own quantities go by whole days where they go by this at all, so the first run of a day
        looks at all of it.
        """
        expires = expiry_field(self)
        if not expires:
            return
        now = fields.Datetime.now()
        until = now if since.date() == now.date() else datetime.combine(now, time.max)
        self.env["stock.lot"].flush_model()
        self.env["product.template"].flush_model(["sale_delay"])
        self.env.cr.execute(SQL(EXPIRING, self._marketplace_expiring_lots(SQL.identifier(expires), since, until)))
        self.env["marketplace.outbox"]._mark("stock", product=[row[0] for row in self.env.cr.fetchall()])

    def _marketplace_expiring_lots(self, expires, since, until):
        """Return the query for the lots of each number of days, which an index has. Of lots, as they are fewer than
        quants."""
        self.env.cr.execute(DELAYS)
        delays = [timedelta(days=row[0]) for row in self.env.cr.fetchall()]
        lots = (SQL(EXPIRING_LOTS, days.days, expires, since + days, expires, until + days) for days in delays)
        return SQL(" UNION ALL ").join(lots)

    def _mark_marketplace_stock(self):
        self.env["marketplace.outbox"]._mark("stock", product=self.product_id.ids)
