# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import threading
import time
from contextlib import contextmanager
from functools import partial

from odoo import _, models, tools
from odoo.tools import config as odoo_config
from odoo.tools import float_round

from ..schemas import ROUNDING_LINE, OrderLine
from ..transport import errors
from ..transport.address import elsewhere as origin_of
from ..transport.client import Client
from ..transport.session import new_session

ADAPTER_PREFIX = "marketplace.api."
# The line for what rounding lost stands on what the customer is sent, so it is in no job's language.
ROUNDING = "Rounding"
# What marketplaces call the people who order, what tells of them, and what only they may know.
PERSONAL_KEYS = frozenset(
    {
        *("customer", "buyer", "recipient", "billing", "shipping", "contact"),
        *("address", "billing_address", "shipping_address", "delivery_address"),
        *("email", "phone", "phone2", "mobile", "first_name", "last_name", "customer_name", "customer_note"),
        *("note", "notes", "otp", "ip_address"),
    }
)
# What an adapter has to fill, by what its capabilities say that the marketplace can do; ``""``: whatever it can.
HOLES = {
    "": (
        *("_label", "_capabilities", "_test_connection", "_list_products", "_pull_orders", "_identify", "_parse_order"),
        "_parse_webhook",
    ),
    "subjects": ("_serialize_product", "_push_offers"),
    "needs_remote": ("_locate_products",),
    "async_push": ("_poll_push",),
    "needs_ack": ("_acknowledge",),
    "statuses": ("_push_order_status",),
    "line_statuses": ("_push_order_lines",),
    "ships": ("_ship",),
    "webhook_status": ("_parse_status",),
    "registers_webhooks": ("_register_webhooks",),
}

# What of an adapter's capabilities may be left unsaid, and what is meant then; the rest is said by each.
UNSAID = {
    "credentials": ("auth_token",),
    "defaults": {},
    "default_statuses": {},
    "line_statuses": frozenset(),
    "locate_size": 0,
    "moves_stock": False,
    "needs_remote": False,
    "oversells": False,
    "private_fields": (),
    "registers_webhooks": False,
    "seller_ids": False,
    "pulls_apart": 1,
    "settings": (),
    "ships": False,
    "ships_open": False,
    "ships_whole": False,
    "token_url": "",
    "webhook_status": False,
}

# Connections are kept open within one thread, that is, within one job: a session must not be used by two at once.
_local = threading.local()


def _private_hosts():
    """Return the hosts of a private network that the administrator allows, such as a shop on the same premises."""
    return [host.strip() for host in (odoo_config.get("marketplace_private_hosts") or "").split(",") if host.strip()]


class Reach:
    """How far the calls went that are made with ``marketplace_reach=Reach()`` in the context.

    :ivar bool there: the marketplace may have carried one of them out
    """

    def __init__(self):
        self.there = False


class Exchange:
    """One call of the marketplace while it is made: sends the request, and knows what the log will say of it.

    :ivar int count: rows that the call is about
    :ivar int failed: rows that the marketplace did not take
    """

    def __init__(self, count, reach=None):
        self.client = None
        self.renew = None  # gives authentication anew after it was refused, where that can help
        self.count = count
        self.failed = 0
        self.reach = reach or Reach()
        self.seen = None  # transport's record of the request, redacted

    def request(self, method, path, **kwargs):
        """Send one request and return the parsed JSON of the answer (``None`` for an empty body)."""
        response = self.send(method, path, **kwargs)
        return response.json() if response.body.strip() else None

    def send(self, method, path, **kwargs):
        """Send one request and return the whole ``Response``; once more where a token had just run out: who is not let
        in has changed nothing."""
        try:
            return self._send(method, path, kwargs)
        except errors.AuthenticationFailed:
            auth = self.renew and self.renew(self.client.auth)
            if not auth:
                raise
            self.renew, self.client.auth = None, auth
        return self._send(method, path, kwargs)

    def _send(self, method, path, kwargs):
        there = True
        try:
            return self.client.request(method, path, **kwargs)
        except errors.MarketplaceError as err:
            there = errors.maybe_applied(err)
            raise
        finally:
            self.reach.there |= there

    def _observe(self, seen):
        self.seen = seen


