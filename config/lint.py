"""What import-linter has no contract for: a plug-in is one folder and knows nothing outside it."""

from __future__ import annotations

from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class PlugIns(Contract):
    """A folder with a `manifest` module may import, of our own code:

    itself; the modules beside it that are no plug-ins (`base`, what several share); `allowed`.
    Tests of a plug-in may import what they like.
    """

    # import-linter turns these descriptors into the sets of the contract.
    folders: Any = fields.SetField(subfield=fields.StringField())
    allowed: Any = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        roots = {module.split(".")[0] for module in graph.modules}
        found: list[tuple[str, str, int]] = []
        for plugin, folder in self._plugins(graph):
            for importer in {plugin} | graph.find_descendants(plugin):
                if ".tests" in importer:
                    continue
                for imported in graph.find_modules_directly_imported_by(importer):
                    if imported.split(".")[0] not in roots or self._may(
                        plugin, folder, imported, graph
                    ):
                        continue
                    for detail in graph.get_import_details(importer=importer, imported=imported):
                        found.append((importer, imported, detail["line_number"]))
        return ContractCheck(kept=not found, metadata={"found": sorted(found)})

    def _plugins(self, graph: ImportGraph) -> list[tuple[str, str]]:
        return [
            (child, folder)
            for folder in sorted(str(folder) for folder in self.folders)
            if folder in graph.modules
            for child in sorted(graph.find_children(folder))
            if f"{child}.manifest" in graph.modules
        ]

    def _may(self, plugin: str, folder: str, imported: str, graph: ImportGraph) -> bool:
        if _inside(imported, plugin) or any(_inside(imported, str(name)) for name in self.allowed):
            return True
        if not _inside(imported, folder):
            return False
        beside = ".".join(imported.split(".")[: folder.count(".") + 2])
        return f"{beside}.manifest" not in graph.modules

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported, line in check.metadata["found"]:
            output.print_error(f"{importer} (line {line}) may not import {imported}", bold=False)
        output.new_line()


def _inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
