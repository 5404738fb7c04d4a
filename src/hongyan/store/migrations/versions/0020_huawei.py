"""What programs written for Huawei Cloud name: an application's key and secret, from numbers, templates by an id of their own."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table app_access (
        app_id bigint not null constraint app_access_pkey primary key,
        access_key text not null constraint app_access_key_once unique,
        secret_sealed bytea not null,
        created_at timestamptz not null,
        rotated_at timestamptz
    )
    """,
    """
    create table from_numbers (
        number text not null constraint from_numbers_pkey primary key,
        account_id bigint not null,
        app_id bigint not null,
        signature_id bigint,
        kind smallint constraint from_numbers_kind_known check (kind in (1, 2, 3)),
        created_at timestamptz not null
    )
    """,
    "create index from_numbers_app on from_numbers (app_id, number)",
    "create index from_numbers_signature on from_numbers (signature_id)",
    "create sequence from_number_ids",
    "alter table signatures add column usage smallint",
    # There a name is applied for once for each kind of message.
    "alter table signatures drop constraint signatures_account_name_scope_key",
    "alter table signatures add constraint signatures_account_name_scope_key unique nulls not distinct (account_id, name, scope, usage)",
    "alter table templates add column signature_id bigint",
    "alter table templates add column universal boolean not null default false",
    "alter table templates add column alias text not null default ''",
    "create unique index templates_alias on templates (account_id, alias) where alias <> ''",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Going back is done by restoring a backup")
