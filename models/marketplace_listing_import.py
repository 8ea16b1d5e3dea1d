# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from collections import Counter

from odoo import _, models
from odoo.exceptions import ValidationError


class MarketplaceListing(models.Model):
    """What an import of listings needs besides: Odoo shows these messages beside the rows they are about. When a row is
    refused, nothing of the file is imported."""

    _inherit = "marketplace.listing"

    def _load_records_create(self, vals_list):
        # False is an empty cell.
        vals_list = [dict(vals, pack_size=1.0) if vals.get("pack_size") is False else vals for vals in vals_list]
        account = self.env.context.get("default_config_id")
        self._check_free([(vals.get("config_id", account), vals.get("external_id")) for vals in vals_list])
        return super()._load_records_create(vals_list)

    def _load_records_write(self, values):
        if values.get("external_id", self.external_id) != self.external_id:
            self._check_free([(values.get("config_id", self.config_id.id), values["external_id"])])
        return super()._load_records_write(values)

    def _check_free(self, places):
        """Refuse ``(account id, external id)`` that are listed already, by the name of what has them.

        :raise ValidationError: at the first that is taken, or is there twice
        """
        accounts, external_ids = zip(*places, strict=True)
        found = self.with_context(active_test=False).search(
            [("config_id", "in", accounts), ("external_id", "in", external_ids)]
        )
        taken = {(listing.config_id.id, listing.external_id): listing for listing in found}
        for place, times in Counter(places).items():
            if place in taken:
                raise ValidationError(self._taken_message(place[1], taken[place]))
            if times > 1:
                raise ValidationError(_("The external product ID %s is there twice.", place[1]))

    def _taken_message(self, external_id, listing):
        names = {
            "id": external_id,
            "account": listing.config_id.name,
            "product": listing.product_id.display_name or "?",
        }
        if listing.active:
            return _("The external product ID %(id)s is listed at %(account)s already, as %(product)s.", **names)
        return _(
            "The external product ID %(id)s is listed at %(account)s already, as %(product)s, and archived: wake that "
            "listing up instead.",
            **names,
        )
