# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, api, fields, models

from .marketplace_identity import PARAMETER


class MarketplaceConfig(models.Model):
    """In what condition an account is, and why: the state that a person chose, and what keeps it from working."""

    _inherit = "marketplace.config"

    pause_cause = fields.Selection(
        [("error", "Refused by the marketplace"), ("copy", "Neutralized copy of a database")],
        readonly=True,
        copy=False,
        help="Empty: a person has paused the account.",
    )
    condition = fields.Selection(
        [("draft", "Draft"), ("live", "Live"), ("paused", "Paused"), ("error", "Error"), ("copy", "Copy")],
        compute="_compute_condition",
        help="Live: it sends and receives. Paused: a person has stopped it. Error: it can't go on, or not now. Copy: "
        "this database is not the one that sells. Whatever it is, its work waits and nothing is lost.",
    )
    condition_reason = fields.Char(compute="_compute_condition", help="Why it is so, and what helps.")

    @api.depends("state", "pause_cause", "pause_reason", "pull_orders", "credentials_id.state", "credentials_id.active")
    def _compute_condition(self):
        identity = self.env["marketplace.identity"]
        is_copy, is_original = identity._is_copy(), identity._is_original()
        for config in self:
            config.condition, config.condition_reason = config._condition(is_copy)
            if config.condition == "live" and not is_original:
                config.condition, config.condition_reason = "paused", config._not_original_reason(is_copy)

    def _condition(self, is_copy):
        """Return the account's condition and the reason for it, in plain words.

        :param bool is_copy: this database is a copy of the one in which accounts were set live
        """
        if is_copy or self.pause_cause == "copy":
            return "copy", self._copy_reason(is_copy)
        if self.state == "paused":
            return ("error" if self.pause_cause == "error" else "paused"), self.pause_reason
        if self.state == "live" and self.blocked_until and self.blocked_until > fields.Datetime.now():
            return "error", self.last_error
        return self.state, self._pull_stopped()

    def _pull_stopped(self):
        """Return why no orders come in although the account is live: another one, whose credentials it uses, pulls them
        and does not; ``False``: they do."""
        owner = self.sudo().credentials_id  # it may be out of the user's sight
        if self.state != "live" or not self.pull_orders or not owner or (owner.active and owner.state == "live"):
            return False
        return _(
            "No orders come in: they are pulled by %s, whose credentials this account uses, and which is not live. Set "
            "that live again. Prices and stock go on.",
            owner.name,
        )

    def _not_original_reason(self, is_copy):
        """Return why nothing is sent from a database that is not the one that sells."""
        if is_copy:
            return self._copy_reason(is_copy)
        return _(
            "This database was copied, moved or restored, and nobody has said yet that it is the one that "
            "sells. Resume, and it is: all accounts go on, and what the marketplaces show is compared."
        )

    def _tell_not_original(self):
        """Tell who looks after the account that nothing is sent from here: a database that was moved, or has another
        name, would stop without a word. By an activity alone: a copy writes to nobody."""
        reason = self._not_original_reason(self.env["marketplace.identity"]._is_copy())
        self._tell_responsible(_("%s neither sends nor receives", self.name), reason, cause="copy", mail=False)

    def _copy_reason(self, is_copy):
        if not is_copy:
            return _(
                "This is a neutralized copy of a database: its tokens and secrets were removed, and it speaks to no "
                "marketplace. To try it here, enter those of a test account, and test the connection."
            )
        problem = self.env["marketplace.identity"]._file_problem()
        if problem:
            return problem
        return _(
            "This database is a copy, or was moved, and speaks to no marketplace. Work in the original. If this is the "
            "one that sells from now on, an administrator deletes the system parameter %s.",
            PARAMETER,
        )

    def _note_mended(self):
        """Take in that the marketplace lets us in again: what had paused the account is mended, a person resumes."""
        mended = self.filtered(lambda config: config.state == "paused" and config.pause_cause == "error")
        mended.write({"pause_cause": False, "pause_reason": _("The connection works again.")})
