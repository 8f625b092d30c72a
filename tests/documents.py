"""The documents of the project, and the fenced blocks in them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of `document` in `language`, in order."""
    return [text for name, text in _BLOCK.findall(document.read_text()) if name == language]


def name(document: Path) -> str:
    """Its path in the project."""
    return str(document.relative_to(ROOT))
