"""Alembic's environment and the migrations, part of the installed package."""
