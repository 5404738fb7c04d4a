"""Who asks is known and judged in every service, and what is changed is noted: seen in the source, so that nobody can forget it."""

import ast
import inspect
import typing
from collections.abc import Iterator
from pathlib import Path

from hongyan.control.plane import ControlPlane

JUDGES = {"demand", "person", "person_of"}
"""Functions that refuse who may not."""

NOTES = {"_audit", "_desk"}
"""Collaborators by which changes get into the audit log."""

NOBODY_ASKS: dict[str, str] = {
    "Audit.record": "written by services, for the actor they serve",
    "Audit.verify": "tells nothing but whether the log is whole",
    "BillFiles.make_due": "a job",
    "Bills.due": "called by the payments, in the transaction of one",
    "Bills.settle": "as Bills.due",
    "Credentials.accept": "whoever holds the ticket",
    "Credentials.forgot": "anybody; the answer is always the same",
    "Credentials.set_password": "whoever holds the ticket",
    "Payments.hear": "whoever holds the payment provider's secret: the door has looked at the signature",
    "Purchases.due": "called by the payments, in the transaction of one",
    "Purchases.finish_refunds": "a job, for those who have asked",
    "Purchases.settle": "as Purchases.due",
    "Qualifications.decided": "called by the desk, in the transaction of a decision",
    "Signatures.decided": "as Qualifications.decided",
    "Signatures.qualified": "as Qualifications.decided",
    "Templates.decided": "as Qualifications.decided",
    "Verifications.decided": "as Qualifications.decided",
    "Ledger.self_check": "a job",
    "Letters.send_due": "a job",
    "Letters.write": "written by services, for the person they concern",
    "Login.actor": "tells who asks",
    "Login.begin": "called when somebody has proved who they are",
    "Login.enter_code": "whoever gave the password",
    "Login.sign_in": "anybody",
    "Login.sign_out": "whoever has the session's token",
    "Login.work_in": "whoever has the session's token",
    "Sessions.sweep": "a job",
    "Snapshots.load": "the pipeline's, and what is in force is no secret to it",
    "Snapshots.publish": "as Snapshots.load",
    "Snapshots.version": "as Snapshots.load",
}
"""Methods without an actor, each with the reason."""

NOT_NOTED: dict[str, str] = {
    "Credentials.begin_second_factor": "it is not in force before it is confirmed",
    "Credits.check": "it only looks, at one instant",
    "Review.claim": "who has a review in hand decides nothing yet",
    "Review.claim_next": "as Review.claim",
    "Review.release": "as Review.claim",
}
"""Methods that change something the audit log need not tell, each with the reason."""


Function = ast.AsyncFunctionDef | ast.FunctionDef


class Service:
    """A service's source, with what it inherits."""

    def __init__(self, kind: type) -> None:
        self.name = kind.__name__
        self.methods: dict[str, Function] = {}
        self.functions: dict[str, Function] = {}
        for base in reversed(kind.__mro__):
            if base.__module__.startswith("hongyan."):
                tree = ast.parse(Path(inspect.getfile(base)).read_text(encoding="utf-8"))
                [found] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == base.__name__]
                self.methods |= {node.name: node for node in found.body if isinstance(node, Function)}
                self.functions |= {node.name: node for node in tree.body if isinstance(node, Function)}

    def public(self) -> Iterator[ast.AsyncFunctionDef]:
        for name, node in self.methods.items():
            if isinstance(node, ast.AsyncFunctionDef) and not name.startswith("_"):
                yield node

    def calls(self, node: ast.AST, seen: frozenset[str] = frozenset()) -> set[str]:
        """What is called, by its last name; in the service's own methods and its module's functions too."""
        found: set[str] = set()
        for call in ast.walk(node):
            if not isinstance(call, ast.Call):
                continue
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            found.add(name)
            if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Attribute):
                found.add(call.func.value.attr)
            inner = self.methods.get(name) or self.functions.get(name)
            if inner is not None and name not in seen:
                found |= self.calls(inner, seen | {name})
        return found


def services() -> list[Service]:
    return [Service(kind) for kind in typing.get_type_hints(ControlPlane).values()]


def named() -> Iterator[tuple[str, Service, ast.AsyncFunctionDef]]:
    for service in services():
        for method in service.public():
            yield f"{service.name}.{method.name}", service, method


def takes_an_actor(method: ast.AsyncFunctionDef) -> bool:
    given = method.args.args[1:2]
    return bool(given) and given[0].arg == "actor"


def test_every_method_of_a_service_knows_first_who_asks() -> None:
    without = {name for name, _, method in named() if not takes_an_actor(method)}
    assert without == set(NOBODY_ASKS)


def test_every_method_asks_whether_the_actor_may() -> None:
    never = {name for name, service, method in named() if takes_an_actor(method) and not JUDGES & service.calls(method)}
    assert never == set()


def test_whatever_a_method_changes_is_noted() -> None:
    silent = {
        name
        for name, service, method in named()
        if takes_an_actor(method) and "transaction" in (calls := service.calls(method)) and not NOTES & calls
    }
    assert silent == set(NOT_NOTED)


def test_services_are_found_at_all() -> None:
    assert len(list(named())) > 100
