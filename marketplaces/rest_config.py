# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
from urllib.parse import urlsplit

from odoo import Command, _, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import file_open

from ..compat import check_access, format_list
from ..encryption import Secret
from ..models.marketplace_config import MANAGER
from ..models.marketplace_status_rule import DEFAULT_STATUSES
from ..transport.errors import MarketplaceError
from . import rest_forms as forms

FORMAT, VERSION = "cartona_integration.rest", 1
LARGEST_FILE = 512 * 1024
PRESETS = {"salla": "Salla", "zid": "Zid"}
# What of an account goes into a file. No credentials: whoever gets the file gets no access.
ACCOUNT_KEYS = (
    *("base_url", "token_url", "auth_header", "auth_prefix", "batch_size"),
    *("rest_auth", "rest_key_param", "rest_scope", "rest_client_in", "rest_header_2"),
    *("rest_webhook_mode", "rest_webhook_records", "rest_webhook_id", "rest_webhook_event", "rest_webhook_events"),
    *("webhook_scheme", "webhook_header", "webhook_algorithm", "webhook_encoding", "webhook_prefix", "webhook_base"),
    *("webhook_timestamp_header", "webhook_token_prefix"),
)
ENDPOINT_KEYS = (
    *("operation", "method", "path", "query", "headers", "body_kind", "body", "batch_size"),
    *("paging", "page_param", "first_page", "size_param", "page_size", "next_path"),
    *("since_format", "overlap", "fetch_each", "into", "records_path", "result_rows", "result_id_path", "result_key"),
    *("result_error_path", "result_code_path", "error_path"),
)
FIELD_KEYS = ("field", "path", "converter", "argument", "default", "operation")
STATUS_KEYS = ("raw", "status", "direction")
# The part of a file, the account's field, its model, what may stand in it, what has to.
PARTS = (
    ("endpoints", "endpoint_ids", "marketplace.endpoint", ENDPOINT_KEYS, ("operation", "path")),
    ("fields", "field_map_ids", "marketplace.field.map", FIELD_KEYS, ("field", "path")),
    ("statuses", "status_map_ids", "marketplace.status.map", STATUS_KEYS, ("raw", "status")),
)
UNIQUE = {"endpoints": "operation", "statuses": "raw"}
# Credentials that were entered for one host.
HELD = ("auth_token", "client_secret", "refresh_token", "rest_token_2")
TYPES = {"integer": int, "boolean": bool}


