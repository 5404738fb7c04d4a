"""The outbox in bundles: a row owes up to a hundred events, with what they say in it.

A row for each event was inserted, claimed and finished for every message, with three indexes each time, and what it said was looked up in
two tables. Now these are paid once a bundle. What was owed before is carried over, an event a bundle.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    "alter table outbox rename to outbox_before",
    "alter table outbox_before rename constraint outbox_pk to outbox_before_pk",
    "drop index outbox_due, outbox_waiting",
    """
    create table outbox (
        app_id bigint not null,
        id bigint not null,
        kind smallint not null,
        dialect smallint not null,
        events smallint not null,
        callback smallint not null,
        pulled smallint not null,
        attempts smallint not null default 0,
        due_at timestamptz not null,
        created_at timestamptz not null,
        done_at timestamptz,
        pulled_at timestamptz,
        last_error text,
        ids bigint[] not null,
        phones bigint[],
        segments smallint[],
        statuses smallint[],
        codes text[],
        ends float8[],
        contexts text[],
        constraint outbox_pk primary key (app_id, id)
    ) with (fillfactor = 80, autovacuum_analyze_threshold = 100000)
    """,
    # Out of the row as they are: what changes about a bundle is then a short row, and nothing is packed and unpacked on the way.
    """
    alter table outbox alter ids set storage external, alter phones set storage external, alter segments set storage external,
        alter statuses set storage external, alter codes set storage external, alter ends set storage external,
        alter contexts set storage external
    """,
    "create index outbox_due on outbox (app_id, kind, due_at) where callback = 1",
    "create index outbox_waiting on outbox (app_id, kind, id) where pulled < events",
    # A message's bundle was written with its settlement.
    "create index outbox_created on outbox (app_id, created_at)",
    """
    insert into outbox (app_id, id, kind, dialect, events, callback, pulled, attempts, due_at, created_at, done_at, pulled_at, last_error,
                        ids, phones, segments, statuses, codes, ends, contexts)
    select o.app_id, o.id, o.kind, coalesce(m.dialect, r.dialect, 1), 1, o.callback, case o.pull when 1 then 0 else 1 end, o.attempts,
           o.due_at, coalesce(s.settled_at, o.created_at), o.done_at, o.pulled_at, o.last_error,
           array[o.id], array[m.phone], array[m.segments], array[s.status], array[s.code], array[extract(epoch from s.done_at)::float8],
           array[m.session_context]
      from outbox_before o
      left join settlements s on s.app_id = o.app_id and s.id = o.id and o.kind = 1
      left join messages m on m.app_id = s.app_id and m.id = s.id
      left join replies r on r.app_id = o.app_id and r.id = o.id and o.kind = 2
    """,
    "drop table outbox_before",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup: what is owed to customers is never dropped by a migration")
