# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models
from odoo.tools import SQL

from ..compat import format_list
from ..encryption import Secret, is_former, is_key_away, is_lost
from ..transport.errors import ConfigurationError


class MarketplaceConfig(models.Model):
    """What becomes of an account's secrets when the keys outside the database change."""

    _inherit = "marketplace.config"

    def _check_secrets(self):
        """Make sure that what the account proves itself with can be read. It costs a query only where some is empty.

        :raise ConfigurationError: what is stored was encrypted with a key that is not here. Where there is none at all,
            that may pass: a folder comes back
        """
        self.ensure_one()
        asked = self._secret_names() & set(self._capabilities()["credentials"])
        if all(self.sudo()[name] for name in asked):
            return
        if lost := [name for name in self._lost_secrets() if name in asked]:
            text = _(
                "%(names)s can't be read: the key they were encrypted with is not here. Put cartona_integration.key "
                "back into Odoo's data folder (or the former key into odoo.conf), or enter them again.",
                names=format_list(self.env, (self._fields[name]._description_string(self.env) for name in lost)),
            )
            raise ConfigurationError(text, may_pass=is_key_away())

    def _secret_names(self):
        return {name for name, field in self._fields.items() if isinstance(field, Secret)}

    def _used_secrets(self):
        """Return the names of those that the form shows: one that it hides while it is empty can't be entered."""
        return {"webhook_secret", "rest_token_2", *self._capabilities()["credentials"]}

    def _sealed_secrets(self):
        """Return the account's secrets as they are stored: ``{field: ciphertext}``."""
        self.ensure_one()
        names = sorted(self._secret_names())
        self.flush_recordset(names)
        columns = SQL(", ").join(SQL.identifier(name) for name in names)
        self.env.cr.execute(SQL("SELECT %s FROM marketplace_config WHERE id = %s", columns, self.id))
        return {name: sealed for name, sealed in zip(names, self.env.cr.fetchone(), strict=True) if sealed}

    def _lost_secrets(self):
        """Return the names of those that no key opens."""
        return [
            name for name, sealed in self._sealed_secrets().items() if name in self._used_secrets() and is_lost(sealed)
        ]

    def _former_secrets(self):
        """Return the names of those that wait to be encrypted with the current key."""
        return [name for name, sealed in self._sealed_secrets().items() if is_former(sealed)]

    def _seal_anew(self):
        """Encrypt with the current key what a former one encrypted, so that the former one can be taken away."""
        for config in self.sudo().with_context(active_test=False).search([]):
            # By the fields themselves: a shop that stays the same is told nothing anew, its tokens stay good.
            for name in config._former_secrets():
                config._fields[name].write(config, config[name])
        for token in self.env["marketplace.token"].sudo().search([]):
            token.write({name: token[name] for name in ("access_token", "refresh_token") if token[name]})


class MarketplaceDoctor(models.AbstractModel):
    _inherit = "marketplace.doctor"

    def _fixes(self):
        return {**super()._fixes(), "_fix_secrets": _("Encrypt anew")}

    def _exam_secrets(self, configs):
        # sudo: whether they can be read is told, not what they are
        for config in configs.sudo():
            if config._lost_secrets():
                advice = _(
                    "Put cartona_integration.key back into Odoo's data folder (or the former key into odoo.conf), or "
                    "enter the credentials again."
                )
                yield self._finding("error", _("%s: the credentials can't be decrypted.", config.name), advice)
            elif config._former_secrets():
                advice = _("Then the former key can be taken out of the settings.")
                title = _("%s: the credentials are encrypted with a former key.", config.name)
                yield self._finding("warning", title, advice, "_fix_secrets")

    def _fix_secrets(self, config):
        config._seal_anew()
