import asyncio
import socket
from pathlib import Path

import pytest

from hongyan.cli import instance
from hongyan.cli.instance import ROLES, layout, only_instance, running, unless
from hongyan.cli.output import CommandError
from hongyan.cli.supervisor import failed_by_itself
from hongyan.cli.worker import SimulatorAt, given, publish, simulator_at
from hongyan.settings import Settings


@pytest.mark.parametrize(
    ("processes", "names"),
    [
        (1, ["engine"]),
        (2, ["engine", "office"]),
        (3, ["engine", "api-1", "office"]),
        (8, ["engine", "api-1", "api-2", "api-3", "api-4", "api-5", "api-6", "office"]),
    ],
)
def test_processes_share_the_roles_by_their_number(processes: int, names: list[str]) -> None:
    plans = layout(processes, ROLES)
    assert [plan.name for plan in plans] == names
    assert frozenset().union(*(plan.roles for plan in plans)) == ROLES
    assert sum("dispatch" in plan.roles for plan in plans) == 1


def test_a_machine_with_some_roles_runs_one_process_of_them() -> None:
    assert [(plan.name, plan.roles) for plan in layout(8, frozenset({"callbacks"}))] == [("worker", frozenset({"callbacks"}))]


@pytest.mark.parametrize(("lived_s", "code", "blamed"), [(1, 1, True), (1, -11, True), (1, None, True), (1, -9, False), (60, 1, False)])
def test_only_a_process_that_ends_soon_and_by_itself_is_started_ever_later(lived_s: float, code: int | None, blamed: bool) -> None:
    assert failed_by_itself(lived_s, code) is blamed


def test_one_data_directory_has_one_instance(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with only_instance(settings):
        with pytest.raises(CommandError, match="already runs"), only_instance(settings):
            pass
        assert running(settings) is None
    with only_instance(settings):
        pass


def test_what_an_ended_instance_left_is_not_taken_for_a_running_one(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with only_instance(settings):
        (settings.run_dir / instance.STATE_FILE).write_text('{"pid":1,"http":"h:1","database":"embedded","started_at":1,"processes":{}}')
        assert running(settings) is not None
    assert running(settings) is None


async def test_an_address_in_use_is_said_to_be_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CommandError, match="cannot be served"):
        await instance.bind(taken.getsockname(), patience_s=0)


async def test_a_start_can_be_interrupted() -> None:
    stop, cancelled = asyncio.Event(), asyncio.Event()

    async def endless() -> None:
        try:
            stop.set()
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(instance.Interrupted):
        await unless(stop, endless())
    assert cancelled.is_set()


async def test_work_that_ends_first_gives_its_result() -> None:
    async def quick() -> int:
        return 7

    assert await unless(asyncio.Event(), quick()) == 7


def test_the_simulators_address_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    settings.run_dir.mkdir()
    assert simulator_at(settings) is None
    publish(settings.run_dir / "simulator.json", b'{"pid":1,"host":"127.0.0.1","port":2775,"control":""}')
    assert simulator_at(settings) == SimulatorAt(pid=1, host="127.0.0.1", port=2775, control="")
    publish(settings.run_dir / "simulator.json", b'{"pid":')
    assert simulator_at(settings) is None


def test_a_process_is_told_the_same_settings() -> None:
    settings = Settings(database_url="postgresql://u:p@h/d", callback_allow="10.0.0.0/8", master_key="k", lang="en")
    told = given(settings)
    assert b"10.0.0.0/8" in told
    assert Settings.model_validate_json(told[len(b'{"settings":') : told.rindex(b',"simulator"')]) == settings
