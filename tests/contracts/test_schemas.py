"""JSON Schemas: committed as generated, true of every golden event, and false of what no event may be."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from freshmart_streams.events import schemas
from freshmart_streams.topics import all_topics
from tests.contracts.examples import DECODE, GOLDEN, HERE, REFUSED, name

FOLDER = HERE.parents[1] / schemas.FOLDER

# What a schema cannot say or is not asked to: rules between fields, calendars, and the limits of time.
RULES = {
    "receipt": {
        *("amount-sign", "amount-sign-of-a-return", "discount-sign", "discount-sign-of-a-return", "gross-too-large"),
        *("empty-lines", "training-without-lines", "without-lines"),
        *("quantity-whole-float",),
        *("void-of-itself", "void-without-voids", "voids-in-a-sale"),
        *("year-1", "year-1999", "year-2101", "year-9999"),
    },
}


@cache
def validator(kind: str) -> Any:
    return fastjsonschema.compile(json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("kind", schemas.TYPES)
def test_the_committed_schema_is_the_generated_one(kind: str) -> None:
    """Run `python -m freshmart_streams.events.schemas` after changing a type, and look at what changed."""
    assert (FOLDER / f"{kind}.json").read_text(encoding="utf-8") == schemas.text(kind)


def test_there_is_no_schema_of_a_type_that_is_gone() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(schemas.TYPES)


def test_writing_puts_all_schemas_into_a_folder_and_takes_stale_ones_out(tmp_path: Path) -> None:
    (tmp_path / "gone.json").write_text("{}")
    schemas.write(tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == set(schemas.TYPES)


def test_every_event_of_every_topic_has_a_schema() -> None:
    assert {topic.event for topic in all_topics("") if topic.event} == set(schemas.TYPES.values())
    assert set(DECODE) == set(schemas.TYPES)


@pytest.mark.parametrize("path", GOLDEN, ids=name)
def test_a_golden_event_satisfies_its_schema(path: Path) -> None:
    validator(path.parent.name)(json.loads(path.read_bytes()))


@pytest.mark.parametrize(
    "path",
    [path for path in REFUSED if path.parts[-3] in RULES and path.parent.name != "not-json"],
    ids=name,
)
def test_a_refused_receipt_breaks_its_schema_unless_a_rule_refused_it(path: Path) -> None:
    value = json.loads(path.read_bytes())
    if path.stem in RULES[path.parts[-3]]:
        validator(path.parts[-3])(value)
    else:
        with pytest.raises(fastjsonschema.JsonSchemaValueException):
            validator(path.parts[-3])(value)
