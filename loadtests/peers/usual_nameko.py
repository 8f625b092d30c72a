"""The usual way to write a service with Nameko, in two services.

HTTP entrypoint → RPC → marshmallow → one row inserted → event dispatched → answer. Everything is what the framework's
own documentation shows, with its defaults: ten workers a process, persistent messages, confirmed publishing. No
idempotency, no versions, no authentication, no read model.
"""

# ruff: noqa: E402 - whatever is to be cooperative is imported after the patch
import os

os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"  # by itself psycopg waits in C, and no other worker gets a turn
import eventlet

eventlet.monkey_patch()

import logging
from signal import SIGTERM, signal
from typing import Any

import click
from marshmallow import EXCLUDE, Schema, ValidationError, fields
from nameko.events import EventDispatcher
from nameko.extensions import DependencyProvider
from nameko.rpc import RpcProxy, rpc
from nameko.runners import ServiceRunner
from nameko.web.handlers import http
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool
from werkzeug.wrappers import Request, Response

PATH = "/v1/calls/events"
INSERT = """INSERT INTO usual_nameko (call_id, type, occurred_at, body)
    VALUES (%(call_id)s, %(type)s, %(occurred_at)s, %(body)s) RETURNING id"""


class FactSchema(Schema):
    """A fact as it is posted."""

    class Meta:
        """Unknown fields are left out, as our own API does not refuse them either."""

        unknown = EXCLUDE

    id = fields.String(required=True)
    source = fields.String(required=True)
    type = fields.String(required=True)
    occurred_at = fields.AwareDateTime(required=True)
    call_id = fields.String(load_default=None)
    agent = fields.String(load_default=None)
    queue = fields.String(load_default=None)
    sequence = fields.Integer(load_default=None)
    direction = fields.String(load_default=None)
    data = fields.Dict(load_default=dict)


class Database(DependencyProvider):
    """A pool of connections, as many as there are workers."""

    def start(self) -> None:
        """Open it."""
        self.pool = ConnectionPool(
            self.container.config["DATABASE_URL"], min_size=2, max_size=10, open=True, kwargs={"autocommit": True}
        )

    def stop(self) -> None:
        """Close it."""
        self.pool.close()

    def get_dependency(self, worker_ctx: Any) -> ConnectionPool:  # noqa: ARG002 - the framework's signature
        """What a worker is given."""
        return self.pool


class StoreService:
    """Keeps facts."""

    name = "usual_store"
    database = Database()
    dispatch = EventDispatcher()
    schema = FactSchema()

    @rpc
    def add(self, body: str) -> dict[str, Any]:
        """Validate, insert, tell the others."""
        try:
            fact = self.schema.loads(body)
        except ValidationError as error:
            return {"errors": error.messages}
        with self.database.connection() as connection:
            (row,) = connection.execute(INSERT, {**fact, "body": Jsonb(self.schema.dump(fact))}).fetchone()
        self.dispatch("fact_added", {"id": row, "type": fact["type"]})
        return {"id": row}


class WebService:
    """Takes facts over HTTP."""

    name = "usual_web"
    store = RpcProxy("usual_store")

    @http("POST", PATH)
    def post(self, request: Request) -> Response:
        """Ask the other service to keep the fact."""
        answer = self.store.add(request.get_data(as_text=True))
        status = 400 if "errors" in answer else 202
        return Response(f'{{"accepted": {int(status == 202)}}}', status, mimetype="application/json")


SERVICES = {"web": WebService, "store": StoreService}


@click.command()
@click.argument("service", type=click.Choice(list(SERVICES)))
@click.option("--amqp-url", required=True, help="Broker, as amqp://user:password@host:port/vhost.")
@click.option("--postgres-url", required=True, help="Database in which the table lies.")
@click.option("--port", type=int, default=8091, show_default=True, help="Port on 127.0.0.1; processes may share it.")
def main(service: str, amqp_url: str, postgres_url: str, port: int) -> None:
    """One process of one of the two services, until SIGTERM."""
    logging.disable(logging.WARNING)  # told to stop, it warns of each worker that is still busy
    runner = ServiceRunner(
        {"AMQP_URI": amqp_url, "DATABASE_URL": postgres_url, "WEB_SERVER_ADDRESS": f"127.0.0.1:{port}"}
    )
    runner.add_service(SERVICES[service])
    signal(SIGTERM, lambda *_: eventlet.spawn_n(runner.kill))
    runner.start()
    runner.wait()


if __name__ == "__main__":
    main()
