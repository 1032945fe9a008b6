"""DatabaseError
└── MigrationError   the file could not be brought to this version's form
"""


class DatabaseError(Exception):
    """The database cannot be used; the text says what to do."""


class MigrationError(DatabaseError):
    """The database has a form that this version does not know, or is locked by another start."""
