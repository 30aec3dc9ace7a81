"""The oracle shares the shop with the workers, and nothing of the machinery that it checks."""

import ast
from pathlib import Path

import freshmart_streams.audit

FOLDER = Path(freshmart_streams.audit.__file__).parent
DECLARATIONS = {"Group", "NeedMasterData", "Output", "Record", "StoredRecord", "Table", "UnreadableRowError"}
WATCHES_A_WORKER = {"conservation.py", "laws.py"}
"""They look at the rows of a running worker from within it, so they read its views."""


def engine_imports(file: Path) -> set[str]:
    """What a module takes from the engine: names of the package itself, or whole modules of it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("freshmart_streams.engine")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("freshmart_streams.engine"):
            is_package = node.module == "freshmart_streams.engine"
            found |= {alias.name for alias in node.names} if is_package else {str(node.module)}
    return found


def test_the_oracle_takes_declarations_only_from_the_engine() -> None:
    files = [file for file in FOLDER.glob("*.py") if file.name not in WATCHES_A_WORKER]
    assert {"fold.py", "verify.py", "committed.py", "outputs.py"} <= {file.name for file in files}
    allowed = DECLARATIONS | {"freshmart_streams.engine.records"}
    assert {file.name: found - allowed for file in files if (found := engine_imports(file)) - allowed} == {}


def test_plain_sums_know_nothing_of_the_shop() -> None:
    source = (FOLDER / "sums.py").read_text()
    assert "freshmart_streams" not in source
