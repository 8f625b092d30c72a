"""Interactions: calls that an outside system numbers apart and that belong together, as their links tell."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID


class Link(NamedTuple):
    """What a call says of another: that it is its root, or else its parent. The other may never come."""

    call: UUID
    linked: UUID
    is_root: bool


def interactions(links: Iterable[Link]) -> Mapping[UUID, UUID]:
    """The interaction of each call that the links join to another: the id of its root.

    Calls that are joined, in whatever direction and over however many links, are one interaction. Its root is the call
    that others name as such and that names no root itself; without one, the call that others name and that names none;
    without that (they name each other in a circle), any that is named. Of several, the least id: the same whatever
    came first.
    """
    every = set(links)
    group: dict[UUID, set[UUID]] = {}
    for link in every:
        few, many = sorted((group.setdefault(end, {end}) for end in (link.call, link.linked)), key=len)
        if few is not many:
            many |= few
            group.update(dict.fromkeys(few, many))
    named, naming = {link.linked for link in every}, {link.call for link in every}
    named_root, naming_root = (
        {link.linked for link in every if link.is_root},
        {link.call for link in every if link.is_root},
    )
    found: dict[UUID, UUID] = {}
    for call, joined in group.items():
        if call not in found:
            root = min(joined & named_root - naming_root or joined & named - naming or joined & named)
            found.update(dict.fromkeys(joined, root))
    return found
