"""The one place that constructs services: settings in, a running process out."""

from hongyan.wiring.base import (
    SIMULATOR_LINK,
    SIMULATOR_PASSWORD,
    announce_simulator,
    control_plane,
    database,
    database_url,
    prepare,
    secret_box,
)
from hongyan.wiring.callbacks import RENDERERS, VOICES
from hongyan.wiring.worker import LINKS, Worker, run_worker

__all__ = [
    "LINKS",
    "RENDERERS",
    "SIMULATOR_LINK",
    "SIMULATOR_PASSWORD",
    "VOICES",
    "Worker",
    "announce_simulator",
    "control_plane",
    "database",
    "database_url",
    "prepare",
    "run_worker",
    "secret_box",
]
