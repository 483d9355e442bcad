"""Checks rules for claims that no linter has: ``python tools/check_claims.py [FILE...]``, by default all scenarios.

- A loop in a claim is over ``each(...)`` or over constants of the module. A loop over no records would yield no check,
  and the claim could hold although nothing was recorded. A comprehension in a claim is over constants of the module.
- The name of a check is a plain string, with its values as keywords, so that it can be translated.
- The title of a claim has at most 70 characters, and no full stop at its end.
- A scenario does not contain ``or ()``, ``or None`` or ``if x else None``. It needs none of them, since a query raises
  NotRecorded or returns Records.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LONGEST_TITLE = 70  # characters, so that a title and its verdict fit on one line of a terminal
CHECKS = frozenset(
    {
        "at_least",
        "at_most",
        "between",
        "did_not_return",
        "each",
        "each_between",
        "equals",
        "never",
        "seen",
        "unknown",
    }
)
PURE_FUNCTIONS = frozenset(
    {
        "dict",
        "enumerate",
        "len",
        "list",
        "max",
        "pairwise",
        "range",
        "reversed",
        "sorted",
        "tuple",
        "zip",
    }
)
PURE_METHODS = frozenset({"items", "keys", "values"})


class Problem(NamedTuple):
    """A violation of a rule: the line number and a sentence."""

    line: int
    text: str


def problems(source: str) -> Iterator[Problem]:
    """Yield each violation of the rules in the source of a scenario."""
    tree = ast.parse(source)
    yield from _missing_values(tree)
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for decorator in function.decorator_list:
            if isinstance(decorator, ast.Call) and _name(decorator.func) == "claim":
                yield from _title(decorator)
                yield from _claim(function)


def _title(decorator: ast.Call) -> Iterator[Problem]:
    title = _first_argument(decorator)
    if title is None:
        yield Problem(decorator.lineno, "the title of a claim is a plain string")
    elif len(title) > LONGEST_TITLE:
        yield Problem(decorator.lineno, f"the title has {len(title)} characters; at most {LONGEST_TITLE} are allowed")
    elif title.endswith("."):
        yield Problem(decorator.lineno, "a title ends without a full stop")


def _claim(function: ast.FunctionDef) -> Iterator[Problem]:
    loop_names: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.For):
            if not _is_each(node.iter) and not _is_constant(node.iter, loop_names):
                yield Problem(node.lineno, "a loop in a claim goes through each(...), or over constants of the module")
            loop_names.update(_names_in(node.target))
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            if not all(_is_constant(part.iter, loop_names) for part in node.generators):
                yield Problem(
                    node.lineno, "a comprehension in a claim goes over constants of the module; use map and where"
                )
        elif isinstance(node, ast.Call) and _is_check_without_name(node):
            yield Problem(node.lineno, "the name of a check is a plain string, with its values as keywords")


def _missing_values(tree: ast.Module) -> Iterator[Problem]:
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            last = node.values[-1]
            if _is_none(last) or _is_empty(last):
                yield Problem(node.lineno, "`or ()` and `or None` hide what is not recorded")
        elif isinstance(node, ast.IfExp) and _is_none(node.orelse):
            yield Problem(node.lineno, "`if … else None` hides what is not recorded")


def _first_argument(call: ast.Call) -> str | None:
    """The first positional argument, if it is a plain string; otherwise None."""
    if not call.args:
        return None
    argument = call.args[0]
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    return None


def _names_in(target: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def _is_check_without_name(call: ast.Call) -> bool:
    """Whether the call makes a check, and its first argument is not a plain string."""
    if _name(call.func) not in CHECKS or not call.args:
        return False
    return _first_argument(call) is None


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.Tuple | ast.List) and not node.elts


def _is_each(node: ast.expr) -> bool:
    """Whether the node is ``each(...)``, alone or inside ``enumerate`` or ``pairwise``."""
    if not isinstance(node, ast.Call):
        return False
    name = _name(node.func)
    if name == "each":
        return True
    if name not in ("enumerate", "pairwise") or not node.args:
        return False
    return _is_each(node.args[0])


def _is_constant(node: ast.expr, loop_names: set[str]) -> bool:
    """Whether the node is made of constants: literals, names in capitals or in ``loop_names``, and pure calls."""
    match node:
        case ast.Constant():
            return True
        case ast.Name():
            return node.id.isupper() or node.id in loop_names
        case ast.Tuple() | ast.List() | ast.Set():
            parts = node.elts
        case ast.BinOp():
            parts = [node.left, node.right]
        case ast.Subscript() | ast.Attribute():
            parts = [node.value]
        case ast.Call():
            if not _is_pure(node.func, loop_names):
                return False
            keywords = [keyword.value for keyword in node.keywords]
            parts = [*node.args, *keywords]
        case _:
            return False
    return all(_is_constant(part, loop_names) for part in parts)


def _is_pure(function: ast.expr, loop_names: set[str]) -> bool:
    """Whether the function is pure, or a pure method of a constant."""
    if isinstance(function, ast.Attribute) and function.attr in PURE_METHODS:
        return _is_constant(function.value, loop_names)
    return _name(function) in PURE_FUNCTIONS


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return ""


def main(names: list[str]) -> int:
    """Print each violation on a line. Returns the exit status: 1 if there is any, otherwise 0."""
    files = [Path(name) for name in names]
    if not files:
        files = sorted(Path("scenarios").glob("*.py"))
    count = 0
    for file in files:
        source = file.read_text(encoding="utf-8")
        for problem in sorted(problems(source)):
            print(f"{file}:{problem.line}: {problem.text}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
