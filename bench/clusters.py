"""Two PostgreSQL servers of one's own: a primary and its synchronous standby, to be killed, promoted and joined again."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import psutil

PASSWORD = "failover"  # noqa: S105 - on loopback, for as long as a measurement lasts
USER, DATABASE = "hongyan", "postgres"
SERVER_USER = "nobody"
"""PostgreSQL refuses to run as root."""
PATIENCE_S = "60"
CONF = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = 64MB
fsync = on
full_page_writes = on
synchronous_commit = on
wal_log_hints = on
wal_keep_size = 512MB
max_slot_wal_keep_size = 2GB
log_min_messages = warning
"""
HBA = """
host all all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""


class Cluster:
    """One server in `home`/`name`, with the programs of `binaries`."""

    def __init__(self, home: Path, name: str, binaries: Path) -> None:
        self.name = name
        self.data = home / name
        self.port = _free_port()
        self._home = home
        self._binaries = binaries

    @property
    def url(self) -> str:
        """Of this server alone."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def slot(self) -> str:
        """Its place at the primary it follows: there the log is kept for it. `copy` makes it, `rejoin` must find it."""
        return f"slot_{self.name}"

    def initialise(self) -> None:
        """Make it, as the first of its kind, and start it."""
        password = self._home / "password"
        password.write_text(PASSWORD)
        self._run(
            "initdb", "-U", USER, "-A", "scram-sha-256", f"--pwfile={password}", "--encoding=UTF8", "--locale=C", "-D", str(self.data)
        )
        (self.data / "pg_hba.conf").write_text(HBA)
        self._configure("")
        self.start()

    def copy(self, source: "Cluster") -> None:
        """Make it as a standby of `source` and start it."""
        slot = ("-C", "-S", self.slot)
        self._run(
            "pg_basebackup", "-d", self._conninfo(source), "-D", str(self.data), "-R", "-X", "stream", "-c", "fast", "--no-sync", *slot
        )
        self._configure("")
        self.start()

    def wait_for(self, standby: str) -> None:
        """From the next commit on, answer only what this standby has on its disk too; empty: answer alone."""
        self._configure(f"ANY 1 ({standby})" if standby else "")
        self._run("pg_ctl", "-D", str(self.data), "reload")

    def start(self) -> None:
        log = self._home / f"{self.name}.log"
        self._run("pg_ctl", "-s", "-w", "-t", PATIENCE_S, "-l", str(log), "-D", str(self.data), "start")

    def promote(self) -> None:
        """From a standby to a primary; returns when it is one."""
        self._run("pg_ctl", "-s", "-w", "-t", PATIENCE_S, "-D", str(self.data), "promote")

    def kill(self) -> None:
        """SIGKILL to the postmaster alone: the others find out by themselves."""
        os.kill(self._pid(), signal.SIGKILL)

    def freeze(self) -> None:
        """Stop all of it where it stands: connections stay, and nothing answers any more."""
        for process in self._family():
            process.suspend()

    def destroy(self) -> None:
        """Whatever is left of it ends now, and its processes are gone afterwards."""
        family = self._family()
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(family, timeout=10)

    def rejoin(self, primary: "Cluster") -> None:
        """Take back what `primary` never had, follow it, and start."""
        server = self._conninfo(primary)
        self._run("pg_rewind", f"--target-pgdata={self.data}", f"--source-server={server} dbname=postgres", "-R")
        # The rewound directory is the other's to the letter, its settings included; of two lines of a name the last counts.
        with (self.data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_slot_name = '{self.slot}'\n")
        self._configure("")
        self.start()

    def _conninfo(self, source: "Cluster") -> str:
        return f"host=127.0.0.1 port={source.port} user={USER} password={PASSWORD} application_name={self.name}"

    def _configure(self, synchronous: str) -> None:
        names = f"port = {self.port}\nsynchronous_standby_names = '{synchronous}'\n"
        (self.data / "postgresql.conf").write_text(CONF + names)

    def _pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def _family(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.name() == "postgres" and Path(process.cwd()) == self.data:
                    found.append(process)
        return found

    def _run(self, command: str, *arguments: str) -> None:
        """Raises CalledProcessError; the words are in `home`/commands.log."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        with (self._home / "commands.log").open("ab") as output:
            subprocess.run(
                [self._binaries / command, *arguments],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=environ,
                **({"user": SERVER_USER, "group": pwd.getpwnam(SERVER_USER).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}),
            )
        if os.geteuid() == 0:
            _give(self._home)


def pair(home: Path, binaries: Path) -> tuple[Cluster, Cluster]:
    """A primary that waits for its standby, and the standby. `home` must be empty."""
    if os.geteuid() == 0:
        _give(home)
    first, second = Cluster(home, "a", binaries), Cluster(home, "b", binaries)
    first.initialise()
    second.copy(first)
    first.wait_for(second.name)
    return first, second


def _give(home: Path) -> None:
    """What root has made or written belongs to the user the server runs as."""
    for path in (home, *home.iterdir()):
        shutil.chown(path, SERVER_USER)
    for data in home.iterdir():
        if data.is_dir():
            for name in ("postgresql.conf", "pg_hba.conf"):
                if (data / name).exists():
                    shutil.chown(data / name, SERVER_USER)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
