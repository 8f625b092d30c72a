"""Files of NAME=value lines that only their owner may read: secrets, and addresses that contain them."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path


def read(path: Path) -> dict[str, str]:
    """The values of `path` by name; empty if there is no such file."""
    if not path.exists():
        return {}
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


def write(path: Path, values: Mapping[str, str]) -> None:
    """Write `values` to `path` in one step, mode 0600 from its first byte on."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    draft.replace(path)


def fill(path: Path, makers: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    """The values of `path`, each missing one made by its maker and kept: the second call answers the same."""
    kept = read(path)
    made = {name: make() for name, make in makers.items() if name not in kept}
    if made:
        write(path, kept | made)
    return kept | made
