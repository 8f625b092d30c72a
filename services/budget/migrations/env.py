"""Alembic's entry to the migrations of the budget database."""

from alembic import context

from services.kernel.migrations import run

run(context)
