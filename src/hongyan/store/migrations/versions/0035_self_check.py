"""The self-check of packages: how far their journals are summed up, and which messages still hold something."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table ledger_sums (
        app_id bigint not null,
        package_id bigint not null,
        bought bigint not null,
        held bigint not null,
        posted bigint not null,
        voided bigint not null,
        refunded bigint not null,
        withdrawn bigint not null,
        constraint ledger_sums_pk primary key (app_id, package_id)
    ) with (fillfactor = 50)
    """,
    """
    create table open_holds (
        app_id bigint not null,
        id bigint not null,
        package_id bigint not null,
        segments smallint not null,
        constraint open_holds_pk primary key (app_id, id)
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup, as with every migration")
