"""What is asked for afterwards: refusals of the last days, codes that were typed in, and how often an account asks for each action."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table refusals (
        app_id bigint not null,
        id bigint not null,
        phone bigint not null,
        region text not null,
        reason text not null,
        request_id text not null,
        constraint refusals_pk primary key (app_id, id)
    )
    """,
    "create index refusals_phone on refusals (app_id, phone, id)",
    # What is old is found by its id: rows lie in the order of theirs.
    "create index refusals_old on refusals using brin (id) with (pages_per_range = 8, autosummarize = on)",
    """
    create table refusal_counts (
        app_id bigint not null,
        hour timestamptz not null,
        numbers bigint not null,
        constraint refusal_counts_pk primary key (app_id, hour)
    ) with (fillfactor = 50)
    """,
    """
    create table conversions (
        app_id bigint not null,
        message_id bigint not null,
        converted_at timestamptz not null,
        reported_at timestamptz not null,
        constraint conversions_pk primary key (app_id, message_id)
    )
    """,
    # Worth nothing after a crash: buckets are full again then.
    """
    create unlogged table allotments (
        account_id bigint not null,
        action text not null,
        tokens double precision not null,
        granted integer not null,
        at timestamptz not null,
        constraint allotments_pk primary key (account_id, action)
    ) with (fillfactor = 50)
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup, as with every migration")
