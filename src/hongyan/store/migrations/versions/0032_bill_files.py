"""Bills as files: what was made, and where it lies; refunds of a stretch of time in their order."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table bill_files (
        bill_id bigint not null constraint bill_files_bill_fkey references bills,
        name text not null,
        bytes bigint not null,
        parts integer not null constraint bill_files_parts_positive check (parts > 0),
        place text not null,
        made_at timestamptz not null,
        constraint bill_files_pkey primary key (bill_id, name)
    )
    """,
    "create index charges_refunded on charges (app_id, refunded_at, id) where refunded_at is not null",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup, as with every migration")