class MarketplaceConfig(models.Model):
    """Settings of an account whose marketplace is reached by configuration alone."""

    _inherit = "marketplace.config"

    endpoint_ids = fields.One2many("marketplace.endpoint", "config_id", groups=MANAGER, copy=True)
    field_map_ids = fields.One2many("marketplace.field.map", "config_id", string="Fields", groups=MANAGER, copy=True)
    status_map_ids = fields.One2many(
        "marketplace.status.map", "config_id", string="Marketplace Statuses", groups=MANAGER, copy=True
    )
    rest_auth = fields.Selection(
        [
            ("none", "None"),
            ("header", "Token in a header"),
            ("basic", "User name and password"),
            ("query", "Key in the query"),
            ("client_credentials", "OAuth 2: client credentials"),
            ("refresh_token", "OAuth 2: refresh token"),
        ],
        string="Authentication",
        default="header",
        required=True,
        help="User name and password, or the client of OAuth 2, are the account's Client ID and Client Secret.",
    )
    rest_key_param = fields.Char(string="Name of the Key", default="api_key", help="Of the query: carries the token.")
    rest_scope = fields.Char(string="Scope", help="What the access token is asked for. Empty: what the app may do.")
    rest_client_in = fields.Selection(
        [("form", "In the form"), ("header", "In a header (Basic)")],
        string="Client ID and Secret Are Sent",
        default="form",
        required=True,
        help="Where the token URL wants client ID and secret.",
    )
    rest_header_2 = fields.Char(
        string="Second Header",
        help="For marketplaces that want two tokens at once: the header of the second one. Several names with commas "
        "between them: it is sent under each.",
    )
    rest_token_2 = Secret(string="Second Token", groups=MANAGER, copy=False, help="What the second header carries.")
    rest_webhook_mode = fields.Selection(
        [
            ("none", "No webhooks"),
            ("order", "The whole order"),
            ("notice", "The order's ID; it is fetched"),
            ("status", "The status of an order"),
        ],
        string="A Delivery Holds",
        default="order",
        required=True,
        help="What the marketplace's webhooks tell of an order.",
    )
    rest_webhook_records = fields.Char(string="Orders in a Delivery", help="JMESPath. Empty: the body is the order.")
    rest_webhook_id = fields.Char(
        string="Order ID in a Delivery", help="JMESPath, below the orders of the delivery. Empty: the order's own ID."
    )
    rest_webhook_event = fields.Char(string="Event in a Delivery", help="JMESPath to the name of what happened.")
    rest_webhook_events = fields.Char(
        string="Events of Orders", help="Parted by commas. Deliveries about anything else are passed over."
    )

    # ------------------------------------------------------------------ CRUD

    @api.constrains("rest_webhook_records", "rest_webhook_id", "rest_webhook_event")
    def _check_rest_paths(self):
        for config in self:
            for name in ("rest_webhook_records", "rest_webhook_id", "rest_webhook_event"):
                try:
                    forms.compiled(config[name] or "@")
                except MarketplaceError as err:
                    raise ValidationError(str(self.env["marketplace.api"]._retold(err))) from err

    def _credential_fields(self):
        return {*super()._credential_fields(), "rest_auth", "rest_scope"}

    def _place_fields(self):
        return {*super()._place_fields(), "rest_token_2"}

    @api.depends("rest_auth", "endpoint_ids", "status_map_ids", "rest_webhook_mode")
    def _compute_features(self):
        return super()._compute_features()

    # ------------------------------------------------------------------ actions

    def action_open_rest_file(self):
        """Offer presets, a file to load, and this account's own as a file."""
        return self._open_rest_wizard("marketplace.rest.file", _("Configuration as a File"))

    def action_preview_rest(self):
        """Show what one page of the marketplace's becomes here."""
        return self._open_rest_wizard("marketplace.rest.preview", _("Preview"))

    def _open_rest_wizard(self, model, name):
        self.ensure_one()
        check_access(self, "write")
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": model,
            "view_mode": "form",
            "target": "new",
            "context": {"default_config_id": self.id},
        }

    # ------------------------------------------------------------------ files

    def _export_rest(self):
        """Return the account's configuration as the JSON of a file, without credentials."""
        self.ensure_one()
        data = {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "account": _given(self, ACCOUNT_KEYS, ACCOUNT_KEYS),
        }
        for part, field, _model, keys, needed in PARTS:
            data[part] = [_given(row, keys, needed) for row in self[field]]
        return data

    def _preset_rest(self, name):
        """Return the JSON of a preset that comes with the addon."""
        with file_open(f"cartona_integration/data/presets/{name}.json") as file:
            return json.load(file)

    def _read_rest(self, raw):
        """Return the JSON of a file that somebody uploads.

        :raise UserError: it is none
        """
        if len(raw) > LARGEST_FILE:
            raise UserError(_("The file is larger than %s bytes.", LARGEST_FILE))
        try:
            return json.loads(raw)
        except (ValueError, RecursionError) as err:
            raise UserError(_("The file is no JSON: %s", err)) from err

    def _import_rest(self, data):
        """Set the account up as a file says, in place of what it was; all of it or nothing.

        :raise UserError: the file can't be taken; it says all that is wrong with it
        """
        self.ensure_one()
        problems = self._rest_problems(data)
        if problems:
            raise UserError(_("The file can't be loaded:") + "\n" + "\n".join(f"• {problem}" for problem in problems))
        account = data.get("account", {})
        self._refuse_other_host(account)
        values = {key: value for key, value in account.items() if key in ACCOUNT_KEYS}
        for part, field, _model, _keys, _needed in PARTS:
            rows = [{**row, "sequence": 10 * number} for number, row in enumerate(data.get(part, []), 1)]
            if part == "endpoints":
                rows = data.get(part, [])
            values[field] = [Command.clear(), *map(Command.create, rows)]
        self[PARTS[0][1]].unlink()  # their names are unique: the new ones come after the old ones are gone
        self[PARTS[2][1]].unlink()
        self.write(values)
        self._tell_usual_statuses()

    def _refuse_other_host(self, account):
        """Credentials that were entered for one host are not shown to another because a file says so."""
        sudo = self.sudo()
        for key, other in (("base_url", "token_url"), ("token_url", "base_url")):
            here, there = urlsplit(self[key] or self[other] or "").netloc, urlsplit(account.get(key) or "").netloc
            if here and there and here != there and any(sudo[name] for name in HELD):
                raise UserError(
                    _(
                        "The file is for %(there)s, and the account has credentials for %(here)s. Empty the "
                        "credentials first, load the file, then enter those for %(there)s.",
                        here=here,
                        there=there,
                    )
                )

    def _tell_usual_statuses(self):
        """Let the marketplace be told the usual, as far as it has words for it now."""
        able = self._capabilities()["statuses"]
        for rule in self.status_rule_ids:
            usual = DEFAULT_STATUSES.get(rule.event, "nothing")
            rule.status = usual if usual in able else "nothing"

    def _rest_problems(self, data):
        """Return all that is wrong with the JSON of a file, in plain words."""
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            return [_("It is no configuration of a REST marketplace: “format” should be %s.", FORMAT)]
        if data.get("version") != VERSION:
            return [
                _("Its version is %(its)s; this addon reads version %(ours)s.", its=data.get("version"), ours=VERSION)
            ]
        known = {"format", "version", "name", "account", *(part for part, *_rest in PARTS)}
        problems = [_("%s is not known here.", key) for key in data if key not in known]
        account = data.get("account", {})
        if isinstance(account, dict):
            problems += _row_problems("account", account, self, ACCOUNT_KEYS, ())
        else:
            problems.append(_("%s should be an object.", "account"))
        for part, _field, model, keys, needed in PARTS:
            problems += self._part_problems(part, data.get(part, []), self.env[model], keys, needed)
        return problems

    def _part_problems(self, part, rows, model, keys, needed):
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            return [_("%s should be a list of objects.", part)]
        problems = []
        for index, row in enumerate(rows):
            name = f"{part}[{index}]"
            found = _row_problems(name, row, model, keys, needed)
            problems += found or _record_problems(name, row, model)
        key = UNIQUE.get(part)
        told = [str(row.get(key)) for row in rows if key]
        twice = sorted({value for value in told if told.count(value) > 1})
        return problems + [_("%(part)s: %(value)s occurs twice.", part=part, value=value) for value in twice]


