"""From where an AppKey may be used, as keys have it already."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table apps add column networks text[] not null default '{}'")


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup")
