# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command, api, fields, models

STATUSES = [
    ("pending", "Pending"),
    ("editing", "Being edited"),
    ("approved", "Approved"),
    ("shipped", "Shipped"),
    ("delivered", "Delivered"),
    ("cancelled", "Cancelled"),
    ("returned", "Returned"),
]


class SaleOrder(models.Model):
    _inherit = "sale.order"

    # ------------------------------------------------------------------ fields

    marketplace_config_id = fields.Many2one(
        "marketplace.config",
        string="Marketplace Account",
        readonly=True,
        copy=False,
        check_company=True,
        ondelete="restrict",
        groups="base.group_user",
    )
    cartona_id = fields.Char(string="Marketplace Order ID", readonly=True, copy=False, groups="base.group_user")
    marketplace_status = fields.Selection(STATUSES, readonly=True, copy=False, tracking=True, groups="base.group_user")
    marketplace_raw_status = fields.Char(string="Status as Sent", readonly=True, copy=False, groups="base.group_user")
    marketplace_heard_status = fields.Selection(
        STATUSES,
        string="Status There as Heard",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="What the marketplace itself said last of the status, whatever we have told it since.",
    )
    marketplace_total = fields.Float(readonly=True, copy=False, digits="Product Price", groups="base.group_user")
    marketplace_currency = fields.Char(string="Currency There", readonly=True, copy=False, groups="base.group_user")
    marketplace_ship_by = fields.Datetime(string="Ship by", readonly=True, copy=False, groups="base.group_user")
    marketplace_credit = fields.Float(
        readonly=True,
        copy=False,
        digits="Product Price",
        help="Part of the price that the marketplace pays to us.",
        groups="base.group_user",
    )
    marketplace_installment = fields.Float(
        string="Installment",
        readonly=True,
        copy=False,
        digits="Product Price",
        help="Part of the price that the customer pays to the marketplace in installments, and the marketplace to us.",
        groups="base.group_user",
    )
    marketplace_top_up = fields.Float(
        string="Wallet Top-up",
        readonly=True,
        copy=False,
        digits="Product Price",
        help="What the customer pays us in cash for the wallet at the marketplace; we owe it to the marketplace.",
        groups="base.group_user",
    )
    marketplace_delivers = fields.Boolean(
        string="Delivered by the Marketplace", readonly=True, copy=False, groups="base.group_user"
    )
    marketplace_reason = fields.Char(
        string="Reason Given",
        readonly=True,
        copy=False,
        help="Why the order was cancelled or returned.",
        groups="base.group_user",
    )
    marketplace_edited_by_admin = fields.Boolean(
        string="Edited by the Marketplace", readonly=True, copy=False, groups="base.group_user"
    )
    marketplace_preferred_day = fields.Date(
        string="Day the Customer Prefers", readonly=True, copy=False, groups="base.group_user"
    )
    marketplace_estimated_day = fields.Date(
        string="Estimated Delivery Day", readonly=True, copy=False, groups="base.group_user"
    )
    marketplace_pickup_at = fields.Datetime(string="Pickup", readonly=True, copy=False, groups="base.group_user")
    marketplace_otp_required = fields.Boolean(
        string="Delivery needs an OTP", readonly=True, copy=False, groups="base.group_user"
    )

    def init(self):
        result = super().init()
        # Partial: most rows of a grown database have nothing to do with a marketplace.
        self.env.cr.execute(
            "CREATE UNIQUE INDEX IF NOT EXISTS sale_order_cartona_id_unique "
            "ON sale_order (marketplace_config_id, cartona_id) WHERE cartona_id IS NOT NULL"
        )
        # The dashboard asks for those of the last day.
        self.env.cr.execute(
            "CREATE INDEX IF NOT EXISTS sale_order_marketplace_day_idx "
            "ON sale_order (marketplace_config_id, create_date) WHERE cartona_id IS NOT NULL"
        )
        return result

    # ------------------------------------------------------------------ CRUD

    # All that a change of an order means for marketplaces, in this order. Each step stands where its subject does.

    @api.model_create_multi
    def create(self, vals_list):
        orders = super().create(vals_list)
        orders._refuse_made_up()
        orders.filtered("marketplace_status")._note_marketplace_step()
        return orders

    def write(self, vals):
        self._refuse_told(vals)
        moved = self._moved_by(vals)
        result = super().write(vals)
        if {"warehouse_id", "state"} & vals.keys():
            self._mark_marketplace_stock()
        moved._note_marketplace_step()
        if vals.get("marketplace_status") == "delivered":
            self._request_marketplace_invoice()
        return result

    def unlink(self):
        self._mark_marketplace_stock()
        return super().unlink()

    def copy_data(self, default=None):
        """A copy is an ordinary order: Odoo reckons its prices anew, which hold no taxes, when somebody changes it."""
        given = "order_line" in (default or {})  # asked first: Odoo adds them to what it is given
        result = super().copy_data(default)
        if not given:
            for order, values in zip(self, result, strict=True):
                order._free_copied_lines([line for _command, _id, line in values["order_line"]])
        return result

    # ------------------------------------------------------------------ business

    def _free_copied_lines(self, lines):
        """Have the values of copied lines mean the same without the marketplace."""
        Product, Tax = self.env["product.product"], self.env["account.tax"]
        for line in lines if self.marketplace_config_id else ():
            for _command, _id, tax_ids in line.get("tax_id") or ():
                product = Product.browse(line.get("product_id"))
                taxes, price = Tax.browse(tax_ids)._marketplace_apart(line["price_unit"], self.currency_id, product)
                line.update({"tax_id": [Command.set(taxes.ids)], "price_unit": price})

    def _mark_marketplace_stock(self):
        self.filtered("marketplace_config_id").order_line._mark_marketplace_stock()