class MarketplaceApi(models.AbstractModel):
    """The contract that every adapter answers: a model ``marketplace.api.<code>`` that inherits this one, in files of
    ``marketplaces/`` that begin with its code. Being installed is being registered.

    The account (``marketplace.config``) is always an argument. Every method returns plain data and writes no record:
    what becomes of an answer is its caller's business. Each may raise the errors of ``transport/errors.py``.

    What an adapter has to fill stands in ``HOLES``; also :meth:`_auth`, or :meth:`_token_grant` where tokens run out,
    and :meth:`_fetch_order` where an event tells no more than an order's id.

    All methods are private: an abstract model has no access rules, so any user could call a public one by RPC.
    """

    _name = "marketplace.api"
    _description = "Contract of a marketplace adapter"

    # ------------------------------------------------------------------ registry

    def _adapters(self):
        """Return the installed adapters as ``[(code, label)]``, for the selection on the account."""
        codes = [name[len(ADAPTER_PREFIX) :] for name in self.env.registry if name.startswith(ADAPTER_PREFIX)]
        return sorted((code, self._adapter(code)._label()) for code in codes)

    def _adapter(self, code):
        """Return the adapter model for ``code``.

        :raise ConfigurationError: no such adapter is installed
        """
        if ADAPTER_PREFIX + (code or "") not in self.env.registry:
            raise errors.ConfigurationError(
                _("No adapter for the marketplace %r is installed. Choose another marketplace.", code)
            )
        return self.env[ADAPTER_PREFIX + code]

    def _cancellation_reasons(self):
        """Return the reasons for a cancellation that the installed adapters know, for the selection on the account."""
        reasons = {}
        for code, _label in self._adapters():
            reasons.update(self._adapter(code)._capabilities()["cancellation_reasons"])
        return list(reasons.items())

    # ------------------------------------------------------------------ the marketplace's holes

    def _label(self):
        """Return the marketplace's name as people know it."""
        raise NotImplementedError

    def _capabilities(self):
        """Return what the marketplace can do, as a dict; ``UNSAID`` are those that may be left out:

        - ``batch_size``: largest number of rows in one push
        - ``needs_ack``: its orders come again until acknowledged, or it wants to hear that those that are fetched for a
          notice have arrived
        - ``has_webhook``: it sends webhooks itself
        - ``registers_webhooks``: it lets us set up its webhooks, see :meth:`_register_webhooks`
        - ``webhook_status``: a status alone may be delivered too, at an address of its own
        - ``pulls_apart``: minutes between two pulls that are made because stock is sent, where its limits ask for more
        - ``settings``: names of further fields of the account that matter, of ``supplier_code`` (one token may reach
          several supplier accounts), ``auth_header``, ``auth_prefix``, ``product_path`` and ``order_path``
        - ``async_push``: a push may be answered later, see :meth:`_poll_push`
        - ``subjects``: which of price, stock, publication can be sent
        - ``statuses``: neutral statuses that can be sent
        - ``oversells``: it can be told to sell what is out of stock
        - ``moves_stock``: it moves its own stock with an order's payment, refunds and cancellation
        - ``ships``: it is told of each delivery, with tracking, see :meth:`_ship`; *shipped* is no status then
        - ``ships_open``: it is told of no delivery once it says itself that the order has left
        - ``ships_whole``: it can't tell one of several deliveries from all that was ordered
        - ``line_statuses``: in which of them an order's lines can be changed; none: never
        - ``defaults``: what a new account is set to: ``{name of a field: value}``
        - ``default_statuses``: what is told at which event, where it is not the usual, see ``marketplace.status.rule``
        - ``credentials``: names of the account's fields that it asks for, of those in ``marketplace_config_access.py``
        - ``credentials_needed``: those of them without which nothing goes, where that is not all
        - ``needs_remote``: a push needs more than the external id, see :meth:`_locate_products`
        - ``locate_size``: products that it is asked about at a time, where that is less than ``batch_size``
        - ``seller_ids``: its external ids are the seller's own references, the same at each of the seller's accounts
        - ``private_fields``: what of a document only managers may see
        - ``default_url``, ``token_url``: where its API answers, and where it gives tokens
        - ``cancellation_reasons``: the marketplace's own words for why an order is cancelled, with labels
        """
        raise NotImplementedError

    def _account_capabilities(self, config):
        """Return what of :meth:`_capabilities` this account can do, where that depends on its settings. Ask for it by
        ``config._capabilities()``."""
        return self._capabilities()

    def _own_urls(self):
        """Return the addresses of the marketplace's own besides the usual one, where it has several: by region, say."""
        return ()

    def _secrets(self, config):
        """Return the texts that must never be stored or shown: redaction takes them out of every excerpt."""
        sudo = config.sudo()
        credentials = sudo._credentials()
        given = (credentials.auth_token, credentials.client_secret, credentials.refresh_token)
        return [secret for secret in (*given, *sudo._webhook_secrets(), *credentials._tokens()) if secret]

    def _classify(self, status, body):
        """Return the error for an answer that the table of status codes would misjudge, else ``None``: a class of
        ``transport/errors.py``, or one of its errors with words that say what to do.

        :param int status: of HTTP, 400 and above
        :param body: the answer's JSON, or its text where it is none
        """
        return None

    def _test_connection(self, config):
        """Ask the marketplace who the account is.

        :return: dict with ``name``, and where the marketplace tells them ``currency``, ``places`` (names: where it
            sells, or keeps stock), ``warnings`` (sentences: rights that are missing, settings that do not fit) and
            whatever ``marketplace.config._take_connection`` keeps
        :raise ConfigurationError: a setting of the account is missing or wrong; the words say which
        :raise AuthenticationFailed: the credentials are refused
        """
        raise NotImplementedError

    def _list_products(self, config, cursor=None):
        """Return one page of the marketplace's catalogue: ``([RemoteProduct], next cursor or None)``.

        All that can be sold, each once, whether it is on sale or not; a variant that is sold by itself is a row. A row
        that makes no sense is left out and counted, see :meth:`_readable`.

        :param str cursor: what the page before gave, of any form; ``None``: the first page. Days may lie between two
        """
        raise NotImplementedError

    def _prepare_product_data(self, listing, subjects):
        """Return the neutral dict of what is on offer, the same for every marketplace. Extend this to send more.

        :param listing: one ``marketplace.listing`` with its offer computed, see ``marketplace.listing._offers()``
        :param set subjects: which of price, stock and publication are asked for
        :return: dict with ``listing_id, external_id, remote, sku, account_code``; the caller adds, ``price`` (float,
            per selling unit), ``quantity`` (int, selling units, never negative, or ``UNLIMITED``), ``published`` (bool)
        """
        return {
            "listing_id": listing.id,
            "external_id": listing.external_id,
            "remote": listing.remote or {},
            "sku": listing.product_id.default_code or "",
            "account_code": listing.config_id.supplier_code or "",
        }

    def _serialize_product(self, config, data):
        """Turn a neutral dict of :meth:`_prepare_product_data` into the marketplace's wire form. Makes no call.

        :return: whatever :meth:`_push_offers` wants to find under ``wire``; of what is not in ``data`` nothing is told
        :raise MarketplaceError: this row can't be told as it is. It is refused by itself, with these words
        """
        raise NotImplementedError

    def _push_offers(self, config, rows):
        """Send offers: ``rows`` are neutral dicts, at most ``batch_size`` of them, each with its wire form by
        :meth:`_serialize_product` under ``wire``.

        :return: one ``RowResult`` for each row, in their order
        :raise RequestRejected: the batch was refused as a whole, so the caller halves it to find the bad row
        """
        raise NotImplementedError

    def _locate_products(self, config, external_ids):
        """Ask what else a push has to name these products by, where ``needs_remote`` says that it has to.

        :param list external_ids: at most ``locate_size`` of them
        :return: ``{external id: remote}``, see ``RemoteProduct.remote``; one that is missing is not there
        """
        raise NotImplementedError

    def _poll_push(self, config, handle, rows):
        """Ask what became of the rows that were answered ``pending(handle)``.

        :param rows: dicts with ``listing_id, external_id, sku`` and what was sent of ``price, quantity, published``
        :return: one ``RowResult`` for each, or ``None``: it is still at work
        """
        raise NotImplementedError

    def _pull_orders(self, config, cursor=None):
        """Return one page of raw orders, as an ``OrderPage``.

        A marketplace that keeps a queue (``needs_ack``) is asked without a cursor as long as a page brought something
        new; the cursor is for when it did not. For all others the cursor is kept for good: it has to tell by the
        marketplace's own clock where the next pull, hours or days later, goes on, with an overlap, since orders that
        come again cost nothing and orders that are passed over are lost. The first pull, without one, begins at
        ``config.orders_since``.
        """
        raise NotImplementedError

    def _fetch_order(self, config, external_id):
        """Return one raw order by its id, for a notice that tells no more than that; ``None``: there is none. It is the
        same document that a pull would give, or each order would be stored and compared twice."""
        raise NotImplementedError

    def _identify(self, config, raw):
        """Return ``(order id, account code)`` of a raw order, whatever it is, each ``""`` where it has none. The code
        tells accounts apart that share credentials: ``supplier_code`` of the account it is for. Never raises."""
        raise NotImplementedError

    def _version(self, config, raw):
        """Return the time or number at which the marketplace last changed this raw order, as a text that sorts, ``""``
        where it has none. What is older than what is stored is set aside. Never raises."""
        return ""

    def _parse_order(self, config, raw):
        """Turn a raw order into the neutral ``Order``.

        :raise MappingError: a field that is needed is missing or makes no sense; it names the path
        """
        raise NotImplementedError

    def _parse_status(self, config, raw):
        """Return ``(order id, neutral status, status as sent)`` of a message that tells a status and nothing else.

        :raise MappingError: it can't be understood
        """
        raise NotImplementedError

    def _personal_keys(self):
        """Return the keys, in lower case, whose values tell who ordered, wherever they stand in a document: they are
        removed from old ones with all that is below them."""
        return PERSONAL_KEYS

    def _code_keys(self):
        """Return the keys, in lower case, whose values are the customers' codes, which old documents keep."""
        return frozenset()

    def _account_personal_keys(self, config):
        """Return the personal keys of one account, where its settings say what a document looks like."""
        return self._personal_keys()

    def _account_code_keys(self, config):
        """Return the same of the keys whose values may be customers' codes."""
        return self._code_keys()

    def _acknowledge(self, config, external_ids):
        """Tell the marketplace that these orders are stored here. Called again when an answer was lost, so what is
        acknowledged already is accepted.

        :return: one ``RowResult`` for each, in their order
        """
        raise NotImplementedError

    def _push_order_status(self, config, external_id, status, values):
        """Tell the marketplace the order's new status.

        :param str status: neutral status
        :param dict values: what goes with it: ``reason`` of a cancellation, ``otp`` of the customer (never stored: the
            request's excerpts have to hide it, see :meth:`_exchange`)
        :return: ``RowResult``; rejected with the code ``otp`` where the OTP is missing or wrong
        """
        raise NotImplementedError

    def _ship(self, config, external_id, package):
        """Tell the marketplace that a ``Package`` has left, where ``ships`` says that it wants to know.

        :return: ``RowResult``; a package that it knows already, from a call whose answer was lost, is accepted
        """
        raise NotImplementedError

    def _push_order_lines(self, config, external_id, changes):
        """Change the lines of an order at the marketplace, where ``line_statuses`` of its capabilities allow it.

        :param list changes: of ``LineChange``, carried out as a whole or not at all
        :return: ``(RowResult, told)``, where ``told`` are the lines as the answer tells them, new ones or all:
            ``[(line id, external product id)]``, empty where it tells none
        """
        raise NotImplementedError

    # ------------------------------------------------------------------ helpers

    def _readable(self, exchange, rows, parse):
        """Return what ``parse`` makes of the rows of a page of the catalogue. One that makes no sense is left out and
        counted: it must not hide all others. One of which it makes ``None`` is nothing that the account sells."""
        exchange.count = len(rows)
        products = []
        for row in rows:
            try:
                products.append(parse(row))
            except errors.MappingError:
                exchange.failed += 1
        return [product for product in products if product]

    @tools.ormcache("code")
    def _currency_id(self, code):
        """Return the id of a currency, active or not, by its code; ``False``: Odoo knows no such."""
        return self.env["res.currency"].sudo().with_context(active_test=False).search([("name", "=", code)], limit=1).id

    def _decimals(self, code, unknown=2):
        """Return how many decimals amounts in a currency have; ``unknown``: in one that Odoo does not know."""
        found = self._currency_id(code)
        return self.env["res.currency"].sudo().browse(found).decimal_places if found else unknown

    def _price_digits(self, most=6):
        """Return how many decimals the price of an order's line keeps; newer series keep what they are given, as far as
        an adapter reads it: ``most``."""
        digits = self.env["sale.order.line"]._fields["price_unit"].get_digits(self.env)
        return digits[1] if digits else most

    def _rounding(self, lines, digits):
        """Return the line for what the decimals of a price here can't hold: 6 for 10.00 are 1.67 each."""
        price_digits = self._price_digits()
        lost = 0.0
        for line in (line for line in lines if not line.cancelled):
            kept = float_round(line.price_unit, price_digits) * line.quantity
            lost += float_round(line.price_unit * line.quantity, digits) - float_round(kept, digits)
        lost = float_round(lost, digits)
        return [OrderLine(ROUNDING_LINE, 1.0, lost, name=ROUNDING, kind="delivery")] if lost else []

    # ------------------------------------------------------------------ the way out

    @contextmanager
    def _exchange(self, config, operation, count=1, secrets=(), elsewhere=None):
        """Make one call of the marketplace and leave one row in the log, whatever becomes of the caller's transaction.

        ``secrets`` are texts that only this call knows, an OTP for one, to be hidden like those of the account.
        ``elsewhere`` is a URL of another origin, for tokens and for files that the marketplace keeps there: the account
        never shows its own credentials to it.

        Usage::

            with self._exchange(config, "pull_orders") as exchange:
                rows = exchange.request("GET", "order/pull-orders", params={"limit": 100})
        """
        exchange = Exchange(count, self.env.context.get("marketplace_reach"))
        started = time.monotonic()
        error = None
        try:
            exchange.client = self._client(config, exchange, secrets, elsewhere)
            exchange.renew = None if elsewhere else partial(self._renew_auth, config)
            yield exchange
        except Exception as err:
            error = self._retold(self._covered(err, getattr(exchange.client, "secrets", ())))
            raise
        finally:
            self.env["marketplace.sync.log"]._record_exchange(
                config, operation, exchange, time.monotonic() - started, error
            )

    def _client(self, config, exchange, secrets=(), elsewhere=None):
        """Return the HTTP client that carries the account's credentials and reports to ``exchange``.

        :raise ConfigurationError: this database is a copy of the one that sells. Its credentials are the live ones, and
            even a call that only reads may take something away there, as a refresh token that is good for once
        """
        if self.env["marketplace.identity"]._is_copy():
            raise errors.ConfigurationError(config._copy_reason(is_copy=True))
        credentials = config.sudo()._credentials()
        credentials._check_secrets()
        base_url = credentials.base_url or ""
        return Client(
            origin_of(elsewhere, base_url) if elsewhere else base_url,
            auth=None if elsewhere else self._auth(config),
            timeout=config.timeout,
            classify=self._classify,
            secrets=[*self._secrets(config), *secrets],
            session=self._session(credentials),
            observer=exchange._observe,
        )

    def _session(self, credentials):
        """Return this thread's connection pool for the account: a new connection per call would cost a handshake."""
        sessions = _local.__dict__.setdefault("sessions", {})
        key = (self.env.cr.dbname, credentials.id, credentials.base_url)
        if key not in sessions:
            sessions[key] = new_session(_private_hosts())
        return sessions[key]
