"""Limits by kind and in windows of any length, and messages that are promised now and sent from a later time on."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# As in 0006 and 0012: plans are kept, and may be made while a table is empty, so each look-up can be done in one way only. The functions of
# before stay for programs that still run: accept_facts, and accept_promise with fewer arguments, which 0021 has changed.

KNOWN = """
    create function accept_known(p_app bigint, p_phones bigint[], p_since bigint, p_most integer, p_packages bigint[])
    returns table (what smallint, phone bigint, id bigint, value bigint, kind smallint) language plpgsql stable
    set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
    #variable_conflict use_column
    begin
        return query
        select 1::smallint, u.phone, m.id, m.content_hash, m.kind
          from unnest(p_phones) u(phone)
         cross join lateral (
               select id, content_hash, kind from messages
                where app_id = p_app and phone >= u.phone and phone <= u.phone and id >= p_since
                order by phone desc, id desc limit p_most) m;
        return query
        select 2::smallint, b.phone, 0::bigint, 0::bigint, 0::smallint from unnest(p_phones) u(phone)
         cross join lateral (select phone from blacklist where app_id = p_app and phone = u.phone limit 1) b;
        return query
        select 3::smallint, o.phone, 0::bigint, 0::bigint, 0::smallint from unnest(p_phones) u(phone)
         cross join lateral (select phone from optouts where app_id = p_app and phone = u.phone limit 1) o;
        return query
        select 4::smallint, 0::bigint, p.id, p.available, 0::smallint from packages p where p.app_id = p_app and p.id = any(p_packages);
    end
    $$
"""

# p_delay may be empty: what has no place in it waits for nothing.
PROMISE = """
    create function accept_promise(
        p_app bigint, p_at timestamptz, p_since bigint, p_most integer, p_purse bigint[],
        p_lock_space integer, p_locks integer[], p_note text, p_delay float8[],
        p_request integer[], p_seen integer[], p_owner bigint[], p_link bigint[],
        p_id bigint[], p_phone bigint[], p_kind smallint[], p_dialect smallint[], p_segments smallint[], p_validity_s float8[],
        p_template bigint[], p_signature bigint[], p_package bigint[], p_hash bigint[], p_region text[], p_text text[],
        p_context text[], p_extend text[], p_sender text[], p_request_id text[], p_way smallint[])
    returns table (what smallint, phone bigint, id bigint, value bigint, kind smallint) language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
    #variable_conflict use_column
    declare
        stale integer[];
        short boolean;
    begin
        perform pg_advisory_xact_lock(p_lock_space, bucket) from unnest(p_locks) bucket;
        select array_agg(distinct u.request) into stale
          from unnest(p_request, p_phone, p_seen) u(request, phone, seen)
         where case when u.seen < 0 then -1 - u.seen else u.seen end <> (
               select count(*) from (
                   select from messages
                    where app_id = p_app and phone >= u.phone and phone <= u.phone and id >= p_since
                    order by phone desc, id desc limit p_most) known)
            or (select 1 from blacklist where app_id = p_app and phone = u.phone limit 1) is not null
            or u.seen >= 0 and (select 1 from optouts where app_id = p_app and phone = u.phone limit 1) is not null;
        with fresh as (
            select * from unnest(
                p_request, p_owner, p_link, p_id, p_phone, p_kind, p_dialect, p_segments, p_validity_s, p_template, p_signature, p_package,
                p_hash, p_region, p_text, p_context, p_extend, p_sender, p_request_id, p_way, p_delay)
                u(request, owner, link_id, id, phone, kind, dialect, segments, validity_s, template_id, signature_id, package_id,
                  content_hash, region, text, session_context, extend, sender_id, request_id, way, delay)
             where stale is null or u.request <> all (stale)
        ), written as (
            insert into messages (app_id, id, phone, accepted_at, expires_at, kind, dialect, segments, template_id, signature_id,
                                  package_id, content_hash, region, text, session_context, extend, sender_id, request_id)
            select p_app, u.id, u.phone, p_at, p_at + (u.validity_s + coalesce(u.delay, 0)) * interval '1 second', u.kind, u.dialect,
                   u.segments, u.template_id, u.signature_id, u.package_id, u.content_hash, u.region, u.text, u.session_context, u.extend,
                   u.sender_id, u.request_id
              from fresh u
        ), queued as (
            insert into queue (app_id, id, kind, way, not_before, owner, link_id, attempted_at, attempts)
            select p_app, u.id, u.kind, u.way, case when u.delay is null then p_at else p_at + u.delay * interval '1 second' end, u.owner,
                   u.link_id, case when u.link_id is not null then p_at end, (u.link_id is not null)::integer
              from fresh u
        ), wanted as (
            select package_id, sum(segments) as n from fresh group by 1
        ), held as (
            update packages p set available = p.available - u.n, held = p.held + u.n
              from wanted u where p.app_id = p_app and p.id = u.package_id and p.available >= u.n
            returning p.id, u.n
        ), journal as (
            insert into ledger_entries (app_id, package_id, kind, segments, at, note)
            select p_app, h.id, 'hold', h.n, p_at, p_note from held h
        )
        select (select count(*) from wanted) > (select count(*) from held) into short;
        if short then
            raise exception 'a package has less left than was thought' using errcode = 'HY001';
        end if;
        if array_position(p_owner, null) is not null then
            perform pg_notify('hongyan_queue', '');
        end if;
        if stale is not null then
            return query select 0::smallint, 0::bigint, r::bigint, 0::bigint, 0::smallint from unnest(stale) r;
            return query select * from accept_known(
                p_app, (select array_agg(distinct u.phone) from unnest(p_request, p_phone) u(request, phone) where u.request = any (stale)),
                p_since, p_most, p_purse);
        end if;
    end
    $$
"""

STATEMENTS = (
    KNOWN,
    PROMISE,
    "alter table apps add column limit_windows jsonb not null default '[]'",
    # Owner 0 is nobody's until then: such an entry is in no other index but the key's.
    "create index queue_asleep on queue (not_before) where owner = 0",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup, as with every migration")
