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

LONGEST_TITLE = 70  # characters, so that a title and its verdict fit on one line of a terminal
CHECKS = frozenset({"at_least", "at_most", "between", "each", "each_between", "equals", "never", "seen", "unknown"})
PURE = frozenset({"enumerate", "range", "reversed", "sorted", "tuple", "zip", "len", "pairwise", "dict", "list", "max"})
PURE_METHODS = frozenset({"items", "keys", "values"})

Problem = tuple[int, str]


def problems(source: str) -> Iterator[Problem]:
    """Yield each violation of the rules in the source of a scenario: its line number and a sentence."""
    tree = ast.parse(source)
    yield from _missing_values(tree)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for decorator in function.decorator_list:
                if isinstance(decorator, ast.Call) and _name(decorator.func) == "claim":
                    yield from _title(decorator)
                    yield from _claim(function)


def _title(decorator: ast.Call) -> Iterator[Problem]:
    title = decorator.args[0] if decorator.args else None
    if not isinstance(title, ast.Constant) or not isinstance(title.value, str):
        yield decorator.lineno, "the title of a claim is a plain string"
    elif len(title.value) > LONGEST_TITLE:
        yield decorator.lineno, f"the title has {len(title.value)} characters, at most {LONGEST_TITLE} are wanted"
    elif title.value.endswith("."):
        yield decorator.lineno, "a title ends without a full stop"


def _claim(function: ast.FunctionDef) -> Iterator[Problem]:
    safe: set[str] = set()  # the names that are bound by loops
    for node in ast.walk(function):
        if isinstance(node, ast.For):
            if not (_is_each(node.iter) or _is_constant(node.iter, safe)):
                yield node.lineno, "a loop in a claim goes through each(...), or over constants of the module"
            safe |= {each.id for each in ast.walk(node.target) if isinstance(each, ast.Name)}
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            if not all(_is_constant(part.iter, safe) for part in node.generators):
                yield node.lineno, "a comprehension in a claim goes over constants of the module; use map and where"
        elif isinstance(node, ast.Call) and _name(node.func) in CHECKS and node.args:
            name = node.args[0]
            if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
                yield node.lineno, "the name of a check is a plain string, with its values as keywords"


def _missing_values(tree: ast.Module) -> Iterator[Problem]:
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            last = node.values[-1]
            empty = isinstance(last, ast.Tuple | ast.List) and not last.elts
            if empty or (isinstance(last, ast.Constant) and last.value is None):
                yield node.lineno, "`or ()` and `or None` hide what is not recorded"
        elif isinstance(node, ast.IfExp) and isinstance(node.orelse, ast.Constant) and node.orelse.value is None:
            yield node.lineno, "`if … else None` hides what is not recorded"


def _is_each(node: ast.expr) -> bool:
    """Whether the node is ``each(...)``, alone or inside ``enumerate`` or ``pairwise``."""
    if not isinstance(node, ast.Call):
        return False
    name = _name(node.func)
    return name == "each" or (name in ("enumerate", "pairwise") and bool(node.args) and _is_each(node.args[0]))


def _is_constant(node: ast.expr, safe: set[str]) -> bool:
    """Whether the node is made of constants: literals, names in capitals, names in ``safe``, and pure calls of them."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Name):
        return node.id.isupper() or node.id in safe
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(_is_constant(each, safe) for each in node.elts)
    if isinstance(node, ast.BinOp):
        return _is_constant(node.left, safe) and _is_constant(node.right, safe)
    if isinstance(node, ast.Subscript):
        return _is_constant(node.value, safe)
    if isinstance(node, ast.Attribute):
        return _is_constant(node.value, safe)
    if isinstance(node, ast.Call):
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        pure = _name(node.func) in PURE
        if isinstance(node.func, ast.Attribute) and node.func.attr in PURE_METHODS:
            pure = _is_constant(node.func.value, safe)
        return pure and all(_is_constant(each, safe) for each in arguments)
    return False


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def main(files: list[str]) -> int:
    """Print each violation on a line. Returns the exit status: 1 if there is any, otherwise 0."""
    wrong = 0
    for file in [Path(name) for name in files] or sorted(Path("scenarios").glob("*.py")):
        for line, text in sorted(problems(file.read_text(encoding="utf-8"))):
            print(f"{file}:{line}: {text}")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
