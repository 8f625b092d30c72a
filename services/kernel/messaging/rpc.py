"""Answers calls over RPC, in Nameko's protocol, so that a service class has wiring only.

    class CallsService:
        name = "calls"
        databases = ("PLATEAU_CALLS_DATABASE_URL",)
        dispatch = OnDatabase("PLATEAU_CALLS_DATABASE_URL", dispatcher)

        @rpc
        def execute(self, **message):
            return self.dispatch.execute(message)

        @rpc
        def query(self, **message):
            return self.dispatch.query(message)

Nameko's own entrypoint waits for a confirm of each answer, stops the service when the broker is away at that moment,
and leaves its queue behind when the service is gone, so that callers wait for nobody.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
import psycopg
from nameko.exceptions import IncorrectSignature, MalformedRequest, MethodNotFound, UnserializableValueError, serialize
from nameko.extensions import Entrypoint, ProviderCollector, SharedExtension
from pika import BasicProperties

from services.kernel.amqp import RPC_EXCHANGE
from services.kernel.link import Link
from services.kernel.messaging.failures import is_of_content
from services.kernel.values import Unavailable

QUEUE_EXPIRES = 10_000  # milliseconds without a consumer: a restart keeps the calls that wait, an absence is told


Method = TypeVar("Method", bound=Callable[..., Any])
Answer = Callable[[Any, BaseException | None], None]


class Calls(SharedExtension, ProviderCollector):  # type: ignore[misc]  # nameko has no types
    """The calls of a service: one connection for all its methods, as many under way as there are workers."""

    _greenlet: Any = None

    def setup(self) -> None:
        """Name the connection."""
        self._link = Link(self.container.config["AMQP_URI"], f"rpc of {self.container.service_name}", self._live)

    def start(self) -> None:
        """Begin to take calls."""
        self._greenlet = self.container.spawn_managed_thread(self._link.run, identifier="rpc")

    def finish(self) -> None:
        """Take no more calls; returns when those under way are answered."""
        if not self._link.stopping:
            self._link.stop()
        if self._greenlet is not None:
            self._greenlet.wait()

    def _live(self, channel: Any) -> None:
        service, queue = self.container.service_name, f"rpc-{self.container.service_name}"
        under_way: set[int] = set()
        answers: deque[tuple[int, BasicProperties, bytes]] = deque()

        def received(_channel: Any, how: Any, properties: Any, body: bytes) -> None:
            if self._link.stopping:  # not acknowledged, so another takes it
                return

            def answer(result: Any, error: BaseException | None) -> None:
                answers.append((how.delivery_tag, properties, _encoded(result, error)))
                self._link.wake()

            under_way.add(how.delivery_tag)
            self._begin(how.routing_key, properties.headers or {}, body, answer)

        channel.exchange_declare(RPC_EXCHANGE, "topic", durable=True)
        channel.queue_declare(queue, durable=True, arguments={"x-expires": QUEUE_EXPIRES})
        channel.queue_bind(queue, RPC_EXCHANGE, f"{service}.*")
        channel.basic_qos(prefetch_count=self.container.max_workers)
        channel.basic_consume(queue, received)
        while under_way or not self._link.stopping:
            self._link.serve()
            while answers:
                tag, call, body = answers.popleft()
                channel.basic_publish(RPC_EXCHANGE, call.reply_to or "", body, _answering(call))
                channel.basic_ack(tag)
                under_way.remove(tag)

    def _begin(self, routing_key: str, headers: dict[str, Any], body: bytes, answer: Answer) -> None:
        method = routing_key.rpartition(".")[2]
        try:
            entrypoint = self._entrypoint(method)
            args, kwargs = _arguments(body)
            entrypoint.check_signature(args, kwargs)
        except (MethodNotFound, MalformedRequest, IncorrectSignature) as error:
            answer(None, error)
            return

        def settled(_context: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            answer(result, exc_info and exc_info[1])
            return result, exc_info

        context = {name.removeprefix("nameko."): value for name, value in headers.items()}
        self.container.spawn_worker(entrypoint, args, kwargs, context_data=context, handle_result=settled)

    def _entrypoint(self, method: str) -> "Rpc":
        for entrypoint in self._providers:
            if entrypoint.method_name == method:
                return entrypoint  # type: ignore[no-any-return]
        raise MethodNotFound(method)


class Rpc(Entrypoint):  # type: ignore[misc]  # nameko has no types
    """A method that can be called over RPC: takes and returns JSON data; what it raises reaches the caller by name."""

    calls = Calls()

    def setup(self) -> None:
        """Make the method known to those who call."""
        self.calls.register_provider(self)

    def stop(self) -> None:
        """Answer what is under way, then let go."""
        self.calls.finish()


rpc: Callable[[Method], Method] = Rpc.decorator


def _arguments(body: bytes) -> tuple[list[Any], dict[str, Any]]:
    try:
        message = orjson.loads(body)
        return message["args"], message["kwargs"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise MalformedRequest('Send {"args": [], "kwargs": {}} as JSON.') from error


def _encoded(result: Any, error: BaseException | None) -> bytes:
    if isinstance(error, psycopg.OperationalError) and not is_of_content(error):
        error = Unavailable("The database cannot be reached; try again in a moment.")
    try:
        return orjson.dumps({"result": result, "error": error and serialize(error)})
    except TypeError:
        return orjson.dumps({"result": None, "error": serialize(UnserializableValueError(result))})


def _answering(call: BasicProperties) -> BasicProperties:
    return BasicProperties(
        content_type="application/json", content_encoding="utf-8", correlation_id=call.correlation_id
    )
