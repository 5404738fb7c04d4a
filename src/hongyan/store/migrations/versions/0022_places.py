"""Reports may go to an address that their message named, each such place is served by itself, and what of a bundle was told is known."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

OUTBOX = (
    """
    alter table outbox
        add column url text,
        add column place text collate "C",
        add column told smallint not null default 0,
        add column replayed_at timestamptz
    """,
    # Of bundles with an address of their own alone (callback = 4): what goes to an application's address pays nothing for them.
    "create index outbox_elsewhere_due on outbox (app_id, due_at) where callback = 4",
    "create index outbox_elsewhere on outbox (app_id, place, due_at) where callback = 4",
)

# As in 0012, but that a context may carry an address: those are bundled by it, whether or not the application has an address.
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
                                ids, phones, segments, statuses, codes, ends, contexts, url, place)
            select p_app, min(id), 1, dialect, count(*), case when url is null then p_callback else 4 end,
                   case p_pull when 0 then count(*) else 0 end, p_at, p_at,
                   array_agg(id), array_agg(phone), array_agg(segments), array_agg(status), array_agg(code), array_agg(ends),
                   array_agg(session_context), url, lower(substring(url from '^[A-Za-z]+://[^/?#]+'))
              from (select f.*, row_number() over (partition by dialect, url order by id) as nth
                      from (select t.*, nullif(split_part(t.session_context, chr(31), 2), '') as url
                              from ended e join told t on t.id = e.id where e.status > 3) f) final
             where p_callback > 0 or p_pull > 0 or url is not null
             group by dialect, url, (nth - 1) / p_bundle
            returning callback, place
        )
        select array_agg(e.status), array_agg(e.n), (select array_agg(distinct place) from owed where callback = 4)
          into settled, counts, elsewhere
          from (select status, count(*) as n from ended group by status) e;
"""

# Of a message that was unknown the row is there, and may still be changed to an ending.
ON_CONFLICT = """on conflict (app_id, id) do update
               set status = excluded.status, code = excluded.code, charged = excluded.charged, link_id = excluded.link_id,
                   done_at = excluded.done_at, settled_at = excluded.settled_at
             where s.charged is null and excluded.charged is not null"""

SETTLE = f"""
    create or replace function settle_messages(
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
        elsewhere text[];
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
        if elsewhere is not null then
            perform pg_notify('hongyan_outbox', p_app || ' 1 ' || place) from unnest(elsewhere) place;
        end if;
        return query select * from unnest(settled, counts);
    end
    $$
"""

# As in 0015, but for one place. That function stays for programs that still run while this one is brought in.
CLAIM = """
    create function claim_bundles(
        p_app bigint, p_kind smallint, p_now timestamptz, p_most integer, p_lease_until timestamptz, p_told bigint[],
        p_place text)
    returns table (id bigint, dialect smallint, attempts smallint, created_at timestamptz, ids bigint[], phones bigint[],
                   segments smallint[], statuses smallint[], codes text[], ends float8[], contexts text[], told smallint, url text)
    language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
    #variable_conflict use_column
    declare
        picked bigint[];
        keeps_plans constant boolean := current_setting('server_version_num')::integer >= 170000;
        tell constant text := 'update outbox set callback = 2, done_at = $2, last_error = null where app_id = $1 and id = any ($3)';
        lease constant text := 'update outbox set due_at = $2, attempts = attempts + 1 where app_id = $1 and id = any ($3)
            returning id, dialect, attempts, coalesce(replayed_at, created_at), ids, phones, segments, statuses, codes, ends, contexts,
                      told, url';
    begin
        perform set_config('synchronous_commit', 'off', true);
        if cardinality(p_told) > 0 then
            if keeps_plans then
                update outbox set callback = 2, done_at = p_now, last_error = null where app_id = p_app and id = any (p_told);
            else
                execute tell using p_app, p_now, p_told;
            end if;
        end if;
        if p_place = '' then
            select array_agg(due.id) into picked
              from (select id from outbox
                     where app_id = p_app and kind >= p_kind and kind <= p_kind and callback = 1 and due_at <= p_now
                     order by kind, due_at limit p_most for update skip locked) due;
        else
            select array_agg(due.id) into picked
              from (select id from outbox
                     where app_id = p_app and place >= p_place and place <= p_place and callback = 4 and due_at <= p_now
                     order by place, due_at limit p_most for update skip locked) due;
        end if;
        if picked is null then
            return;
        end if;
        if keeps_plans then
            return query update outbox set due_at = p_lease_until, attempts = attempts + 1 where app_id = p_app and id = any (picked)
            returning id, dialect, attempts, coalesce(replayed_at, created_at), ids, phones, segments, statuses, codes, ends, contexts,
                      told, url;
        else
            return query execute lease using p_app, p_lease_until, picked;
        end if;
    end
    $$
"""

# Two probes for each place, however much is owed to it.
PLACES = """
    create function places_due(p_app bigint, p_now timestamptz, p_most integer) returns setof text
    language plpgsql stable set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
    declare
        here text := '';
    begin
        for nth in 1..p_most loop
            select o.place into here from outbox o where o.app_id = p_app and o.callback = 4 and o.place > here order by o.place limit 1;
            exit when here is null;
            if exists (select from outbox o
                        where o.app_id = p_app and o.callback = 4 and o.place >= here and o.place <= here and o.due_at <= p_now) then
                return next here;
            end if;
        end loop;
    end
    $$
"""


def upgrade() -> None:
    for statement in (*OUTBOX, SETTLE, CLAIM, PLACES):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup, as with every migration")
