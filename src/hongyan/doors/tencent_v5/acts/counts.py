"""Statistics and packages of the application that asks."""

from collections.abc import Callable
from typing import Protocol

from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.acts.context import Asker
from hongyan.doors.tencent_v5.errors import Failure
from hongyan.doors.tencent_v5.schema import Answer
from hongyan.doors.tencent_v5.words import counting
from hongyan.doors.tencent_v5.words.counting import MOST_PACKAGES, GetSmsPackages, Packages, PullCount
from hongyan.model.actor import Actor
from hongyan.model.statistics import EndCount, PackageCount, SendCount


class Counts(Protocol):
    """Who counts; times are Unix seconds. All raise ControlError."""

    async def sends(self, actor: Actor, app_id: int, begin: float, end: float) -> SendCount: ...

    async def ends(self, actor: Actor, app_id: int, begin: float, end: float) -> EndCount: ...

    async def packages(self, actor: Actor, app_id: int, *, most: int) -> list[PackageCount]: ...


class CountActs:
    """What counts."""

    def __init__(self, counts: Counts, clock: Callable[[], float]) -> None:
        self._counts = counts
        self._clock = clock

    async def sends(self, asked: PullCount, who: Asker) -> Answer | Failure:
        period = asked.period(self._clock())
        return period if isinstance(period, Failure) else counting.sends(await self._counts.sends(who.actor, who.app.id, *period))

    async def ends(self, asked: PullCount, who: Asker) -> Answer | Failure:
        period = asked.period(self._clock())
        return period if isinstance(period, Failure) else counting.ends(await self._counts.ends(who.actor, who.app.id, *period))

    async def packages(self, asked: GetSmsPackages, who: Asker) -> Answer | Failure:
        cut = asked.cut()
        if isinstance(cut, Failure):
            return cut
        found = await self._counts.packages(who.actor, who.app.id, most=MOST_PACKAGES)
        return Packages(errors.OK, "OK", len(found), [counting.package(each) for each in found[cut]])
