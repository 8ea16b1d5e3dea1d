# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import base64
import json

from odoo import _, api, fields, models
from odoo.exceptions import UserError

from ..compat import check_access
from ..marketplaces.rest_config import PRESETS
from ..transport.errors import MarketplaceError
from ..transport.redaction import redact

SHOWN = 200


class MarketplaceRestFile(models.TransientModel):
    """The configuration of a REST marketplace as one file: presets that come with the addon, somebody's file, and this
    account's own. No credentials are in it."""

    _name = "marketplace.rest.file"
    _description = "Configuration of a REST Marketplace as a File"

    config_id = fields.Many2one("marketplace.config", required=True, readonly=True, ondelete="cascade")
    preset = fields.Selection(list(PRESETS.items()))
    upload = fields.Binary(string="File", attachment=False)
    upload_name = fields.Char()
    export = fields.Binary(string="This Account", compute="_compute_export")
    export_name = fields.Char(compute="_compute_export")

    @api.depends("config_id")
    def _compute_export(self):
        for wizard in self:
            text = json.dumps(wizard.config_id._export_rest(), ensure_ascii=False, indent=2)
            wizard.export = base64.b64encode(text.encode())
            wizard.export_name = f"{wizard.config_id.name}.json"

    def action_load(self):
        """Set the account up by the preset or the file, in place of what it was."""
        self.ensure_one()
        config = self.config_id
        check_access(config, "write")
        if not self.preset and not self.upload:
            raise UserError(_("Choose a preset or a file."))
        config._import_rest(
            config._preset_rest(self.preset) if self.preset else config._read_rest(base64.b64decode(self.upload))
        )
        return {"type": "ir.actions.act_window_close"}


class MarketplaceRestPreview(models.TransientModel):
    """What one page of the marketplace's becomes here, field by field. One of the few calls that a person waits for.
    Only managers see it: it shows whom orders are from."""

    _name = "marketplace.rest.preview"
    _description = "Preview of a REST Marketplace"

    config_id = fields.Many2one("marketplace.config", required=True, readonly=True, ondelete="cascade")
    operation = fields.Selection(
        [("pull_orders", "Orders"), ("list_products", "Products"), ("test", "Account")],
        string="Show",
        default="pull_orders",
        required=True,
    )
    summary = fields.Char(readonly=True)
    line_ids = fields.One2many("marketplace.rest.preview.line", "preview_id", readonly=True)

    def action_fetch(self):
        self.ensure_one()
        config = self.config_id
        check_access(config, "write")
        try:
            found, rows = config._api()._preview(config, self.operation)
        except MarketplaceError as err:
            raise UserError(str(self.env["marketplace.api"]._retold(err))) from err
        secrets = config._api()._secrets(config)
        self.line_ids.unlink()
        self.env["marketplace.rest.preview.line"].create(
            [
                {
                    "preview_id": self.id,
                    **row,
                    "raw": _shown(row["raw"], secrets),
                    "neutral": _shown(row["neutral"], secrets),
                    "problem": redact(row["problem"], secrets),
                }
                for row in rows
            ]
        )
        problems = sum(bool(row["problem"]) for row in rows)
        self.summary = _("%(count)s found, %(problems)s problems in what is shown.", count=found, problems=problems)
        return {
            "type": "ir.actions.act_window",
            "name": _("Preview"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }


class MarketplaceRestPreviewLine(models.TransientModel):
    """One field of one document."""

    _name = "marketplace.rest.preview.line"
    _description = "Line of a Preview"

    preview_id = fields.Many2one("marketplace.rest.preview", required=True, ondelete="cascade")
    document = fields.Char()
    field = fields.Char()
    path = fields.Char(string="There")
    raw = fields.Char(string="Value There")
    converter = fields.Char()
    neutral = fields.Char(string="Value Here")
    problem = fields.Char()


def _shown(value, secrets):
    """The value as a short text, without the account's secrets."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = redact(text, secrets)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
