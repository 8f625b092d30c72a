"""Clients of the centre (donneurs d'ordres): the organisations whose calls it takes, and what they may see."""

from typing import Annotated

from services.kernel.decider import Context, Decision, changed, command, event, of, state, values
from services.kernel.values import Example, Length


@values
class ClientSettings:
    """What a client is called, and whether its contract lets it see agents by name."""

    name: Annotated[str | None, Length(1, 200), Example("Acme")] = None
    sees_agents: bool = False


@command
class ConfigureClient(ClientSettings):
    """Say what a client of the centre is called, and what it may see. Its queues name it in their own settings."""


@event("client_configured")
class ClientConfigured(ClientSettings):
    """From now on the client is called so and sees so much. `client` is its short name."""

    client: str = ""


@state
class Client:
    """A client's settings; None until first set."""

    settings: ClientSettings | None = None


@values
class ClientView(ClientSettings):
    """A client as it is shown."""

    client: str = ""


def decide(client: Client, order: ConfigureClient, ctx: Context) -> Decision:
    """Nothing happens where nothing changes."""
    wanted = of(ClientSettings, order)
    return () if client.settings == wanted else of(ClientConfigured, wanted, client=ctx.key)


def evolve(client: Client, happened: ClientConfigured) -> Client:
    """The latest settings stand."""
    return changed(client, settings=of(ClientSettings, happened))


def view(name: str, client: Client) -> ClientView:
    """What is shown of a client."""
    return of(ClientView, client.settings or ClientSettings(), client=name)
