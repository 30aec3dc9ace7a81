"""How the text of an environment variable becomes the value of a field, or one line that says why not."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

PREFIX: Final = "FRESHMART_"


@dataclass(frozen=True)
class Form(Generic[T]):
    """A form that a setting may have: `read` raises ValueError, whose text says more, where it is not `expected`."""

    expected: str
    read: Callable[[str], T]
    explains: bool = False
    """Whether the ValueError's text is for people."""


class Mark(StrEnum):
    """What else is to be known of a setting."""

    SECRET = "secret"
    SHAPES_RESULTS = "shapes results"


SECRET: Final = Mark.SECRET
"""Its variable's text is never shown: a secret may have been put where its file belongs."""
SHAPES_RESULTS: Final = Mark.SHAPES_RESULTS
"""Published results depend on it."""


class SettingError(Exception):
    """A setting that cannot be used: its `name` as in the environment, and what is wrong with it, on one line."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(name, message)
        self.name = name
        self.message = message

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


@dataclass(frozen=True)
class VariableForm:
    """The form of one field's variable, with its marks."""

    form: Form[Any]
    is_secret: bool
    shapes_results: bool

    @classmethod
    def of(cls, hint: Any) -> "VariableForm":
        """Read it from the field's annotation, `Annotated[type, form, *marks]`."""
        form, *marks = hint.__metadata__
        return cls(form, SECRET in marks, SHAPES_RESULTS in marks)

    def value(self, name: str, text: str) -> Any:
        """Return the value of the variable `name`; raises `SettingError`."""
        try:
            return self.form.read(text)
        except ValueError as error:
            # An address may hold a password.
            is_shown = not self.is_secret and "@" not in text
            why = f": {error}" if self.form.explains else ""
            raise SettingError(
                name, f"{f'{text!r} is not' if is_shown else 'expected'} {self.form.expected}{why}"
            ) from None


def variable(field_name: str) -> str:
    """Return the environment variable of a field."""
    return PREFIX + field_name.upper()
