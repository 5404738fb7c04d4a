"""What a commit waits for."""

from hongyan.kit.db import Connection


async def seal(conn: Connection) -> None:
    """Let the commit of this transaction (of this statement, outside one) wait as if something had been written.

    A transaction that only finds what an earlier one has written ends without waiting for the synchronous standby. What it found may be on
    the primary alone all the same: the earlier commit was waiting for the standby when its client gave up, or when the server was killed.
    Call it before whoever saw rows tells somebody of them; a transaction with an id of its own waits for all that came before it.
    """
    await conn.execute("select pg_current_xact_id()")
