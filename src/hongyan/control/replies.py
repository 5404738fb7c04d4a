"""Replies: what handsets wrote to an application, for people who look."""

from hongyan.control.permissions import demand, own_app
from hongyan.kit.db import Database
from hongyan.model.actor import Actor, Permission
from hongyan.store import replies
from hongyan.store.replies import ReplyRow

PAGE_MOST = 500
NEWEST = 2**63 - 1


class Replies:
    """Looking takes nothing away: what is fetched or called back is told all the same."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def page(
        self, actor: Actor, app_id: int, *, phone: int | None = None, before_id: int = NEWEST, most: int = 100
    ) -> list[ReplyRow]:
        """The newest first, of one number if given, at most 500; those older than `before_id`."""
        demand(actor, Permission.REVEAL)
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            return await replies.page(conn, app_id, phone=phone, before_id=before_id, most=max(1, min(most, PAGE_MOST)))
