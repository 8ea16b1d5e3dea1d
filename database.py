# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Transactions and locks of our own, beside the one that Odoo gives a request or a job.

What must survive a rollback, or must be seen by others before a slow call, can't live in the caller's transaction; and
a job's own cursor must never commit, since that gives up the lock by which queue_job knows that the job is running.
"""

import time
from contextlib import contextmanager
from datetime import timedelta

import psycopg2.errors

from odoo import SUPERUSER_ID, api, fields
from odoo.tools import SQL

# What the database says when two transactions can't both be right; the loser tries again.
CONFLICTS = (
    psycopg2.errors.SerializationFailure,
    psycopg2.errors.DeadlockDetected,
    psycopg2.errors.LockNotAvailable,
)
CONFLICT_TRIES = 5
# So long a night takes for each kind of old rows: Odoo removes all kinds in one go, and ends the process that takes
# longer for it than `limit_time_real`, two minutes unless it is set otherwise.
VACUUM_SECONDS = 10
# When a night goes on that did not get to its end: what else the clock runs has its turn meanwhile.
GO_ON = timedelta(minutes=5)
# How the codes begin of what says nothing of the statement: the connection is lost, the server lacks something (disk,
# memory, locks, connections), it ends, or its files can't be read.
_AWAY = ("08", "53", "57P", "58")


@contextmanager
def own_transaction(env, repeatable_read=False):
    """Give an environment of the superuser on a new transaction; commit it at the end, roll it back on an error. Of the
    context of ``env`` it has the language alone: what is stored for people is in that of the account or the user.

    READ COMMITTED for our own bookkeeping, because two of these may meet on the same rows: in Odoo's usual REPEATABLE
    READ the second one would fail with a serialization error instead of waiting for the first. What calls Odoo's own
    business code must ask for ``repeatable_read``, and be ready to try again: that code reads a quantity, computes, and
    writes the result, and relies on the database to refuse when somebody else wrote in between.
    """
    with env.registry.cursor() as cr:
        # In test mode it is a savepoint in the transaction of the test.
        if not repeatable_read and not env.registry.in_test_mode():
            cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        lang = env.context.get("lang")
        yield api.Environment(cr, SUPERUSER_ID, {"lang": lang} if lang else {})


def retried_transaction(env, act, repeatable_read=False):
    """Run ``act(env)`` in a transaction of its own and give its answer; again when somebody else has just written the
    same, a row with the same unique key included: then the next try finds it. The last failure is raised.

    :param repeatable_read: as for :func:`own_transaction`
    """
    for number in range(CONFLICT_TRIES):
        try:
            with own_transaction(env, repeatable_read) as own_env:
                answer = act(own_env)
                own_env.flush_all()
                return answer
        except (*CONFLICTS, psycopg2.errors.UniqueViolation):
            if number == CONFLICT_TRIES - 1:
                raise


def delete_in_pieces(env, table, found, piece, seconds):
    """Delete the rows of ``table`` whose ids ``found`` selects, ``piece`` of them at most, until it finds fewer, each
    time in a transaction of its own, for ``seconds``; the rest soon. A limit in rows would let a table grow for ever
    where a day writes more of them."""
    query = SQL("DELETE FROM %s WHERE id IN (%s)", SQL.identifier(table), found)
    deadline, done = time.monotonic() + seconds, None
    while done is None or (done == piece and time.monotonic() < deadline):
        with own_transaction(env) as own_env:
            own_env.cr.execute(query)
            done = own_env.cr.rowcount
    if done == piece:
        go_on_soon(env)


def go_on_soon(env):
    """Have Odoo come soon to remove what is old, since there is more of it than one go had time for."""
    cron = env.ref("base.autovacuum_job", raise_if_not_found=False)
    if cron:
        cron.sudo()._trigger(fields.Datetime.now() + GO_ON)


def delete_old(env, table, column, moment, piece, seconds):
    """Delete the rows of ``table`` whose ``column`` is before ``moment``, as :func:`delete_in_pieces` does."""
    found = SQL(
        "SELECT id FROM %(table)s WHERE %(column)s < %(moment)s ORDER BY %(column)s LIMIT %(piece)s "
        "FOR UPDATE SKIP LOCKED",
        table=SQL.identifier(table),
        column=SQL.identifier(column),
        moment=moment,
        piece=piece,
    )
    delete_in_pieces(env, table, found, piece, seconds)


def is_of_database(err):
    """Tell whether an error of the database says nothing of what it was asked: somebody else was in the way, or it is
    away. psycopg2 counts as operational more than that, such as a value too long for an index, and a query that took
    too long: these come again each time."""
    if isinstance(err, (*CONFLICTS, psycopg2.InterfaceError)):
        return True
    return isinstance(err, psycopg2.OperationalError) and (not err.pgcode or err.pgcode.startswith(_AWAY))


@contextmanager
def session_lock(env, key):
    """Hold the lock named ``key`` on a connection of its own; give whether it was obtained, never wait for it.

    The lock belongs to the connection, not to a transaction: it lasts over many commits of the holder, and a killed
    process loses it with its connection.
    """
    with env.registry.cursor() as cr:
        cr.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key])
        obtained = cr.fetchone()[0]
        # An open transaction would hold back vacuum for as long as the lock is held.
        cr.commit()  # pylint: disable=invalid-commit
        try:
            yield obtained
        finally:
            if obtained:
                cr.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [key])


def try_transaction_lock(cr, key):
    """Obtain the lock named ``key`` until the end of the transaction of ``cr``; tell whether it was, never wait."""
    cr.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [key])
    return cr.fetchone()[0]


def try_transaction_locks(cr, keys):
    """Obtain those of the locks named ``keys`` that nobody has, until the end of the transaction of ``cr``; return
    their names, never wait."""
    cr.execute(
        "SELECT key FROM unnest(%s::text[]) AS key WHERE pg_try_advisory_xact_lock(hashtextextended(key, 0))",
        [list(keys)],
    )
    return {key for (key,) in cr.fetchall()}


def transaction_locks(cr, keys):
    """Obtain the locks named ``keys`` until the end of the transaction of ``cr``, all of them, in the same order for
    everybody; wait for whoever holds one."""
    cr.execute(
        # Without the OFFSET the planner may lock before it sorts.
        "SELECT pg_advisory_xact_lock(number) FROM (SELECT DISTINCT hashtextextended(key, 0) AS number "
        "FROM unnest(%s::text[]) AS key ORDER BY number OFFSET 0) AS locks",
        [list(keys)],
    )


def transaction_lock(cr, key):
    """Obtain the lock named ``key`` until the end of the transaction of ``cr``; wait for whoever holds it."""
    cr.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
