# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import datetime, time, timedelta

from odoo import api, fields, models

from ..compat import expiry_field

STOCK_FIELDS = {"quantity", "reserved_quantity", "location_id", "product_id"}


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
        """Mark the products of what has expired after ``since``, the sweeper's last run, or would from now on before
        it is delivered. Odoo's own quantities go by whole days where they go by this at all, so the first run of a day
        looks at all of it.

        :param datetime since: UTC; ``None`` looks back one minute
        """
        expires = expiry_field(self)
        if not expires:
            return
        now = fields.Datetime.now()
        since = (since or now) - timedelta(minutes=1)  # a little twice, and nothing between two runs is missed
        until = now if since.date() == now.date() else datetime.combine(now, time.max)
        # Of lots, which are fewer than quants; neither table has an index of its dates.
        lots = self.env["stock.lot"].sudo()
        for days in self._marketplace_lead_times():
            later = timedelta(days=max(days, 0))
            lots |= lots.search(
                [(expires, ">", since + later), (expires, "<=", until + later), ("product_id.sale_delay", "=", days)]
            )
        self.env["marketplace.outbox"]._mark("stock", product=lots.product_id.ids)

    def _marketplace_lead_times(self):
        """Return in how many days what may expire is delivered."""
        dated = [("use_expiration_date", "=", True)]
        return [days for (days,) in self.env["product.template"].sudo()._read_group(dated, ["sale_delay"])]

    def _mark_marketplace_stock(self):
        self.env["marketplace.outbox"]._mark("stock", product=self.product_id.ids)
