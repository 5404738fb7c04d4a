"""Addresses that do not take their callbacks, what was lately sent to each and answered, and callbacks that nobody took."""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table endpoints (
        app_id bigint not null,
        kind smallint not null,
        place text not null,
        url text not null,
        failures integer not null,
        failing_since timestamptz not null,
        failed_at timestamptz not null,
        paused_at timestamptz,
        error text not null,
        constraint endpoints_pkey primary key (app_id, kind, place)
    )
    """,
    """
    create table deliveries (
        app_id bigint not null,
        id bigint generated always as identity,
        at timestamptz not null,
        kind smallint not null,
        place text not null,
        url text not null,
        events integer not null,
        status smallint,
        took_ms integer not null,
        sent text not null,
        answer text not null,
        error text not null,
        test boolean not null default false,
        constraint deliveries_pkey primary key (app_id, id)
    )
    """,
    "create index deliveries_place on deliveries (app_id, kind, place, id)",
    "create index outbox_dead on outbox (app_id, id) where callback = 3",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup")