def _row_problems(name, row, model, keys, needed):
    problems = [_("%(name)s.%(key)s is not known here.", name=name, key=key) for key in row if key not in keys]
    problems += [_("%(name)s.%(key)s is missing.", name=name, key=key) for key in needed if not row.get(key)]
    for key, value in row.items():
        if key not in keys:
            continue
        field = model._fields[key]
        kind = TYPES.get(field.type, str)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            words = {str: _("a text"), int: _("a whole number"), bool: _("true or false")}
            problems.append(_("%(name)s.%(key)s should be %(kind)s.", name=name, key=key, kind=words[kind]))
        elif field.type == "selection" and (value or key in needed):
            choices = [choice for choice, _label in _choices(field, model)]
            if value not in choices:
                problems.append(
                    _(
                        "%(name)s.%(key)s is %(value)s; known are: %(known)s.",
                        name=name,
                        key=key,
                        value=value,
                        known=format_list(model.env, choices),
                    )
                )
    return problems


def _choices(field, model):
    if isinstance(field.selection, str):
        return getattr(model, field.selection)()
    return field.selection


def _record_problems(name, row, model):
    """What the model itself says of a row, asked of a record that is never stored."""
    record = model.new(row)
    try:
        for check in model._constraint_methods:
            if set(check._constrains) & set(model._fields):
                check(record)
    except (ValidationError, MarketplaceError) as err:
        return [f"{name}: {err.args[0] if isinstance(err, ValidationError) else err}"]
    return []


def _given(record, keys, needed=()):
    """Return what differs from the default, so that a file is short."""
    values = {}
    for key in keys:
        field, value = record._fields[key], record[key]
        if field.type not in ("integer", "boolean"):
            value = value or ""
        default = (field.default(record) if callable(field.default) else field.default) or type(value)()
        if key in needed or value != default:
            values[key] = value
    return values
