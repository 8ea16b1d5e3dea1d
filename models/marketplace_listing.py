# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import psycopg2.errors

from odoo import _, api, fields, models, tools
from odoo.exceptions import UserError
from odoo.tools import SQL, mute_logger

from ..compat import check_access, format_list

# What failed stays due, so that it goes with the next change or a retry; until then it waits for a person.
DUE = "(price_due OR stock_due OR publication_due) AND state != 'failed'"
DUE_MARKS = ("price_due", "stock_due", "publication_due")

# Settings that change what is offered.
OFFER_FIELDS = {"config_id", "product_id", "external_id", "pack_size", "active"}

NEVER_PUSHED = {
    "pushed_quantity": 0,
    "pushed_publication": False,
    "price_pushed_at": False,
    "quantity_pushed_at": False,
    "publication_pushed_at": False,
    "doubt_since": False,
}


class MarketplaceListing(models.Model):
    """A variant on sale at an account: what it is called there, in which unit it is sold, what the marketplace has of
    it and what it should have.

    The due marks, the pushed values and the error belong to the sender of the offers lane: everybody else leaves a row
    in the outbox.
    """

    _name = "marketplace.listing"
    _inherit = ["marketplace.failure", "marketplace.owned"]
    _description = "Marketplace Listing"
    _rec_names_search = ["external_id", "name", "product_id"]
    _order = "id"  # by the account, all of them would be sorted for each page
    _check_company_auto = True

    # ------------------------------------------------------------------ fields

    config_id = fields.Many2one("marketplace.config", string="Account", required=True, ondelete="cascade")
    company_id = fields.Many2one(related="config_id.company_id", store=True)
    product_id = fields.Many2one(
        "product.product",
        index=True,
        ondelete="set null",
        check_company=True,
        help="Empty once the product is deleted here: the marketplace is then told that it is no longer sold.",
    )
    product_tmpl_id = fields.Many2one(related="product_id.product_tmpl_id", store=True, index=True)
    external_id = fields.Char(string="External Product ID", required=True)
    name = fields.Char(string="Name at the Marketplace")
    unit = fields.Char(string="Selling Unit", help="What the marketplace sells one of: box, piece, kg ...")
    pack_size = fields.Float(default=1.0, digits=(16, 6), help="How many units of the product are in one selling unit.")
    active = fields.Boolean(default=True)
    remote = fields.Json(readonly=True, copy=False, help="What else the marketplace names the product by in a push.")

    # owned by the sender
    state = fields.Selection(
        [("new", "Never sent"), ("waiting", "Waiting"), ("synced", "Synced"), ("failed", "Failed")],
        default="new",
        required=True,
        readonly=True,
        copy=False,
    )
    price_due = fields.Boolean(readonly=True, copy=False)
    stock_due = fields.Boolean(readonly=True, copy=False)
    publication_due = fields.Boolean(readonly=True, copy=False)
    wide_due = fields.Boolean(
        readonly=True,
        copy=False,
        help="Due only because of a change of the whole account: goes after what changed itself.",
    )
    forced = fields.Boolean(readonly=True, copy=False, help="Sends even what equals the value sent last.")
    due_since = fields.Datetime(readonly=True, copy=False, help="When the oldest change was made that waits here.")
    pushed_at = fields.Datetime(string="Last Push", readonly=True, copy=False)
    pushed_lag = fields.Float(
        string="Lag (s)",
        readonly=True,
        copy=False,
        digits=(12, 3),
        help="Seconds from the change to the marketplace's word that it has it, at the last push.",
    )
    attempts = fields.Integer(readonly=True, copy=False)
    next_attempt = fields.Datetime(readonly=True, copy=False)
    error_code = fields.Char(readonly=True, copy=False)
    last_error = fields.Char(readonly=True, copy=False)

    _sql_constraints = [
        ("external_unique", "UNIQUE (config_id, external_id)", "This external product ID is listed already."),
        ("pack_positive", "CHECK (pack_size > 0)", "A selling unit must hold more than 0 units of the product."),
    ]

    def init(self):
        tools.create_index(
            self.env.cr,
            "marketplace_listing_due_idx",
            self._table,
            ["config_id", "(wide_due IS TRUE)", "next_attempt NULLS FIRST", "id"],
            where=DUE,
        )
        # The dashboard counts by state; of 400,000 rows it then reads this alone, a twentieth of the table.
        tools.create_index(
            self.env.cr, "marketplace_listing_state_idx", self._table, ["config_id", "state"], where="active"
        )
        tools.create_index(
            self.env.cr,
            "marketplace_listing_pushed_idx",
            self._table,
            ["config_id", "pushed_at"],
            where="pushed_at IS NOT NULL",
        )
        tools.create_index(
            self.env.cr, "marketplace_listing_failed_idx", self._table, ["config_id"], where="state = 'failed'"
        )

    # ------------------------------------------------------------------ compute

    @api.depends("external_id", "product_id")
    def _compute_display_name(self):
        for listing in self:
            listing.display_name = f"[{listing.external_id}] {listing.product_id.display_name or ''}"

    # ------------------------------------------------------------------ CRUD

    @api.model_create_multi
    def create(self, vals_list):
        listings = super().create(vals_list)
        listings._forget_unmatched()
        listings._enable_products()
        listings._request_sync()
        listings._release_orders()
        return listings

    def _wake_as(self, values):
        """List a product under an id whose listing has lost its own: ``values`` as for a new listing."""
        self.write({"pack_size": 1.0, **values, "active": True})
        self._forget_unmatched()
        self._enable_products()

    def _forget_unmatched(self):
        # sudo: who lists a product by its id needs no rights on what matching has left
        self.env["marketplace.unmatched"].sudo()._forget(self)

    def _enable_products(self):
        """Put on sale what is listed for the first time. What somebody took off sale elsewhere stays off."""
        disabled = self.product_tmpl_id.filtered(lambda template: not template.marketplace_sync_enabled)
        others = self.with_context(active_test=False).search(
            [("product_tmpl_id", "in", disabled.ids), ("id", "not in", self.ids)]
        )
        # In the name of matching: it goes on sale where it was listed, and not wherever its external id is known.
        # sudo: who may list a product may thereby put it on sale
        products_sudo = (disabled - others.product_tmpl_id).sudo().with_context(marketplace_matching=True)
        products_sudo.marketplace_sync_enabled = True

    def write(self, vals):
        moved = self.filtered(lambda listing: listing._changes(vals, {"config_id", "external_id"}))
        left = [
            (listing, {"config_id": listing.config_id.id, "external_id": listing.external_id})
            for listing in moved
            if listing._is_shown()
        ]
        changed = self.filtered(lambda listing: listing._changes(vals, OFFER_FIELDS))
        anew = self.filtered(lambda listing: listing._changes(vals, {"config_id", "product_id"}))
        result = super().write(vals)
        if anew:
            # Who changes this product at the moment may not see that it is listed, see marketplace_second_look.py.
            super(MarketplaceListing, anew).write({"state": "new"})
        if "remote" not in vals:
            # It names what stood under the old id: sent with the new one, the price would go to the old one's offer.
            super(MarketplaceListing, moved).write({"remote": False})
        for listing, place in left:
            listing._leave_behind(place)
            super(MarketplaceListing, listing).write(NEVER_PUSHED)  # nothing is known of the new id
        if {"config_id", "external_id"} & vals.keys():
            self._forget_unmatched()
        if changed:
            changed._request_sync(force=True)
        if {"product_id", "external_id"} & vals.keys():
            changed._release_orders()
        return result

    def _changes(self, vals, names):
        """Tell whether ``vals`` are news of the fields ``names``: an import writes everything, changed or not."""
        self.ensure_one()
        current = self._convert_to_write({name: self[name] for name in names & vals.keys()})
        return any(value != vals[name] for name, value in current.items())

    @api.ondelete(at_uninstall=False)
    def _unlink_except_on_sale(self):
        for listing in self:
            if listing._is_shown():
                raise UserError(
                    _(
                        "%s is, or may be, on sale at the marketplace. Archive the listing, so that the marketplace is "
                        "told that it is sold out; delete it after that.",
                        listing.display_name,
                    )
                )

    # ------------------------------------------------------------------ actions

    def action_sync(self):
        """Send the current price and stock again, whether they changed or not."""
        check_access(self, "write")
        draft = self.config_id.filtered(lambda config: config.state == "draft")
        if draft:
            raise UserError(_("%s is not live yet. Start it first.", format_list(self.env, draft.mapped("name"))))
        self._request_sync(force=True)

    def _is_shown(self):
        """Tell whether the marketplace has something of us to sell under this id, or may have it for all we know."""
        self.ensure_one()
        return bool(self.pushed_quantity or self.pushed_publication == "on" or self.doubt_since)

    def _count_shown(self, config):
        """Return of how many products of the account that is so."""
        shown = [
            "|",
            "|",
            ("pushed_quantity", "!=", 0),
            ("pushed_publication", "=", "on"),
            ("doubt_since", "!=", False),
        ]
        return self.with_context(active_test=False).search_count([("config_id", "=", config.id), *shown])

    def _leave_behind(self, place):
        """Have what is still on sale under the former id, or at the former account, taken off."""
        self.ensure_one()
        self.flush_recordset()
        former = self.copy({"product_id": False, "active": False, **place})
        shown = ("pushed_quantity", "pushed_publication", "doubt_since")
        former.write({name: self[name] for name in shown})

    # ------------------------------------------------------------------ business: asking for a push

    def _request_sync(self, force=False):
        """Leave it to the sender to look at these listings; ``force`` sends even what has not changed."""
        self.env["marketplace.outbox"]._mark("price", "stock", "publication", listing=self.ids, force=force)

    def _release_orders(self):
        """Look again at the held orders that wait for these products to be known."""
        listed = self.filtered("product_id")
        # sudo: who may list a product may thereby complete orders, without rights on them
        skus = [sku for sku in listed.product_id.mapped("default_code") if sku]
        lines = self.env["sale.order.line"].sudo()._marketplace_waiting(listed.mapped("external_id"), skus)
        lines = lines.filtered(lambda line: line.order_id.marketplace_config_id in listed.config_id)
        waiting = lines.order_id.filtered("marketplace_hold")
        if waiting:
            # Listing a product fails for nothing that an order lacks.
            waiting._marketplace_documents()._replayable().action_replay()

    def _ensure_for_products(self, products, configs=None, new_id=False):
        """List the products that have an external id and are enabled, at every account that goes by this id, or at
        those of ``configs`` that do; return the new listings. What matching has seen to hold several units waits there
        for a person.

        :param bool new_id: the id was entered just now. A listing that a person archived wakes up for that, and not
            because sync was switched off and on again
        """
        wanted = products.filtered(lambda product: product.cartona_id and product.marketplace_sync_enabled)
        wanted = wanted.sorted(lambda product: not product.active)  # one that is sold goes before one that was
        if configs is None:
            configs = self.env["marketplace.config"].search([])
        configs = configs.filtered("use_cartona_id")
        if not wanted or not configs:
            return self.browse()
        known = self.with_context(active_test=False).search(
            [("config_id", "in", configs.ids), ("external_id", "in", wanted.mapped("cartona_id"))]
        )
        taken = {(listing.config_id.id, listing.external_id) for listing in known}
        taken |= self.env["marketplace.unmatched"]._packs(configs, wanted.mapped("cartona_id"))
        units = self._units_of(configs, wanted.mapped("cartona_id"))
        by_id = {product.cartona_id: product for product in reversed(wanted)}
        for listing in known:
            product = by_id[listing.external_id]
            allowed = not product.company_id or product.company_id in listing.company_id.parent_ids
            free = listing.product_id.cartona_id != listing.external_id or listing.product_id == product and new_id
            successor = product.active and not listing.product_id.active
            if allowed and (not listing.active and free or listing.active and successor):
                listing.write({"product_id": product.id, "active": True})
        values = []
        for config in configs:
            for product in wanted:
                place = (config.id, product.cartona_id)
                if place in taken or product.company_id and product.company_id not in config.company_id.parent_ids:
                    continue
                taken.add(place)  # two products with one id: the first has it
                unit = units.get((config._credentials().id, product.cartona_id), {})
                values.append(
                    {"config_id": config.id, "product_id": product.id, "external_id": product.cartona_id, **unit}
                )
        return self._create_missing(values) if values else self.browse()

    def _units_of(self, configs, external_ids):
        """Return what one of a product is where accounts share credentials, and so the catalogue, as it is listed at
        one of them: ``{(account with the credentials, external id): {"unit": name, "pack_size": units}}``."""
        accounts = (
            configs.browse().union(*(config._credential_group() for config in configs)).with_context(active_test=False)
        )
        # sudo: they may be another's; what one of a product is concerns all of them
        found = (
            self.sudo()
            .with_context(active_test=False)
            .search(
                [("config_id", "in", accounts.ids), ("external_id", "in", external_ids), ("product_id", "!=", False)]
            )
        )
        return {
            (listing.config_id._credentials().id, listing.external_id): {
                "unit": listing.unit,
                "pack_size": listing.pack_size,
            }
            for listing in found
        }

    def _create_missing(self, values):
        """Create the listings, but for those that somebody else is making at this moment: whoever enters an external id
        does not fail because the catalogue is just being matched."""
        try:
            with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                return self.create(values)
        except psycopg2.errors.UniqueViolation:
            self.env.invalidate_all()
            if len(values) == 1:
                return self.browse()
        return self.union(*[self._create_missing([one]) for one in values])

    @api.model
    def _failed_domain(self):
        """Of what is archived, that which may be on sale there still."""
        shown = ["|", ("pushed_quantity", ">", 0), "|", ("pushed_publication", "=", "on"), ("doubt_since", "!=", False)]
        return [*super()._failed_domain(), "|", ("active", "=", True), *shown]

    def _try_again(self):
        self._request_sync()

    # ------------------------------------------------------------------ helpers of the sender

    def _due_ids(self, config, limit):
        """Return ids of listings that are due and may be tried now, what changed by itself before
        what a change of the whole account touches, and what failed before at last."""
        self.env.cr.execute(
            SQL(
                """
                SELECT id FROM marketplace_listing
                 WHERE config_id = %s AND %s
                   AND push_id IS NULL AND (next_attempt IS NULL OR next_attempt <= now() at time zone 'utc')
              ORDER BY (wide_due IS TRUE), next_attempt NULLS FIRST, id LIMIT %s
                """,
                config.id,
                SQL(DUE),
                limit,
            )
        )
        return [row[0] for row in self.env.cr.fetchall()]

    def _next_due(self, config):
        """Return when the next due listing may be tried, ``None`` when none is due."""
        self.env.cr.execute(
            SQL(
                """
                (SELECT now() at time zone 'utc' FROM marketplace_listing
                  WHERE config_id = %(account)s AND %(due)s AND push_id IS NULL AND next_attempt IS NULL
                  LIMIT 1)
                UNION ALL
                (SELECT next_attempt FROM marketplace_listing
                  WHERE config_id = %(account)s AND %(due)s AND push_id IS NULL AND next_attempt IS NOT NULL
               ORDER BY next_attempt LIMIT 1)
                """,
                account=config.id,
                due=SQL(DUE),
            )
        )
        return min((row[0] for row in self.env.cr.fetchall()), default=None)

    def _settle(self):
        """Nothing to send: the marketplace already has what is true."""
        self.write(
            {
                "price_due": False,
                "stock_due": False,
                "publication_due": False,
                "wide_due": False,
                "forced": False,
                "due_since": False,
                "state": "synced",
                "attempts": 0,
                "next_attempt": False,
                "error_code": False,
                "last_error": False,
            }
        )

    def _store_accepted(self, rows):
        """Note what the marketplace has taken: ``rows`` as they were sent. One statement for a whole batch.

        It is known as of when the batch was begun: had the account moved meanwhile, it would stand at the former place.
        """
        if not rows:
            return
        self.env.cr.execute(
            SQL(
                """
                UPDATE marketplace_listing l
                   SET pushed_price = coalesce(v.price, l.pushed_price),
                       price_pushed_at = CASE WHEN v.price IS NULL THEN l.price_pushed_at ELSE v.begun END,
                       pushed_quantity = coalesce(v.quantity, l.pushed_quantity),
                       quantity_pushed_at = CASE WHEN v.quantity IS NULL THEN l.quantity_pushed_at ELSE v.begun END,
                       pushed_publication = CASE v.published WHEN TRUE THEN 'on' WHEN FALSE THEN 'off'
                                                 ELSE l.pushed_publication END,
                       publication_pushed_at =
                           CASE WHEN v.published IS NULL THEN l.publication_pushed_at ELSE v.begun END,
                       doubt_since = CASE WHEN v.quantity IS NULL AND v.published IS NULL THEN l.doubt_since END,
                       pushed_at = v.moment,
                       pushed_lag = coalesce(extract(epoch FROM v.moment - l.due_since), l.pushed_lag),
                       due_since = NULL,
                       price_due = FALSE, stock_due = FALSE, publication_due = FALSE, wide_due = FALSE, forced = FALSE,
                       state = 'synced', attempts = 0, next_attempt = NULL, error_code = NULL, last_error = NULL
                  FROM (SELECT id, price, quantity, published, moment, coalesce(start, moment) AS begun
                          FROM (SELECT clock_timestamp() at time zone 'utc' AS moment) AS answered,
                               unnest(%s::int[], %s::float8[], %s::int[], %s::bool[], %s::timestamp[])
                            AS u (id, price, quantity, published, start)) v
                 WHERE l.id = v.id
                """,
                [row["listing_id"] for row in rows],
                [row.get("price") for row in rows],
                [row.get("quantity") for row in rows],
                [row.get("published") for row in rows],
                [row.get("begun") for row in rows],
            )
        )
        self.invalidate_model()

    def _note_gone(self):
        """Note that the marketplace does not have the product, so that it sells nothing of it."""
        self.ensure_one()
        self._note_anew()
        self.write({"doubt_since": False, "pushed_quantity": 0})
        if self.pushed_publication == "on":
            self.pushed_publication = False

    def _note_anew(self):
        """Note that what the marketplace had of the product is gone: should it be there again, made anew, it has to be
        told everything."""
        moments = ("price_pushed_at", "quantity_pushed_at", "publication_pushed_at")
        self.write({**dict.fromkeys(moments, False), **dict.fromkeys(DUE_MARKS, True)})

    def _store_result(self, result, max_attempts, retry_time):
        """Note that the marketplace did not take the offer: tried again at ``retry_time``, or left to a person."""
        self.ensure_one()
        attempts = self.attempts + 1
        again = result.outcome == "retry" and attempts < max_attempts
        self.write(
            {
                "state": "waiting" if again else "failed",
                "attempts": attempts,
                "next_attempt": again and retry_time,
                "error_code": result.code,
                "last_error": result.message,
            }
        )
        if not again:
            self.config_id._tell_responsible(
                _("%s refuses prices or stock", self.config_id.name),
                _(
                    "%(listing)s: %(error)s The listings of the account that failed show all of them.",
                    listing=self.display_name,
                    error=result.message,
                ),
                cause="offers",
            )
