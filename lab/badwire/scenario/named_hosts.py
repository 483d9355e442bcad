"""The hosts that a scenario asks for by name, as far as its source shows, so that a missing one is known in advance."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator

# What is evaluated later, perhaps, or not at all; the hosts named in it may be missing.
_NOT_CERTAIN = (
    ast.If,
    ast.For,
    ast.While,
    ast.Try,
    ast.Match,
    ast.FunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.IfExp,
    ast.BoolOp,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


def named_hosts(run: Callable[..., object]) -> list[str]:
    """The names in the calls ``lab.host("server")`` that a scenario's function makes in any case, in their order.

    Calls that it may not reach, or that another function makes, are left out; so are names that are not written out.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(run)))
    except (OSError, TypeError, SyntaxError):  # it has no source of its own
        return []
    function = tree.body[0] if tree.body else None
    if not isinstance(function, ast.FunctionDef) or not function.args.args:
        return []
    lab = function.args.args[0].arg
    return list(dict.fromkeys(_in_statements(function.body, lab)))


def _in_statements(statements: list[ast.stmt], lab: str) -> Iterator[str]:
    for statement in statements:
        yield from _in_node(statement, lab)
        if any(isinstance(node, ast.Return | ast.Raise) for node in ast.walk(statement)):
            return  # what follows may not be reached


def _in_node(node: ast.AST, lab: str) -> Iterator[str]:
    if isinstance(node, _NOT_CERTAIN):
        return
    if isinstance(node, ast.With) and not all(_begins_with(item.context_expr, lab) for item in node.items):
        return  # what it enters may suppress an error
    if isinstance(node, ast.Call) and _is_host_of(node.func, lab) and len(node.args) == 1:
        argument = node.args[0]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value
    for child in ast.iter_child_nodes(node):
        yield from _in_node(child, lab)


def _begins_with(expression: ast.expr, lab: str) -> bool:
    """Whether it is a call such as ``lab.wire.fault(...)``."""
    while isinstance(expression, ast.Call | ast.Attribute):
        expression = expression.func if isinstance(expression, ast.Call) else expression.value
    return isinstance(expression, ast.Name) and expression.id == lab


def _is_host_of(function: ast.expr, lab: str) -> bool:
    """Whether it is ``lab.host``."""
    if not isinstance(function, ast.Attribute) or function.attr != "host":
        return False
    return isinstance(function.value, ast.Name) and function.value.id == lab
