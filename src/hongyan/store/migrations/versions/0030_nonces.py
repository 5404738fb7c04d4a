"""Nonces of requests, where each is good for one request alone."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table nonces (
        mark bytea not null constraint nonces_pkey primary key,
        number text not null,
        until timestamptz not null
    )
    """,
    "create index nonces_until on nonces (until)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup")
