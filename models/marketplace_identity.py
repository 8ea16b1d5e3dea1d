# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
import os
import secrets

from odoo import _, models, tools
from odoo.exceptions import UserError

_logger = logging.getLogger(__name__)

PARAMETER = "cartona_integration.identity"
NUMBER = "cartona_integration.number"  # where a cursor keeps it


class MarketplaceIdentity(models.AbstractModel):
    """Tells a live database from a copy of it, so that a test system never speaks to a live shop.

    A copy has the same uuid and the same parameters. Its name differs, or it lies on a machine that lacks the
    fingerprint, which is kept in a file beside the file stores (``data_dir``), not within any of them. A backup that
    was restored in place has both; so PostgreSQL's own number of the database, which no dump holds, stands there too.
    """

    _name = "marketplace.identity"
    _description = "Identity of this Database"

    def _is_original(self):
        """Tell whether this is the database in which the accounts were set live."""
        expected = self.env["ir.config_parameter"].sudo().get_param(PARAMETER)
        if not expected:
            return False
        fingerprint, number = self._read_file()
        return expected == f"{self.env.cr.dbname}:{fingerprint}" and number == self._number()

    def _is_copy(self):
        """Tell whether accounts were set live in another database than this one, of which this is a copy."""
        return bool(self.env["ir.config_parameter"].sudo().get_param(PARAMETER)) and not self._is_original()

    def _claim(self):
        """Make this the database that speaks for its accounts; tell whether it was not before.

        :raise UserError: it is a copy of the one that does; copies must be released first, by a person
        """
        if self._is_original():
            return False
        problem = self._file_problem()
        if problem:
            raise UserError(problem)
        parameters = self.env["ir.config_parameter"].sudo()  # system parameters are closed to marketplace managers
        if parameters.get_param(PARAMETER):
            raise UserError(
                _(
                    "This database is a copy, or was moved or restored: only the original may speak to marketplaces. "
                    "If this one sells from now on, an administrator deletes the system parameter %s first.",
                    PARAMETER,
                )
            )
        fingerprint = self._read_file()[0] or secrets.token_hex(16)  # the same, should this transaction fail
        self._write_file(fingerprint, self._number())
        parameters.set_param(PARAMETER, f"{self.env.cr.dbname}:{fingerprint}")
        return True

    def _number(self):
        """Return what PostgreSQL knows this database by, as text; another one of the same name has another number."""
        known = self.env.cr.cache  # asked before each call; a connection has one database
        if NUMBER not in known:
            self.env.cr.execute("SELECT oid::text FROM pg_database WHERE datname = current_database()")
            known[NUMBER] = self.env.cr.fetchone()[0]
        return known[NUMBER]

    def _fingerprint_path(self):
        return os.path.join(tools.config["data_dir"], "cartona_integration", self.env.cr.dbname)

    def _read_file(self):
        """Return the fingerprint and the number that are kept outside of the database, empty where there are none."""
        return self._look_in_file()[:2]

    def _look_in_file(self):
        """Return ``(fingerprint, number, error)``, all of them texts; that there is no file is no error."""
        try:
            with open(self._fingerprint_path(), encoding="ascii") as file:
                fingerprint, _colon, number = file.read().strip().partition(":")
                return fingerprint, number, ""
        except FileNotFoundError:
            return "", "", ""
        except (OSError, UnicodeDecodeError) as err:
            _logger.error("Nothing is sent to marketplaces, as a file can't be read: %s", err)
            return "", "", str(err)

    def _file_problem(self):
        """Return why nobody knows whether this is the original, in words; ``""`` where that is known."""
        error = self._look_in_file()[2]
        return error and _(
            "The file by which this database knows that it is the one that sells can't be read (%s), so nothing is "
            "sent. Let Odoo read it, and everything goes on by itself.",
            error,
        )

    def _write_file(self, fingerprint, number):
        path = self._fingerprint_path()
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{fingerprint}:{number}")
