"""One module from several: the coder's own statements, put in a row and renamed. Nothing is added to them.

Each part is a module with a class of the same name. The statements of its `__init__` and
`forward` follow those of the part before; what a part returns is what the next one takes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlagent_tui.errors import CodeError
from mlagent_tui.tools.leaving_out import leave_out
from mlagent_tui.training import check_source

_REGISTER = ("add_module", "register_module", "register_buffer", "register_parameter")


@dataclass(frozen=True)
class Part:
    """Code for a part of a network, and what its layers are called in the whole."""

    code: str
    names: Mapping[str, str]
    lead: Sequence[str] = ()
    tail: Sequence[str] = ()
    """Layers at the beginning and the end of the code that are left out of the whole."""


@dataclass(frozen=True)
class Joined:
    """The whole module. `owners` gives for each of its lines, from 1, which part it came from."""

    code: str
    owners: Mapping[int, int]


class PartError(CodeError):
    """What keeps a part from being joined; `index` says which part it is."""

    def __init__(self, what: str, index: int) -> None:
        super().__init__(what)
        self.index = index


def join(parts: Sequence[Part], class_name: str) -> Joined:
    """The module of all parts in their order; a single part stays as it is.

    Raises `PartError` for a part that cannot be joined to others, naming the line within it.
    """
    if len(parts) == 1:
        return Joined(parts[0].code, {})
    module = _Module(class_name, {name for part in parts for name in part.names.values()})
    for index, part in enumerate(parts):
        try:
            module.add(_own(part, class_name), part.names)
        except CodeError as error:
            raise PartError(error.what, index) from None
    return module.joined()


def check(part: Part, class_name: str) -> None:
    """Raise `CodeError` for a part that could not be joined to others."""
    _own(part, class_name)


def _own(part: Part, class_name: str) -> _Read:
    read = _read(part.code, class_name)
    leave_out(part.lead, part.tail, read.build, read.run)
    return read


@dataclass
class _Read:
    """The pieces of one part's syntax tree."""

    tree: ast.Module
    network: ast.ClassDef
    build: ast.FunctionDef
    run: ast.FunctionDef
    takes: str
    """What `forward` calls its input."""


def _read(code: str, class_name: str) -> _Read:
    check_source(code, class_name)
    try:
        compile(code, "<part>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise CodeError(f"line {line}: expected valid Python, got {getattr(error, 'msg', error)}") from None
    tree = ast.parse(code)
    network = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == class_name)
    methods = {node.name: node for node in network.body if isinstance(node, ast.FunctionDef)}
    build, run = methods.get("__init__"), methods.get("forward")
    if build is None or run is None:
        missing = "__init__" if build is None else "forward"
        raise CodeError(f"line {network.lineno}: expected a method {missing}, got none")
    if _arguments(build) != ["self"]:
        raise CodeError(f"line {build.lineno}: expected __init__(self), got further arguments")
    arguments = _arguments(run)
    if len(arguments) != 2 or arguments[0] != "self":
        raise CodeError(f"line {run.lineno}: expected forward(self, x), got other arguments")
    returns = list(_returns(run.body))
    if len(returns) != 1 or returns[0] is not run.body[-1] or returns[0].value is None:
        raise CodeError(f"line {run.lineno}: expected one return at the end of forward")
    return _Read(tree, network, build, run, arguments[1])


def _arguments(function: ast.FunctionDef) -> list[str]:
    given = function.args
    several = [given.vararg, given.kwarg]
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, *(one for one in several if one)]
    return [argument.arg for argument in every]


def _returns(body: Sequence[ast.AST]) -> Iterator[ast.Return]:
    """The return statements of a function, not of functions within."""
    for node in body:
        if isinstance(node, ast.Return):
            yield node
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _returns(list(ast.iter_child_nodes(node)))


