# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models
from odoo.exceptions import ValidationError


class MarketplaceListing(models.Model):
    """What an import of listings needs besides. When a row is refused, nothing of the file is imported."""

    _inherit = "marketplace.listing"

    def _convert_records(self, records, log=lambda message: None, **options):
        """What fits several is refused: Odoo's own import warns, and takes the first of them."""

        def refuse(message):
            if message["type"] == "warning" and message["field"] in ("product_id", "config_id"):
                text = _("%s. Write what one of them alone has: its barcode, or its external ID.", message["message"])
                message = {**message, "type": "error", "message": text}
            log(message)

        return super()._convert_records(records, log=refuse, **options)

    def _load_records_create(self, vals_list):
        # False is an empty cell.
        vals_list = [dict(vals, pack_size=1.0) if vals.get("pack_size") is False else vals for vals in vals_list]
        if len(vals_list) == 1:  # where Odoo can't create all rows at once, it tries each, and notes what it says
            self._check_free(vals_list[0])
        return super()._load_records_create(vals_list)

    def _check_free(self, vals):
        """Refuse an id that is listed already, by the name of what has it.

        :raise ValidationError: with what to do
        """
        account = vals.get("config_id") or self.env.context.get("default_config_id")
        listing = self.with_context(active_test=False).search(
            [("config_id", "=", account), ("external_id", "=", vals.get("external_id"))]
        )
        names = {
            "id": listing.external_id,
            "account": listing.config_id.name,
            "product": listing.product_id.display_name or "?",
        }
        if listing.active:
            raise ValidationError(
                _("The external product ID %(id)s is listed at %(account)s already, as %(product)s.", **names)
            )
        if listing:
            raise ValidationError(
                _(
                    "The external product ID %(id)s is listed at %(account)s already, as %(product)s, and archived: "
                    "wake that listing up instead.",
                    **names,
                )
            )
