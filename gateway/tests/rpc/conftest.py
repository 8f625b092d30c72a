from services.kernel.tests.messaging.harness import desk, door, queues, serve

__all__ = ["desk", "door", "queues", "serve"]
