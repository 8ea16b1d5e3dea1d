# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
import time
from datetime import timedelta

from odoo import _, api, fields, models
from odoo.tools import float_compare, formatLang

from ..compat import check_access
from ..database import is_of_database, own_transaction, try_transaction_lock
from ..schemas import UNLIMITED
from ..transport.retry import backoff

_logger = logging.getLogger(__name__)

# One job reads the catalogue this long; the next one goes on at the page where it stopped.
AUDIT_SECONDS = 60
# An audit of which nothing was heard for so long has died with its job.
LOST = timedelta(hours=1)
# A marketplace that limits our calls or does not answer is tried so often in a row, and at least each half hour, since
# an audit that waits is not lost.
MAX_ATTEMPTS = 12
LONGEST_WAIT = 1800


class MarketplaceAudit(models.Model):
    """One comparison of a marketplace's catalogue with Odoo: what differs, what it may cost, and what was done.

    What is on its way out is left alone: it will be right in a moment. A few differences are healed at once; many at a
    time mean that something is wrong (a price list imported twice, a warehouse taken away), so a person decides.
    """

    _name = "marketplace.audit"
    _inherit = "marketplace.owned"
    _description = "Marketplace Audit"
    _order = "id desc"
    _rec_name = "create_date"

    config_id = fields.Many2one("marketplace.config", string="Account", required=True, index=True, ondelete="cascade")
    state = fields.Selection(
        [
            ("running", "Running"),
            ("clean", "No difference"),
            ("approval", "Waits for a person"),
            ("healed", "Healed"),
            ("failed", "Failed"),
        ],
        default="running",
        required=True,
        readonly=True,
    )
    cursor = fields.Char(readonly=True)
    compared = fields.Integer(readonly=True, help="Products of the marketplace that are listed here.")
    unlisted = fields.Integer(readonly=True, help="Products of the marketplace that are not listed here.")
    finished_at = fields.Datetime(readonly=True)
    attempts = fields.Integer(readonly=True, help="How often in a row the marketplace could not be asked.")
    next_attempt = fields.Datetime(readonly=True, help="The marketplace can't be asked before.")
    last_error = fields.Char(readonly=True)
    drift_ids = fields.One2many("marketplace.drift", "audit_id", readonly=True)
    drift_count = fields.Integer(compute="_compute_drift")
    currency_id = fields.Many2one(related="config_id.currency_id")
    amount_at_risk = fields.Float(compute="_compute_drift", digits="Product Price")

    @api.depends("drift_ids")
    def _compute_drift(self):
        groups = self.env["marketplace.drift"]._read_group(
            [("audit_id", "in", self.ids)], ["audit_id"], ["__count", "amount_at_risk:sum"]
        )
        found = {audit.id: (count, amount) for audit, count, amount in groups}
        for audit in self:
            audit.drift_count, audit.amount_at_risk = found.get(audit.id, (0, 0.0))

    # ------------------------------------------------------------------ actions

    def action_heal(self):
        """Send what is true here for everything that differed, whatever the marketplace shows by now."""
        check_access(self, "write")
        self._heal()

    # ------------------------------------------------------------------ business

    def _start(self, configs):
        """Begin an audit of each account, unless one is running."""
        running = self.search([("config_id", "in", configs.ids), ("state", "=", "running")])
        lost = running.filtered(lambda audit: audit.write_date < fields.Datetime.now() - LOST)
        for audit in lost:
            audit._in_language()._fail_lost()
        busy = (running - lost).config_id
        for audit in self.create([{"config_id": config.id} for config in configs - busy]):
            audit._queue()

    def _queue(self, eta=None):
        """Queue the next part. By the audit's own name: the job of one that is over may wait for a runner still."""
        self.with_delay(identity_key=f"marketplace:audit:{self.config_id.id}:{self.id}", eta=eta)._job_audit()

    def _go_on(self, seconds):
        """Go on with the audits whose time has come, here and now, as no job runner takes them up: for ``seconds`` in
        all, since the work of each minute waits for it."""
        due = ["|", ("next_attempt", "=", False), ("next_attempt", "<=", fields.Datetime.now())]
        audits = self.search([("state", "=", "running"), *due])
        for audit in audits:
            try:
                audit._job_audit(seconds / len(audits))
            except Exception:
                _logger.exception("Audit %s failed; the others go on", audit.id)

    def _job_audit(self, seconds=AUDIT_SECONDS):
        """Compare page by page, each in a transaction of its own; the last page decides what is done."""
        self.ensure_one()
        deadline = time.monotonic() + seconds
        moment = None
        while not moment and time.monotonic() < deadline:
            try:
                with own_transaction(self._in_language().env) as env:
                    audit = env[self._name].browse(self.id)
                    if not try_transaction_lock(env.cr, f"marketplace:audit:{self.id}"):
                        return  # whoever reads this page goes on with the next
                    if audit.state != "running" or audit._compare_page():
                        return
                    moment = audit.next_attempt
            except Exception as err:
                if is_of_database(err):
                    raise  # the job says so, and the next night begins anew
                _logger.exception("Audit %s failed", self.id)
                with own_transaction(self.env) as env:
                    env[self._name].browse(self.id)._fail(err)
                return
        self._queue(moment)

    def _in_language(self):
        return self.with_context(lang=self.config_id._language())

    def _compare_page(self):
        """Compare one page; tell whether that was the end."""
        config = self.config_id
        lane = self.env["marketplace.lane.tasks"]  # it reads the catalogue, too
        if not lane._may_talk(config):
            return self._wait(self._why_away() or lane._why_silent(config))
        since = self._database_time()
        answer, error = lane._guarded(config, config._api()._list_products, config, self.cursor or None)
        if error:
            return self._wait(error)
        products, cursor = answer
        self._compare(products, since)
        self.write({"cursor": cursor, "attempts": 0, "next_attempt": False, "last_error": False})
        if not cursor:
            self._finish()
        return not cursor

    def _why_away(self):
        """Return what is waited for, where time alone helps: without that time, which stands beside it by the clock of
        whoever reads it, and a job has none."""
        running, lane = self.config_id._running(), "tasks"
        if not self.config_id._is_running() or not running._is_blocked(lane):
            return ""
        if running._is_blocked():
            return running.last_error
        error = (running.failing or {}).get(lane, {}).get("error")
        return error or _("The marketplace limits our calls.")

    def _wait(self, why):
        """Read this page again when the marketplace can be asked, where time alone is what it takes; else fail. Tell
        which: whether that was the end."""
        until = self.env["marketplace.lane.tasks"]._talks_at(self.config_id)
        attempts = self.attempts + 1
        if not until or attempts >= MAX_ATTEMPTS:
            self._fail(why)
            return True
        now = fields.Datetime.now()
        seconds = max((until - now).total_seconds(), backoff(attempts))
        moment = now + timedelta(seconds=min(seconds, LONGEST_WAIT))
        words = self.env["marketplace.api"]._in_words(why)
        self.write({"attempts": attempts, "next_attempt": moment, "last_error": words})
        return False

    def _fail(self, error):
        message = self.env["marketplace.api"]._in_words(error)
        values = {"state": "failed", "last_error": message, "finished_at": fields.Datetime.now(), "next_attempt": False}
        self.write(values)
        for config in self.config_id.filtered(lambda config: config._is_running()):
            config._tell_responsible(
                _("%s could not be compared with Odoo", config.name), message, cause="audit failed"
            )

    def _fail_lost(self):
        self._fail(_("The audit did not go on."))

    def _database_time(self):
        """Return the moment by the clock that ``pushed_at`` is told by."""
        self.env.cr.execute("SELECT clock_timestamp() at time zone 'utc'")
        return self.env.cr.fetchone()[0]

    def _settled(self, listings, since):
        """Return the listings of which nothing is on its way, and of which the marketplace has taken nothing since it
        was asked what it shows: its answer may not know of that yet.

        What waits to be marked due is looked for before the marks, as the sender turns one into the other.
        """
        self.env.cr.execute(
            "SELECT listing_id FROM marketplace_outbox WHERE lane = 'offers' AND config_id = %s", [self.config_id.id]
        )
        waiting = {row[0] for row in self.env.cr.fetchall()}
        if None in waiting:
            return listings.browse()  # of all of them
        listings.invalidate_recordset()
        return listings.filtered(
            lambda listing: (
                listing.id not in waiting
                and not listing._is_on_its_way()
                and not (listing.pushed_at and listing.pushed_at >= since)
            )
        )

    def _compare(self, products, since):
        """Compare what the marketplace shows of ``products`` with Odoo; it was asked at the moment ``since``."""
        # Archived ones too: they are those that must not be on sale.
        listings = (
            self.env["marketplace.listing"]
            .with_context(active_test=False)
            .search(
                [
                    ("config_id", "=", self.config_id.id),
                    ("external_id", "in", [product.external_id for product in products]),
                ]
            )
        )
        by_id = {listing.external_id: listing for listing in listings}
        offers = listings._offers()
        settled = self._settled(listings, since)
        drifts = []
        for product in products:
            listing = by_id.get(product.external_id)
            if listing and product.remote and product.remote != listing.remote:
                listing.remote = product.remote
            if listing and listing in settled:
                drifts += self._differences(listing, product, offers[listing.id])
        self.env["marketplace.drift"].create(drifts)
        self.compared += len(listings)
        self.unlisted += len(products) - len(listings)

    def _differences(self, listing, product, offer):
        """Return the values of the drift records for one listing and what the marketplace shows of it."""
        config = self.config_id
        found = []
        price_counts = config.sync_price and offer.published and product.price is not None
        if price_counts and float_compare(product.price, offer.price, precision_digits=2):
            stock = 0 if offer.quantity == UNLIMITED else offer.quantity
            found.append(("price", offer.price, product.price, max(0.0, offer.price - product.price) * stock))
        stock_counts = config.sync_stock and product.quantity is not None and offer.quantity != UNLIMITED
        if stock_counts and product.quantity != offer.quantity and not self._is_left_endless(product):
            # More there than here is sold for nothing; less is only not sold. What is without end has no sum.
            more = 0.0 if product.quantity == UNLIMITED else max(0.0, product.quantity - offer.quantity)
            risk = more * (offer.price or product.price or 0.0)
            found.append(("stock", offer.quantity, product.quantity, risk))
        # Where nobody is told, what is sold out stays published, and nothing would heal that.
        if not offer.published and product.published and "publication" in config._capabilities()["subjects"]:
            found.append(("publication", 0, 1, 0.0))
        return [
            {
                "audit_id": self.id,
                "config_id": config.id,
                "listing_id": listing.id,
                "subject": subject,
                "ours": ours,
                "theirs": theirs,
                "amount_at_risk": risk,
            }
            for subject, ours, theirs, risk in found
        ]

    def _is_left_endless(self, product):
        """Tell whether what is sold without end there may be so: it is meant, or nobody can buy it."""
        return product.quantity == UNLIMITED and (self.config_id.oversell or product.published is False)

    def _finish(self):
        self.finished_at = fields.Datetime.now()
        count = len(self.drift_ids.listing_id)
        if not count:
            self.state = "clean"
        elif count <= self.config_id.heal_limit:
            self._heal()
        else:
            self.state = "approval"
            self.config_id._tell_responsible(
                _("%s differs from Odoo", self.config_id.name),
                _(
                    "%(count)s products differ, more than the %(limit)s that are healed without asking. Open the "
                    "audit, look at what differs, and press Heal.",
                    count=count,
                    limit=self.config_id.heal_limit,
                ),
                cause="audit",
            )

    def _heal(self):
        """Have the current values of everything that differed sent again."""
        for audit in self:
            audit.drift_ids.listing_id._request_sync(force=True)
        self.write({"state": "healed"})


