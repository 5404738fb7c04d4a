"""Where a signature says what is sent with it, its name is applied for once for each application: as Huawei's API has it."""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    alter table signatures add column named_for bigint not null
        generated always as (case when usage is null then 0 else coalesce(app_id, 0) end) stored
    """,
    # Under its old name: whatever applies for signatures names it.
    """
    alter table signatures drop constraint signatures_account_name_scope_key,
        add constraint signatures_account_name_scope_key unique nulls not distinct (account_id, name, scope, usage, named_for)
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup, as with every migration")
