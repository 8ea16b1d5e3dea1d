# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, api, fields, models, tools

from ..compat import NEGATIVE_OPERATORS, asked_words

USER = "cartona_integration.group_marketplace_user"
# The worst first: what a product with several listings is shown as.
STATES = [
    ("failed", "Failed"),
    ("missing", "Needs mapping"),
    ("waiting", "Waiting"),
    ("synced", "Synced"),
]
LISTING_STATES = {"failed": ("failed",), "waiting": ("new", "waiting"), "synced": ("synced",)}
SUMMARY = {"compute": "_compute_marketplace_state", "groups": USER}


class MarketplaceListing(models.Model):
    _inherit = "marketplace.listing"

    problem = fields.Char(
        string="What to Do",
        compute="_compute_problem",
        help="Why the marketplace does not have what is true here, and what to do about it.",
    )

    def _compute_problem(self):
        """A listing's own error, with the marketplace's code; else what keeps the whole account from sending."""
        troubles = {config: config._trouble() for config in self.filtered(lambda row: row.state != "synced").config_id}
        for listing in self:
            own = self.env["marketplace.api"]._with_code(listing.last_error, listing.error_code)
            listing.problem = own or (listing.state != "synced" and troubles[listing.config_id])

    def _tell_requested(self):
        """Tell the person who asked for a push that it is under way, or what it waits for."""
        troubles = list(dict.fromkeys(filter(None, (config._trouble() for config in self.config_id))))
        words = [_("Queued: %s. Their state stands under Marketplace of the product.", len(self)), *troubles]
        return self.config_id._notify(" ".join(words), "warning" if troubles else "info")

    def _summary(self):
        """Return what is said of a product that has these listings, as values of its fields."""
        failed_first = self.sorted(lambda listing: listing.state != "failed")
        states = {kind for kind, kinds in LISTING_STATES.items() if set(kinds) & set(self.mapped("state"))}
        return {
            "marketplace_state": next((kind for kind, _label in STATES if kind in states), False),
            "marketplace_problem": next(filter(None, failed_first.mapped("problem")), False),
            "marketplace_pushed_at": max(filter(None, self.mapped("pushed_at")), default=False),
            "marketplace_external_id": ", ".join(dict.fromkeys(self.mapped("external_id"))),
        }


