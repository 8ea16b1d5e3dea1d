# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from collections import Counter
from datetime import timedelta

from odoo import _, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..compat import check_access, expiry_field, narrowed, unit_field
from ..schemas import ENDED, HAS_LEFT
from .marketplace_order_hold import LEFT

PRICE_FIELDS = {
    "list_price",
    "lst_price",
    "standard_price",
    "uom_id",
    "taxes_id",
    "product_template_attribute_value_ids",
}
LISTING_FIELDS = {"cartona_id", "marketplace_sync_enabled"}
# What takes a product off the marketplaces, or puts it back.
SALE_FIELDS = {"active", "sale_ok", "marketplace_sync_enabled", "company_id"}

# Of Odoo's quantities of a product, what an account may sell.
STOCK_BASIS = {
    "free": lambda quantities: quantities["free_qty"],
    "outgoing": lambda quantities: quantities["qty_available"] - quantities["outgoing_qty"],
    "forecast": lambda quantities: quantities["virtual_available"],
}


class ProductProduct(models.Model):
    _inherit = "product.product"

    # ------------------------------------------------------------------ fields

    cartona_id = fields.Char(
        string="External Product ID",
        copy=False,
        index="btree_not_null",
        help="The product's ID at the marketplace; the default of its listings.",
    )
    marketplace_listing_ids = fields.One2many(
        "marketplace.listing",
        "product_id",
        string="Listings",
        readonly=True,
        groups="cartona_integration.group_marketplace_user",
    )

    # ------------------------------------------------------------------ CRUD

    @api.model_create_multi
    def create(self, vals_list):
        products = super().create(vals_list)
        if any(vals.get("cartona_id") for vals in vals_list):
            products._ensure_marketplace_listings(new_id=True)
        return products

    def write(self, vals):
        if "cartona_id" in vals:
            self.filtered(lambda product: product.cartona_id != (vals["cartona_id"] or False))._leave_cartona_id()
        result = super().write(vals)
        if PRICE_FIELDS & vals.keys():
            self.env["marketplace.outbox"]._mark("price", product=self.ids)
        if SALE_FIELDS & vals.keys():
            self.env["marketplace.outbox"]._mark("price", "stock", "publication", product=self.ids)
        if LISTING_FIELDS & vals.keys():
            self._ensure_marketplace_listings(new_id="cartona_id" in vals)
        return result

    def unlink(self):
        self._release_marketplace_listings()
        return super().unlink()

    # ------------------------------------------------------------------ actions

    def action_marketplace_sync(self):
        """Send price and stock of the products to their marketplaces again, whether they changed or not."""
        check_access(self.env["marketplace.listing"], "read")
        # sudo: who may see the listings may have them sent; what is sent is what is true anyway
        listings = self.sudo().marketplace_listing_ids
        if not listings:
            raise UserError(
                _("Missing external ID: no product here is listed. Enter its external product ID and enable sync.")
            )
        listings._request_sync(force=True)
        return listings._tell_requested()

    # ------------------------------------------------------------------ business

    def _ensure_marketplace_listings(self, new_id=False):
        if self.env.context.get("marketplace_matching"):
            return
        # sudo: who may edit a product may thereby list it, without rights on accounts
        self.env["marketplace.listing"].sudo()._ensure_for_products(self, new_id=new_id)

    def _leave_cartona_id(self):
        """Take off the listings that go by the id that the products are about to lose."""
        # sudo: who may edit a product needs no rights on its listings
        self.sudo().marketplace_listing_ids.filtered(
            lambda row: row.config_id.use_cartona_id and row.external_id == row.product_id.cartona_id
        ).active = False

    def _release_marketplace_listings(self):
        """Keep the listings of products that are about to be deleted: the marketplace has to be told."""
        # sudo: who may delete a product needs no rights on its listings
        listings = self.env["marketplace.listing"].sudo().with_context(active_test=False)
        listings.search([("product_id", "in", self.ids)]).write({"product_id": False, "active": False})

    def _marketplace_available(self, config):
        """Return what the account may sell of each product: ``{product id: quantity}`` in the product's unit.

        The account's stock basis over its warehouses, less what marketplace orders ask for and Odoo has not reserved:
        else the next push would undo the marketplace's own decrement.
        """
        warehouses = config._warehouses()
        if not warehouses:
            return dict.fromkeys(self.ids, 0.0)
        # The company's id in the context, too: by that Odoo looks for bills of materials.
        company = config.company_id
        context = {"location": warehouses.view_location_id.ids, "marketplace_fresh": True, "company_id": company.id}
        parts, kin = self.with_company(company).with_context(**context)._marketplace_kin()
        boms = kin._marketplace_boms()
        taken = kin._marketplace_taken_apart(kin._marketplace_taken(config, warehouses), boms)
        kits = parts.filtered(boms.get)
        # What the quantity fields are made of: to put all five of them into the cache costs as much again.
        quantities = (parts - kits)._compute_quantities_dict(None, None, None)
        basis = STOCK_BASIS[config.stock_basis]
        left = {product_id: basis(found) - taken[product_id] for product_id, found in quantities.items()}
        left.update((kits & self)._marketplace_makes(left, boms))
        return {product_id: left[product_id] for product_id in self.ids}

    def _marketplace_taken(self, config, warehouses):
        """Return what marketplace orders ask for and Odoo has not reserved: ``{product id: quantity}``."""
        # In the direction in which orders go on: what is committed meanwhile may count twice, and is never left out.
        elsewhere = config._delivered_elsewhere(warehouses)
        taken = Counter(self.env["marketplace.inbox"]._demand_by_product(self, warehouses, elsewhere))
        taken.update(self._marketplace_held(warehouses, elsewhere))
        taken.update(self._marketplace_demand(warehouses, elsewhere))
        if config.stock_basis == "free":
            taken.update(self._marketplace_unreserved(warehouses.view_location_id))
        elif config.stock_basis == "outgoing":
            taken.subtract(self._marketplace_brought(warehouses.view_location_id))
        return taken

    def _get_domain_locations(self):
        """Leave out what has expired by the day that the product is delivered on, if it is ordered now: no order will
        get it. Asked of components, too, when a kit is counted."""
        quants, *moves = super()._get_domain_locations()
        expires = self.env.context.get("marketplace_fresh") and expiry_field(self.env["stock.quant"])
        dated = self.filtered("use_expiration_date") if expires else self.browse()
        for days, products in dated.grouped("sale_delay").items():
            day = fields.Datetime.now() + timedelta(days=max(days, 0))
            fresh = ["|", "|", (expires, "=", False), (expires, ">=", day), ("product_id", "not in", products.ids)]
            quants = narrowed(quants, fresh)
        return quants, *moves

    def _marketplace_demand(self, warehouses, elsewhere=None):
        """Return what marketplace orders that are not confirmed ask for: ``{product id: quantity}``.

        :param elsewhere: as for :meth:`_marketplace_draft_domain`
        """
        unit = unit_field(self.env["sale.order.line"])
        groups = self.env["sale.order.line"]._read_group(
            [
                ("product_id", "in", self.ids),
                ("state", "in", ("draft", "sent")),
                # In one piece: of a negated or alternative path alone PostgreSQL would read all orders.
                ("order_id", "any", self._marketplace_draft_domain(warehouses, elsewhere)),
            ],
            ["product_id", unit],
            ["product_uom_qty:sum"],
        )
        demand = Counter()
        for product, uom, quantity in groups:
            demand[product.id] += uom._compute_quantity(quantity, product.uom_id, rounding_method="HALF-UP")
        return demand

    def _marketplace_draft_domain(self, warehouses, elsewhere=None):
        """Return the domain of the marketplace orders whose goods are still here.

        :param elsewhere: what :meth:`marketplace.config._delivered_elsewhere` says of the warehouses
        """
        at_place = [("warehouse_id", "in", warehouses.ids)]
        for config_id, place_id in (elsewhere or {}).items():
            there = [("marketplace_config_id", "=", config_id), ("warehouse_id", "=", place_id)]
            at_place = ["|", "&", *there, *at_place]
        return [
            ("marketplace_config_id", "!=", False),
            ("marketplace_status", "not in", ENDED),
            # What left by other ways is here no more, whatever a person says to it. What is held for nothing is asked
            # for by itself: of that an older Odoo does not know whether it is like anything.
            "|",
            "|",
            ("marketplace_status", "not in", HAS_LEFT),
            ("marketplace_hold_key", "=", False),
            "!",
            ("marketplace_hold_key", "=like", f"%{LEFT}%"),
            *at_place,
        ]

    def _marketplace_held(self, warehouses, elsewhere):
        """Return what held orders ask for of products that were matched a moment ago: ``{product id: quantity}``.

        :param elsewhere: as for :meth:`_marketplace_draft_domain`
        """
        self.env.cr.execute(
            SQL(
                """
                SELECT l.product_id, sum(n.marketplace_quantity * l.pack_size)
                  FROM sale_order_line n
                  JOIN sale_order o ON o.id = n.order_id AND o.state IN ('draft', 'sent')
                  JOIN marketplace_listing l ON l.config_id = o.marketplace_config_id
                  JOIN product_product p ON p.id = l.product_id
                   AND (l.external_id = n.cartona_product_id
                        OR coalesce(n.cartona_product_id, '') = '' AND p.default_code = n.cartona_product_sku)
                 WHERE n.display_type = 'line_note' AND n.cartona_line_id IS NOT NULL
                   AND (o.warehouse_id = ANY(%s)
                        OR (o.marketplace_config_id, o.warehouse_id) IN (SELECT * FROM unnest(%s::int[], %s::int[])))
                   AND l.product_id = ANY(%s)
              GROUP BY l.product_id
                """,
                warehouses.ids,
                list(elsewhere),
                list(elsewhere.values()),
                self.ids,
            )
        )
        return {product_id: float(quantity or 0.0) for product_id, quantity in self.env.cr.fetchall()}

    def _marketplace_unreserved(self, locations):
        """Return what confirmed marketplace orders will take and have not reserved: ``{product id: quantity}``.

        In a delivery of several steps the steps before the last one may know their order by their picking alone. A step
        takes nothing of its own as long as goods are still to be brought for it: they count where they are.
        """
        self.env.cr.execute(
            SQL(
                """
                SELECT m.product_id, sum(m.product_qty * (1 - coalesce(m.quantity, 0) / nullif(m.product_uom_qty, 0)))
                  FROM stock_move m
                  JOIN stock_location at ON at.id = m.location_id
                  JOIN stock_location top ON top.id = ANY(%s) AND starts_with(at.parent_path, top.parent_path)
             LEFT JOIN sale_order_line l ON l.id = m.sale_line_id
             LEFT JOIN stock_picking p ON p.id = m.picking_id
                  JOIN sale_order o ON o.id = coalesce(l.order_id, p.sale_id) AND o.marketplace_config_id IS NOT NULL
             LEFT JOIN LATERAL (
                    SELECT bool_and(former.state IN ('done', 'cancel')) AS are_over
                      FROM stock_move_move_rel r
                      JOIN stock_move former ON former.id = r.move_orig_id
                     WHERE r.move_dest_id = m.id) steps ON TRUE
                 WHERE m.product_id = ANY(%s) AND m.state IN ('waiting', 'confirmed', 'partially_available')
                   AND coalesce(steps.are_over, m.procure_method = 'make_to_stock')
              GROUP BY m.product_id
                """,
                locations.ids,
                self.ids,
            )
        )
        return {product_id: float(quantity or 0.0) for product_id, quantity in self.env.cr.fetchall()}

    def _marketplace_brought(self, locations):
        """Return what is on its way from some of these locations to others, and is to leave there: ``{product id:
        quantity}``. Odoo counts it as outgoing at both, or where it is not yet, although it leaves once."""
        self.env.cr.execute(
            SQL(
                """
                WITH RECURSIVE place AS (
                    SELECT at.id FROM stock_location at
                      JOIN stock_location top ON top.id = ANY(%s) AND starts_with(at.parent_path, top.parent_path)
                ), brought AS (
                    SELECT m.id, m.product_id, m.product_qty
                      FROM stock_move m
                      JOIN stock_location way ON way.id = m.location_id AND way.usage = 'transit'
                     WHERE m.product_id = ANY(%s)
                       AND m.state IN ('waiting', 'confirmed', 'partially_available', 'assigned')
                       AND m.location_id NOT IN (SELECT id FROM place)
                       AND m.location_dest_id IN (SELECT id FROM place)
                       AND EXISTS (
                           SELECT 1 FROM stock_move_move_rel r
                             JOIN stock_move former ON former.id = r.move_orig_id
                            WHERE r.move_dest_id = m.id AND former.state != 'cancel'
                              AND former.location_id IN (SELECT id FROM place))
                ), onward (id, step) AS (
                    SELECT id, id FROM brought
                     UNION
                    SELECT onward.id, r.move_dest_id FROM onward
                      JOIN stock_move_move_rel r ON r.move_orig_id = onward.step
                )
                SELECT product_id, sum(product_qty) FROM brought
                 WHERE EXISTS (
                       SELECT 1 FROM onward
                         JOIN stock_move last ON last.id = onward.step AND last.state NOT IN ('done', 'cancel')
                          AND last.location_id IN (SELECT id FROM place)
                          AND last.location_dest_id NOT IN (SELECT id FROM place)
                        WHERE onward.id = brought.id)
              GROUP BY product_id
                """,
                locations.ids,
                self.ids,
            )
        )
        return {product_id: float(quantity or 0.0) for product_id, quantity in self.env.cr.fetchall()}
