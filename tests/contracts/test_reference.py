"""The pages of docs/reference are what the code says."""

import importlib.util
from types import ModuleType

import pytest

from tests.contracts.examples import HERE

FOLDER = HERE.parents[1] / "docs" / "reference"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_reference", FOLDER / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["settings.md", "topics.md", "events.md"])
def test_a_page_is_the_generated_one(page: str) -> None:
    """Run `python docs/reference/generate.py` after changing settings, topics or events."""
    assert (FOLDER / page).read_text(encoding="utf-8") == generator().PAGES[page]()


def test_no_generated_page_is_left_out_of_this_test() -> None:
    assert set(generator().PAGES) == {"settings.md", "topics.md", "events.md"}
