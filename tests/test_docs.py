"""The documents tell the truth about names: links, paths, functions, settings, commands, tables and metrics exist."""

import ast
import inspect
import re
import runpy
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
from packaging.requirements import Requirement

from freshmart_streams import tables
from freshmart_streams.cli.commands import app
from freshmart_streams.domain import due_work
from freshmart_streams.engine.agenda import AGENDA
from freshmart_streams.settings import Settings
from freshmart_streams.settings.forms import variable
from freshmart_streams.web.application import ROUTES

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WRITTEN = [page for page in PAGES if page.parent.name != "reference"]
"""Those that people write; the others are made from the code."""

CODE = re.compile(r"`([^`\n]+)`")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
PLACE = re.compile(r"(?:\.ci|deploy|docs|freshmart_streams|requirements|scripts|tests)/[\w./-]*")
DOTTED = re.compile(r"(\w+)\.(\w+)")
FAUSTS = {"exactly_once", "group_by"}
"""Names of Faust's that the documents say are not used."""
NAME = re.compile(r"_?[A-Za-z][A-Za-z0-9]*_\w+|[A-Z][a-z]+[A-Z]\w+")
"""What can only be a name in code: with an underscore within, or in camel case."""


def names_of(page: Path) -> list[str]:
    """What stands in backticks, outside of fenced blocks."""
    return CODE.findall(FENCED.sub("", page.read_text()))


def every_page() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))


@cache
def modules() -> dict[str, list[ast.Module]]:
    """The package's modules by their last name, a package under its own."""
    found: dict[str, list[ast.Module]] = {}
    for path in (ROOT / "freshmart_streams").rglob("*.py"):
        name = path.parent.name if path.stem == "__init__" else path.stem
        found.setdefault(name, []).append(ast.parse(path.read_text()))
    return found


