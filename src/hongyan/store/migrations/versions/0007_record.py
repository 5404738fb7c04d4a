"""Recording what carriers said is one call an application: a package's row is locked for no longer than the server needs."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Plans are kept, since making them would cost more than carrying them out. They may be made while a table is empty and nobody knows how
    # much a batch will hold, so how they are carried out is said: rows of tables are looked up one by one, in an order that only the right
    # index has; what is in memory is joined by hashes. (A plain join with messages is planned as a hash of all of the application's, and a
    # set of keys to delete as a walk through all of its queue.)
    """
    create function record_answers(
        p_app bigint, p_at timestamptz,
        p_message bigint[], p_sequence smallint[], p_total smallint[], p_link bigint[], p_key text[], p_carrier_id text[], p_phone bigint[],
        p_leaving bigint[],
        p_id bigint[], p_status smallint[], p_code text[], p_charge smallint[], p_end_link bigint[], p_ends float8[],
        p_first bigint, p_last bigint, p_callback smallint, p_pull smallint, p_bundle bigint)
    returns table (status smallint, messages bigint) language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_nestloop = off as $$
    #variable_conflict use_column
    declare
        leaving bigint;
    begin
        if cardinality(p_message) > 0 then
            insert into segments (app_id, message_id, sequence, total, link_id, carrier_key, carrier_id, phone, submitted_at)
            select p_app, u.*, p_at from unnest(p_message, p_sequence, p_total, p_link, p_key, p_carrier_id, p_phone) u;
        end if;
        if cardinality(p_leaving) > 0 then
            foreach leaving in array p_leaving loop
                delete from queue where app_id = p_app and id = leaving;
            end loop;
        end if;
        if cardinality(p_id) = 0 then
            return;
        end if;
        if p_callback > 0 then
            perform pg_notify('hongyan_outbox', p_app || ' 1');
        end if;
        return query
        with told as (
            select u.*, m.package_id, m.segments, m.phone, m.dialect, m.session_context
              from unnest(p_id, p_status, p_code, p_charge, p_end_link, p_ends) u(id, status, code, charge, link_id, ends)
             cross join lateral (
                   select * from messages
                    where app_id = p_app and id >= u.id and id <= u.id and id >= p_first and id <= p_last order by id limit 1) m
        ), ended as (
            insert into settlements as s (app_id, id, status, code, package_id, segments, charged, link_id, done_at, settled_at)
            select p_app, id, status, code, package_id, segments, case charge when 1 then segments when 0 then 0 end, link_id,
                   to_timestamp(ends), p_at
              from told
            on conflict (app_id, id) do update
               set status = excluded.status, code = excluded.code, charged = excluded.charged, link_id = excluded.link_id,
                   done_at = excluded.done_at, settled_at = excluded.settled_at
             where s.charged is null and excluded.charged is not null
            returning s.id, s.package_id, s.segments, s.charged, s.status
        ), owed as (
            insert into outbox (app_id, id, kind, dialect, events, callback, pulled, due_at, created_at,
                                ids, phones, segments, statuses, codes, ends, contexts)
            select p_app, min(id), 1, dialect, count(*), p_callback, case p_pull when 0 then count(*) else 0 end, p_at, p_at,
                   array_agg(id), array_agg(phone), array_agg(segments), array_agg(status), array_agg(code),
                   array_agg(ends), array_agg(session_context)
              from (select t.*, row_number() over (partition by t.dialect order by t.id) as nth
                      from ended e join told t on t.id = e.id where e.status > 3) final
             where p_callback > 0 or p_pull > 0
             group by dialect, (nth - 1) / p_bundle
        ), moved as (
            update packages p set held = p.held - d.posted - d.voided, used = p.used + d.posted, available = p.available + d.voided
              from (select package_id, coalesce(sum(segments) filter (where charged > 0), 0) as posted,
                           coalesce(sum(segments) filter (where charged = 0), 0) as voided
                      from ended where charged is not null group by package_id) d
             where p.app_id = p_app and p.id = d.package_id
            returning p.id, d.posted, d.voided
        ), journal as (
            insert into ledger_entries (app_id, package_id, kind, segments, at, note)
            select p_app, m.id, e.kind, e.segments, p_at, 'messages from ' || p_first
              from moved m cross join lateral (values ('post', m.posted), ('void', m.voided)) e(kind, segments) where e.segments > 0
        )
        select status, count(*) from ended group by status;
    end
    $$
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup: what carriers said is never dropped by a migration")