class ProductProduct(models.Model):
    """What people see of a product's marketplaces: for those who work with marketplaces, and for nobody else."""

    _inherit = "product.product"

    marketplace_state = fields.Selection(STATES, string="Marketplaces", search="_search_marketplace_state", **SUMMARY)
    marketplace_problem = fields.Char(**SUMMARY)
    marketplace_pushed_at = fields.Datetime("Last Push", **SUMMARY)
    marketplace_external_id = fields.Char(
        string="External Product IDs", search="_search_marketplace_external_id", **SUMMARY
    )

    # Depends on nothing by name: the senders write listings all the time, and need not look for products to forget.
    @api.depends_context("uid", "allowed_company_ids")
    def _compute_marketplace_state(self):
        missing = self._marketplace_listed_nowhere()
        off = missing._marketplace_switched_off()
        for product in self:
            product.update(product.marketplace_listing_ids._summary())
            if product in missing:
                product.update(
                    {"marketplace_state": "missing", "marketplace_problem": product._marketplace_missing(off)}
                )

    def _marketplace_listed_nowhere(self):
        """Return those that are to be sold and that no account lists."""
        wanted = self.filtered(
            lambda product: product.product_tmpl_id.marketplace_sync_enabled and not product.marketplace_listing_ids
        )
        # sudo: what another company lists is listed
        if not wanted:
            return wanted
        return wanted - self.env["marketplace.listing"].sudo().search([("product_id", "in", wanted.ids)]).product_id

    def _search_marketplace_state(self, operator, value):
        """Find products of which any listing is in one of these states; ``missing``: that have none and should."""
        wanted = asked_words(value)
        if not wanted:
            every = self._search_marketplace_state("in", [state for state, _label in STATES])
            return every if operator in ("!=", "not in") else ["!", *every]
        leaves = [self._marketplace_state_leaf(state) for state in wanted]
        domain = ["|"] * (len(leaves) - 1) + leaves or [("id", "in", [])]
        return ["!", *domain] if operator in ("!=", "not in") else domain

    def _marketplace_state_leaf(self, state):
        if state == "missing":
            return ("id", "in", self._marketplace_unlisted())
        return ("marketplace_listing_ids", "in", self._marketplace_listings([("state", "in", LISTING_STATES[state])]))

    def _search_marketplace_external_id(self, operator, value):
        """Find products by an id that they have at any account, or would have: the whole id, which an index finds."""
        known = asked_words(value)
        listed = self._marketplace_listings([("external_id", "in", known)])
        found = ["|", ("cartona_id", "in", known), ("marketplace_listing_ids", "in", listed)]
        return ["!", *found] if operator in NEGATIVE_OPERATORS else found

    def _marketplace_listings(self, domain):
        """Return the query of the listings that the user may see, by the accounts, so that an index serves it."""
        accounts = self.env["marketplace.config"].with_context(active_test=False).search([])
        return self.env["marketplace.listing"]._search([("config_id", "in", accounts.ids), *domain])

    def _marketplace_unlisted(self):
        """Return the query of the variants that are to be sold at marketplaces and are listed at none.

        As NOT EXISTS: of 400,000 listings, NOT IN fits into no work memory, and is compared row by row.
        """
        # sudo: what another company lists is listed
        query = self.env["product.product"].sudo()._search([("marketplace_sync_enabled", "=", True)])
        query.add_where(
            "NOT EXISTS (SELECT 1 FROM marketplace_listing AS listed"
            " WHERE listed.product_id = product_product.id AND listed.active)"
        )
        return query

    def _marketplace_switched_off(self):
        """Return those that accounts know, and that somebody has taken off sale by archiving their listings."""
        # Of the accounts that the user may see: nobody else's listing can be unarchived.
        archived = [("product_id", "in", self.ids), ("active", "=", False)]
        listings = self.env["marketplace.listing"].search(archived) if self else self.env["marketplace.listing"]
        # A listing by an id that the product has lost says nothing of the product.
        return listings.filtered(
            lambda row: not row.config_id.use_cartona_id or row.external_id == row.product_id.cartona_id
        ).product_id

    def _marketplace_missing(self, off):
        """Return what is to be done about these, which no account lists; ``off``: those that were switched off."""
        if self <= off:
            return _("Off: its listings are archived. Unarchive one to sell the product again, or switch its sync off.")
        with_id = self.filtered("cartona_id")[:1]
        if with_id:
            return with_id._marketplace_id_in_vain()
        return _(
            "Missing external ID: no account lists this product. Enter its external product ID here, or match it under "
            "Unmatched of the account."
        )

    def _marketplace_id_in_vain(self):
        """Return why the product's external ID lists it nowhere, and what helps."""
        accounts = self.env["marketplace.config"].search([("use_cartona_id", "=", True)])
        if not accounts:
            return _(
                "No account goes by external product IDs. Match it under Unmatched of the account, or turn on Use "
                "External Product ID there."
            )
        Listing = self.env["marketplace.listing"].with_context(active_test=False)
        place = [("config_id", "in", accounts.ids), ("external_id", "=", self.cartona_id)]
        other = Listing.search([*place, ("product_id", "!=", False)], limit=1)
        if other:
            return _(
                "The external product ID %(id)s is listed at %(account)s already, as %(product)s. Correct one of them.",
                id=self.cartona_id,
                account=other.config_id.name,
                product=other.product_id.display_name,
            )
        return _(
            "No account has listed the external product ID %s. Look for it under Unmatched of the account, and link "
            "it there.",
            self.cartona_id,
        )

    def action_open_marketplace_listings(self):
        """Show all listings of these products, archived ones as well."""
        action = self.env["ir.actions.act_window"]._for_xml_id("cartona_integration.marketplace_listing_action")
        return dict(action, domain=[("product_id", "in", self.ids)], context={"active_test": False})


class ProductTemplate(models.Model):
    _inherit = "product.template"

    marketplace_listing_ids = fields.One2many(
        "marketplace.listing", "product_tmpl_id", string="Listings", readonly=True, groups=USER
    )
    marketplace_state = fields.Selection(STATES, string="Marketplaces", search="_search_marketplace_state", **SUMMARY)
    marketplace_problem = fields.Char(**SUMMARY)
    marketplace_pushed_at = fields.Datetime("Last Push", **SUMMARY)
    marketplace_external_id = fields.Char(
        string="External Product IDs", search="_search_marketplace_external_id", **SUMMARY
    )

    def init(self):
        result = super().init()
        tools.create_index(
            self.env.cr,
            "product_template_marketplace_sync_idx",
            self._table,
            ["id"],
            where="marketplace_sync_enabled",
        )
        # What expires is sold no more so many days before: the sweeper asks each minute which numbers there are.
        tools.create_index(
            self.env.cr,
            "product_template_marketplace_delay_idx",
            self._table,
            ["sale_delay"],
            where="sale_delay > 0",
        )
        return result

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_marketplace_state(self):
        nowhere = self.product_variant_ids._marketplace_listed_nowhere()
        off = nowhere._marketplace_switched_off()
        for template in self:
            template.update(template.marketplace_listing_ids._summary())
            unlisted = template.product_variant_ids & nowhere
            if unlisted and template.marketplace_state != "failed":
                missing = unlisted._marketplace_missing(off)
                template.update({"marketplace_state": "missing", "marketplace_problem": missing})

    def _search_marketplace_state(self, operator, value):
        products = self.env["product.product"]
        domain = products._search_marketplace_state(operator, value)
        # A template's own listings are those of all of its variants.
        return [("product_variant_ids", "in", leaf[2]) if leaf[0] == "id" else leaf for leaf in domain]

    def _search_marketplace_external_id(self, operator, value):
        return self.env["product.product"]._search_marketplace_external_id(operator, value)

    def action_open_marketplace_listings(self):
        return self.product_variant_ids.action_open_marketplace_listings()
