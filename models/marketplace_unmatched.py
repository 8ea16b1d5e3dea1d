# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from collections import Counter, defaultdict
from datetime import timedelta

from odoo import _, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..compat import check_access, format_list
from ..schemas import RemoteProduct

# What was in no catalogue that was read for so long is sold there no more.
GONE = timedelta(days=1)
# Rows that one step finds suggestions for.
SUGGEST_ROWS = 1000
# Why something is refused that one product fits, of which nothing else may be listed then.
FITTING = ("double", "pack")
# More products than these with one reference tell nobody anything.
MOST_CANDIDATES = 20
# Keeps what was refused; a suggestion stays as long as its product is unknown. The size of a pack is the marketplace's
# word until a person has had one on it.
STORE = """
    INSERT INTO marketplace_unmatched AS old
                (config_id, company_id, external_id, name, sku, barcode, unit, unit_count, reason,
                 suggestion_id, pack_size, seen_at, create_uid, create_date, write_uid, write_date)
         SELECT %(config)s, %(company)s, external_id, nullif(name, ''), nullif(sku, ''),
                nullif(barcode, ''), nullif(unit, ''), unit_count, reason,
                (SELECT p.id FROM product_product p WHERE p.id = new.suggested_id),
                CASE WHEN round(unit_count::numeric, 6) > 0 THEN round(unit_count::numeric, 6) ELSE 1 END,
                %(now)s, %(user)s, %(now)s, %(user)s, %(now)s
           FROM unnest(%(ids)s, %(names)s, %(skus)s, %(barcodes)s, %(units)s, %(counts)s::float8[],
                       %(reasons)s, %(suggested)s::int[])
                AS new (external_id, name, sku, barcode, unit, unit_count, reason, suggested_id)
    ON CONFLICT (config_id, external_id) DO UPDATE
            SET name = EXCLUDED.name, sku = EXCLUDED.sku, barcode = EXCLUDED.barcode,
                unit = EXCLUDED.unit, unit_count = EXCLUDED.unit_count, reason = EXCLUDED.reason,
                seen_at = EXCLUDED.seen_at,
                suggestion_id = CASE EXCLUDED.reason WHEN 'unknown' THEN old.suggestion_id
                                                     ELSE EXCLUDED.suggestion_id END,
                pack_size = CASE WHEN old.product_id IS NULL AND old.pack_size = round(old.unit_count::numeric, 6)
                                 THEN EXCLUDED.pack_size ELSE old.pack_size END
      RETURNING external_id, id, reason = 'unknown' AND suggestion_id IS NOT NULL
"""


