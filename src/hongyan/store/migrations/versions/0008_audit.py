"""Who did what: a log that only grows, each row chained to the one before and marked with a key that the database does not have."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table audit_log (
        id bigint constraint audit_log_pkey primary key,
        at timestamptz not null,
        actor_kind text not null,
        actor text not null,
        actor_name text not null,
        address text not null,
        account_id bigint,
        action text not null,
        target text not null,
        detail text not null,
        previous bytea not null,
        mark bytea not null
    )
    """,
    "create index audit_log_account_id on audit_log (account_id, id)",
    """
    create table audit_head (
        one boolean not null default true constraint audit_head_pkey primary key constraint audit_head_is_one check (one),
        id bigint not null,
        mark bytea not null
    )
    """,
    """
    create function audit_is_append_only() returns trigger language plpgsql as $$
    begin
        raise exception 'the audit log is append-only' using errcode = 'restrict_violation';
    end
    $$
    """,
    "create trigger audit_log_append_only before update or delete on audit_log for each row execute function audit_is_append_only()",
    "create trigger audit_log_no_truncate before truncate on audit_log for each statement execute function audit_is_append_only()",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup, as with every migration")
