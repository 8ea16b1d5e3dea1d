# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
from functools import partial

from odoo import _, api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import plaintext2html

from ..database import own_transaction, try_transaction_lock
from ..encryption import Secret
from .marketplace_api import UNSAID

_logger = logging.getLogger(__name__)

TOLD = "marketplace.config.told"
MANAGER = "cartona_integration.group_marketplace_manager"


class MarketplaceConfig(models.Model):
    """An account at a marketplace: where it is, who we are there, and what is done with it."""

    _name = "marketplace.config"
    _description = "Marketplace Account"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "sequence, id"
    _check_company_auto = True

    # ------------------------------------------------------------------ fields

    name = fields.Char(required=True, tracking=True, help="How you tell this account from others.")
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    company_id = fields.Many2one(
        "res.company",
        required=True,
        default=lambda self: self.env.company,
        readonly=False,
        index=True,
        help="Whose products are sold here, and who gets the orders.",
    )
    code = fields.Selection(
        selection=lambda self: self.env["marketplace.api"]._adapters(),
        string="Marketplace",
        required=True,
        default="cartona",
        help="Where you sell. Generic REST is any that has an API of its own.",
    )
    state = fields.Selection(
        [("draft", "Draft"), ("live", "Live"), ("paused", "Paused")],
        default="draft",
        required=True,
        copy=False,
        tracking=True,
        help="Only a live account sends and receives. While it is paused, its work waits and nothing is lost.",
    )
    pause_reason = fields.Char(readonly=True, copy=False)
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        default=lambda self: self.env.user,
        help="Receives an activity when something needs a person.",
    )
    state_ids = fields.One2many("marketplace.config.state", "config_id", groups=MANAGER)
    listing_ids = fields.One2many("marketplace.listing", "config_id")
    task_ids = fields.One2many("marketplace.task", "config_id", domain=[("state", "=", "running")])

    # connection
    credentials_id = fields.Many2one(
        "marketplace.config",
        string="Credentials of",
        check_company=True,
        copy=False,
        ondelete="restrict",
        help="Choose another account here when both are reached with one token, as several supplier accounts of one "
        "integration are. Orders are then pulled once for all of them and told apart by the supplier code.",
    )
    shared_config_ids = fields.One2many(
        "marketplace.config", "credentials_id", string="Accounts sharing these credentials"
    )
    base_url = fields.Char(string="API URL", copy=False, help="Where the marketplace's API answers, https only.")
    auth_token = Secret(
        string="Token", groups=MANAGER, copy=False, help="The secret that the marketplace gave you for this account."
    )
    auth_header = fields.Char(default="AuthorizationToken", help="The header that carries the token.")
    auth_prefix = fields.Char(help="Text before the token, such as Bearer. Empty for Cartona.")
    supplier_code = fields.Char(
        help="Which of the supplier accounts under the token this one is. Needed once two accounts share a token: "
        "without it, an update would reach all of them."
    )
    product_path = fields.Char(default="supplier-product", help="Path of the marketplace's products.")
    order_path = fields.Char(default="order", help="Path of the marketplace's orders.")
    timeout = fields.Float(default=30.0, help="Seconds to wait for an answer.")
    batch_size = fields.Integer(default=100, help="Rows in one call, as far as the marketplace takes them.")

    # what is sent
    sync_price = fields.Boolean(
        string="Send Prices", default=True, help="Prices are sent as soon as they change. Otherwise none ever is."
    )
    sync_stock = fields.Boolean(
        string="Send Stock", default=True, help="Stock is sent as soon as it changes. Otherwise it never is."
    )
    use_cartona_id = fields.Boolean(
        string="Use External Product ID",
        compute="_compute_use_cartona_id",
        store=True,
        readonly=False,
        precompute=True,
        copy=False,
        help="Products with an external product ID and marketplace sync are listed at this account by themselves. Only "
        "where the IDs on the products are those of this account: products have one each, whatever the account.",
    )
    pricelist_id = fields.Many2one(
        "product.pricelist",
        check_company=True,
        ondelete="restrict",
        help="Prices that are sent. Empty: the sales price of the product.",
    )
    warehouse_ids = fields.Many2many(
        "stock.warehouse",
        string="Warehouses",
        check_company=True,
        ondelete="restrict",  # without one, the stock of all warehouses would be sold
        help="Stock that is sold here. Empty: all warehouses of the company.",
    )
    stock_basis = fields.Selection(
        [("free", "Free to use"), ("outgoing", "On hand less outgoing"), ("forecast", "Forecast")],
        default="free",
        required=True,
        help="What counts as available. Free to use: on hand and not reserved. On hand less outgoing: less all that is "
        "to leave, reserved or not. Forecast: with what is to come in, too.",
    )
    safety_quantity = fields.Float(
        digits="Product Unit of Measure", help="Kept back from what is sent, in units of the product."
    )
    stock_rule_ids = fields.One2many("marketplace.stock.rule", "config_id", string="Stock Rules", copy=True)
    untracked_policy = fields.Selection(
        [("unlimited", "Always available"), ("zero", "Not available")],
        string="Consumables and Services",
        default="unlimited",
        required=True,
        help="What is offered of products of which Odoo keeps no stock. At Most of an exception limits what is always "
        "available; Unlimited of one for the product or its category goes before Not available.",
    )
    oversell = fields.Boolean(
        string="Oversold on Purpose",
        help="Products that the marketplace sells when they are out of stock, too, are meant to be. Otherwise sending "
        "their stock is refused with that reason, so that nobody sells by mistake what is not there.",
    )
    currency_id = fields.Many2one(
        "res.currency", compute="_compute_currency_id", compute_sudo=True, help="What the account's prices are in."
    )
    price_tax = fields.Selection(
        [("as_is", "As in the pricelist"), ("included", "Taxes included"), ("excluded", "Taxes excluded")],
        string="Prices are Sent",
        default="as_is",
        required=True,
        help="Whether taxes are added to the price, or taken out of it, before it is sent.",
    )
    heal_limit = fields.Integer(
        string="Heal up to",
        default=50,
        help="The nightly audit corrects up to this many products that the marketplace shows differently. If there are "
        "more, it asks you first.",
    )
    allow_zero_price = fields.Boolean(help="Send a price of 0 too. Otherwise it is taken for a mistake, and refused.")

    # orders
    pull_orders = fields.Boolean(default=True, help="New orders are asked for every 15 minutes.")
    push_status = fields.Boolean(
        string="Send Order Status", default=True, help="The marketplace is told what becomes of its orders here."
    )
    confirm_policy = fields.Selection(
        [
            ("always", "As soon as they come"),
            ("approved", "When the marketplace says approved"),
            ("never", "Never: a person confirms"),
        ],
        default="always",
        required=True,
        help="When an order that came in is confirmed, so that its goods are reserved.",
    )
    cancellation_reason = fields.Selection(
        selection=lambda self: self.env["marketplace.api"]._cancellation_reasons(),
        default="cannot_deliver_the_order",
        help="What the marketplace is told when an order is cancelled here.",
    )
    tax_policy = fields.Selection(
        [
            ("included", "Taxes of the product, included in the price"),
            ("product", "Taxes of the product, as they are set up"),
            ("none", "No taxes"),
        ],
        default="included",
        required=True,
        help="Taxes on the lines of imported orders. Included: the total is what the marketplace says.",
    )
    sale_warehouse_id = fields.Many2one(
        "stock.warehouse",
        string="Deliver from",
        check_company=True,
        ondelete="restrict",
        help="Warehouse of imported orders. Empty: the first of those whose stock is sold here. What is sold of the "
        "others has to be brought to it: have it resupplied from them.",
    )
    sale_user_id = fields.Many2one("res.users", string="Salesperson", help="Salesperson of imported orders.")
    sale_team_id = fields.Many2one(
        "crm.team", string="Sales Team", check_company=True, help="Sales team of imported orders."
    )

    # what runs
    blocked_until = fields.Datetime(
        compute="_compute_running", string="Tries Again at", help="The marketplace is left alone until then."
    )
    last_error = fields.Char(compute="_compute_running")
    listing_count = fields.Integer(string="Listings", compute="_compute_counts")
    unmatched_count = fields.Integer(string="Unmatched", compute="_compute_counts")
    failed_count = fields.Integer(compute="_compute_counts")
    inbox_open_count = fields.Integer(compute="_compute_counts")
    order_count = fields.Integer(string="Orders", compute="_compute_counts")
    held_count = fields.Integer(string="Held Orders", compute="_compute_counts")

    _sql_constraints = [
        ("batch_size_range", "CHECK (batch_size BETWEEN 1 AND 25000)", "The batch size must be from 1 to 25,000."),
        (
            "timeout_positive",
            "CHECK (timeout > 0 AND timeout <= 300)",
            "The timeout must be above 0, and up to 300 seconds.",
        ),
        ("safety_positive", "CHECK (safety_quantity >= 0)", "The safety quantity can't be negative."),
    ]

    @api.constrains("use_cartona_id", "code", "active")
    def _check_use_cartona_id(self):
        """One field on the product can't hold the ids of two marketplaces: each would be sent to the other."""
        for config in self.filtered(lambda config: config.active and config.use_cartona_id):
            others = config._others_by_cartona_id()
            other = next((other for other in others if other.code != config.code), None)
            if other:
                raise ValidationError(
                    _(
                        "%(account)s: the external product IDs of the products are those of %(marketplace)s already. "
                        "Turn Use External Product ID off here, or at the account there, and match the products.",
                        account=config.name,
                        marketplace=other._api()._label(),
                    )
                )

    # ------------------------------------------------------------------ compute

    @api.depends("code", "credentials_id")
    def _compute_use_cartona_id(self):
        """A new account goes by the products' external ids where they are Cartona's, and nobody else's already."""
        for config in self:
            if not config._origin:
                config.use_cartona_id = config.code == "cartona" and not config._others_by_cartona_id()

    def _compute_running(self):
        for config in self:
            running = config.sudo().state_ids[:1]
            config.blocked_until = running.blocked_until
            config.last_error = running.last_error

    @api.depends_context("uid")  # what failed is counted of what the user may read
    def _compute_counts(self):
        def counts(model, domain):
            groups = self.env[model]._read_group([("config_id", "in", self.ids), *domain], ["config_id"], ["__count"])
            return {config.id: count for config, count in groups}

        listings = counts("marketplace.listing", [])
        unmatched = counts("marketplace.unmatched", [])
        inbox = counts("marketplace.inbox", [("state", "in", ("waiting", "imported", "failed"))])
        orders = self._count_orders([("cartona_id", "!=", False)])
        held = self._held_orders()
        failed = self._failed_by_model()
        for config in self:
            config.listing_count = listings.get(config.id, 0)
            config.unmatched_count = unmatched.get(config.id, 0)
            config.failed_count = sum(found.get(config.id, 0) for found in failed.values())
            config.inbox_open_count = inbox.get(config.id, 0)
            config.order_count = orders.get(config.id, 0)
            config.held_count = held.get(config.id, 0)

    def _count_orders(self, domain):
        """Return how many orders of each account are as the domain says: ``{account id: count}``."""
        # sudo: who may see the account sees how many there are, without rights on each of them
        Order = self.env["sale.order"].sudo()
        domain = [("marketplace_config_id", "in", self.ids), *domain]
        groups = Order._read_group(domain, ["marketplace_config_id"], ["__count"])
        return {config.id: count for config, count in groups}

    # ------------------------------------------------------------------ CRUD

    @api.model_create_multi
    def create(self, vals_list):
        code = self.default_get(["code"])["code"]
        configs = super().create(
            [{**self._prepare_adapter_values(vals.get("code") or code), **vals} for vals in vals_list]
        )
        # sudo: nobody may write what runs but the machinery itself
        self.env["marketplace.config.state"].sudo().create([{"config_id": config.id} for config in configs])
        return configs

    @api.onchange("code")
    def _onchange_code(self):
        if self.credentials_id and not self._can_share_with(self.credentials_id):
            self.credentials_id = False
        if self.code:
            codes = [code for code, _label in self.env["marketplace.api"]._adapters()]
            usual = {code: self.env["marketplace.api"]._adapter(code)._capabilities()["default_url"] for code in codes}
            if not self.base_url or self.base_url in usual.values():  # else somebody has entered it
                self.base_url = usual[self.code]
            self.update(self._prepare_adapter_values(self.code))

    def _prepare_adapter_values(self, code):
        """Return what a new account is set to because of its marketplace, see ``defaults`` of its capabilities."""
        able = self.env["marketplace.api"]._adapter(code)._capabilities()
        return {"batch_size": able["batch_size"], **able.get("defaults", {})}

    # ------------------------------------------------------------------ business

    def _request_pull(self):
        """Ask for the marketplace's new orders. The request is stored, so that it outlives a crash."""
        with own_transaction(self.env) as env:
            self.with_env(env).sudo().state_ids._request_pull()

    def _api(self):
        """Return the adapter of this account."""
        self.ensure_one()
        return self.env["marketplace.api"]._adapter(self.code)

    def _capabilities(self):
        """Return what this account can do, all of ``marketplace.api._capabilities()`` but ``credentials_needed``."""
        return {**UNSAID, **self._api()._account_capabilities(self)}

    def _running(self):
        """Return the one record that holds what changes while the account runs."""
        self.ensure_one()
        # sudo: nobody has rights on what runs but the machinery itself
        return self.sudo().state_ids

    def _is_running(self):
        """Tell whether the account is at work at all: live, and in the real database."""
        self.ensure_one()
        return self.active and self.state == "live" and self.env["marketplace.identity"]._is_original()

    def _pause_for(self, error):
        """Pause the account because only a person can mend what ``error`` says, and tell that person, once. One that is
        still being set up has nothing to pause: whoever sets it up sees the error."""
        self.ensure_one()
        if self.state == "draft":
            return
        self.write({"state": "paused", "pause_cause": "error", "pause_reason": str(error)})
        self._tell_paused()

    def _tell_paused(self):
        self._tell_responsible(_("%s is paused", self.name), self.pause_reason, cause="paused")

    def _tell_lasting(self):
        """Tell of the accounts that an error has paused, and of what does not get through for long: who was to tell of
        it when it began may have ended before."""
        is_original = self.env["marketplace.identity"]._is_original()
        for config in self.search([("state", "in", ("live", "paused"))]):
            config = config._in_language()
            if config.state == "live" and not is_original:
                config._tell_not_original()
            elif config.state == "live":
                config._running()._tell_lasting()
            elif config.pause_cause == "error" and is_original:
                config._tell_paused()

    def _tell_responsible(self, summary, note, cause, mail=True):
        """Give the responsible person an activity, unless an open one already says the same, or one of today did that
        was done since: one for each cause and day, not one for each order. Resuming the account begins anew. After the
        commit of what it tells of, which it can't undo.

        :param cause: a word by which the same is known in whatever language it is told
        :param bool mail: Odoo may write to the person that there is an activity
        """
        self.ensure_one()
        told = self.env.cr.postcommit.data.setdefault(TOLD, set())
        if (self.id, cause) not in told:
            told.add((self.id, cause))
            self.env.cr.postcommit.add(partial(self._tell_now, summary, note, cause, mail))

    def _tell_now(self, summary, note, cause, mail=True):
        try:
            with own_transaction(self.env) as env:
                config = env[self._name].browse(self.id).exists()
                if config:
                    config._tell_within(summary, note, cause, mail)
        except Exception:
            _logger.exception("Could not tell anybody that %s", summary)

    def _tell_within(self, summary, note, cause, mail=True):
        """Tell the same within this transaction: for what is known no more once it is committed."""
        if not try_transaction_lock(self.env.cr, f"marketplace:tell:{self.id}:{cause}"):
            return
        open_causes = self.activity_ids.mapped("marketplace_cause")
        quiet = not mail or self._running()._was_over_today(cause)
        if cause not in open_causes and self._running()._is_first_today(cause):
            config = self.with_context(mail_activity_quick_update=quiet)
            config._schedule_activity(config, summary, note, cause)

    def _schedule_activity(self, record, summary, note, cause):
        """Give the account's responsible person an activity on ``record``."""
        user = self.user_id.filtered("active") or self._any_manager() or self.env.ref("base.user_admin")
        record.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=summary,
            note=plaintext2html(note),  # it may hold what a customer is called
            user_id=user.id,
            marketplace_cause=cause,
        )

    def _any_manager(self):
        """Return somebody who looks after marketplaces in the account's company."""
        people = self.env["res.users"].search(
            [("company_ids", "in", self.company_id.ids), ("share", "=", False)], order="id"
        )
        return next((user for user in people if user.has_group(MANAGER)), people.browse())

    def _stock_rules(self, products):
        """Return the nearest stock rule of each product: ``{product id: marketplace.stock.rule}``. Where there is none,
        the account's safety quantity is the rule."""
        self.ensure_one()
        rules = self.stock_rule_ids
        default = rules.filtered(lambda rule: not rule.product_tmpl_id and not rule.categ_id) or rules.new(
            {"safety_quantity": self.safety_quantity}
        )
        by_template = {rule.product_tmpl_id.id: rule for rule in rules if rule.product_tmpl_id}
        by_category = {rule.categ_id.id: rule for rule in rules if rule.categ_id}
        nearest = {}
        for product in products:
            above = (product.categ_id.parent_path or "").split("/")
            categories = [by_category.get(int(category)) for category in reversed(above) if category]
            found = [by_template.get(product.product_tmpl_id.id), *categories, default]
            nearest[product.id] = next(rule for rule in found if rule)
        return nearest

    @api.depends("pricelist_id.currency_id", "company_id.currency_id")
    def _compute_currency_id(self):
        for config in self:
            config.currency_id = config.pricelist_id.currency_id or config.company_id.currency_id
