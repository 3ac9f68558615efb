"""A database for what does not fit the memory: on disk, without a name, and gone with its connection."""

import sqlite3


def scratch_database(tables: str) -> sqlite3.Connection:
    """A new database of this process alone; SQLite writes it to the system's temporary folder once it grows.

    Args:
        tables: SQL that makes the tables.
    """
    database = sqlite3.connect("")
    database.executescript(tables)
    return database
