"""`hongyan db distribute` where it cannot: it says why, and changes nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hongyan.cli.database import WORDS
from hongyan.kit.db import Database
from hongyan.store import engines, placement


def asked(url: str, home: Path, language: str) -> tuple[int, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HONGYAN_")}
    environ = inherited | {"HONGYAN_DATABASE_URL": url, "HONGYAN_DATA_DIR": str(home), "HONGYAN_LANG": language}
    done = subprocess.run(
        [sys.executable, "-m", "hongyan", "db", "distribute", "--json"], env=environ, cwd=home, capture_output=True, timeout=60, check=False
    )
    return done.returncode, json.loads(done.stderr)["message"]


@pytest.mark.parametrize(("language", "word"), [("en", "create extension citus"), ("zh", "没有 Citus 扩展")])
def test_without_the_extension_it_says_what_to_do(database_url: str, tmp_path: Path, language: str, word: str) -> None:
    code, text = asked(database_url, tmp_path, language)
    assert (code, word in text) == (1, True), text


async def test_an_ordinary_database_is_not_distributed(database: Database) -> None:
    assert not database.distributed
    async with database.connection() as conn:
        assert await placement.objection(conn) == placement.Objection(placement.Obstacle.NO_EXTENSION)
        assert await engines.living(conn) == []


def test_every_obstacle_has_its_words() -> None:
    assert WORDS.keys() == {obstacle.value for obstacle in placement.Obstacle}


def test_no_table_has_two_places() -> None:
    places = [*placement.DISTRIBUTED, *placement.REFERENCE, *placement.LOCAL]
    assert len(places) == len(set(places))
