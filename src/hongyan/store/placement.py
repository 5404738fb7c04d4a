"""Which tables are spread over several servers, which are on each of them, and which stay on the one that everybody connects to."""

DISTRIBUTED: tuple[str, ...] = (
    "packages",
    "ledger_entries",
    "allowlist",
    "blacklist",
    "optouts",
    "messages",
    "queue",
    "segments",
    "reports",
    "settlements",
    "suspects",
    "outbox",
    "replies",
    "watermarks",
)
"""By app_id, with which their keys begin: all rows of an application are on one server, and what happens to it happens there."""

REFERENCE: tuple[str, ...] = ("accounts", "apps", "api_keys", "signatures", "templates", "links", "senders")
"""A copy on every server: few rows that seldom change, and that rows of applications refer to."""

LOCAL: dict[str, str] = {
    "alembic_version": "read where migrations are run",
    "engines": "goes with advisory locks, which are of one server",
    "snapshot_versions": "goes with NOTIFY, which is of one server",
    "parked_receipts": "no application is known yet",
    "reply_parts": "no application is known yet",
}
"""On the coordinator alone, each with the reason."""
