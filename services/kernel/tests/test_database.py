"""Connections of a pool: one that the server has ended is replaced before anybody is given it."""

import psycopg

from services.kernel.database import open_pool


def test_a_connection_that_the_server_ended_while_it_lay_idle_is_replaced(calls_url):
    with open_pool(calls_url, "test", size=1) as pool:
        with pool.connection() as first:
            ended = first.info.backend_pid
        with psycopg.connect(calls_url) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (ended,))
        with pool.connection() as second:
            assert second.execute("SELECT pg_backend_pid()").fetchone() != (ended,)
