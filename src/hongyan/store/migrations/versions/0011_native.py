"""What the native API keeps: keys of requests that may come again, and sends that wait for their time."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table idempotency_keys (
        account_id bigint not null,
        key text not null,
        body_hash bytea not null,
        request_id text not null,
        status smallint,
        answer bytea,
        created_at timestamptz not null,
        constraint idempotency_keys_pkey primary key (account_id, key)
    )
    """,
    "create index idempotency_keys_created_at on idempotency_keys (created_at)",
    """
    create table scheduled_sends (
        app_id bigint not null,
        id bigint not null,
        send_at timestamptz not null,
        state text not null constraint scheduled_sends_state_known
              check (state in ('waiting', 'sending', 'sent', 'failed', 'cancelled')),
        commands bytea not null,
        numbers integer not null,
        request_id text not null,
        key_id text not null,
        created_at timestamptz not null,
        began_at timestamptz,
        claimed_at timestamptz,
        accepted integer,
        outcome text not null,
        constraint scheduled_sends_pkey primary key (app_id, id)
    )
    """,
    "create index scheduled_sends_due on scheduled_sends (send_at) where state in ('waiting', 'sending')",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup, as with every migration")