class MarketplaceUnmatched(models.Model):
    """A product of a marketplace that matching refused to list: why, what it may be here, and what a person chose.

    Matching adds and refreshes the rows and never touches a person's choice. A row goes when its product is listed,
    whoever does that, and when the marketplace has it no more.
    """

    _name = "marketplace.unmatched"
    _inherit = "marketplace.owned"
    _description = "Unmatched Marketplace Product"
    _rec_names_search = ["external_id", "name", "sku"]
    _order = "config_id, reason, id"
    _check_company_auto = True

    # ------------------------------------------------------------------ fields

    config_id = fields.Many2one(
        "marketplace.config", string="Account", required=True, readonly=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="config_id.company_id", store=True)
    external_id = fields.Char(string="External Product ID", required=True, readonly=True)
    name = fields.Char(string="Name at the Marketplace", readonly=True)
    sku = fields.Char(string="Reference", readonly=True)
    barcode = fields.Char(readonly=True)
    unit = fields.Char(string="Selling Unit", readonly=True)
    unit_count = fields.Float(string="Units in It", readonly=True, help="What the marketplace says is in one of these.")
    seen_at = fields.Datetime(string="Last Seen", readonly=True, help="When it was in the catalogue that was read.")
    reason = fields.Selection(
        [("unknown", "Not found"), ("ambiguous", "Several fit"), ("double", "Taken"), ("pack", "Several in one")],
        required=True,
        readonly=True,
    )
    explanation = fields.Char(compute="_compute_explanation")
    held_count = fields.Integer(string="Orders Waiting", compute="_compute_held_count")
    candidate_ids = fields.Many2many(
        "product.product",
        "marketplace_unmatched_candidate_rel",
        "unmatched_id",
        "product_id",
        string="It May Be",
        readonly=True,
        context={"active_test": False},
        help="The products that fit, or those whose names are most like it.",
    )
    suggestion_id = fields.Many2one(
        "product.product",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
        help="The product that fits, or that is not listed yet and whose name is most like it. Nobody has checked it.",
    )

    # what a person chooses
    product_id = fields.Many2one(
        "product.product",
        check_company=True,
        ondelete="set null",
        index="btree_not_null",
        help="What it is here. Choose it, then press Link.",
    )
    pack_size = fields.Float(
        default=1.0,
        digits=(16, 6),
        help="How many units of the product here are in one that is sold there. Filled in with what the marketplace "
        "says is in one; 1 where the product here is the whole pack.",
    )

    _sql_constraints = [
        ("external_unique", "UNIQUE (config_id, external_id)", "This external product ID stands here already."),
        ("pack_positive", "CHECK (pack_size > 0)", "A selling unit must hold more than 0 units of the product."),
    ]

    # ------------------------------------------------------------------ compute

    @api.depends("external_id", "name")
    def _compute_display_name(self):
        for row in self:
            row.display_name = f"[{row.external_id}] {row.name or ''}"

    @api.depends("reason", "candidate_ids")
    def _compute_explanation(self):
        rivals = self._rivals()
        hits = self.filtered(lambda row: row.reason == "unknown")._hits()
        for row in self:
            if hits.get(row):
                names = format_list(self.env, hits[row][:3].mapped("display_name"))
                row.explanation = _("%s has its ID, reference or barcode. Link it, or match again.", names)
            elif row.reason == "unknown":
                row.explanation = _("Nothing has its ID, reference or barcode.")
            elif row.reason == "pack":
                row.explanation = _(
                    "%(product)s fits; one unit there holds %(count)s of it. Pack size: %(count)s if the product here "
                    "is a single one, 1 if it is the whole pack.",
                    product=format_list(self.env, row.candidate_ids.mapped("display_name")),
                    count=format(row.unit_count, "g"),
                )
            elif row.reason == "ambiguous":
                row.explanation = _("These have its ID, reference or barcode.")
            else:
                row.explanation = _(
                    "%s fits it too. If both are sold, link it with its pack size.",
                    format_list(self.env, sorted(rivals[row.config_id, row.candidate_ids] - {row.external_id})) or "?",
                )

    def _compute_held_count(self):
        # sudo: who matches products sees how many orders wait for them, without rights on each of them
        lines = self.env["sale.order.line"].sudo()._marketplace_waiting(self.mapped("external_id"))
        orders = {(line.order_id, line.cartona_product_id) for line in lines}
        counts = Counter((order.marketplace_config_id.id, external_id) for order, external_id in orders)
        for row in self:
            row.held_count = counts[row.config_id.id, row.external_id]

    def _hits(self):
        """Return what has the id, the reference or the barcode of these rows now: ``{row: products}``."""
        matching, hits = self.env["marketplace.matching"], {}
        for config, rows in self.grouped("config_id").items():
            remote = {row: row._remote_product() for row in rows}
            candidates = matching._candidates(config, remote.values())
            hits.update({row: matching._hits(product, candidates) for row, product in remote.items()})
        return hits

    def _rivals(self):
        """Return what fits the products that these rows fit: ``{(account, product): {external ids}}``."""
        doubles = self.filtered(lambda row: row.reason == "double")
        account = ("config_id", "in", doubles.config_id.ids)
        rivals = defaultdict(set)
        for listing in self.env["marketplace.listing"].search(
            [account, ("product_id", "in", doubles.candidate_ids.ids)]
        ):
            rivals[listing.config_id, listing.product_id].add(listing.external_id)
        for row in self.search(
            [account, ("reason", "in", FITTING), ("candidate_ids", "in", doubles.candidate_ids.ids)]
        ):
            rivals[row.config_id, row.candidate_ids].add(row.external_id)
        return rivals

    # ------------------------------------------------------------------ actions

    def action_link(self):
        """List the rows as the products that were chosen on them."""
        check_access(self, "write")
        self._refuse(self.filtered(lambda row: not row.product_id), _("Choose the product of these first: %s"))
        self._link()

    def action_accept_suggestion(self):
        """List the rows as what was suggested for them: for the person who has looked. What was chosen on a row goes
        before its suggestion; a product that is listed already, or would be by another row, is no suggestion."""
        check_access(self, "write")
        undecided = self.filtered(lambda row: not row.product_id)
        listed = self.env["marketplace.listing"].search(
            [("config_id", "in", undecided.config_id.ids), ("product_id", "in", undecided.suggestion_id.ids)]
        )
        taken = {(listing.config_id, listing.product_id) for listing in listed}
        wanted = Counter((row.config_id, row.product_id or row.suggestion_id) for row in self)
        doubtful = undecided.filtered(
            lambda row: (
                not row.suggestion_id.active
                or (row.config_id, row.suggestion_id) in taken
                or wanted[row.config_id, row.suggestion_id] > 1
            )
        )
        self._refuse(
            doubtful, _("These have no suggestion, or one that is taken: %s\nChoose their products, or leave them out.")
        )
        for row in undecided:
            row.product_id = row.suggestion_id
        self._link()

    def _refuse(self, rows, message):
        if rows:
            raise UserError(message % format_list(self.env, rows.mapped("display_name")))

    def _link(self):
        matching = self.env["marketplace.matching"]
        for config, rows in self.grouped("config_id").items():
            matching._create_listings(config, [row._prepare_listing_values() for row in rows])

    def _prepare_listing_values(self):
        """Return the values of the row's listing: those that matching would have given it, and the pack size."""
        self.ensure_one()
        matching = self.env["marketplace.matching"]
        values = matching._prepare_listing_values(self.config_id, self._remote_product(), self.product_id)
        return {**values, "pack_size": self.pack_size}

    def _remote_product(self):
        self.ensure_one()
        return RemoteProduct(
            self.external_id, self.name or "", self.sku or "", self.barcode or "", self.unit or "", self.unit_count
        )

    # ------------------------------------------------------------------ business

    def _packs(self, configs, external_ids):
        """Return the places ``{(account id, external id)}`` of which a person has to say how many are in one."""
        rows = self.search(
            [("config_id", "in", configs.ids), ("external_id", "in", external_ids), ("unit_count", "!=", 1)]
        )
        return {(row.config_id.id, row.external_id) for row in rows}

    def _store_ordered(self, config, products):
        """Keep products that were ordered and nobody knows, unless matching has said more of them already."""
        known = self.search([("config_id", "=", config.id), ("external_id", "in", list(products))])
        new = [products[external_id] for external_id in products.keys() - set(known.mapped("external_id"))]
        if new:
            matching = self.env["marketplace.matching"]
            # Even what could be listed waits here: a person, or the next run of matching, lists it.
            judged = [(product, reason or "unknown", found) for product, reason, found in matching._judge(config, new)]
            rows = self._store(config, judged)
            matching._request_suggestions(config, min(rows.ids) - 1)

    def _store(self, config, refused):
        """Keep what was refused, ``[(remote product, reason, products it may be)]``; return the rows.

        Suggestions stay as long as the product is unknown, until there are new ones.

        In SQL, so that two runs at once and a person who links a row meanwhile can't fail each other.
        """
        refused = sorted(refused, key=lambda one: one[0].external_id)  # two runs lock them in one order
        products, reasons, found = zip(*refused, strict=True)
        self.flush_model()
        suggested = [hits.id if reason == "pack" else None for _product, reason, hits in refused]
        columns = self._prepare_columns(config, products)
        self.env.cr.execute(SQL(STORE, reasons=list(reasons), suggested=suggested, **columns))
        answer = self.env.cr.fetchall()
        stored = {external_id: row_id for external_id, row_id, suggested in answer if not suggested}
        self._set_candidates(
            {
                stored[product.external_id]: candidates[:MOST_CANDIDATES].ids
                for product, candidates in zip(products, found, strict=True)
                if product.external_id in stored
            }
        )
        return self.browse(row_id for _external_id, row_id, _suggested in answer)

    def _prepare_columns(self, config, products):
        """Return the parameters of ``STORE`` that tell what the marketplace says of the products."""
        return {
            "config": config.id,
            "company": config.company_id.id,
            "now": fields.Datetime.now(),
            "user": self.env.uid,
            "ids": [product.external_id for product in products],
            "names": [product.name for product in products],
            "skus": [product.sku for product in products],
            "barcodes": [product.barcode for product in products],
            "units": [product.unit for product in products],
            "counts": [product.unit_count for product in products],
        }

    def _set_candidates(self, candidates):
        """Have ``{row id: product ids}`` replace what the rows, which are locked, may be."""
        pairs = [(row_id, product_id) for row_id, product_ids in candidates.items() for product_id in product_ids]
        self.env.cr.execute(
            SQL("DELETE FROM marketplace_unmatched_candidate_rel WHERE unmatched_id = ANY(%s)", list(candidates))
        )
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO marketplace_unmatched_candidate_rel (unmatched_id, product_id)
                     SELECT new.* FROM unnest(%s::int[], %s::int[]) AS new (unmatched_id, product_id)
                       JOIN product_product p ON p.id = new.product_id
                """,
                [row_id for row_id, _product_id in pairs],
                [product_id for _row_id, product_id in pairs],
            )
        )
        self.invalidate_model()

    def _forget(self, listings):
        """Remove the rows whose products are listed now."""
        places = {(listing.config_id, listing.external_id) for listing in listings}
        rows = self.search(
            [
                ("config_id", "in", listings.config_id.ids),
                ("external_id", "in", [external_id for _config, external_id in places]),
            ]
        )
        rows.filtered(lambda row: (row.config_id, row.external_id) in places).unlink()

    def _tidy(self, config, since):
        """After the catalogue was read to its end, remove what is in it no more, and what was listed while matching
        looked at it. What an order waits for stays.

        :param since: when the reading began: an account that was paused meanwhile may take days for it
        """
        waiting = self.env["sale.order.line"]._marketplace_waiting()
        waiting = waiting.filtered(lambda line: line.order_id.marketplace_config_id == config)
        self.env.cr.execute(
            SQL(
                """
                SELECT id FROM marketplace_unmatched u
                 WHERE config_id = %s AND (seen_at < %s AND NOT external_id = ANY(%s) OR EXISTS (
                           SELECT 1 FROM marketplace_listing l
                            WHERE l.config_id = u.config_id AND l.external_id = u.external_id
                              AND l.product_id IS NOT NULL))
                """,
                config.id,
                min(fields.Datetime.now() - GONE, since),
                waiting.mapped("cartona_product_id"),
            )
        )
        self.browse(row_id for (row_id,) in self.env.cr.fetchall()).unlink()

    def _find_suggestions(self, config, after):
        """Return the products that the next unknown ones, up to a thousand, may be: ``{row id: product ids}``."""
        rows = self.search(self._unknown_domain(config, after), order="id", limit=SUGGEST_ROWS)
        found = self.env["marketplace.matching"]._suggest(config, [(row, row.name or "") for row in rows])
        hits = rows._hits()
        # What alone has its id, reference or barcode by now goes before what has a name like it.
        return {
            row.id: (hits[row] | products if len(hits[row]) == 1 else products).ids for row, products in found.items()
        }

    def _count_unknown(self, config, after):
        return self.search_count(self._unknown_domain(config, after))

    def _unknown_domain(self, config, after):
        return [("config_id", "=", config.id), ("reason", "=", "unknown"), ("id", ">", after)]

    def _store_suggestions(self, found):
        """Keep ``{row id: product ids, the best first}`` on the rows that are still there, and still unknown."""
        self.env.cr.execute(
            SQL(
                """
                   UPDATE marketplace_unmatched u
                      SET suggestion_id = p.id
                     FROM unnest(%s::int[], %s::int[]) AS new (id, product_id)
                LEFT JOIN product_product p ON p.id = new.product_id
                    WHERE u.id = new.id AND u.reason = 'unknown'
                RETURNING u.id
                """,
                list(found),
                [product_ids[0] if product_ids else None for product_ids in found.values()],
            )
        )
        self._set_candidates({row_id: found[row_id] for (row_id,) in self.env.cr.fetchall()})
