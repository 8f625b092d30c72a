"""The contract that a service publishes: one line a use case.

From a declaration come the route, the validation, the scope, the OpenAPI entry, the RPC dispatch and `allowed_actions`:

    queues = api.things("/v1/queues", queues.decide, queues.evolve, queues.Queue(), id="queue", named=True)
    queues.command("PUT", "/{queue}", ConfigureQueue, scope="queues:write", guarded=True)
    queues.shown("/{queue}", view, returns=QueueView, scope="queues:read")
    identities.bulk("POST", "/bulk", MapIdentities, each=MapIdentity, scope="identities:write")
    api.query("GET", "/v1/reports/service-level", ServiceLevelOf, returns=ServiceLevelReport, scope="reports:read")
    api.inside(SourceSecretOf, returns=SourceSecret)
    api.publishes(CallCompleted, subject="call", revised=True)
    api.announces(CallOffered, fact="call.queued", by=offered, subject="call")
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, get_args, get_type_hints
from uuid import NAMESPACE_URL, UUID, uuid5

from services.kernel import schemas
from services.kernel.decider import Decision, event_type
from services.kernel.values import E164, Actor, Personal

LONGEST_NAME = 200
Limit = Literal["queues", "sources"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class UseCase:
    """One thing that can be asked of a service: over HTTP, or where it has no path, by the gateway for its own work.

    `shape` is the dataclass of the command or the query: its fields come from the path, the query string and the body.
    `guarded` asks for If-Match where the thing exists; `shows` answers with the thing itself, and has `…/history` and
    `?as_of=` beside it. `each` is the command that every one of the `items` of a bulk command is, decided by itself.
    `summary` is the first line of the shape's docstring. A client of the centre can only ask for what is declared for
    `clients`, and sees of it what is theirs. The fields in `names` hold the name of a thing of another kind, which must
    exist: else the command is refused with the code beside it. `patience` is how many seconds an answer may take.
    """

    service: str
    kind: Literal["command", "query"]
    method: Method
    path: str
    shape: type
    scope: str
    returns: type | None = None
    things: "Things | None" = None
    guarded: bool = False
    shows: bool = False
    each: type | None = None
    clients: bool = False
    names: "Mapping[str, tuple[Things, str]] | None" = None
    patience: float = 5.0

    @property
    def name(self) -> str:
        """The name under which the service dispatches it."""
        return self.shape.__name__

    def open_to(self, actor: Actor) -> bool:
        """Whether the actor may ask for it at all; what they may see of it is for who answers to say."""
        return self.clients or actor.party != "client"

    @property
    def summary(self) -> str:
        """What it does, in a line."""
        return (self.shape.__doc__ or self.name).strip().splitlines()[0]


@dataclass
class Things:
    """A kind of event-sourced thing: how it decides and evolves, and where its use cases hang.

    `named` things are called by an outside name (a queue, a source); their stream is derived from it. The others have
    UUIDv7 ids made by the gateway before the command is sent, unless they are `identified_by` what the command that
    makes one says, a function of which is the id. `people` are named by the id of the subject; who calls
    one by an E.164 number is understood, but the number is kept nowhere. Where a stream holds more than what was
    decided on the thing, `learn(state, type)` says what such an event changes by its type. `allows` says which
    commands the state of one lets an actor give; without it, their scopes alone do.
    """

    api: "Api"
    prefix: str
    decide: Callable[..., Decision]
    evolve: Callable[..., Any]
    initial: Any
    id: str
    named: bool = False
    limited_by: Limit | None = None
    people: bool = False
    identified_by: Callable[[Any], UUID] | None = None
    learn: Callable[[Any, str], Any] | None = None
    view: Callable[[str, Any], Any] | None = None
    allows: Callable[[Any, Actor], Collection[type]] | None = None

    def command(
        self,
        method: Method,
        path: str,
        shape: type,
        *,
        scope: str,
        guarded: bool = False,
        clients: bool = False,
        names: "Mapping[str, tuple[Things, str]] | None" = None,
    ) -> None:
        """Declares a command on this kind of thing."""
        more = {"things": self, "guarded": guarded, "clients": clients, "names": names}
        self.api.add(UseCase(self.api.name, "command", method, self.prefix + path, shape, scope, **more))  # type: ignore[arg-type]

    def bulk(self, method: Method, path: str, shape: type, *, each: type, scope: str) -> None:
        """Declares many commands in one body: its `items`, `each` decided by itself, on things `identified_by` them.

        It answers `accepted`, `rejected` (a verdict for each item that was refused) and `position`.
        """
        case = UseCase(self.api.name, "command", method, self.prefix + path, shape, scope, things=self, each=each)
        self.api.add(case)

    def query(
        self, method: Method, path: str, shape: type, *, returns: type, scope: str, clients: bool = False
    ) -> None:
        """Declares a query under this kind's path, answered by a projection."""
        path = self.prefix + path
        self.api.add(UseCase(self.api.name, "query", method, path, shape, scope, returns, self, clients=clients))

    def shown(
        self,
        path: str,
        shape: type,
        view: Callable[[str, Any], Any],
        *,
        returns: type,
        scope: str,
        clients: bool = False,
    ) -> None:
        """Declares how one thing is shown: `view(name or id, state)`, folded from its own stream, so never behind."""
        self.view, path = view, self.prefix + path
        self.api.add(
            UseCase(self.api.name, "query", "GET", path, shape, scope, returns, self, shows=True, clients=clients)
        )

    def key_of(self, case: UseCase, command: Any, given: str) -> str:
        """The id or the outside name of the thing that a command is on, where its message gave this one."""
        if self.identified_by is None or "{" in case.path:
            return given
        return str(self.identified_by(command))

    def can_be(self, key: str) -> bool:
        """Whether a text can be the id or the outside name of such a thing."""
        if self.people and E164.fullmatch(key):
            return True
        if self.named and not self.people:
            return 0 < len(key) <= LONGEST_NAME and "\x00" not in key
        try:
            return bool(UUID(key))
        except ValueError:
            return False

    def open_to(self, actor: Actor, key: str) -> bool:
        """Whether the actor's limits let them know of the thing of this name."""
        limit = getattr(actor, self.limited_by) if self.limited_by else None
        return limit is None or key in limit

    def stream(self, key: str) -> UUID:
        """The stream of the thing that bears this id or outside name."""
        return uuid5(NAMESPACE_URL, f"plateau:{self.api.name}:{self.prefix}:{key}") if self.named else UUID(key)

    @cached_property
    def events(self) -> Mapping[str, type]:
        """The events of this kind by type, read off the annotation of `evolve`."""
        return {event_type(cls): cls for cls in _union(self.evolve, 1)}

    def commands(self) -> list[UseCase]:
        """The commands declared on this kind."""
        return [case for case in self.api.use_cases.values() if case.things is self and case.kind == "command"]

    def allowed_actions(self, actor: Actor, state: Any) -> list[str]:
        """The names of the commands that the actor's scopes, and the state of the thing, let them give."""
        allowed = None if self.allows is None else self.allows(state, actor)
        return [
            case.name
            for case in self.commands()
            if actor.may(case.scope) and case.open_to(actor) and (allowed is None or case.shape in allowed)
        ]


