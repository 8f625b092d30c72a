"""What goes on while something breaks: facts are posted, a queue is changed, people are hired, reports are read.

Like careful integrators, those who write repeat unchanged what was not acknowledged, so that it is known exactly what
was.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Lock

import click
import httpx

from loadtests.after_check import Ledger
from loadtests.driving import wait
from loadtests.fresh_calls import FreshCalls
from loadtests.simulator.journal import Fact
from loadtests.simulator.posting import post_body, until_answered

SENDERS = 3
FACTS_A_BODY = 25
EACH_SECOND = 5  # commands, and reports
ANSWER_SECONDS = 10
STEADY_SECONDS = 60
EMPLOYEES = "/v1/staff/employees"
HIRED_ON = "2026-11-20"
WINDOW = {"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z", "interval": "total"}
TRANSIENT = {httpx.codes.OK, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT}


class Load:
    """People who use the Plateau at `url`; the source of facts, the queue and the role of employees are all `source`.

    `ledger` knows the facts, `changes` how often the queue was changed, `hired` the paths of employees, `repeats` how
    many requests were made again, `longest_wait` for how many seconds nothing was acknowledged.
    """

    def __init__(self, url: str, token: str, drill: str, rate: int) -> None:
        self.source = f"{drill}-{secrets.token_hex(3)}"
        self.ledger = Ledger()
        self.changes = self.repeats = 0
        self.hired: list[str] = []
        self.longest_wait = 0.0
        self._access = {"base_url": url, "headers": {"Authorization": f"Bearer {token}"}, "timeout": ANSWER_SECONDS}
        self._rate = rate
        self._calls = FreshCalls(self.source)
        self._over, self._lock = Event(), Lock()
        self._acknowledged = time.monotonic()

    @property
    def people(self) -> list[Callable[[], None]]:
        """What each of them does until it is over."""
        return [self._post_facts] * SENDERS + [self._change_queue, self._hire, self._read_reports]

    @property
    def accepted(self) -> int:
        """How many facts were accepted so far."""
        with self._lock:
            return self.ledger.total

    def end(self) -> None:
        """Have everybody finish what is in hand."""
        self._over.set()

    def goes_on(self, seconds: float) -> None:
        """Return once as many facts more were accepted as are sent in so many seconds."""
        enough = self.accepted + seconds * self._rate
        wait(lambda: self.accepted >= enough, f"The load does not reach {self._rate} facts/s", STEADY_SECONDS)

    def further_facts(self, count: int) -> list[Fact]:
        """Facts for somebody who brings them to Plateau in another way; they count as accepted."""
        with self._lock:
            facts = self._calls.take(count)
            self.ledger.accept(facts)
        return facts

    def _post_facts(self) -> None:
        def send(client: httpx.Client, _: int) -> None:
            with self._lock:
                facts = self._calls.take(FACTS_A_BODY)
                self.ledger.send(facts)
            outcome = post_body(client, facts, self._again)
            if outcome.rejected:
                raise click.ClickException(f"Good facts were rejected: {outcome.rejected[:3]}")
            with self._lock:
                self.ledger.accept(facts)
                self._acknowledge()

        self._steadily(self._rate / FACTS_A_BODY / SENDERS, send)

    def _change_queue(self) -> None:
        def change(client: httpx.Client, seen: int) -> None:
            version = seen + 1
            headers = {"If-Match": f'"{seen}"'} if seen else {}
            body = {"timezone": "Europe/Paris", "client": f"client-{version}"}
            self._order(client, "PUT", f"/v1/queues/{self.source}", body, headers)
            self.changes = version

        self._steadily(EACH_SECOND, change)

    def _hire(self) -> None:
        def hire(client: httpx.Client, hired: int) -> None:
            person = {"given_name": "Ada", "family_name": f"Martin {hired}", "role": self.source, "starts_on": HIRED_ON}
            answer = self._order(client, "POST", EMPLOYEES, person, {})
            self.hired.append(answer.headers["Location"])

        self._steadily(EACH_SECOND, hire)

    def _order(
        self, client: httpx.Client, method: str, path: str, body: dict[str, str], headers: dict[str, str]
    ) -> httpx.Response:
        """Give a command until it is carried out; the same key makes all of that one command."""
        key = {"Idempotency-Key": secrets.token_hex(16)}
        answer = until_answered(
            lambda: client.request(method, path, json=body, headers={**key, **headers}), self._again
        )
        if not answer.is_success:
            raise click.ClickException(f"{method} {path} was answered {answer.status_code} {answer.text}")
        with self._lock:
            self._acknowledge()
        return answer

    def _read_reports(self) -> None:
        def read(client: httpx.Client, _: int) -> None:
            try:
                answer = client.get("/v1/reports/service-level", params=WINDOW)
            except httpx.TransportError:
                return  # there is nobody now; who reads asks again
            if answer.status_code not in TRANSIENT:
                raise click.ClickException(f"A report was answered {answer.status_code} {answer.text}")

        self._steadily(EACH_SECOND, read)

    def _steadily(self, each_second: float, act: Callable[[httpx.Client, int], None]) -> None:
        """Act, with the number of times that it was done before; what took longer is not caught up."""
        with httpx.Client(**self._access) as client:
            done = 0
            while not self._over.is_set():
                began = time.monotonic()
                act(client, done)
                done += 1
                self._over.wait(max(0.0, began + 1 / each_second - time.monotonic()))

    def _acknowledge(self) -> None:
        now = time.monotonic()
        self.longest_wait = max(self.longest_wait, now - self._acknowledged)
        self._acknowledged = now

    def _again(self) -> None:
        with self._lock:
            self.repeats += 1


@contextmanager
def under(load: Load) -> Iterator[None]:
    """Have the load go on in the block; raises what went wrong for one of its people, once all have finished."""
    with ThreadPoolExecutor(len(load.people)) as room:
        working: list[Future[None]] = [room.submit(person) for person in load.people]
        try:
            yield
        finally:
            load.end()
    for each in working:
        each.result()
