"""The private PostgreSQL, RabbitMQ and supervisord of one folder, for `make run` and `make test`."""
