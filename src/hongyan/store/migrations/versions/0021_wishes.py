"""Numbers that want no more, whatever is on its way to them already; and what is answered to their replies."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

STATEMENTS = (
    # One of the two is null, or both: then it is about every application.
    """
    create table withdrawals (
        id bigint generated always as identity constraint withdrawals_pkey primary key,
        app_id bigint,
        account_id bigint,
        phone bigint not null,
        at timestamptz not null
    )
    """,
    """
    create table answerings (
        app_id bigint not null constraint answerings_pkey primary key constraint answerings_app_fkey references apps,
        settings jsonb not null constraint answerings_settings_object check (jsonb_typeof(settings) = 'object'),
        changed_at timestamptz not null
    )
    """,
    """
    create table answers (
        app_id bigint not null,
        id bigint not null,
        phone bigint not null,
        reply_id bigint not null,
        template_id bigint not null,
        sign_name text not null,
        extend text not null,
        dialect smallint not null,
        after_opt_out boolean not null,
        state text not null constraint answers_state_known check (state in ('waiting', 'sending', 'sent', 'failed')),
        created_at timestamptz not null,
        began_at timestamptz,
        claimed_at timestamptz,
        outcome text not null,
        constraint answers_pk primary key (app_id, id)
    )
    """,
    "create index answers_phone on answers (app_id, phone, id)",
    "create index answers_due on answers (created_at) where state in ('waiting', 'sending')",
)

# A message that tells somebody that they have opted out is promised although they have: the number of messages it was decided with is
# told as its complement, below zero.
STALE = """
          from unnest(p_request, p_phone, p_seen) u(request, phone, seen)
         where case when u.seen < 0 then -1 - u.seen else u.seen end <> ("""
OPTED_OUT = "or u.seen >= 0 and (select 1 from optouts where app_id = p_app and phone = u.phone limit 1) is not null;"

BEFORE = """
          from unnest(p_request, p_phone, p_seen) u(request, phone, seen)
         where u.seen <> ("""
OPTED_OUT_BEFORE = "or (select 1 from optouts where app_id = p_app and phone = u.phone limit 1) is not null;"

# Whatever else has been changed in it since 0006 stays.
AMEND = f"""
do $amend$
declare
    was text := pg_get_functiondef('accept_promise'::regproc);
    amended text := replace(replace(was, $b${BEFORE}$b$, $a${STALE}$a$), $b${OPTED_OUT_BEFORE}$b$, $a${OPTED_OUT}$a$);
begin
    if position($a${STALE}$a$ in amended) = 0 or position($a${OPTED_OUT}$a$ in amended) = 0 then
        raise exception 'accept_promise does not say what it should';
    end if;
    execute amended;
end
$amend$
"""


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    op.execute(AMEND)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup")