def _union(function: Callable[..., Any], argument: int) -> tuple[type, ...]:
    hint = list(get_type_hints(function).values())[argument]
    return get_args(hint) or (hint,)


@dataclass(frozen=True)
class Publication:
    """An event that everybody may know of.

    `internal` is the class of the stored event that it is made of; `translate` makes it (None: nothing is published),
    or it is the stored event itself. Where it is made of a fact, which has no class, `fact` is the type of that, and
    `translate` makes plain JSON data of the stored event as it lies. `subject` names the field that holds the id of the
    thing, which else is the id of the stream. Where it is `revised`, each replaces the one before of its subject, and
    the version in the stream is the revision.
    """

    service: str
    shape: type
    internal: type | None
    translate: Callable[[Any], Any] | None = None
    subject: str | None = None
    revised: bool = False
    fact: str | None = None

    @property
    def name(self) -> str:
        """Its short type, by which it is routed."""
        return event_type(self.shape)

    @property
    def stored_type(self) -> str:
        """The type of the stored event that it is made of."""
        return self.fact or event_type(self.internal)


@dataclass
class Api:
    """All that a service offers, by name; its `kinds` of things; `publications` by the type of the stored event."""

    name: str
    kinds: list[Things] = field(default_factory=list)
    use_cases: dict[str, UseCase] = field(default_factory=dict)
    publications: dict[str, Publication] = field(default_factory=dict)

    @property
    def public_use_cases(self) -> list[UseCase]:
        """Those that can be asked over HTTP."""
        return [case for case in self.use_cases.values() if case.path]

    def things(
        self,
        prefix: str,
        decide: Callable[..., Decision],
        evolve: Callable[..., Any],
        initial: Any,
        *,
        id: str,  # noqa: A002 - reads as the declaration is spoken
        named: bool = False,
        limited_by: Limit | None = None,
        people: bool = False,
        identified_by: Callable[[Any], UUID] | None = None,
        learn: Callable[[Any, str], Any] | None = None,
        allows: Callable[[Any, Actor], Collection[type]] | None = None,
    ) -> Things:
        """Declares a kind of thing; `limited_by` names the limit of an actor under which its names fall."""
        made = Things(self, prefix, decide, evolve, initial, id, named or people, limited_by, people)
        self.kinds.append(replace(made, identified_by=identified_by, learn=learn, allows=allows))
        return self.kinds[-1]

    def query(
        self,
        method: Method,
        path: str,
        shape: type,
        *,
        returns: type,
        scope: str,
        clients: bool = False,
        patience: float = UseCase.patience,
    ) -> None:
        """Declares a query that a projection answers."""
        self.add(UseCase(self.name, "query", method, path, shape, scope, returns, clients=clients, patience=patience))

    def inside(self, shape: type, *, returns: type) -> None:
        """Declares a query that the gateway asks for its own work, such as a secret to check a signature with.

        Nobody can ask it over HTTP.
        """
        self.add(UseCase(self.name, "query", "GET", "", shape, "", returns))

    def add(self, case: UseCase) -> None:
        """Keeps a use case under its name; two of one name would make dispatch a guess."""
        if case.name in self.use_cases:
            raise ValueError(f"{self.name} declares {case.name} twice")
        self.use_cases[case.name] = case

    def publishes(
        self,
        *shapes: type,
        made_of: type | None = None,
        by: Callable[[Any], Any] | None = None,
        subject: str | None = None,
        revised: bool = False,
    ) -> None:
        """Declares public events: ids and figures, nothing about a person.

        They are stored events as they are; or one of them is `made_of` another stored event, `by` a function.
        """
        if (made_of is None) is not (by is None) or (made_of is not None and len(shapes) != 1):
            raise TypeError("Name one public event, what it is made_of, and by which function.")
        for shape in shapes:
            self._publish(Publication(self.name, shape, made_of or shape, by, subject, revised))

    def announces(self, shape: type, *, fact: str, by: Callable[[Any], dict[str, Any] | None], subject: str) -> None:
        """Declares a public event that tells of a fact at once: `by` makes its data of the stored event, or None.

        Facts are many, so what is made of one is neither revived nor dumped; a test compares it with the `shape`.
        """
        self._publish(Publication(self.name, shape, None, by, subject, fact=fact))

    def _publish(self, made: Publication) -> None:
        if schemas.bears(made.shape, Personal):
            raise TypeError(f"{made.shape.__name__} has personal fields, which may not be public: translate it.")
        schemas.schema_class(made.shape)  # now, because the contract is derived from it
        if made.stored_type in self.publications or made.name in {p.name for p in self.publications.values()}:
            raise ValueError(f"{self.name} publishes {made.name} twice")
        self.publications[made.stored_type] = made
