"""Alembic's environment: a run renders the statements, and the caller of `hongyan.kit.migrate` carries them out.

Rendering first needs no second database driver, and a migration that would read the database in Python (and so could not be shown to an
operator beforehand) is impossible. Migrations are raw SQL: one `op.execute` per statement; what cannot run in a transaction goes inside
`op.get_context().autocommit_block()`.
"""

from alembic import context

context.configure(
    dialect_name="postgresql",
    # Named parameters leave percent signs in SQL as they are.
    dialect_opts={"paramstyle": "named"},
    literal_binds=True,
    transaction_per_migration=True,
    output_buffer=context.config.attributes["statements"],
)
with context.begin_transaction():
    context.run_migrations()
