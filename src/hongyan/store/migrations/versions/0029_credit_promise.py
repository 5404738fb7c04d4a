"""Messages on credit are promised without a package: they have minus the id of their price in its place."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

# The one line that says which packages are drawn on; the rest stays as it is, whatever that is by now, in each form of the function:
# a program of before may still call an older one.
STATEMENT = """
do $$
declare
    form oid;
    before text;
    after text;
begin
    for form in select oid from pg_proc where proname = 'accept_promise' and pg_function_is_visible(oid) loop
        before := pg_get_functiondef(form);
        after := replace(before, 'from fresh group by 1', 'from fresh where package_id > 0 group by 1');
        if after = before then
            raise exception 'accept_promise is not what this migration changes';
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