def defined_in(body: list[ast.stmt]) -> Iterator[str]:
    """The names that a module or class defines or imports at its own level."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign():
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))


@cache
def members() -> dict[str, set[str]]:
    """What may follow the dot: after a module its functions and classes, after a class its methods and fields."""
    found: dict[str, set[str]] = {}
    for name, trees in modules().items():
        for tree in trees:
            found.setdefault(name, set()).update(defined_in(tree.body))
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    found.setdefault(node.name, set()).update(defined_in(node.body))
    return found


@cache
def words() -> set[str]:
    """Every identifier of the package, and every word of its texts."""
    found: set[str] = set()
    for path in (ROOT / "freshmart_streams").rglob("*.py"):
        found.update(re.findall(r"\w+", path.read_text()))
    return found


@cache
def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub links to them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


class TestLinks:
    @pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
    def test_lead_to_what_is_there(self, page: Path) -> None:
        broken = []
        for link in LINK.findall(FENCED.sub("", page.read_text())):
            if re.match(r"https?://", link):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(link)
        assert broken == []

    def test_name_every_decision_and_reach_every_page(self) -> None:
        reached, waiting = set[Path](), [ROOT / "README.md"]
        while waiting:
            page = waiting.pop()
            reached.add(page)
            for link in LINK.findall(page.read_text()):
                target = (page.parent / link.partition("#")[0]).resolve()
                pages = sorted(target.glob("*.md")) if target.is_dir() else [target]
                waiting += [found for found in pages if found.suffix == ".md" and found not in reached]
        assert set(PAGES) - reached == set()


class TestNames:
    @every_page()
    def test_of_files_exist(self, page: Path) -> None:
        places = [name.partition("::")[0] for name in names_of(page) if PLACE.fullmatch(name.partition("::")[0])]
        assert [place for place in places if not (ROOT / place).exists()] == []

    @every_page()
    def test_with_a_dot_are_members_of_a_module_or_class(self, page: Path) -> None:
        wrong = []
        for name in names_of(page):
            match = DOTTED.fullmatch(name)
            if match and match[1] in members() and match[2] not in members()[match[1]]:
                wrong.append(name)
        assert wrong == []

    def test_with_a_dot_in_the_architecture_belong_to_known_modules_and_classes(self) -> None:
        dotted = [DOTTED.fullmatch(name) for name in names_of(ROOT / "docs" / "architecture.md")]
        owners = {match[1] for match in dotted if match} - {"freshmart"}  # the prefix of topics
        assert owners - set(members()) == set()

    @every_page()
    def test_that_can_only_be_code_occur_in_the_code(self, page: Path) -> None:
        names = [name for name in names_of(page) if NAME.fullmatch(name) and not name.startswith("FRESHMART_")]
        assert [name for name in names if name.removesuffix("_total") not in words() | FAUSTS] == []

    @every_page()
    def test_of_settings_exist(self, page: Path) -> None:
        known = {variable(name) for name in inspect.signature(Settings).parameters} | {"FRESHMART_SHARED_DATA"}
        named = set(re.findall(r"\bFRESHMART_[A-Z_]+[A-Z]\b", page.read_text()))
        assert named - known == set()

    @every_page()
    def test_of_paths_under_http_exist(self, page: Path) -> None:
        named = {name for name in names_of(page) if re.fullmatch(r"/(?:v1|health|metrics)[\w/{}-]*", name)} - {"/v1"}
        assert named - {route.path for route in ROUTES} == set()


class TestReadme:
    def test_lists_exactly_the_commands_that_there_are(self) -> None:
        table = re.findall(r"^\| (`.+?) \| ", (ROOT / "README.md").read_text(), re.MULTILINE)
        named = {name.removesuffix(" FILE…") for cell in table for name in CODE.findall(cell) if "." not in name}
        group = typer.main.get_command(app)
        there = set()
        for name, command in vars(group)["commands"].items():
            inner = vars(command).get("commands", {})
            there |= {f"{name} {word}" for word in inner} if inner else {name}
        assert named == there


class TestLibraries:
    def test_that_are_needed_each_have_a_reason(self) -> None:
        declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        page = (ROOT / "docs" / "decisions" / "0007-libraries.md").read_text()
        explained = {
            name
            for cell in re.findall(r"^\| ([a-z-]+(?:, [a-z-]+)*) \|", page, re.MULTILINE)
            for name in cell.split(", ")
        }
        assert explained == {Requirement(text).name for text in declared}


class TestTables:
    PAGE = (ROOT / "docs" / "tables.md").read_text()

    def test_are_all_there_with_their_rows(self) -> None:
        listed = re.findall(r"^\| `(\w+)` \| [^|]+ \| `(\w+)` \|", self.PAGE, re.MULTILINE)
        declared = {(table.name, table.row.__name__) for table in (*tables.STORE_TABLES, AGENDA)}
        assert set(listed) == declared
        assert len(listed) == len(declared)

    def test_each_has_a_word_on_when_a_row_is_forgotten(self) -> None:
        _, _, rest = self.PAGE.partition("## When a row is forgotten")
        assert {table.name for table in (*tables.STORE_TABLES, AGENDA)} - set(CODE.findall(rest)) == set()

    def test_agenda_entries_named_are_those_that_there_are(self) -> None:
        named = set(re.findall(r"agenda `(\w+)/…`", self.PAGE))
        there = set(re.findall(r"^\| `(\w+)/", due_work.__doc__ or "", re.MULTILINE))
        assert named
        assert named - there == set()

    def test_are_measured_by_a_script_that_runs(self, capsys: pytest.CaptureFixture[str]) -> None:
        script = runpy.run_path(str(ROOT / "scripts" / "measure_tables.py"))
        assert script["main"](["--products", "3", "--days", "2"]) == 0
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        rows = {line[0]: int(line[1]) for line in lines if len(line) == 4 and line[1].isdigit()}
        assert set(rows) == {table.name for table in (*tables.STORE_TABLES, AGENDA)}
        assert (rows["products"], rows["stock"], rows["store_days"]) == (3, 3, 2)
