"""The service's database: SQLite by default, PostgreSQL by URL.

`tables` describes it, `engine` opens it with one writer, `migrate` brings a file up to date.
"""

from api.database.engine import Database
from api.database.errors import DatabaseError, MigrationError
from api.database.migrate import migrate
from api.database.reach import check_is_there

__all__ = ["Database", "DatabaseError", "MigrationError", "check_is_there", "migrate"]