class _Module:
    """The parts joined so far; `taken` are names of layers, which nothing else of the class may have."""

    def __init__(self, name: str, taken: set[str]) -> None:
        self._name = name
        self._layers = taken
        self._attributes: set[str] = set()
        self._globals: dict[str, str] = {}
        self._imports: dict[str, ast.stmt] = {}
        self._helpers: list[ast.stmt] = []
        self._methods: list[ast.stmt] = []
        self._first: _Read | None = None
        self._build: list[tuple[int, ast.stmt]] = []
        self._run: list[tuple[int, ast.stmt]] = []
        self._count = 0

    def add(self, part: _Read, names: Mapping[str, str]) -> None:
        """Put the statements of `part` after those that are there. Raises `CodeError`."""
        helpers = self._add_helpers(part)
        own = _own_attributes(part.network)
        attributes = dict(names)
        for name in own - names.keys():
            attributes[name] = _free(name, self._attributes | self._layers)
        self._attributes |= set(attributes.values())
        variables = dict(names) | helpers
        first = self._first or part
        if part.takes != first.takes:
            if any(isinstance(n, ast.Name) and n.id == first.takes for n in ast.walk(part.run)):
                line = part.run.lineno
                raise CodeError(f"line {line}: expected forward(self, x), got another name for the input")
            variables[part.takes] = first.takes
        renaming = _Renaming(attributes, variables)
        for node in part.network.body:
            renaming.visit(node)
        if self._first is not None:
            self._end_with_assignment()
        self._first = first
        self._build += [
            (self._count, node) for node in part.build.body if not self._count or not _calls_super(node)
        ]
        self._run += [(self._count, node) for node in part.run.body]
        self._methods += [
            node
            for node in part.network.body
            if node is not part.build and node is not part.run and not (self._count and _is_text(node))
        ]
        self._count += 1

    def _add_helpers(self, part: _Read) -> dict[str, str]:
        """Imports, functions and classes besides the network; the names that change, as others have them."""
        changed: dict[str, str] = {}
        found: list[ast.stmt] = []
        for node in part.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._imports.setdefault(ast.unparse(node), node)
            elif node is not part.network and (name := _defined(node)) and not _mentions(node, self._name):
                text = ast.unparse(node)
                if self._globals.get(name, text) == text:
                    found += [] if name in self._globals else [node]
                    self._globals[name] = text
                else:
                    changed[name] = _free(name, self._globals.keys() | {self._name})
                    self._globals[changed[name]] = text
                    found.append(node)
        renaming = _Renaming({}, changed)
        self._helpers += [renaming.visit(node) for node in found]
        return changed

    def _end_with_assignment(self) -> None:
        """What the part before returned becomes the input of the next."""
        assert self._first is not None
        owner, last = self._run.pop()
        assert isinstance(last, ast.Return) and last.value is not None
        value, name = last.value, self._first.takes
        if not (isinstance(value, ast.Name) and value.id == name):
            self._run.append((owner, ast.Assign([ast.Name(name, ast.Store())], value, lineno=last.lineno)))

    def joined(self) -> Joined:
        """The whole, as text."""
        assert self._first is not None
        network, build, run = self._first.network, self._first.build, self._first.run
        build.body = [node for _, node in self._build]
        run.body = [node for _, node in self._run]
        texts = [node for node in self._methods if _is_text(node)]
        others = [node for node in self._methods if not _is_text(node)]
        network.body = [*texts, build, run, *others]
        imports = sorted(self._imports.values(), key=_is_not_future)
        tree = ast.Module([*imports, *self._helpers, network], [])
        code = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        return Joined(code, self._owners(code))

    def _owners(self, code: str) -> dict[int, int]:
        tree = ast.parse(code)
        network = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == self._name)
        methods = {node.name: node for node in network.body if isinstance(node, ast.FunctionDef)}
        owners = {}
        for name, held in (("__init__", self._build), ("forward", self._run)):
            for (owner, _), node in zip(held, methods[name].body, strict=True):
                for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                    owners[line] = owner
        return owners


class _Renaming(ast.NodeTransformer):
    """Gives attributes of `self`, and variables, other names."""

    def __init__(self, attributes: Mapping[str, str], variables: Mapping[str, str]) -> None:
        self._attributes, self._variables = attributes, variables

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            node.attr = self._attributes.get(node.attr, node.attr)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._variables.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._variables.get(node.arg, node.arg)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        registered = _registered(node)
        if registered is not None:
            registered.value = self._attributes.get(str(registered.value), registered.value)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self._attributes.get(node.name, self._variables.get(node.name, node.name))
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self._variables.get(node.name, node.name)
        return self.generic_visit(node)


def _own_attributes(network: ast.ClassDef) -> set[str]:
    """What the class itself defines: methods, and attributes that it gives to `self`."""
    own = {node.name for node in network.body if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(network):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                own.add(name)
            case ast.Call() if (registered := _registered(node)) is not None:
                own.add(str(registered.value))
    return own - {"__init__", "forward"}


def _registered(node: ast.Call) -> ast.Constant | None:
    """The name in `self.register_buffer("name", …)` and its like."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="self"), attr=method), args=[ast.Constant() as name, *_]
        ) if method in _REGISTER and isinstance(name.value, str):
            return name
    return None


def _defined(node: ast.stmt) -> str:
    """The one name that a statement at the top of a module defines, or empty."""
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return ""


def _mentions(node: ast.stmt, name: str) -> bool:
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node))


def _calls_super(node: ast.stmt) -> bool:
    """`super().__init__()`, in either form."""
    match node:
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"))
        ):
            return True
    return False


def _is_not_future(node: ast.stmt) -> bool:
    return not (isinstance(node, ast.ImportFrom) and node.module == "__future__")


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _free(name: str, taken: set[str]) -> str:
    """The name, or the name with a number that makes it new."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
