"""Long replies come in parts, in any order and through any session: they wait here for each other."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table reply_parts (
        link_id bigint not null,
        phone bigint not null,
        sender_id text not null,
        reference integer not null,
        total smallint not null,
        sequence smallint not null,
        text text not null,
        received_at timestamptz not null,
        joined boolean not null default false,
        constraint reply_parts_pk primary key (link_id, phone, sender_id, reference, total, sequence)
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup: replies are never dropped by a migration")
