# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models

VERSIONS = ("2026-10", "2026-07", "2026-04", "2026-01", "2025-10")


class MarketplaceShopifyLocation(models.Model):
    """A place where a shop keeps its stock, as found when the connection was tested."""

    _name = "marketplace.shopify.location"
    _inherit = "marketplace.owned"
    _description = "Location of a Shopify Shop"
    _log_access = False

    config_id = fields.Many2one("marketplace.config", required=True, ondelete="cascade", index=True)
    external_id = fields.Char(required=True)
    name = fields.Char(required=True)

    _sql_constraints = [("external_id_unique", "UNIQUE (config_id, external_id)", "This location is known already.")]


class MarketplaceConfig(models.Model):
    """What an account at Shopify is set to besides."""

    _inherit = "marketplace.config"

    shopify_api_version = fields.Selection(
        [(version, version) for version in VERSIONS],
        string="API Version",
        default=VERSIONS[0],
        help="Shopify keeps each version for a year. A newer one is chosen here when the shop announces it.",
    )
    shopify_location_id = fields.Many2one(
        "marketplace.shopify.location",
        string="Location",
        domain="[('config_id', '=', id)]",
        copy=False,
        ondelete="restrict",
        help="The shop's location whose stock is sent. Test the connection to see them all.",
    )
    shopify_notify = fields.Boolean(
        string="Shopify Writes to Customers", default=True, help="When an order is sent, or cancelled here."
    )
    shopify_refund = fields.Boolean(
        string="Refund when Cancelled",
        help="When an order is cancelled here, Shopify pays back what the customer has paid, the way it was paid. "
        "Otherwise a person refunds it in the shop.",
    )

    shopify_elsewhere = fields.Boolean(
        string="Deliver for Other Locations",
        help="Orders that Shopify assigns to other locations than the chosen one are delivered from here as well. "
        "Otherwise they are held, since somebody else sends them.",
    )

    def _stock_place_fields(self):
        return {*super()._stock_place_fields(), "shopify_location_id"}

    def _shopify_version(self):
        return self._credentials().shopify_api_version or VERSIONS[0]

    def _token_url(self):
        """Shopify gives tokens at the shop's own address, to an app that has no token for good."""
        if self.code != "shopify" or self.token_url:
            return super()._token_url()
        sudo = self.sudo()._credentials()
        return "" if sudo.auth_token else f"{(sudo.base_url or '').rstrip('/')}/admin/oauth/access_token"

    def _webhook_secrets(self):
        """Shopify signs with the app's client secret, unless another secret was entered."""
        secrets = super()._webhook_secrets()
        if self.code != "shopify" or self.sudo().webhook_secret:
            return secrets
        client = self.sudo()._credentials().client_secret
        return [client, *secrets] if client else secrets

    def _unmapped_places(self):
        """While no location is chosen, the stock of none is sent."""
        places = super()._unmapped_places()
        if self.code != "shopify" or not self.sync_stock or self.shopify_location_id:
            return places
        known = self.env["marketplace.shopify.location"].search([("config_id", "=", self.id)])
        return [*places, *(known.mapped("name") or [_("any location")])]

    def _take_connection(self, found):
        """Keep the shop's locations, and choose the one there is."""
        todo = super()._take_connection(found)
        if self.code != "shopify":
            return todo
        known = self.env["marketplace.shopify.location"].search([("config_id", "=", self.id)])
        by_id = {location.external_id: location for location in known}
        for external_id, name in found["locations"]:
            if external_id in by_id:
                by_id.pop(external_id).name = name
            else:
                known |= known.create({"config_id": self.id, "external_id": external_id, "name": name})
        gone = known.browse([location.id for location in by_id.values()])
        (gone - self.shopify_location_id).unlink()
        left = known - gone
        if not self.shopify_location_id and len(left) == 1:
            self.shopify_location_id = left
        if self.sync_stock and self.shopify_location_id not in left:
            todo.append(_("Choose the location whose stock is sent."))
        return todo
