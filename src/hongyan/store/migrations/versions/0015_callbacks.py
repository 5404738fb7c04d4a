"""What was taken is noted, and the next is claimed, by one call whose plan is kept and whose commit nobody waits for."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Only outbox_due has the order that is asked for, so a plan made while the table is empty takes it, too.
#
# Not waiting for the disk: what a crash takes back is that a bundle was claimed, or that it was told; it is then told again, as always when
# a crash comes between the customer's answer and the commit. That it is owed was written by settle_messages, which does wait.
CLAIM = """
    create function claim_bundles(
        p_app bigint, p_kind smallint, p_now timestamptz, p_most integer, p_lease_until timestamptz, p_told bigint[])
    returns table (id bigint, dialect smallint, attempts smallint, created_at timestamptz, ids bigint[], phones bigint[],
                   segments smallint[], statuses smallint[], codes text[], ends float8[], contexts text[])
    language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
    #variable_conflict use_column
    declare
        picked bigint[];
        keeps_plans constant boolean := current_setting('server_version_num')::integer >= 170000;
        tell constant text := 'update outbox set callback = 2, done_at = $2, last_error = null where app_id = $1 and id = any ($3)';
        lease constant text := 'update outbox set due_at = $2, attempts = attempts + 1 where app_id = $1 and id = any ($3)
            returning id, dialect, attempts, created_at, ids, phones, segments, statuses, codes, ends, contexts';
    begin
        perform set_config('synchronous_commit', 'off', true);
        if cardinality(p_told) > 0 then
            if keeps_plans then
                update outbox set callback = 2, done_at = p_now, last_error = null where app_id = p_app and id = any (p_told);
            else
                execute tell using p_app, p_now, p_told;
            end if;
        end if;
        select array_agg(due.id) into picked
          from (select id from outbox
                 where app_id = p_app and kind >= p_kind and kind <= p_kind and callback = 1 and due_at <= p_now
                 order by kind, due_at limit p_most for update skip locked) due;
        if picked is null then
            return;
        end if;
        if keeps_plans then
            return query update outbox set due_at = p_lease_until, attempts = attempts + 1 where app_id = p_app and id = any (picked)
            returning id, dialect, attempts, created_at, ids, phones, segments, statuses, codes, ends, contexts;
        else
            return query execute lease using p_app, p_lease_until, picked;
        end if;
    end
    $$
"""


def upgrade() -> None:
    op.execute(CLAIM)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup, as with every migration")
