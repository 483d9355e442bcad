"""Mutation testing of claims: ``python tools/claim_mutations.py [SCENARIO...]``, by default all scenarios.

Each check of a claim, and each operand of an ``and`` in it, is removed, one at a time. Then the cases of tests/claims
are judged with the changed claim. A change that does not change any verdict is printed, since no test would notice if
that check were wrong.
"""

import ast
import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "lab")]

from badwire.claims.claim import Claim, claims_of, judge_one  # noqa: E402
from tests.claims.cases import Case  # noqa: E402


@dataclass(frozen=True)
class Change:
    """The module of a scenario, with one check or operand removed from a claim.

    Attributes:
        claim: the name of the claim.
        line: the line number of what was removed.
        text: the first line of its source.
        tree: the changed module.
    """

    claim: str
    line: int
    text: str
    tree: ast.Module


def changes(source: str) -> Iterator[Change]:
    """Yield every change to the claims of a scenario, given its source."""
    names = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and _is_claim(node)]
    for name in names:
        places = len(list(_places(_function(ast.parse(source), name))))
        for place in range(places):
            tree = ast.parse(source)
            function = _function(tree, name)
            target = list(_places(function))[place]
            text = ast.unparse(target).splitlines()[0]
            _Remove(target).visit(function)
            yield Change(name, target.lineno, text, ast.fix_missing_locations(tree))


def _is_claim(node: ast.FunctionDef) -> bool:
    return any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "claim"
        for each in node.decorator_list
    )


def _function(tree: ast.Module, name: str) -> ast.FunctionDef:
    return next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)


def _places(function: ast.FunctionDef) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom):
            yield node.value
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            yield from node.values


class _Remove(ast.NodeTransformer):
    """Removes one check, or one operand of an ``and``, from a claim."""

    def __init__(self, target: ast.expr) -> None:
        self.target = target

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if node.value is self.target:
            return ast.copy_location(ast.Pass(), node)
        self.generic_visit(node)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        if self.target in node.values:
            rest = [each for each in node.values if each is not self.target]
            return rest[0] if len(rest) == 1 else ast.copy_location(ast.BoolOp(node.op, rest), node)
        self.generic_visit(node)
        return node


def noticed(change: Change, file: Path, cases: tuple[Case, ...]) -> bool:
    """Whether the changed claim gives any of its cases another verdict than the expected one."""
    module = ModuleType(f"changed_{file.stem}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module
    try:
        exec(compile(change.tree, str(file), "exec"), module.__dict__)
        made: dict[str, Claim] = {each.name: each for each in claims_of(module)}
        return any(
            judge_one(made[case.claim], case.history()).verdict is not case.verdict
            for case in cases
            if case.claim == change.claim
        )
    finally:
        del sys.modules[module.__name__]


def main(names: list[str]) -> int:
    """Try every change, and print those that no case notices. Returns the exit status: 1 if there is one, else 0."""
    tried = 0
    missed: list[str] = []
    for name in names or sorted(file.stem for file in (ROOT / "scenarios").glob("*.py") if file.stem[0] != "_"):
        file = ROOT / "scenarios" / f"{name}.py"
        test = importlib.import_module(f"tests.claims.test_{name}").test_verdicts
        for change in changes(file.read_text(encoding="utf-8")):
            tried += 1
            if not noticed(change, file, test.cases):
                missed.append(
                    f"{file.relative_to(ROOT)}:{change.line}: {change.claim}: no test needs {change.text:.90}"
                )
    for line in missed:
        print(line)
    print(f"{tried} changes to claims tried, {tried - len(missed)} noticed by a test")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
