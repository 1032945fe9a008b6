"""`python -m api`: the same as the `xiaoan` command."""

from api.cli import app

app()
