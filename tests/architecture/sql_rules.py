"""Whether a statement could be asked of tables that are spread over several servers by app_id.

The text is read by PostgreSQL's own parser. Of every distributed table in it, "its application" is followed through equalities, common
table expressions and subqueries: a statement names one application when all of them lead to one and the same parameter.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pgparse

from hongyan.store.placement import DISTRIBUTED, LOCAL

Tree = dict[str, Any]
Point = tuple[str, object]
"""Something that stands for an application: ("parameter", 1), ("table", 3), ("rows", 4)."""

IMMUTABLE = frozenset({"extract", "timezone", "coalesce", "greatest", "least"})
"""Functions that may stand in a returning clause; extract only of a time in a zone that is written down."""
VOLATILE = frozenset({"nextval", "random", "clock_timestamp", "gen_random_uuid", "currval", "setval"})
LOCKS = frozenset({"pg_advisory_xact_lock", "pg_advisory_lock", "pg_try_advisory_xact_lock", "pg_advisory_unlock"})


class Relation(NamedTuple):
    """A table or rows in a FROM clause, with the columns that stand for applications."""

    alias: str
    columns: Mapping[str, Point | None]


class Scope(NamedTuple):
    """What names mean at one place: relations of this query, then of those around it."""

    levels: tuple[list[Relation], ...]
    ctes: Mapping[str, Mapping[str, Point | None]]

    def inside(self) -> "Scope":
        return Scope(([], *self.levels), self.ctes)


Output = list[tuple[str, Point | None]]
"""Columns by position: name, and what application they stand for."""


class Reading:
    """One statement, read."""

    def __init__(self, sql: str, names: frozenset[str] = frozenset()) -> None:
        """`names` are the parameters of the function that the statement is from."""
        self.tables: list[tuple[str, Point]] = []
        """Every occurrence of a distributed table."""
        self.written: list[str] = []
        self.others: set[str] = set()
        self.faults: list[str] = []
        self.locks_rows = self.recursive = False
        self._names = names
        self._numbers = itertools.count(1)
        self._leader: dict[Point, Point] = {}
        for parsed in pgparse.parse(sql):
            self._query(parsed["stmt"], Scope((), {}))
        self._look_for_functions(sql)

    # What it says.

    def applications(self) -> set[Point]:
        """What the applications of its tables come down to: one parameter, if it names one application."""
        return {self._find(point) for _, point in self.tables}

    def names_one(self) -> bool:
        found = self.applications()
        return len(found) == 1 and next(iter(found))[0] == "parameter"

    # Equalities.

    def _find(self, point: Point) -> Point:
        while point in self._leader:
            point = self._leader[point]
        return point

    def _same(self, one: Point | None, other: Point | None) -> None:
        if one is None or other is None:
            return
        first, second = self._find(one), self._find(other)
        if first == second or first[0] == second[0] == "parameter":
            return
        rank = {"parameter": 0, "rows": 1, "table": 2}
        if rank[first[0]] > rank[second[0]]:
            first, second = second, first
        self._leader[second] = first

    def _new(self, kind: str) -> Point:
        return (kind, next(self._numbers))

    # Queries.

    def _query(self, node: Tree, scope: Scope) -> Output:
        [(kind, body)] = node.items()
        read = {
            "SelectStmt": self._select, "InsertStmt": self._insert, "UpdateStmt": self._update, "DeleteStmt": self._delete,
        }.get(kind)  # fmt: skip
        if read is None:
            return []
        scope = self._with(body, scope.inside())
        return read(body, scope)

    def _with(self, body: Tree, scope: Scope) -> Scope:
        clause = body.get("withClause", {})
        self.recursive |= bool(clause.get("recursive"))
        ctes = dict(scope.ctes)
        for entry in clause.get("ctes", []):
            cte = entry["CommonTableExpr"]
            if clause.get("recursive") and "larg" in cte["ctequery"].get("SelectStmt", {}):
                first = self._query({"SelectStmt": cte["ctequery"]["SelectStmt"]["larg"]}, Scope(scope.levels, ctes))
                ctes[cte["ctename"]] = dict(first)
            ctes[cte["ctename"]] = dict(self._query(cte["ctequery"], Scope(scope.levels, ctes)))
        return Scope(scope.levels, ctes)

    def _select(self, body: Tree, scope: Scope) -> Output:
        if "larg" in body:
            left = self._query({"SelectStmt": body["larg"]}, scope)
            right = self._query({"SelectStmt": body["rarg"]}, scope)
            return [
                (name, one if one and other and self._find(one) == self._find(other) else None)
                for (name, one), (_, other) in zip(left, right, strict=False)
            ]
        self.locks_rows |= "lockingClause" in body
        later = [join for item in body.get("fromClause", []) for join in self._from(item, scope)]
        self._conditions(body.get("whereClause"), scope)
        self._outer_joins(later, scope)
        self._nested({key: value for key, value in body.items() if key not in {"fromClause", "withClause"}}, scope)
        if "valuesLists" in body:
            rows = [[self._term(expr, scope) for expr in row["List"]["items"]] for row in body["valuesLists"]]
            return [(f"column{n}", column[0] if len(set(column)) == 1 else None) for n, column in enumerate(zip(*rows, strict=True), 1)]
        return self._output(body.get("targetList", []), scope)

    def _insert(self, body: Tree, scope: Scope) -> Output:
        name = body["relation"]["relname"]
        relation = self._table(body["relation"], scope)
        self.written.append(name)
        columns = [column["ResTarget"]["name"] for column in body.get("cols", [])]
        output = self._query(body["selectStmt"], scope) if "selectStmt" in body else []
        if name in DISTRIBUTED:
            given = dict(zip(columns, (point for _, point in output), strict=False))
            self._same(relation.columns["app_id"], given.get("app_id"))
        scope.levels[0].append(relation)
        self._nested(body.get("onConflictClause"), scope)
        return self._returned(body, scope)

    def _update(self, body: Tree, scope: Scope) -> Output:
        name = body["relation"]["relname"]
        self.written.append(name)
        if name in DISTRIBUTED and any(target["ResTarget"]["name"] == "app_id" for target in body["targetList"]):
            self.faults.append(f"moves rows of {name} to another application")
        return self._changed(body, scope, body.get("fromClause", []))

    def _delete(self, body: Tree, scope: Scope) -> Output:
        self.written.append(body["relation"]["relname"])
        return self._changed(body, scope, body.get("usingClause", []))

    def _changed(self, body: Tree, scope: Scope, beside: list[Tree]) -> Output:
        scope.levels[0].append(self._table(body["relation"], scope))
        later = [join for item in beside for join in self._from(item, scope)]
        self._conditions(body.get("whereClause"), scope)
        self._outer_joins(later, scope)
        self._nested([body.get("whereClause"), body.get("targetList")], scope)
        return self._returned(body, scope)

    def _returned(self, body: Tree, scope: Scope) -> Output:
        returned = body.get("returningList", [])
        for call in calls(returned):
            name = call["funcname"][-1]["String"]["sval"]
            in_zone = any(inner["funcname"][-1]["String"]["sval"] == "timezone" for inner in calls(call.get("args", [])))
            if name not in IMMUTABLE or (name == "extract" and not in_zone):
                self.faults.append(f"returns {name}(...), which is not immutable")
        return self._output(returned, scope)

    def _output(self, targets: list[Tree], scope: Scope) -> Output:
        output: Output = []
        for target in targets:
            value = target["ResTarget"]["val"]
            fields = value.get("ColumnRef", {}).get("fields", [{}])
            if "A_Star" in fields[-1]:
                alias = fields[0]["String"]["sval"] if len(fields) > 1 else None
                for relation in scope.levels[0]:
                    if alias in {None, relation.alias}:
                        output.extend(relation.columns.items())
                continue
            name = target["ResTarget"].get("name") or fields[-1].get("String", {}).get("sval", "")
            output.append((name, self._term(value, scope)))
        return output

    # Relations.

    def _table(self, ranged: Tree, scope: Scope) -> Relation:
        name = ranged["relname"]
        alias = ranged.get("alias", {}).get("aliasname", name)
        if name in scope.ctes:
            return Relation(alias, scope.ctes[name])
        if name in DISTRIBUTED:
            point = self._new("table")
            self.tables.append((name, point))
            return Relation(alias, {"app_id": point})
        self.others.add(name)
        return Relation(alias, {})

    def _from(self, item: Tree, scope: Scope) -> list[tuple[Tree, list[Relation]]]:
        """Add the item's relations; the outer joins in it, whose conditions say nothing of their outer side."""
        [(kind, body)] = item.items()
        here = scope.levels[0]
        if kind == "RangeVar":
            here.append(self._table(body, scope))
        elif kind == "RangeSubselect":
            output = self._query(body["subquery"], scope)
            alias = body["alias"]
            names = [name["String"]["sval"] for name in alias.get("colnames", [])] or [name for name, _ in output]
            here.append(Relation(alias["aliasname"], dict(zip(names, (point for _, point in output), strict=False))))
        elif kind == "RangeFunction":
            self._nested(body, scope)
            alias = body.get("alias", {"aliasname": ""})
            rows = {name["String"]["sval"]: self._new("rows") for name in alias.get("colnames", [])}
            here.append(Relation(alias["aliasname"], rows))
        elif kind == "JoinExpr":
            later = self._from(body["larg"], scope)
            before = len(here)
            later += self._from(body["rarg"], scope)
            if body.get("jointype", "JOIN_INNER") == "JOIN_INNER":
                self._joined(body, scope, here[before:])
                return later
            return [*later, (body, here[before:])]
        return []

    def _joined(self, join: Tree, scope: Scope, right: list[Relation]) -> None:
        if any(name["String"]["sval"] == "app_id" for name in join.get("usingClause", [])):
            points = [relation.columns["app_id"] for relation in scope.levels[0] if "app_id" in relation.columns]
            for relation in right:
                self._same(points[0], relation.columns.get("app_id"))
        self._conditions(join.get("quals"), scope)
        self._nested(join.get("quals"), scope)

    def _outer_joins(self, joins: list[tuple[Tree, list[Relation]]], scope: Scope) -> None:
        for join, right in joins:
            own = {point for relation in right for point in relation.columns.values() if point is not None}
            for one, other in self._equal(join.get("quals"), scope):
                if (one in own) != (other in own):
                    inner, outer = (one, other) if one in own else (other, one)
                    if self._find(inner)[0] != "parameter" or self._find(outer)[0] == "parameter":
                        self._same(inner, outer)
            if "usingClause" in join:
                self._joined({"usingClause": join["usingClause"]}, scope, right)
            self._nested(join.get("quals"), scope)

    # Conditions.

    def _conditions(self, node: Tree | None, scope: Scope) -> None:
        for one, other in self._equal(node, scope):
            self._same(one, other)

    def _equal(self, node: Tree | None, scope: Scope) -> Iterator[tuple[Point | None, Point | None]]:
        if node is None:
            return
        [(kind, body)] = node.items()
        if kind == "BoolExpr" and body["boolop"] == "AND_EXPR":
            for part in body["args"]:
                yield from self._equal(part, scope)
        elif kind == "A_Expr" and body["kind"] == "AEXPR_OP" and body["name"][-1]["String"]["sval"] == "=" and "lexpr" in body:
            yield self._term(body["lexpr"], scope), self._term(body["rexpr"], scope)

    def _term(self, node: Tree, scope: Scope) -> Point | None:
        [(kind, body)] = node.items()
        if kind == "ParamRef":
            return ("parameter", body["number"])
        if kind == "TypeCast":
            return self._term(body["arg"], scope)
        if kind != "ColumnRef" or "String" not in body["fields"][-1]:
            return None
        names = [field["String"]["sval"] for field in body["fields"]]
        for level in scope.levels:
            for relation in level:
                if names[-1] in relation.columns and (len(names) == 1 or relation.alias == names[0]):
                    return relation.columns[names[-1]]
        return ("parameter", names[-1]) if names[-1] in self._names else None

    def _nested(self, node: object, scope: Scope) -> None:
        """Read the subqueries in expressions."""
        if isinstance(node, list):
            for part in node:
                self._nested(part, scope)
        elif isinstance(node, dict):
            for kind, body in node.items():
                if kind == "SubLink":
                    self._query(body["subselect"], scope)
                    self._nested(body.get("testexpr"), scope)
                else:
                    self._nested(body, scope)

    def _look_for_functions(self, sql: str) -> None:
        used = {call["funcname"][-1]["String"]["sval"] for call in calls(pgparse.parse(sql))}
        if self.tables and (volatile := used & VOLATILE):
            self.faults.append(f"calls {', '.join(sorted(volatile))}: values are arguments")
        if self.tables and (locks := used & LOCKS):
            self.faults.append(f"calls {', '.join(sorted(locks))} where the rows are: such locks are of one server")


