"""Two kinds of import rule that import-linter lacks; pyproject.toml lists the rules themselves."""

import sys
from collections.abc import Iterator
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyContract(Contract):
    """Modules import nothing but what is listed, themselves and the standard library.

    `judged` is "everything", or "ours" to leave packages from outside the repository alone. Direct imports count: what
    an allowed module imports in its turn is that module's matter.
    """

    type_name = "only"

    source_modules: Any = fields.ListField(subfield=fields.ModuleExpressionField())
    allowed_modules: Any = fields.ListField(subfield=fields.ModuleExpressionField())
    judged: Any = fields.StringField(required=False, default="everything")

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """The imports that the lists do not allow."""
        sources = expand(graph, self.source_modules)
        allowed = sources | expand(graph, self.allowed_modules)
        ours = tuple(self.session_options["root_packages"])
        illegal = [
            found
            for found in imports_of(graph, sources)
            if not is_in(found[1], allowed)
            and root_of(found[1]) not in sys.stdlib_module_names
            and (self.judged == "everything" or root_of(found[1]) in ours)
        ]
        return ContractCheck(kept=not illegal, metadata={"illegal": illegal})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Each import with the line it stands in."""
        render(check)


class HomesContract(Contract):
    """A package from outside is imported in its home alone: `homes` has lines such as "riva: agent.speech.riva_stt".

    A home may be a package, and several are separated by commas. A package that nothing imports breaks no rule, so the
    list can name vendors before their connector is written.
    """

    type_name = "homes"

    source_modules: Any = fields.ListField(subfield=fields.ModuleExpressionField())
    homes: Any = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """The imports of a listed package outside its homes."""
        homes = {vendor.strip(): places for vendor, _, places in (line.partition(":") for line in self.homes)}
        illegal = [
            (importer, imported, line)
            for importer, imported, line in imports_of(graph, expand(graph, self.source_modules))
            if root_of(imported) in homes
            and not is_in(importer, {place.strip() for place in homes[root_of(imported)].split(",")})
        ]
        return ContractCheck(kept=not illegal, metadata={"illegal": illegal})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Each import with the line it stands in."""
        render(check)


def expand(graph: ImportGraph, expressions: Any) -> set[str]:
    """The modules that the expressions name; one without a wildcard names itself, whether it exists or not."""
    names: set[str] = set()
    for expression in expressions:
        wildcard = expression.has_wildcard_expression()
        names |= graph.find_matching_modules(str(expression)) if wildcard else {str(expression)}
    return names


def imports_of(graph: ImportGraph, packages: set[str]) -> Iterator[tuple[str, str, int]]:
    """Importer, imported and line of each direct import in the packages."""
    for importer in sorted(module for module in graph.modules if is_in(module, packages)):
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            for detail in graph.get_import_details(importer=importer, imported=imported):
                yield importer, imported, detail["line_number"]


def is_in(module: str, packages: set[str]) -> bool:
    """Whether the module is one of the packages or inside one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def root_of(module: str) -> str:
    """The top-level package of a module."""
    return module.partition(".")[0]


def render(check: ContractCheck) -> None:
    """Print the illegal imports that a check has found."""
    for importer, imported, line in check.metadata["illegal"]:
        output.print_error(f"{importer} is not allowed to import {imported} (l. {line})")
