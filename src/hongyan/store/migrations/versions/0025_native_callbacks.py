"""How an application wants its callbacks, and the secrets that sign them."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table app_callbacks (
        app_id bigint not null constraint app_callbacks_pkey primary key,
        native boolean not null default false,
        signed boolean not null default false,
        reply_time boolean not null default false,
        event_url text not null default '',
        event_kinds text[] not null default '{}'
    )
    """,
    """
    create table callback_secrets (
        app_id bigint not null,
        id bigint generated always as identity,
        secret_sealed bytea not null,
        created_at timestamptz not null,
        ends_at timestamptz,
        constraint callback_secrets_pkey primary key (app_id, id)
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup")