def calls(node: object) -> Iterator[Tree]:
    """Every call of a function in a tree."""
    if isinstance(node, list):
        for part in node:
            yield from calls(part)
    elif isinstance(node, dict):
        for kind, body in node.items():
            if kind == "FuncCall":
                yield body
            yield from calls(body)


def faults(sql: str, *, across: bool = False, names: frozenset[str] = frozenset()) -> list[str]:
    """Why this statement could not be asked of distributed tables; `across` when it is meant to be asked of all applications."""
    reading = Reading(sql, names)
    if not reading.tables:
        return reading.faults
    found = list(reading.faults)
    tables = sorted({name for name, _ in reading.tables})
    if local := sorted(reading.others & LOCAL.keys()):
        found.append(f"mixes {', '.join(tables)} with {', '.join(local)}, which is on the coordinator alone")
    if outside := [name for name in reading.written if name not in DISTRIBUTED]:
        found.append(f"writes {', '.join(outside)} by what {', '.join(tables)} say")
    if reading.names_one():
        return found
    if not across:
        return [*found, f"does not name one application for {', '.join(tables)}"]
    applications = reading.applications()
    if len(applications) > 1:
        found.append(f"brings {', '.join(tables)} together by something else than the application")
    if any(kind == "rows" for kind, _ in applications):
        found.append("begins with the rows of a function or a list: begin with a table that has the application in its key")
    if reading.locks_rows:
        found.append("locks rows of many applications: find them, then lock them application by application")
    if reading.recursive:
        found.append("is a recursion over many applications")
    return found
