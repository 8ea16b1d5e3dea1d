# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Many copies of one row: what a database looks like after years, for tests and benchmarks of what grows."""

# Unique by chance, so no two rows may share it.
NOT_COPIED = ("id", "access_token")


def copy_row(cr, table, template, first, count, own, condition="TRUE"):
    """Insert copies ``n`` = 0 … ``count`` - 1 of the row ``template`` of ``table``, with the ids ``first`` + n.

    :param dict own: SQL by column instead of the row's own value (which is ``t.<column>``); may use ``n`` and ``t``;
        columns that the table does not have are passed over
    :param str condition: SQL; leaves out the copies for which it is not true
    """
    cr.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = current_schema AND table_name = %s AND column_name != ALL(%s)",
        [table, list(NOT_COPIED)],
    )
    columns = [row[0] for row in cr.fetchall()]
    values = ", ".join(own.get(column, f't."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    cr.execute(
        f"INSERT INTO {table} (id, {names}) SELECT {first} + n, {values} "
        f"FROM {table} t, generate_series(0, {count} - 1) AS n WHERE t.id = {template} AND {condition}"
    )
