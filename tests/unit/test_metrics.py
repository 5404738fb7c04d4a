import os
import subprocess
import sys
from pathlib import Path

from hongyan.kit import metrics
from hongyan.kit.metrics import Metrics, Step
from hongyan.model.message import Kind


async def test_what_gathers_between_flushes_arrives_whole() -> None:
    made = Metrics()
    made.accepted({Kind.NOTICE: 3, Kind.VERIFICATION: 1})
    made.accepted({Kind.NOTICE: 2})
    made.callbacks("delivered", 4)
    made.settled("delivered", 5)
    made.took(Step.ACCEPT, 0.004, 10)
    made.took(Step.ACCEPT, 0.2)
    made.http("/", 200, 0.001)
    made.queue("notice", 7)
    made.link("simulator", up=True, in_flight=30)
    assert made.registry.get_sample_value("hongyan_messages_total", {"stage": "accepted", "kind": "notice"}) is None
    await made.flush()
    await made.flush()
    value = made.registry.get_sample_value
    assert value("hongyan_messages_total", {"stage": "accepted", "kind": "notice"}) == 5
    assert value("hongyan_callbacks_total", {"result": "delivered"}) == 4
    assert value("hongyan_step_seconds_count", {"step": "accept"}) == 11
    assert value("hongyan_step_seconds_bucket", {"step": "accept", "le": "0.005"}) == 10
    assert value("hongyan_step_seconds_bucket", {"step": "accept", "le": "0.25"}) == 11
    assert round(value("hongyan_step_seconds_sum", {"step": "accept"}) or 0, 6) == 0.24
    assert value("hongyan_http_requests_total", {"path": "/", "status": "200"}) == 1
    assert value("hongyan_queue_messages", {"lane": "notice"}) == 7
    assert value("hongyan_link_in_flight", {"link": "simulator"}) == 30


COUNT = """
import asyncio
from hongyan.kit.metrics import METRICS, exposition
METRICS.callbacks("delivered", 2)
METRICS.link("simulator", up=True, in_flight=5)
asyncio.run(METRICS.flush())
print(exposition().decode())
"""


def test_processes_add_up_and_what_a_dead_one_showed_is_forgotten(tmp_path: Path) -> None:
    directory = metrics.fresh_directory(tmp_path)

    def count() -> tuple[int, str]:
        process = subprocess.Popen(
            [sys.executable, "-c", COUNT], env={**os.environ, metrics.DIRECTORY: str(directory)}, stdout=subprocess.PIPE
        )
        out, _ = process.communicate()
        return process.pid, out.decode()

    pid, first = count()
    assert 'hongyan_callbacks_total{result="delivered"} 2.0' in first
    metrics.forget_process(pid, directory)
    _pid, second = count()
    assert 'hongyan_callbacks_total{result="delivered"} 4.0' in second
    assert 'hongyan_link_up{link="simulator"} 1.0' in second
    assert list(metrics.fresh_directory(tmp_path).iterdir()) == []
