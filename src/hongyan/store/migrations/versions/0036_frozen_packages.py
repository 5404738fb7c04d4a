"""Nothing draws on a package from the very moment that it is frozen or closed, whatever a process has heard of it by then."""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

# Only what is known and taken of packages changes, in each form of the functions: a program of before may still call an older one.
STATEMENT = """
do $$
declare
    form record;
    before text;
    after text;
begin
    for form in select oid, proname from pg_proc
                 where proname in ('accept_promise', 'accept_facts', 'accept_known') and pg_function_is_visible(oid) loop
        before := pg_get_functiondef(form.oid);
        if form.proname = 'accept_promise' then
            after := replace(before, 'and p.available >= u.n', 'and p.available >= u.n and p.frozen_at is null and p.closed_at is null');
        else
            after := replace(before, 'p.id, p.available',
                             'p.id, case when p.frozen_at is null and p.closed_at is null then p.available else 0 end');
        end if;
        if after = before then
            raise exception '% is not what this migration changes', form.proname;
        end if;
        execute after;
    end loop;
end
$$
"""


def upgrade() -> None:
    op.execute(STATEMENT)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup, as with every migration")
