# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import hashlib
import html
import json
import re
from functools import partial
from urllib.parse import quote, urlsplit

from requests.auth import HTTPBasicAuth

from odoo import _, models

from ..schemas import STATUS_RANK, UNLIMITED, Event, OrderPage, RowResult
from ..transport import errors, signatures
from ..transport.reading import identifier, items, text
from ..transport.text import storable
from . import woocommerce_forms as forms
from .woocommerce_walk import PAGE, earlier, go_on

STATUS_TO_WOOCOMMERCE = {"approved": "processing", "delivered": "completed", "cancelled": "cancelled"}
TOPICS = ("order.created", "order.updated", "order.deleted")
# Of more variations whose parent nobody knows, the variable products are read instead of each of them.
MANY_VARIATIONS = 20
# The product is not where it was thought to be.
STALE_CODES = {
    "woocommerce_rest_product_invalid_id",
    "woocommerce_rest_product_variation_invalid_id",
    "woocommerce_rest_product_variation_invalid_parent",
    "woocommerce_rest_invalid_product_id",
}
PING = re.compile(rb"webhook_id=\d{1,20}")


class MarketplaceApiWoocommerce(models.AbstractModel):
    """WooCommerce, the shop of WordPress: the REST API, version 3.

    Source: woocommerce.github.io/woocommerce-rest-api-docs. Orders can't be sorted by when they changed, and webhooks
    are not repeated: what makes sure that none is lost is the pull.
    """

    _name = "marketplace.api.woocommerce"
    _inherit = "marketplace.api"
    _description = "Adapter: WooCommerce"

    # ------------------------------------------------------------------ who we are

    def _label(self):
        return "WooCommerce"

    def _capabilities(self):
        return {
            "batch_size": 100,
            "defaults": {"confirm_policy": "approved"},  # an order that is not paid yet must not be shipped
            "needs_ack": False,
            "has_webhook": True,
            "registers_webhooks": True,
            "async_push": False,
            "subjects": {"price", "stock", "publication"},
            "statuses": set(STATUS_TO_WOOCOMMERCE),
            "moves_stock": True,
            "oversells": True,
            "ships": True,
            # "Processing" says that an order is paid: that is for a person to say. There is one word for all that
            # comes after that.
            "default_statuses": {"confirmed": "nothing", "left": "delivered", "delivery_confirmed": "delivered"},
            "credentials": ("client_id", "client_secret"),
            "needs_remote": True,
            "cancellation_reasons": {},
            "default_url": "",
        }

    def _auth(self, config):
        credentials = config.sudo()._credentials()
        key, secret = (credentials.client_id or "").strip(), (credentials.client_secret or "").strip()
        if not key or not secret:
            raise errors.ConfigurationError(_("Enter the consumer key and the consumer secret on the account."))
        return HTTPBasicAuth(key.encode(), secret.encode())

    def _path(self, config, path):
        """Return the path below the account's URL, which is the shop's or that of its API."""
        steps = urlsplit(config.sudo()._credentials().base_url or "").path.rstrip("/") + "/"
        if steps.endswith("/wp-json/"):
            return f"wc/v3/{path}"
        return path if "/wp-json/" in steps else f"wp-json/wc/v3/{path}"

    def _classify(self, status, body):
        """Some refusals are of the account as a whole, some of one record; WooCommerce has its own mind of which."""
        code, said = (body.get("code"), str(body.get("message"))) if isinstance(body, dict) else ("", "")
        if code == "rest_no_route":
            return errors.ConfigurationError(
                _("There is no WooCommerce at this address. Check the API URL, and that WooCommerce is active there."),
                code=code,
                status=status,
            )
        if status in (401, 403) and "write permission" in said.lower():
            return errors.AuthenticationFailed(
                _(
                    "Invalid token: the key may only read. Make one with the permission Read/Write in WooCommerce, and "
                    "enter it here."
                ),
                code=code,
                status=status,
            )
        return None

    def _test_connection(self, config):
        """Ask for the shop's settings; a key that may not see them can be good enough for all else. Changing nothing
        in no products tells whether the key may write."""
        found = {"name": urlsplit(config.sudo()._credentials().base_url or "").hostname}
        try:
            answer = self._ask(config, "test_connection", "system_status", {"_fields": "environment,settings"})
        except (errors.AuthenticationFailed, errors.RequestRejected):
            self._check_list(self._ask(config, "test_connection", "products", {"per_page": 1}))
        else:
            found.update(self._describe_shop(answer))
        with self._exchange(config, "test_connection", 0) as exchange:
            exchange.request("POST", self._path(config, "products/batch"), json={"update": []})
        return found

    def _describe_shop(self, answer):
        environment, settings = (forms.part(answer, key) for key in ("environment", "settings"))
        shop = urlsplit(text(environment, "home_url")).hostname
        return {
            **({"name": shop} if shop else {}),
            "currency": text(settings, "currency"),
            "version": text(environment, "version"),
        }

    # ------------------------------------------------------------------ products

    def _list_products(self, config, cursor=None):
        """The cursor is the page of products, and the variable ones that were found on it with the page of their
        variations: those are read first, one product after the other."""
        place = json.loads(cursor) if cursor else {"page": 1, "parents": [], "variations": 1}
        if place["parents"]:
            return self._list_variations(config, place)
        with self._exchange(config, "list_products", 0) as exchange:
            rows, more = self._read_page(exchange, config, "products", place["page"])
            products = self._readable(exchange, rows, partial(self._parse_product, place))
        place["page"] = place["page"] + 1 if more else None
        return products, self._list_cursor(place)

    def _parse_product(self, place, raw):
        """Return the ``RemoteProduct``, ``None`` where that is not what is sold; note a variable one in ``place``."""
        if forms.is_variable(raw):
            if raw.get("variations"):
                place["parents"].append(forms.parent_of(raw))
            return None
        return forms.parse_product(raw) if forms.is_sold(raw) else None

    def _list_variations(self, config, place):
        parent = place["parents"][0]
        with self._exchange(config, "list_products", 0) as exchange:
            rows, more = self._read_page(exchange, config, f"products/{parent[0]}/variations", place["variations"])
            products = self._readable(exchange, rows, partial(forms.parse_product, parent=parent))
        place["variations"] = place["variations"] + 1 if more else 1
        if not more:
            place["parents"].pop(0)
        return products, self._list_cursor(place)

    def _list_cursor(self, place):
        return json.dumps(place) if place["parents"] or place["page"] else None

    def _read_page(self, exchange, config, path, page, **params):
        """Return the rows of a page, and whether there are more."""
        params = {"per_page": PAGE, "page": page, "orderby": "id", "order": "asc", **params}
        answer = exchange.send("GET", self._path(config, path), params=params)
        rows = self._check_list(answer.json())
        pages = answer.headers.get("X-WP-TotalPages", "")
        return rows, page < int(pages) if pages.isdecimal() else len(rows) >= PAGE

    def _locate_products(self, config, external_ids):
        """Tell products from variations, and whose those are: lists of products hold no variations, but each can be
        asked for as if it were a product."""
        located, ids = {}, [external_id for external_id in external_ids if external_id.isdecimal()]
        for start in range(0, len(ids), PAGE):
            params = {"include": ",".join(ids[start : start + PAGE]), "per_page": PAGE, "_fields": "id,type,parent_id"}
            rows = self._check_list(self._ask(config, "locate_products", "products", params))
            located.update({text(row, "id"): {"parent": None} for row in rows})
        missing = [external_id for external_id in ids if external_id not in located]
        if len(missing) > MANY_VARIATIONS:
            located.update(self._read_parents(config, set(missing)))
        for external_id in missing:
            if external_id not in located and (parent := self._parent_of(config, external_id)):
                located[external_id] = {"parent": parent}
        return located

    def _read_parents(self, config, wanted):
        """Return ``{variation: remote}`` of those that are wanted, by the lists that variable products have of them."""
        found, page, more = {}, 1, True
        while more and len(found) < len(wanted):
            params = {"type": "variable", "_fields": "id,variations"}
            with self._exchange(config, "locate_products", 0) as exchange:
                rows, more = self._read_page(exchange, config, "products", page, **params)
                exchange.count = len(rows)
            page += 1
            for row in rows:
                children = {str(child) for child in row.get("variations") or ()} & wanted
                found.update({child: {"parent": row["id"]} for child in children})
        return found

    def _parent_of(self, config, external_id):
        """Return the product whose variation this is, ``None``: there is no such one."""
        try:
            row = self._ask(config, "locate_products", f"products/{external_id}", {"_fields": "id,parent_id"})
        except errors.RequestRejected:
            return None
        return forms.part({"row": row}, "row").get("parent_id") or None

    def _serialize_product(self, config, data):
        row = {"id": int(data["external_id"])}  # what is no number was not located
        if "price" in data:
            row["regular_price"] = f"{data['price']:.{config.currency_id.decimal_places}f}"
        if data.get("quantity") == UNLIMITED:
            row.update({"manage_stock": False, "stock_status": "instock"})
        elif "quantity" in data:
            row.update({"manage_stock": True, "stock_quantity": data["quantity"]})
        if "published" in data:
            row["status"] = "publish" if data["published"] else "private"
        return row

    def _push_offers(self, config, rows):
        """Products go in one call, the variations of each product in one more. When one of them fails after others were
        taken, the later ones are not tried now."""
        results, waiting = {}, None
        groups = {}
        for row in rows:
            groups.setdefault(row["remote"].get("parent"), []).append(row)
        for parent, group in groups.items():
            try:
                answered = [waiting] * len(group) if waiting else self._push_group(config, parent, group)
            except errors.MarketplaceError as err:
                if not results:
                    raise
                waiting = RowResult.wait(err.seconds or 5.0, str(err))
                # It may be these rows that the shop fails at, each time.
                own = isinstance(err, (errors.TemporaryFailure, errors.InvalidResponse))
                answered = [RowResult.retry(str(err), err.seconds) if own else waiting] * len(group)
            results.update({row["listing_id"]: result for row, result in zip(group, answered, strict=True)})
        return [results[row["listing_id"]] for row in rows]

    def _push_group(self, config, parent, rows):
        """Send what one call takes. A call that is refused as a whole is halved, to find the row that is to blame."""
        path = f"products/{parent}/variations/batch" if parent else "products/batch"
        wire = [row["wire"] for row in rows]
        try:
            with self._exchange(config, "push_offers", len(rows)) as exchange:
                answer = exchange.request("POST", self._path(config, path), json={"update": wire})
                results = self._row_results(config, wire, answer)
                exchange.failed = sum(result.outcome != "accepted" for result in results)
            return results
        except errors.RequestRejected as err:
            if len(rows) == 1:
                return [self._refusal(err.code, str(err))]
        middle = len(rows) // 2
        return self._push_group(config, parent, rows[:middle]) + self._push_group(config, parent, rows[middle:])

    def _row_results(self, config, wire, answer):
        answered = items(answer, "update", default=[]) if isinstance(answer, dict) else []
        by_id = {text(row, "id"): row for row in answered}
        if any(str(row["id"]) not in by_id for row in wire):
            raise errors.InvalidResponse(_("WooCommerce did not answer for each row. Check what its plugins do."))
        return [self._row_result(config, row, by_id[str(row["id"])]) for row in wire]

    def _row_result(self, config, sent, row):
        problem = forms.part(row, "error")
        if problem:
            return self._refusal(text(problem, "code"), storable(str(problem.get("message") or "")))
        if sent.get("manage_stock") and row.get("manage_stock", True) is not True:
            return RowResult.rejected(
                "stock",
                _("The shop keeps no stock. Switch on stock management in WooCommerce: Settings, Products, Inventory."),
            )
        on_sale = text(row, "status", default="publish") == "publish"
        if sent.get("manage_stock") and on_sale and forms.is_endless(row) and not config.oversell:
            return RowResult.rejected(
                "backorders",
                _(
                    "The shop sells this product when it is out of stock, too. Don't allow backorders of it in "
                    "WooCommerce, or tick “Oversold on Purpose” on the account. Then send it again."
                ),
            )
        if "regular_price" in sent and row.get("regular_price") == "":
            return RowResult.rejected(
                "price", _("This product has no price of its own. List the variations of it instead.")
            )
        return RowResult.accepted()

    def _refusal(self, code, message):
        if code in STALE_CODES:
            return RowResult.retry(message, code="stale")
        return RowResult.rejected(code, message or self._refused_silently())

    # ------------------------------------------------------------------ orders

    def _pull_orders(self, config, cursor=None):
        """The cursor is the walk that is under way, see ``woocommerce_walk``. A second one goes through the bin, whose
        orders the first does not see; the next pull goes on after the first, which began earlier."""
        walk = json.loads(cursor) if cursor else {"since": self._first_moment(config)}
        params = {
            "modified_after": walk["since"],
            "dates_are_gmt": "true",
            "orderby": "id",
            "order": "asc",
            "per_page": PAGE,
            "offset": walk.get("offset", 0),
            "status": "trash" if "then" in walk else "any",
        }
        with self._exchange(config, "pull_orders", 0) as exchange:
            answer = exchange.send("GET", self._path(config, "orders"), params=params)
            rows = self._check_list(answer.json())
            exchange.count = len(rows)
        before, (walk, more) = walk, go_on(walk, rows, answer.headers)
        if not more:
            more = "then" not in before
            walk = {"since": before["since"], "then": walk["since"]} if more else {"since": before["then"]}
        return OrderPage([row for row in rows if forms.is_ordered(row)], json.dumps(walk), more)

    def _first_moment(self, config):
        # Two clocks are never quite the same.
        return earlier((config.orders_since or config.create_date).strftime(forms.MOMENT))

    def _fetch_order(self, config, external_id):
        try:
            raw = self._ask(config, "fetch_order", f"orders/{quote(external_id, safe='')}")
        except errors.RequestRejected as err:
            if err.status == 404:
                return None
            raise
        return raw

    def _identify(self, config, raw):
        return identifier(raw.get("id")) if isinstance(raw, dict) else "", ""

    def _version(self, config, raw):
        return forms.changed_at(raw)

    def _parse_order(self, config, raw):
        """Prices are with taxes, but where they are computed here and the shop enters its prices without."""
        return forms.parse_order(
            raw,
            config._woocommerce_own_statuses(),
            net=config.tax_policy == "product" and not raw.get("prices_include_tax"),
            digits=self._decimals(text(raw, "currency")),
            price_digits=self._price_digits(forms.PRICE_DIGITS),
        )

    def _parse_status(self, config, raw):
        status = forms.neutral_status(raw, config._woocommerce_own_statuses())
        return text(raw, "id", required=True), status, text(raw, "status")

    def _code_keys(self):
        return {"customer_id"}

    def _push_order_status(self, config, external_id, status, values):
        """WooCommerce takes every step, also back: what was cancelled there a moment ago must not be completed."""
        raw = self._fetch_order(config, external_id)
        refused = self._why_not(config, raw, status)
        if refused or self._known_status(config, raw) == status:
            return refused or RowResult.accepted()
        with self._exchange(config, "push_status") as exchange:
            path = self._path(config, f"orders/{quote(external_id, safe='')}")
            exchange.request("PUT", path, json={"status": STATUS_TO_WOOCOMMERCE[status]})
        return RowResult.accepted()

    def _known_status(self, config, raw):
        """Return the neutral status of an order, ``None`` where nobody has said what its own means."""
        try:
            return self._parse_status(config, raw)[1]
        except errors.MappingError:
            return None

    def _why_not(self, config, raw, status):
        """Return the ``RowResult`` that refuses to step an order of the shop to ``status``, ``None``: it may."""
        if raw is None:
            return RowResult.rejected("gone", _("WooCommerce has no such order any more."))
        there = self._known_status(config, raw)
        if there and there != status and STATUS_RANK[there] >= STATUS_RANK["delivered"]:
            return RowResult.rejected("status", _("The order is %s in WooCommerce by now.", raw["status"]))
        return None

    def _ship(self, config, external_id, package):
        """Tell the customer by a note of the order, which WooCommerce sends by e-mail. It begins with our own name of
        the package: by that it is known where the answer was lost."""
        if not (package.carrier or package.tracking or package.tracking_url):
            return RowResult.accepted()  # nothing that the shop's own mail about the completed order does not say
        raw = self._fetch_order(config, external_id)
        refused = self._why_not(config, raw, "delivered")
        path = f"orders/{quote(external_id, safe='')}/notes"
        if refused or self._is_noted(config, path, package):
            return refused or RowResult.accepted()
        with self._exchange(config, "ship") as exchange:
            note = forms.shipment_note(raw, package)
            exchange.request("POST", self._path(config, path), json={"note": note, "customer_note": True})
        return RowResult.accepted()

    def _is_noted(self, config, path, package):
        notes = self._check_list(self._ask(config, "ship", path, {"type": "customer"}))
        return any(text(note, "note").startswith(f"{package.reference}:") for note in notes)

    # ------------------------------------------------------------------ webhooks

    def _webhook_preset(self):
        return "hmac", {"header": "X-WC-Webhook-Signature", "encoding": "base64", "prefix": "", "base": "{body}"}

    def _verify_webhook(self, config, headers, body, now):
        """WooCommerce signs with the secret as its web page shows it: without HTML's entities."""
        scheme, options = self._webhook_recipe(config)
        secrets = [html.unescape(secret) for secret in config._webhook_secrets()]
        return signatures.verify(scheme, headers, body, secrets, now, **options)

    def _is_ping(self, config, headers, body):
        return bool(PING.fullmatch(body.strip()))

    def _delivery_id(self, config, headers, body):
        """WooCommerce's own id is made of the second: two deliveries can have the same."""
        told = headers.get("X-WC-Webhook-Delivery-ID", "").strip()
        return f"{told[:64]}-{hashlib.sha256(body).hexdigest()}" if told else ""

    def _parse_webhook(self, config, kind, payload, headers):
        topic = headers.get("X-WC-Webhook-Topic", "").strip().lower()
        if topic and not topic.startswith("order."):
            return []  # of no concern; refused often enough, WooCommerce would end it
        external_id = self._identify(config, payload)[0]
        if not external_id:
            raise errors.MappingError("id", _("is missing: this is no order of WooCommerce"))
        if topic == "order.deleted" or payload.keys() == {"id"}:
            return [Event("notice", external_id, payload)]
        return [Event("order", external_id, payload)] if forms.is_ordered(payload) else []

    def _register_webhooks(self, config):
        """Ours are known by the account's key in their address. Their secret can't be read, so it is always set."""
        if not config.sudo().webhook_secret:
            raise errors.ConfigurationError(_("Enter a webhook secret on the account first; any long text will do."))
        known, page, more = {}, 1, True
        while more:
            with self._exchange(config, "register_webhooks", 0) as exchange:
                rows, more = self._read_page(exchange, config, "webhooks", page)
                exchange.count = len(rows)
            page += 1
            known.update(
                {row.get("topic"): row for row in rows if config.webhook_key in str(row.get("delivery_url") or "")}
            )
        done = {"created": 0, "repaired": 0, "kept": 0}
        for topic in TOPICS:
            done[self._set_up_webhook(config, topic, known.get(topic))] += 1
        return done

    def _set_up_webhook(self, config, topic, known):
        wanted = {"delivery_url": config.webhook_url, "status": "active"}
        right = known and all(known.get(key) == value for key, value in wanted.items())
        values = {**wanted, "name": f"Odoo: {topic}", "topic": topic, "secret": config.sudo().webhook_secret}
        with self._exchange(config, "register_webhooks") as exchange:
            method, path = ("PUT", f"webhooks/{known['id']}") if known else ("POST", "webhooks")
            exchange.request(method, self._path(config, path), json=values)
        return "kept" if right else "repaired" if known else "created"

    # ------------------------------------------------------------------ helpers

    def _ask(self, config, operation, path, params=None):
        """Return the JSON of one GET."""
        with self._exchange(config, operation) as exchange:
            return exchange.request("GET", self._path(config, path), params=params)

    def _check_list(self, rows):
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise errors.InvalidResponse(
                _("WooCommerce should answer with a list and sent something else. Check the API URL.")
            )
        return rows
