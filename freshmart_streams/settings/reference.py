"""The settings as a table for people, made from the fields themselves."""

import ast
import dataclasses
import inspect
import itertools
from typing import Any

from freshmart_streams import settings
from freshmart_streams.settings import Settings
from freshmart_streams.settings.forms import variable


def docstrings() -> dict[str, str]:
    """Return the text under each field of `Settings`, on one line; fields without one are missing."""
    module = ast.parse(inspect.getsource(settings))
    body = next(node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == Settings.__name__)
    found = {}
    for before, node in itertools.pairwise(body):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name) and isinstance(node, ast.Expr):
            text = ast.literal_eval(node.value)
            found[before.target.id] = " ".join(text.split())
    return found


def table() -> str:
    """Return the Markdown table of all settings."""
    texts = docstrings()
    forms = settings.variable_forms()
    rows = [
        f"| `{variable(field.name)}` | {_default(field)} | {forms[field.name].form.expected} | {texts[field.name]} |"
        for field in dataclasses.fields(Settings)
    ]
    return "\n".join(["| Variable | Default | Allowed | Meaning |", "|---|---|---|---|", *rows])


def _default(field: "dataclasses.Field[Any]") -> str:
    return f"`{field.default}`" if field.default not in {None, ""} else "empty"
