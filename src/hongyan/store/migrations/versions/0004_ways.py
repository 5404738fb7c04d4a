"""Queue entries say which links can carry them, since not every engine has a session at every carrier."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATEMENTS = (
    # 0 is said by programs from before this, and taken by anybody.
    "alter table queue add column way smallint not null default 0",
    "drop index queue_waiting",
    "create index queue_waiting on queue (app_id, kind, way, id) where owner is null and resolve_at is null",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup: what waits in the queue would be read in another way")
