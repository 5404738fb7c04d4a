"""What a refusal said besides its reason, so that whoever asks why is told which value, template or window it was."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table refusals add column detail text not null default ''")


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup")
