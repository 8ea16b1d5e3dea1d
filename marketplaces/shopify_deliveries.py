# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from collections import Counter

from odoo import _, models

from ..schemas import RowResult
from ..transport import errors
from . import shopify_documents as documents
from . import shopify_forms as forms


class MarketplaceApiShopify(models.AbstractModel):
    """What was sent, as Shopify's fulfilments."""

    _inherit = "marketplace.api.shopify"

    def _ship(self, config, external_id, package):
        """Make a fulfilment of what the package holds, one for each location that it leaves from. What Shopify knows
        of it already is not told again."""
        units = forms.units_of(package)
        if units is None:
            return RowResult.rejected("", _("Shopify takes whole units only. Deliver whole units, or tell it by hand."))
        order = {"id": forms.gid("Order", external_id)}
        fulfillments, packed = self._fulfillments(config, order), Counter(units)
        units -= forms.told_of(package, units, fulfillments)
        there = self._fulfillment_orders(config, order)
        by_location, left = forms.allotted(units, there)
        if forms.is_held_back(left, there):
            return RowResult.rejected(
                "", _("Shopify holds this order back. Release the hold in the shop, then tell the delivery again.")
            )
        if left and not (left == units and forms.stands_as_sent(packed, fulfillments)):
            return RowResult.rejected("", _("Shopify has less of this order left to fulfil than was delivered."))
        for wanted in by_location.values():
            tracking = {"number": package.tracking, "company": package.carrier, "url": package.tracking_url}
            values = {"lineItemsByFulfillmentOrder": wanted, "notifyCustomer": config.shopify_notify}
            if any(tracking.values()):
                values["trackingInfo"] = {key: value for key, value in tracking.items() if value}
            answer = self._ask_on(config, "ship", documents.FULFILL, {"fulfillment": values})["fulfillmentCreate"]
            self._raise_refusals(answer["userErrors"])
        return RowResult.accepted()

    def _fulfillments(self, config, variables):
        order = self._ask(config, "ship", documents.FULFILLMENTS, variables, 0)["order"]
        if not order:
            raise errors.RequestRejected(_("Shopify has no such order."))
        rows = order["fulfillments"]
        if (order["fulfillmentsCount"] or {}).get("count", 0) > len(rows):
            raise errors.RequestRejected(
                _(
                    "Shopify has more deliveries of this order than it shows, %s; so nobody knows whether it has this "
                    "one. Tell it by hand.",
                    len(rows),
                )
            )
        contents = self._contents(config, [row["id"] for row in rows])
        return [{**row, **contents[row["id"]]} for row in rows if row["id"] in contents]

    def _contents(self, config, ids):
        """Return what fulfilments hold, ``{id: fulfilment}``."""
        found, size = [], documents.CONTENTS_PAGE
        for start in range(0, len(ids), size):
            part = ids[start : start + size]
            found += filter(None, self._ask_on(config, "ship", documents.CONTENTS, {"ids": part}, 0)["nodes"])
        return {row["id"]: self._complete(config, "ship", row, "fulfillmentLineItems") for row in found}

    def _fulfillment_orders(self, config, variables):
        rows, after, more = [], None, True
        while more:
            place = {**variables, "after": after}
            order = self._ask_on(config, "ship", documents.FULFILLMENT_ORDERS, place, 0)["order"]
            page = order["fulfillmentOrders"]
            rows += page["nodes"]
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        return [self._complete(config, "ship", row, "lineItems") for row in rows]
