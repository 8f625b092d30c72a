"""Whose fault a failure is: that of the facts, or that of the world around them."""

import psycopg

from services.kernel.store import Conflict
from services.kernel.values import Unavailable

# SQLSTATE classes that only data can cause: data exception, integrity constraint, program limit (too long, too deep).
OF_CONTENT = ("22", "23", "54")


def is_of_content(error: BaseException) -> bool:
    """Whether the same facts would fail again, at any time; any other failure passes when repeated.

    What the database reports counts as theirs only where data alone can cause it: a missing table or right, a full disk
    or a read-only standby is no reason to put facts aside. An exception from elsewhere is a fact that the handler
    cannot deal with.
    """
    if isinstance(error, psycopg.Error):
        if error.sqlstate is not None:
            return error.sqlstate.startswith(OF_CONTENT)
        # raised by psycopg itself, before the database saw anything
        return isinstance(error, psycopg.DataError | psycopg.ProgrammingError)
    return not isinstance(error, Unavailable | Conflict | OSError)