class MarketplaceDrift(models.Model):
    """One value that the marketplace shows differently. Kept as history; the audit that found it says what was done."""

    _name = "marketplace.drift"
    _inherit = "marketplace.owned"
    _description = "Marketplace Drift"
    _order = "amount_at_risk desc, id"
    _rec_name = "listing_id"

    audit_id = fields.Many2one("marketplace.audit", required=True, index=True, ondelete="cascade")
    config_id = fields.Many2one("marketplace.config", string="Account", required=True, ondelete="cascade", index=True)
    listing_id = fields.Many2one("marketplace.listing", required=True, index=True, ondelete="cascade")
    subject = fields.Selection(
        [("price", "Price"), ("stock", "Stock"), ("publication", "Publication")], required=True, readonly=True
    )
    ours = fields.Float(string="In Odoo", readonly=True, digits="Product Price")
    theirs = fields.Float(string="At the Marketplace", readonly=True, digits="Product Price")
    theirs_in_words = fields.Char(string="At the Marketplace (in Words)", compute="_compute_theirs_in_words")
    currency_id = fields.Many2one(related="audit_id.currency_id")
    amount_at_risk = fields.Float(
        readonly=True, digits="Product Price", help="What selling at the marketplace's value may cost."
    )

    @api.depends("subject", "theirs")
    @api.depends_context("lang")
    def _compute_theirs_in_words(self):
        for drift in self:
            without_end = drift.subject == "stock" and drift.theirs >= UNLIMITED
            drift.theirs_in_words = _("Unlimited") if without_end else self._in_digits(drift.theirs)

    def _in_digits(self, value):
        return formatLang(self.env, value, dp="Product Price")
