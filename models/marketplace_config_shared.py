# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, api, models
from odoo.exceptions import ValidationError

from ..compat import format_list


class MarketplaceConfig(models.Model):
    """Accounts that share credentials, since one token may reach several supplier accounts: which these are, and which
    of them a document is for."""

    _inherit = "marketplace.config"

    @api.constrains("credentials_id", "supplier_code", "company_id", "code")
    def _check_credentials(self):
        for config in self:
            owner = config.credentials_id
            if owner == config or owner.credentials_id:
                raise ValidationError(_("%s: choose an account that has credentials of its own.", config.name))
            # sudo: whoever moves an account may not see the companies of those that share its credentials
            group = config.sudo()._credential_group()
            owner = config.sudo()._credentials()
            apart = group.filtered(lambda account, owner=owner: account != owner and not account._can_share_with(owner))
            if apart:
                raise ValidationError(
                    _(
                        "%(account)s can't use the credentials of %(other)s: each needs its own.",
                        account=apart[0].name,
                        other=owner.name,
                    )
                )
            if len(group.company_id) > 1:
                raise ValidationError(
                    _(
                        "%s: accounts that share credentials belong to one company, as their customers do. Give this "
                        "one credentials of its own first.",
                        config.name,
                    )
                )
            codes = [account.supplier_code for account in group]
            if len(group) > 1 and (not all(codes) or len(set(codes)) < len(codes)):
                raise ValidationError(
                    _(
                        "Accounts that share a token need a supplier code each, and no two the same: %s. "
                        "Without it, an update would reach all of them.",
                        format_list(self.env, group.mapped("name")),
                    )
                )

    def _can_share_with(self, owner):
        """Whether accounts of this marketplace are told apart by their supplier codes, and the owner is one of it."""
        return self.code == owner.code and bool(self.code) and "supplier_code" in self._capabilities()["settings"]

    def _credentials(self):
        """Return the accounts whose URL and token are used: each itself, unless it shares another's."""
        return self.browse([(config.credentials_id or config).id for config in self])

    def _credential_group(self):
        """Return all accounts that are reached with the same credentials as this one, itself included."""
        self.ensure_one()
        owner = self._credentials()
        return owner | owner.shared_config_ids  # the field is looked up once, however many documents are routed

    def _others_by_cartona_id(self):
        """Return the accounts that go by the products' external ids and have ids of their own: those that share
        credentials have the same."""
        self.ensure_one()
        # sudo: products, and so their ids, may be shared with companies that the user does not see
        others = self.sudo().search([("use_cartona_id", "=", True), ("id", "not in", self._origin.ids)])
        owner = (self.credentials_id or self)._origin
        return others.filtered(lambda other: other._credentials() != owner)

    @api.onchange("use_cartona_id", "credentials_id", "code")
    def _onchange_use_cartona_id(self):
        """Nothing is refused: both may be shops of one catalogue, which nobody but a person knows."""
        words = self._warn_of_shared_ids()
        return {"warning": {"title": _("Use External Product ID"), "message": words}} if words else None

    def _warn_of_shared_ids(self):
        """Return what is to be said where another account of the marketplace goes by the products' ids as well, and has
        ids of its own: one field can't hold the ids of two shops. References that the seller gave are the same in
        all of them."""
        self.ensure_one()
        if not self.use_cartona_id or not self.code or self._capabilities()["seller_ids"]:
            return ""
        others = self._others_by_cartona_id().filtered(lambda other: other.code == self.code)
        if not others:
            return ""
        return _(
            "%s goes by the external product IDs of the products, too. If that is another shop, its IDs are other "
            "products here: turn this off, and match the products.",
            format_list(self.env, self._names_of_seen(others)),
        )

    def _names_of_seen(self, others):
        """Return what to call these accounts: those that the user does not see, without a name."""
        seen = self.search([("id", "in", others.ids)])
        return seen.mapped("name") + ([_("an account of another company")] if len(seen) < len(others) else [])

    def _route(self, code):
        """Return the account that a document with this supplier code is for, among those that share credentials; none
        when it can't be told. An account alone takes what names no supplier, and everything when it has no code."""
        self.ensure_one()
        accounts = self._credential_group().filtered("active")
        exact = accounts.filtered(lambda account: account.supplier_code and account.supplier_code == code)
        if exact or len(accounts) != 1:
            return exact
        return accounts if not code or not accounts.supplier_code else exact

    def _account_of(self, code, external_id):
        """Return the account that a document about an order is for: that which has the order already, although there is
        one for its supplier code by now; else as :meth:`_route` says."""
        return self._accounts_of([(code, external_id)])[0]

    def _accounts_of(self, named):
        """Return of each document what :meth:`_account_of` says.

        :param list named: ``[(supplier code, order id)]``
        """
        accounts, known = self._credential_group().filtered("active"), {}
        external_ids = [external_id for _code, external_id in named if external_id]
        if len(accounts) > 1 and external_ids:
            there = [("marketplace_config_id", "in", accounts.ids), ("cartona_id", "in", external_ids)]
            # sudo: who replays a document may have no rights on orders, and it is told nothing of them
            for order in self.env["sale.order"].sudo().search(there):
                known.setdefault(order.cartona_id, order.marketplace_config_id)
        return [accounts & known[key] if key in known else self._route(code) for code, key in named]
