# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from collections import Counter

from odoo import models
from odoo.tools import SQL, float_round

from ..compat import is_storable

# What shares its stock with some products: down to what kits are made of, over any number of kits in kits, and from
# there up to all that is made of it, where it is kept in stock: a box that is always there decides over nothing. Wants
# where to begin: what was a kit until now may be neither.
KIN = """start (product_id) AS (
            %s
        ), part (product_id) AS (
            SELECT product_id FROM start
             UNION
            SELECT line.product_id
              FROM part
              JOIN product_product kit ON kit.id = part.product_id
              JOIN mrp_bom bom ON bom.product_tmpl_id = kit.product_tmpl_id AND bom.type = 'phantom' AND bom.active
               AND (bom.product_id IS NULL OR bom.product_id = kit.id)
              JOIN mrp_bom_line line ON line.bom_id = bom.id
        ), kin (product_id) AS (
            SELECT product_id FROM part
             UNION
            SELECT kit.id
              FROM kin
              JOIN product_product own ON own.id = kin.product_id
              JOIN product_template what ON what.id = own.product_tmpl_id AND (
                   what.type = 'product' OR own.id IN (SELECT product_id FROM start) OR EXISTS (
                       SELECT 1 FROM mrp_bom k WHERE k.product_tmpl_id = what.id AND k.type = 'phantom' AND k.active))
              JOIN mrp_bom_line line ON line.product_tmpl_id = own.product_tmpl_id  -- which has an index
               AND line.product_id = own.id
              JOIN mrp_bom bom ON bom.id = line.bom_id AND bom.type = 'phantom' AND bom.active
              JOIN product_product kit ON kit.product_tmpl_id = bom.product_tmpl_id
               AND (bom.product_id IS NULL OR bom.product_id = kit.id)
        )"""


class ProductProduct(models.Model):
    """Kits, where the module ``mrp`` is installed: they are sold out of the stock of their components, and so are all
    other kits of the same ones."""

    _inherit = "product.product"

    def _marketplace_kin(self):
        """Return the products whose quantities decide over these: themselves and what they are made of; and all whose
        orders take any of it: these and whatever is made of it, too."""
        if "mrp.bom" not in self.env:
            return self, self
        self.env.cr.execute(
            SQL(
                "WITH RECURSIVE %s SELECT product_id, product_id IN (SELECT product_id FROM part) FROM kin",
                SQL(KIN, SQL("SELECT unnest(%s)", self.ids)),
            )
        )
        found = self.env.cr.fetchall()
        return self.browse(kin for kin, is_part in found if is_part), self.browse(kin for kin, _is_part in found)

    def _marketplace_boms(self):
        """Return the bill of materials of each kit among these: ``{product: mrp.bom}``."""
        if "mrp.bom" not in self.env:
            return {}
        # sudo: as Odoo does where it delivers a kit; who sells it needs no rights on how it is made
        return self.env["mrp.bom"].sudo()._bom_find(self, bom_type="phantom")

    def _marketplace_counted(self, company):
        """Return those of which the company can count what is available: of what it stocks, and of its kits. Odoo says
        of kits whether they are some in any company, or in that of whoever asks."""
        boms = self.with_company(company).with_context(company_id=company.id)._marketplace_boms()
        return self.filtered(lambda product: is_storable(product) or boms.get(product))

    def _marketplace_taken_apart(self, wanted, boms):
        """Return what is asked for, ``{product id: quantity}``, with the components of kits in their place."""
        taken = Counter()
        for product in self.browse(wanted):
            taken.update(product._marketplace_takes(wanted[product.id], boms))
        return Counter({part.id: quantity for part, quantity in taken.items()})

    def _marketplace_takes(self, quantity, boms):
        """Return what goes out where this much of the product does, ``{product: quantity}``: itself, or what a kit is
        made of. So does ``mrp.bom.explode``, which asks the database for each kit.

        :param boms: ``{product: mrp.bom}``, of the kits that decide
        """
        takes, open_ends = Counter(), [(self, quantity)]
        for product, amount in open_ends:
            bom = boms.get(product)
            if not bom:
                takes[product] += amount
                continue
            times = product.uom_id._compute_quantity(amount, bom.product_uom_id, round=False) / bom.product_qty
            # One by one: what is filtered would be read apart from the lines of other kits.
            lines = [line for line in bom.bom_line_ids if not line._skip_bom_line(product)]
            open_ends += [(line.product_id, self._marketplace_of_line(line, times, boms)) for line in lines]
        return takes

    def _marketplace_of_line(self, line, times, boms):
        """Return how much of its component a line of a bill of materials asks for, in the component's unit."""
        part, unit = line.product_id, line.product_uom_id
        amount = times * line.product_qty
        if not boms.get(part):  # a whole unit has to be opened
            amount = float_round(amount, precision_rounding=unit.rounding, rounding_method="UP")
        return unit._compute_quantity(amount, part.uom_id, round=False, raise_if_failure=False)

    def _marketplace_makes(self, left, boms):
        """Return how many of these kits can be made of what is left of their components: ``{product id: quantity}``.
        As for Odoo, what has no stock is always there, and a kit of nothing else is not."""
        makes = {}
        for kit in self:
            bom = boms[kit]
            made = bom.product_uom_id._compute_quantity(bom.product_qty, kit.uom_id, round=False)
            takes = kit._marketplace_takes(made, boms).items()
            ratios = [left[part.id] / amount for part, amount in takes if amount and is_storable(part)]
            makes[kit.id] = made * min(ratios, default=0.0)
        return makes

    def _mark_marketplace_kits(self, bills, look_again=False):
        """Mark the kits of these bills of materials, or lines of such, and all they are made of.

        :param look_again: who began before does not know what they are made of by now
        """
        # sudo: who makes kits may not see all of their products
        bills = bills.sudo()
        kits = (bills.bom_id if "bom_id" in bills._fields else bills).filtered(lambda bom: bom.type == "phantom")
        products = kits.product_tmpl_id.product_variant_ids | kits.bom_line_ids.product_id
        self.env["marketplace.outbox"]._mark("stock", look_again=look_again, product=products.ids)
