# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import logging
import os
import secrets
import tempfile

import psycopg2

from odoo import _, models, tools
from odoo.exceptions import UserError

from ..database import is_of_database

_logger = logging.getLogger(__name__)

PARAMETER = "cartona_integration.identity"
# Where the fingerprint comes from on machines that keep no files: any text that nothing but production has.
ENVIRONMENT = "MARKETPLACE_IDENTITY"
OPTION = "marketplace_identity"
NUMBER = "cartona_integration.number"  # where a cursor keeps it
# The number that a server was made with; a standby has it, too.
SERVER = "SELECT system_identifier::text FROM pg_control_system()"


class MarketplaceIdentity(models.AbstractModel):
    """Tells a live database from a copy of it, so that a test system never speaks to a live shop.

    A copy has the same uuid and the same parameters. Its name differs, or it lies on a machine that lacks the
    fingerprint, which is kept in a file beside the file stores (``data_dir``), not within any of them, or comes from
    the environment. A backup that was restored in place has both; so PostgreSQL's own number of the database is
    compared, too, which another database has not, whatever dump it was made of.
    """

    _name = "marketplace.identity"
    _description = "Identity of this Database"

    def _is_original(self):
        """Tell whether this is the database in which the accounts were set live."""
        expected = self.env["ir.config_parameter"].sudo().get_param(PARAMETER)
        if not expected:
            return False
        fingerprint = self._fingerprint()
        return bool(fingerprint) and expected == self._identity(fingerprint)

    def _identity(self, fingerprint):
        return f"{self.env.cr.dbname}:{fingerprint}:{self._number()}"

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
        parameters.set_param(PARAMETER, self._identity(self._fingerprint() or self._make_file()))
        return True

    def _number(self):
        """Return what PostgreSQL knows this database by, as text. Another one of the same name has another number; and
        where servers are set up alike, so that databases are numbered alike, it is another server's."""
        known = self.env.cr.cache  # asked before each call; a connection has one database
        if NUMBER not in known:
            self.env.cr.execute("SELECT oid::text FROM pg_database WHERE datname = current_database()")
            known[NUMBER] = f"{self.env.cr.fetchone()[0]}@{self._ask_server(SERVER)}"
        return known[NUMBER]

    def _ask_server(self, query):
        """Return what PostgreSQL says of itself, as text; ``""`` where who manages it forbids to ask."""
        try:
            with self.env.cr.savepoint(flush=False):
                self.env.cr.execute(query, log_exceptions=False)
                return self.env.cr.fetchone()[0]
        except psycopg2.Error as err:
            if is_of_database(err):
                raise
            return ""

    def _fingerprint_path(self):
        return os.path.join(tools.config["data_dir"], "cartona_integration", self.env.cr.dbname)

    def _fingerprint(self):
        """Return the text that is kept outside of the database, empty where there is none."""
        return self._look_outside()[0]

    def _look_outside(self):
        """Return ``(fingerprint, error)``, both of them texts; that there is no file is no error."""
        given = (os.environ.get(ENVIRONMENT) or tools.config.get(OPTION) or "").strip()
        if given:
            return given, ""
        try:
            with open(self._fingerprint_path(), encoding="ascii") as file:
                return file.read().strip(), ""
        except FileNotFoundError:
            return "", ""
        except (OSError, UnicodeDecodeError) as err:
            _logger.error("Nothing is sent to marketplaces, as a file can't be read: %s", err)
            return "", str(err)

    def _file_problem(self):
        """Return why nobody knows whether this is the original, in words; ``""`` where that is known."""
        error = self._look_outside()[1]
        return error and _(
            "The file by which this database knows that it is the one that sells can't be read (%s), so nothing is "
            "sent. Let Odoo read it, and everything goes on by itself.",
            error,
        )

    def _make_file(self):
        """Make a fingerprint, and its file: whole, or not at all.

        :raise UserError: the folder can't be written to
        """
        path, fingerprint = self._fingerprint_path(), secrets.token_hex(16)
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(path), encoding="ascii", delete=False) as file:
                file.write(fingerprint)
                file.flush()
                os.fsync(file.fileno())  # the parameter that names it is committed for good
            os.replace(file.name, path)
        except OSError as err:
            raise UserError(
                _(
                    "Odoo can't write to %(folder)s, where it keeps by what this database is known from its copies. "
                    "Let it write there, or give it a text of its own in odoo.conf, as %(option)s.",
                    folder=os.path.dirname(path),
                    option=OPTION,
                )
            ) from err
        return fingerprint
