# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import psycopg2

from odoo.sql_db import connection_info_for
from odoo.tests import TransactionCase, tagged

from ..database import is_of_database


@tagged("post_install", "-at_install")
class TestDatabase(TransactionCase):
    """Whose fault it is when the database fails: that of what it was asked, or nobody's here."""

    def error_of(self, act, *args):
        with self.assertRaises(psycopg2.Error) as caught:
            act(*args)
        return caught.exception

    def test_a_connection_that_is_ended_says_nothing_of_what_was_asked(self):
        connection = psycopg2.connect(**connection_info_for(self.env.cr.dbname)[1])
        self.addCleanup(connection.close)
        cursor = connection.cursor()
        self.env.cr.execute("SELECT pg_terminate_backend(%s)", [connection.get_backend_pid()])
        for error in (self.error_of(cursor.execute, "SELECT 1"), self.error_of(connection.cursor)):
            self.assertTrue(is_of_database(error), repr(error))
        self.assertIsInstance(error, psycopg2.InterfaceError)

    def test_what_the_server_lacks_or_is_says_nothing_of_what_was_asked(self):
        for code in (None, "08006", "53100", "53200", "53300", "57P01", "57P03", "58030", "40001", "40P01", "55P03"):
            self.assertTrue(is_of_database(self.failure(code)), code)

    def test_what_fails_each_time_is_the_fault_of_what_was_asked(self):
        for code in ("57014", "54000", "22001", "23505"):
            self.assertFalse(is_of_database(self.failure(code)), code)
        self.assertFalse(is_of_database(ValueError("no")))

    def failure(self, code):
        """Return the error of the database that has this code."""
        known = psycopg2.errors.lookup(code) if code else psycopg2.OperationalError
        return type("Failure", (known,), {"pgcode": code})("no")
