"""supervisord: its settings, its life, and what it says about its programs."""

import configparser
import io
import os
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import click
import psutil

from infra.local import processes
from infra.local.ports import LOOPBACK
from infra.local.waiting import wait_until

# The working copy, which holds the package `infra`.
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Program:
    """One process to keep alive; lower `priority` starts earlier and stops later."""

    name: str
    command: list[str]
    priority: int
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = "TERM"
    # PostgreSQL's children take a signal to the group for one of their own.
    stop_as_group: bool = True
    # False: waits for `Supervisor.start_programs`.
    autostart: bool = True


class ProcessState(NamedTuple):
    """What supervisord says about one program; `pid` is 0 while it does not run."""

    name: str
    pid: int
    state: str


@dataclass(frozen=True)
class Supervisor:
    """The supervisord of the stack in `home`."""

    home: Path
    port: int
    password: str

    @property
    def settings_path(self) -> Path:
        """Its settings file, mode 0600: it holds passwords."""
        return self.home / "supervisord.conf"

    @property
    def logs(self) -> Path:
        """The folder of every program's log."""
        return self.home / "log"

    def start(self, programs: Iterable[Program]) -> None:
        """Start supervisord with `programs`; one that runs already takes up what changed in them."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self._write(programs)
        if self.is_up():
            self._update()
            return
        command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(self.settings_path)]
        environment = os.environ | {processes.MARK: str(self.home)}
        subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        wait_until(self.is_up, "supervisord", self.logs / "supervisord.log", 20)

    def start_programs(self, names: Iterable[str]) -> None:
        """Start those of the programs that do not run yet."""
        waiting = {one.name for one in self.states() if one.pid == 0}
        for name in names:
            if name in waiting:
                self._ask("startProcess", name, False)

    def stop(self) -> None:
        """Stop every program and supervisord itself, and whatever else of the stack still runs."""
        if self.is_up():
            daemon = psutil.Process(self._ask("getPID"))
            self._ask("shutdown")
            with suppress(psutil.TimeoutExpired):
                daemon.wait(60)
        self.end_left_over()

    def end_left_over(self) -> None:
        """End the programs of a supervisord that was killed; raise a `click.ClickException` that names what stays."""
        if staying := processes.end(self.home):
            raise click.ClickException(f"These processes do not end:\n{processes.described(staying)}")

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            self._ask("getState")
        except (OSError, xmlrpc.client.Error):
            return False
        return True

    def states(self) -> list[ProcessState]:
        """Every program, in the order of their start."""
        found = self._ask("getAllProcessInfo")
        return [ProcessState(one["name"], one["pid"], one["statename"]) for one in found]

    def pid_of(self, program: str) -> int:
        """The process that a program has now; 0 while it has none."""
        return next(state.pid for state in self.states() if state.name == program)

    def kill(self, program: str) -> int:
        """End a program as a power cut would: it is started again. Its pid, which it has no more."""
        process = psutil.Process(self.pid_of(program))
        process.kill()
        process.wait()
        return process.pid

    def _update(self) -> None:
        added, changed, removed = self._ask("reloadConfig")[0]
        for name in (*changed, *removed):
            self._ask("stopProcessGroup", name)
            self._ask("removeProcessGroup", name)
        for name in (*changed, *added):
            self._ask("addProcessGroup", name)

    def _ask(self, method: str, *arguments: Any) -> Any:
        address = f"http://plateau:{self.password}@{LOOPBACK}:{self.port}/RPC2"
        with xmlrpc.client.ServerProxy(address) as remote:
            return getattr(remote.supervisor, method)(*arguments)

    def _write(self, programs: Iterable[Program]) -> None:
        sections = configparser.RawConfigParser()
        sections["supervisord"] = {
            "logfile": str(self.logs / "supervisord.log"),
            "pidfile": str(self.home / "supervisord.pid"),
            "childlogdir": str(self.logs),
            "directory": str(ROOT),
            **({"user": "root"} if os.geteuid() == 0 else {}),
        }
        sections["inet_http_server"] = {
            "port": f"{LOOPBACK}:{self.port}",
            "username": "plateau",
            "password": self.password,
        }
        sections["rpcinterface:supervisor"] = {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        }
        for program in programs:
            sections[f"program:{program.name}"] = self._section(program)
        text = io.StringIO()
        sections.write(text)
        self.settings_path.touch(mode=0o600)
        self.settings_path.write_text(text.getvalue())

    def _section(self, program: Program) -> dict[str, str]:
        return {
            "command": " ".join(_quoted(word) for word in program.command),
            "environment": ",".join(f"{name}={_quoted(value)}" for name, value in program.environment.items()),
            "priority": str(program.priority),
            "autostart": str(program.autostart).lower(),
            "autorestart": "true",
            # The default gives up on what fails three times, as everything does while a database starts. What ends
            # within startsecs is started again with growing pauses, what ends later at once.
            "startretries": "1000000",
            "startsecs": "3",
            "stopsignal": program.stop_signal,
            "stopwaitsecs": "20",
            "stopasgroup": str(program.stop_as_group).lower(),
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": str(self.logs / f"{program.name}.log"),
            "stdout_logfile_maxbytes": "20MB",
            "stdout_logfile_backups": "2",
        }


def _quoted(text: str) -> str:
    return '"' + text.replace("%", "%%").replace('"', '\\"') + '"'
