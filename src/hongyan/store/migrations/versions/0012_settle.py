"""Settling is one call too: planning it for each batch cost more than carrying it out for the few messages of a busy second."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# As in 0006: plans are kept, and may be made while a table is empty, so each look-up can be done in one way only.

ENDED = """
        with told as (
            select u.*, m.package_id, m.segments, m.phone, m.dialect, m.session_context
              from unnest(p_id, p_status, p_code, p_charge, p_link, p_ends) u(id, status, code, charge, link_id, ends)
             cross join lateral (
                   select package_id, segments, phone, dialect, session_context from messages
                    where app_id = p_app and id >= u.id and id <= u.id and id >= p_least and id <= p_greatest
                    order by app_id desc, id desc limit 1) m
        ), ended as (
            insert into settlements as s (app_id, id, status, code, package_id, segments, charged, link_id, done_at, settled_at)
            select p_app, id, status, code, package_id, segments, case charge when 1 then segments when 0 then 0 end, link_id,
                   to_timestamp(ends), p_at
              from told
            {on_conflict}
            returning s.id, s.package_id, s.segments, s.charged, s.status
        ), moved as (
            update packages p set held = p.held - d.posted - d.voided, used = p.used + d.posted, available = p.available + d.voided
              from (select package_id, coalesce(sum(segments) filter (where charged > 0), 0) as posted,
                           coalesce(sum(segments) filter (where charged = 0), 0) as voided
                      from ended where charged is not null group by package_id) d
             where p.app_id = p_app and p.id = d.package_id
            returning p.id, d.posted, d.voided
        ), journal as (
            insert into ledger_entries (app_id, package_id, kind, segments, at, note)
            select p_app, m.id, e.kind, e.segments, p_at, 'messages from ' || p_least
              from moved m cross join lateral (values ('post', m.posted), ('void', m.voided)) e(kind, segments) where e.segments > 0
        ), owed as (
            insert into outbox (app_id, id, kind, dialect, events, callback, pulled, due_at, created_at,
                                ids, phones, segments, statuses, codes, ends, contexts)
            select p_app, min(id), 1, dialect, count(*), p_callback, case p_pull when 0 then count(*) else 0 end, p_at, p_at,
                   array_agg(id), array_agg(phone), array_agg(segments), array_agg(status), array_agg(code), array_agg(ends),
                   array_agg(session_context)
              from (select t.*, row_number() over (partition by t.dialect order by t.id) as nth
                      from ended e join told t on t.id = e.id where e.status > 3) final
             where p_callback > 0 or p_pull > 0
             group by dialect, (nth - 1) / p_bundle
        )
        select array_agg(e.status), array_agg(e.n) into settled, counts from (select status, count(*) as n from ended group by status) e;
"""

# Of a message that was unknown the row is there, and may still be changed to an ending.
ON_CONFLICT = """on conflict (app_id, id) do update
               set status = excluded.status, code = excluded.code, charged = excluded.charged, link_id = excluded.link_id,
                   done_at = excluded.done_at, settled_at = excluded.settled_at
             where s.charged is null and excluded.charged is not null"""

SETTLE = f"""
    create function settle_messages(
        p_app bigint, p_at timestamptz, p_callback smallint, p_pull smallint, p_bundle bigint, p_least bigint, p_greatest bigint,
        p_id bigint[], p_status smallint[], p_code text[], p_charge smallint[], p_link bigint[], p_ends float8[], p_leaving bigint[],
        p_taken bigint[], p_sequence smallint[], p_total smallint[], p_taken_link bigint[], p_carrier_key text[], p_carrier_id text[],
        p_phone bigint[])
    returns table (status smallint, n bigint) language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
    #variable_conflict use_column
    declare
        settled smallint[];
        counts bigint[];
    begin
        if cardinality(p_taken) > 0 then
            insert into segments (app_id, message_id, sequence, total, link_id, carrier_key, carrier_id, phone, submitted_at)
            select p_app, u.*, p_at from unnest(p_taken, p_sequence, p_total, p_taken_link, p_carrier_key, p_carrier_id, p_phone) u;
        end if;
        -- The queue entries go before the package is locked, as everywhere.
        if cardinality(p_leaving) > 0 then
            if current_setting('server_version_num')::integer >= 170000 then
                delete from queue where app_id = p_app and id = any (p_leaving);
            else
                -- These may keep a plan that reads all of an application's entries and compares each with all of the ids.
                execute 'delete from queue where app_id = $1 and id = any ($2)' using p_app, p_leaving;
            end if;
        end if;
        if cardinality(p_id) > 0 then
            -- Nearly every message ends once. That a row may be there costs as much as writing it.
            begin
                {ENDED.format(on_conflict="")}
            exception when unique_violation then
                {ENDED.format(on_conflict=ON_CONFLICT)}
            end;
        end if;
        if p_callback > 0 and (select max(s) from unnest(settled) s) > 3 then
            perform pg_notify('hongyan_outbox', p_app || ' 1');
        end if;
        return query select * from unnest(settled, counts);
    end
    $$
"""

# As it was, but not in SQL: tables that are spread over several servers cannot be asked by such a function.
FACTS = """
    create or replace function accept_facts(p_app bigint, p_phones bigint[], p_since bigint, p_most integer, p_packages bigint[])
    returns table (what smallint, phone bigint, id bigint, value bigint) language plpgsql stable
    set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
    #variable_conflict use_column
    begin
        return query
        select 1::smallint, u.phone, m.id, m.content_hash
          from unnest(p_phones) u(phone)
         cross join lateral (
               select id, content_hash from messages
                where app_id = p_app and phone >= u.phone and phone <= u.phone and id >= p_since
                order by phone desc, id desc limit p_most) m;
        return query
        select 2::smallint, b.phone, 0::bigint, 0::bigint from unnest(p_phones) u(phone)
         cross join lateral (select phone from blacklist where app_id = p_app and phone = u.phone limit 1) b;
        return query
        select 3::smallint, o.phone, 0::bigint, 0::bigint from unnest(p_phones) u(phone)
         cross join lateral (select phone from optouts where app_id = p_app and phone = u.phone limit 1) o;
        return query
        select 4::smallint, 0::bigint, p.id, p.available from packages p where p.app_id = p_app and p.id = any(p_packages);
    end
    $$
"""


def upgrade() -> None:
    op.execute(SETTLE)
    op.execute(FACTS)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup, as with every migration")
