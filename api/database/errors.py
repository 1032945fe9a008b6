"""DatabaseError
└── MigrationError   the file could not be brought to this version's form

NothingStoredError   SQLAlchemy's: it refused just now, and was not asked again
"""

from sqlalchemy.exc import SQLAlchemyError


class DatabaseError(Exception):
    """The database cannot be used; the text says what to do."""


class MigrationError(DatabaseError):
    """The database has a form that this version does not know, or is locked by another start."""


class NothingStoredError(SQLAlchemyError):
    """The database has refused a moment ago; whoever wants to store comes again."""
