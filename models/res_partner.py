# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields, models
from odoo.tools import plaintext2html

PREFIX = "retailer_"


class ResPartner(models.Model):
    _inherit = "res.partner"

    # ------------------------------------------------------------------ fields

    cartona_id = fields.Char(
        string="Marketplace Customer ID", copy=False, readonly=True, help="retailer_ and the marketplace's own code."
    )
    marketplace_config_id = fields.Many2one(
        "marketplace.config",
        string="Customer of",
        copy=False,
        readonly=True,
        ondelete="restrict",
        help="The account whose credentials the customer's code belongs to.",
    )

    def init(self):
        result = super().init()
        # Partial: most rows of a grown database have nothing to do with a marketplace.
        self.env.cr.execute(
            "CREATE UNIQUE INDEX IF NOT EXISTS res_partner_cartona_id_unique "
            "ON res_partner (marketplace_config_id, cartona_id) WHERE cartona_id IS NOT NULL"
        )
        return result

    # ------------------------------------------------------------------ business

    def _marketplace_resolve(self, config, customers):
        """Return ``{customer code: partner}`` for neutral customers, creating those that are new, in one batch.

        Customers are known by the marketplace's code alone: two shops of one name stay two.
        """
        owner = config._credentials()
        codes = {customer.code: customer for customer in customers if customer.code}
        found = self.with_context(active_test=False).search(
            [
                ("marketplace_config_id", "=", owner.id),
                ("cartona_id", "in", [PREFIX + code for code in codes]),
            ]
        )
        partners = {partner.cartona_id[len(PREFIX) :]: partner for partner in found}
        missing = [customer for code, customer in codes.items() if code not in partners]
        created = self.create([self._prepare_marketplace_partner(owner, customer) for customer in missing])
        partners.update({customer.code: partner for customer, partner in zip(missing, created, strict=True)})
        return partners

    def _prepare_marketplace_partner(self, owner, customer):
        """Return the values of a new customer. Extend this to take over more."""
        notes = [text for text in (customer.notes, customer.phone2, customer.route_code) if text]
        return {
            "name": customer.name or customer.code,
            "cartona_id": PREFIX + customer.code,
            "marketplace_config_id": owner.id,
            "phone": customer.phone,
            "email": customer.email,
            "street": customer.street,
            "comment": plaintext2html("\n".join(notes)) if notes else False,
            "company_id": owner.company_id.id,
            "customer_rank": 1,
        }
