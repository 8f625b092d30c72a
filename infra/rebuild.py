"""`plateau rebuild`: read models built anew from the events, beside those in use."""

from importlib import import_module

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from infra.addresses import SERVICES, addresses
from services.kernel import logs, projections
from services.kernel.database import connect
from services.kernel.projections import Projection, Superseded


def known() -> dict[str, Projection]:
    """Every read model of every service, as `service.name`."""
    models = {service: import_module(f"services.{service}.projections").read_models() for service in SERVICES}
    return {f"{service}.{model.name}": model for service, found in models.items() for model in found}


@click.command()
@click.argument("names", nargs=-1, metavar="[SERVICE.READ_MODEL]...")
@addresses("database", "as the role that only works", SERVICES, required=False)
def rebuild(names: tuple[str, ...], **urls: str | None) -> None:
    """Build read models anew from all events, beside those in use, and switch when level; all of them by default.

    Reports go on answering from the old ones meanwhile. Nothing is lost if it is interrupted: run it again.
    """
    logs.configure("warning")
    models = known()
    if unknown := [name for name in names if name not in models]:
        raise click.BadParameter(f"{', '.join(unknown)}: there are {', '.join(models)}.")
    for name in names or models:
        service = name.partition(".")[0]
        dsn = urls[f"{service}_database_url"]
        if dsn is None:
            raise click.UsageError(f"Give --{service}-database-url, or set PLATEAU_{service.upper()}_DATABASE_URL.")
        try:
            _rebuild(name, models[name], dsn)
        except Superseded as reason:
            raise click.ClickException(f"{reason}: wait for that, then run this again.") from reason


def _rebuild(name: str, model: Projection, dsn: str) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with connect(dsn, f"rebuild {name}", statement_timeout="10min") as connection, Progress(*columns) as progress:
        with connection.cursor() as db:
            total = projections.count(db, model)
        task = progress.add_task(name, total=total)
        projections.rebuild(connection, model, lambda handled: progress.advance(task, handled))
        progress.update(task, completed=total)
