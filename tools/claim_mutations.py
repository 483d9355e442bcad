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
SCENARIOS = ROOT / "scenarios"
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
    for claim_index, claim in enumerate(_claims(ast.parse(source))):
        count = len(list(_removable(claim)))
        for index in range(count):
            tree = ast.parse(source)  # a removal changes the tree, so each one gets its own
            function = _claims(tree)[claim_index]
            target = list(_removable(function))[index]
            text = ast.unparse(target).splitlines()[0]
            _Remove(target).visit(function)
            ast.fix_missing_locations(tree)
            yield Change(
                claim=claim.name,
                line=target.lineno,
                text=text,
                tree=tree,
            )


def _claims(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and _is_claim(node)]


def _is_claim(function: ast.FunctionDef) -> bool:
    return any(_is_claim_decorator(decorator) for decorator in function.decorator_list)


def _is_claim_decorator(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call):
        return False
    return isinstance(node.func, ast.Name) and node.func.id == "claim"


def _removable(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """Yield each check of the claim, and each operand of an ``and`` in it."""
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
            rest = [operand for operand in node.values if operand is not self.target]
            if len(rest) == 1:
                return rest[0]
            return ast.copy_location(ast.BoolOp(node.op, rest), node)
        self.generic_visit(node)
        return node


def noticed(change: Change, file: Path, cases: tuple[Case, ...]) -> bool:
    """Whether the changed claim gives any of its cases another verdict than the expected one."""
    module = ModuleType(f"changed_{file.stem}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module
    try:
        code = compile(change.tree, str(file), "exec")
        exec(code, module.__dict__)
        claims = {claim.name: claim for claim in claims_of(module)}
        changed = claims[change.claim]
        own_cases = [case for case in cases if case.claim == change.claim]
        return any(_differs(changed, case) for case in own_cases)
    finally:
        del sys.modules[module.__name__]


def _differs(claim: Claim, case: Case) -> bool:
    result = judge_one(claim, case.history())
    return result.verdict is not case.verdict


def main(names: list[str]) -> int:
    """Try every change, and print those that no case notices. Returns the exit status: 1 if there is one, else 0."""
    count = 0
    missed = 0
    for name in names or _all_names():
        file = SCENARIOS / f"{name}.py"
        source = file.read_text(encoding="utf-8")
        test = importlib.import_module(f"tests.claims.test_{name}").test_verdicts
        for change in changes(source):
            count += 1
            if noticed(change, file, test.cases):
                continue
            missed += 1
            path = file.relative_to(ROOT)
            print(f"{path}:{change.line}: {change.claim}: no test needs {change.text:.90}", flush=True)
    print(f"{count} changes to claims tried, {count - missed} noticed by a test")
    return 1 if missed else 0


def _all_names() -> list[str]:
    files = SCENARIOS.glob("[!_]*.py")
    return sorted(file.stem for file in files)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
