# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models

from ..database import own_transaction, transaction_lock
from ..encryption import Secret
from ..transport import errors, oauth


class MarketplaceApi(models.AbstractModel):
    """Access tokens that run out. An adapter says how to ask for one (:meth:`_token_grant`) and how it is shown
    (:meth:`_token_auth`); that it is asked for once, however many need it, is done here."""

    _inherit = "marketplace.api"

    # ------------------------------------------------------------------ the marketplace's holes

    def _token_grant(self, config, refresh_token):
        """Return the ``transport.oauth.Grant`` by which the marketplace gives an access token, ``None`` where it gives
        none: what stands on the account is used as it is. Nothing is asked for here: it is also called to see whether
        there is one.

        :param config: the account whose credentials are used, as superuser
        :param refresh_token: the newest one
        """
        return None

    def _token_auth(self, config, access_token):
        """Return the ``requests.auth.AuthBase`` that shows an access token. Two of one token have to be equal: by that
        it is known which one was refused."""
        return oauth.BearerToken(access_token)

    # ------------------------------------------------------------------ use

    def _auth(self, config):
        """Return the account's ``requests.auth.AuthBase``."""
        return self._token_auth(config, self._access_token(config))

    def _renew_auth(self, config, refused):
        """Return authentication to try once more with, after ``refused`` was: a token may have been withdrawn early.
        ``None`` where there is no other."""
        credentials = config.sudo()._credentials()
        if not self._token_grant(credentials, credentials.refresh_token):
            return None
        shown = next((token for token in credentials._tokens() if self._token_auth(config, token) == refused), "")
        return self._token_auth(config, self._access_token(config, refused=shown))

    def _access_token(self, config, refused=""):
        """Return a valid access token other than ``refused``, asking for one where there is none.

        :raise AuthenticationFailed: the marketplace gives none for what stands on the account
        """
        credentials = config.sudo()._credentials()
        token = credentials.token_ids._valid(refused)
        return token or self._ask_for_token(credentials, refused)

    def _ask_for_token(self, credentials, refused):
        """Ask for a token while nobody else does. Its row is written by this alone, so whoever waits here waits for one
        call, and then finds what it brought."""
        with own_transaction(self.env) as env:
            transaction_lock(env.cr, f"marketplace:token:{credentials.id}")
            credentials = env["marketplace.config"].browse(credentials.id)
            found = env["marketplace.token"].search([("config_id", "=", credentials.id)])
            if token := found._valid(refused):
                return token
            newest = found.refresh_token or credentials.refresh_token
            grant = credentials._api()._token_grant(credentials, newest)
            if not grant:
                raise errors.AuthenticationFailed(_("Invalid token: it is empty. Enter it on the account."))
            with self._exchange(credentials, "token", 0, grant.secrets(), elsewhere=grant.url) as exchange:
                answer = self._fetch_token(exchange, grant)
                found._keep(credentials, answer)
                # Where refresh tokens change, the former one is worth nothing by now: nothing may come in between, the
                # log least of all.
                env.cr.commit()  # pylint: disable=invalid-commit
            return answer.access_token

    def _fetch_token(self, exchange, grant):
        try:
            return oauth.fetch(exchange.client, grant)
        except errors.MarketplaceError as err:
            err.maybe_applied = False  # what the token is for has not been sent
            raise


class MarketplaceToken(models.Model):
    """The access token of an account, and the newest refresh token where the marketplace gives a new one each time."""

    _name = "marketplace.token"
    _description = "Marketplace Access Token"
    _log_access = False

    config_id = fields.Many2one("marketplace.config", required=True, ondelete="cascade")
    access_token = Secret(required=True)
    expires_at = fields.Datetime()
    refresh_token = Secret()

    _sql_constraints = [("config_unique", "UNIQUE (config_id)", "An account has one access token.")]

    def _valid(self, refused=""):
        """Return the access token if it can still be used, else ``""``."""
        now = fields.Datetime.now()
        good = self.filtered(lambda token: not token.expires_at or token.expires_at > now)
        return good.access_token if good and good.access_token != refused else ""

    def _keep(self, config, answer):
        """Store what the marketplace gave: a ``transport.oauth.Token``."""
        values = {
            "access_token": answer.access_token,
            "expires_at": answer.seconds and fields.Datetime.add(fields.Datetime.now(), seconds=answer.seconds),
        }
        if answer.refresh_token:
            values["refresh_token"] = answer.refresh_token
        if self:
            self.write(values)
        else:
            self.create({**values, "config_id": config.id})
