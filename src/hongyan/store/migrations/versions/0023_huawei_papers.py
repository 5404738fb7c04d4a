"""What Huawei's management API is told and asks back: drafts, placeholders as they were written, brackets, what an application is for."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

STATEMENTS = (
    "alter table templates drop constraint templates_status_known",
    """
    alter table templates add constraint templates_status_known
        check (status in ('pending', 'approved', 'rejected', 'inactive', 'draft', 'stopped'))
    """,
    "alter table templates add column square_brackets boolean not null default false, add column submitted jsonb",
    "create index templates_signature on templates (signature_id) where signature_id is not null",
    "alter table signatures add column source_title text not null default ''",
    "alter table documents add column about text not null default ''",
    """
    alter table apps
        add column scope smallint constraint apps_scope_known check (scope in (0, 1)),
        add column project_id text not null default '',
        add column project_name text not null default ''
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup, as with every migration")
