"""Connections are tried on both event loops: the platform runs on uvloop, whose transports differ from asyncio's."""

import asyncio
from collections.abc import Callable, Mapping

import uvloop

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return LOOPS
