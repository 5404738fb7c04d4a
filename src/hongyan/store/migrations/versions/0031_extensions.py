"""Access codes, and the digits behind them by which signatures are told apart."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    alter table senders add column extension_digits smallint not null default 0
        constraint senders_extension_digits_range check (extension_digits between 0 and 9)
    """,
    # What was released is kept: a reply to it may still come, and nobody else gets it for a while.
    """
    create table sender_extensions (
        number text not null,
        extension text not null,
        signature_id bigint not null,
        account_id bigint not null,
        app_id bigint,
        assigned_at timestamptz not null,
        released_at timestamptz,
        constraint sender_extensions_pkey primary key (number, extension)
    )
    """,
    "create unique index sender_extensions_signature on sender_extensions (signature_id, number) where released_at is null",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup")
