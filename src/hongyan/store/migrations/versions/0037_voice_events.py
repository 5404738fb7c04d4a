"""Where an application wants to be told what happens in calls."""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table app_callbacks add column voice_url text not null default ''")


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup, as with every migration")
