"""How much waits in the queue, counted by one process and read by all that accept."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table backlog (
        one boolean not null default true constraint backlog_pk primary key constraint backlog_is_one check (one),
        verification bigint not null,
        notice bigint not null,
        marketing bigint not null,
        interval_s double precision not null,
        measured_at timestamptz not null
    ) with (fillfactor = 10)
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup, as with every migration")
