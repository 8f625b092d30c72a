"""How a drill is carried out: under load something breaks and heals, then everything is counted."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import click
import httpx
import psycopg
from pika.exceptions import AMQPError

from infra.addresses import SERVICES
from infra.health import is_up
from infra.local.stack import Stack
from loadtests.drills.audit import Audit
from loadtests.drills.broker import Broker, Listener
from loadtests.drills.faults import Fault, Scene
from loadtests.drills.load import Load, under
from loadtests.driving import wait

RECOVERY_SECONDS = 180
# What may become of a drill when Plateau, or a server, does not come back; the next is tried all the same.
FAILURES = (click.ClickException, httpx.HTTPError, psycopg.Error, AMQPError)
STEADY_SECONDS = 2  # before the fault, and after the recovery


@dataclass(frozen=True)
class Drill:
    """What breaks, in words and in deed, and for how many seconds it stays so, where it does not heal by itself."""

    name: str
    what: str
    fault: Fault
    lasts: float = 0


@dataclass(frozen=True)
class Outcome:
    """What a drill showed.

    `recovery` is in seconds, from the moment when the cause was gone until Plateau was ready and everything accepted
    before that moment was in the reports; `longest_wait` those in which nothing was acknowledged; `repeats` counts
    requests, `told_again` public events.
    """

    drill: Drill
    recovery: float | None = None
    longest_wait: float = 0
    accepted: int = 0
    repeats: int = 0
    told_again: int = 0
    complaints: tuple[str, ...] = ()


class Drilling:
    """Drills on one Plateau, one after the other; `rate` is in facts a second, `tell` hears what is being done."""

    def __init__(self, stack: Stack, rate: int, tell: Callable[[str], None] = lambda _: None) -> None:
        self._stack, self._rate, self._tell = stack, rate, tell
        self._token = stack.new_key()
        self.broker = Broker(stack.servers.rabbitmq)
        self._listener = Listener(self.broker, SERVICES)
        self.audit = Audit(stack, self._token, self.broker, self._listener)

    def carry_out(self, drill: Drill, lasts: float | None = None) -> Outcome:
        """Do it; the fault stays for `lasts` seconds, where that is given and it does not heal by itself."""
        load = Load(self._stack.url, self._token, drill.name, self._rate)
        scene = Scene(self._stack, self.broker, load)
        told_again = self._listener.repeated
        recovery = None
        try:
            with under(load):
                recovery = self._break(drill, scene, drill.lasts if lasts is None else min(lasts, drill.lasts))
            self._tell(f"{drill.name}: counting")
            complaints = self.audit.of(scene)
        except FAILURES as error:
            complaints = [str(error)]
        return Outcome(
            drill,
            recovery=recovery,
            longest_wait=load.longest_wait,
            accepted=load.accepted,
            repeats=load.repeats,
            told_again=self._listener.repeated - told_again,
            complaints=tuple(complaints),
        )

    def _break(self, drill: Drill, scene: Scene, lasts: float) -> float:
        self._tell(f"{drill.name}: load")
        scene.load.goes_on(STEADY_SECONDS)
        self._tell(f"{drill.name}: broken")
        with drill.fault(scene):
            time.sleep(lasts)
            healing, accepted = time.monotonic(), scene.load.accepted
        self._tell(f"{drill.name}: recovering")
        wait(lambda: self._shows(accepted, scene.load), f"After {drill.what}: not as before", RECOVERY_SECONDS)
        recovery = time.monotonic() - healing
        self._tell(f"{drill.name}: load")
        scene.load.goes_on(STEADY_SECONDS)
        return recovery

    def _shows(self, accepted: int, load: Load) -> bool:
        """Whether Plateau is ready and the first so many facts of the load are in the reports."""
        by_now = load.accepted  # before it is asked what is missing
        health = self._stack.health()
        # Facts are stored and read in the order in which they were accepted: what is missing is the newest.
        return is_up(health) and by_now - health["ingest_backlog"] - max(health["projections"].values()) >= accepted
