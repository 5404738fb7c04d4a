"""The hot tables: messages, queue, segments, settlements, outbox, replies.

Keys begin with the application so that they can be distributed by it. `messages`, `segments`, `reports` and
`settlements` are insert-only and partitioned by day through the time-ordered message id (store/partitions.py makes the
partitions); what changes about a message is a row of its own elsewhere, which costs less than updating a wide row.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table messages (
        app_id bigint not null,
        id bigint not null,
        phone bigint not null,
        accepted_at timestamptz not null,
        expires_at timestamptz not null,
        kind smallint not null,
        dialect smallint not null,
        segments smallint not null,
        template_id bigint not null,
        signature_id bigint,
        package_id bigint not null,
        content_hash bigint not null,
        region text not null,
        text text not null,
        session_context text not null,
        extend text not null,
        sender_id text not null,
        request_id text not null,
        constraint messages_pk primary key (app_id, id)
    ) partition by range (id)
    """,
    # Answers "how many to this number lately" and the record search by number; the id carries the time.
    "create index messages_phone on messages (app_id, phone, id)",
    """
    create table queue (
        app_id bigint not null,
        id bigint not null,
        kind smallint not null,
        not_before timestamptz not null,
        owner bigint,
        attempted_at timestamptz,
        attempts smallint not null default 0,
        sent_mask bigint not null default 0,
        link_id bigint,
        resolve_at timestamptz,
        constraint queue_pk primary key (app_id, id)
    ) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0,
            autovacuum_vacuum_threshold = 5000, autovacuum_analyze_threshold = 100000)
    """,
    # Only entries nobody holds are in it: a message handed straight to its own process never enters.
    "create index queue_waiting on queue (app_id, kind, id) where owner is null and resolve_at is null",
    "create index queue_unresolved on queue (resolve_at) where resolve_at is not null",
    """
    create table segments (
        app_id bigint not null,
        message_id bigint not null,
        sequence smallint not null,
        total smallint not null,
        link_id bigint not null,
        carrier_key text not null,
        carrier_id text not null,
        phone bigint not null,
        submitted_at timestamptz not null
    ) partition by range (message_id)
    """,
    # A receipt knows the link and the carrier's id, nothing else.
    "create index segments_carrier on segments (link_id, carrier_key)",
    # Rows lie nearly in the order of their message ids: the timeline finds them through a few pages.
    "create index segments_message on segments using brin (message_id) with (pages_per_range = 8, autosummarize = on)",
    """
    create table reports (
        app_id bigint not null,
        message_id bigint not null,
        sequence smallint not null,
        verdict smallint not null,
        code text not null,
        done_at timestamptz not null,
        constraint reports_pk primary key (app_id, message_id, sequence)
    ) partition by range (message_id)
    """,
    """
    create table settlements (
        app_id bigint not null,
        id bigint not null,
        status smallint not null,
        code text not null,
        package_id bigint not null,
        segments smallint not null,
        charged smallint,
        link_id bigint,
        done_at timestamptz not null,
        settled_at timestamptz not null,
        constraint settlements_pk primary key (app_id, id)
    ) partition by range (id)
    """,
    """
    create table suspects (
        app_id bigint not null,
        message_id bigint not null,
        sequence smallint not null,
        attempt smallint not null,
        total smallint not null,
        link_id bigint,
        phone bigint not null,
        reference integer not null,
        why text not null,
        lost_at timestamptz not null,
        resolution text,
        resolved_at timestamptz,
        constraint suspects_pk primary key (app_id, message_id, sequence, attempt)
    )
    """,
    "create index suspects_phone on suspects (phone, lost_at)",
    """
    create table parked_receipts (
        id bigint generated always as identity primary key,
        link_id bigint not null,
        carrier_id text not null,
        verdict smallint not null,
        code text not null,
        phone bigint not null,
        reference integer,
        done_at timestamptz not null,
        received_at timestamptz not null,
        tries smallint not null default 0,
        next_at timestamptz not null
    )
    """,
    "create index parked_receipts_next on parked_receipts (next_at)",
    """
    create table outbox (
        app_id bigint not null,
        id bigint not null,
        kind smallint not null,
        callback smallint not null,
        pull smallint not null,
        attempts smallint not null default 0,
        due_at timestamptz not null,
        created_at timestamptz not null,
        done_at timestamptz,
        pulled_at timestamptz,
        last_error text,
        constraint outbox_pk primary key (app_id, id)
    ) with (fillfactor = 80, autovacuum_analyze_threshold = 100000)
    """,
    "create index outbox_due on outbox (app_id, kind, due_at) where callback = 1",
    "create index outbox_waiting on outbox (app_id, kind, id) where pull = 1",
    """
    create table replies (
        app_id bigint not null,
        id bigint not null,
        phone bigint not null,
        sender_id text not null,
        extend text not null,
        text text not null,
        sign_name text not null,
        message_id bigint,
        dialect smallint not null,
        link_id bigint not null,
        received_at timestamptz not null,
        constraint replies_pk primary key (app_id, id)
    )
    """,
    "create index replies_phone on replies (app_id, phone, id)",
    """
    create table optouts (
        app_id bigint not null,
        phone bigint not null,
        reply_id bigint,
        created_at timestamptz not null,
        constraint optouts_pk primary key (app_id, phone)
    )
    """,
    """
    create table engines (
        id bigint generated always as identity primary key,
        worker integer not null,
        host text not null,
        pid integer not null,
        roles text not null,
        started_at timestamptz not null
    )
    """,
    """
    create table watermarks (
        app_id bigint not null,
        name text not null,
        value bigint not null,
        constraint watermarks_pk primary key (app_id, name)
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup: messages are never dropped by a migration")
