"""What ties the kernel to Nameko and RabbitMQ: the runner, the batch entrypoint, the base of an RPC service."""
