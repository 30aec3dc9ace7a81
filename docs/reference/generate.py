"""Writes the reference from the code: `python docs/reference/generate.py`. A test fails when a page is not current."""

import inspect
from pathlib import Path

from freshmart_streams.events import cloudevents, reading, schemas
from freshmart_streams.settings import reference
from freshmart_streams.topics import DAY_MS, Topic, all_topics

HERE = Path(__file__).parent
NOTE = "<!-- Made by docs/reference/generate.py from the code: do not edit. -->"
PREFIX = "freshmart."

NAMES = {type_: name for name, type_ in schemas.TYPES.items()}


def settings_page() -> str:
    """Every setting with its default, what is allowed and what it means."""
    return f"""{NOTE}
# Settings

Environment variables. An empty one counts as absent; a wrong value, or a name that starts with `FRESHMART_` and is none
of these, ends the start with one line and exit code 2. Secrets are files, named by their settings.

{reference.table()}
"""


def topics_page() -> str:
    """Every topic with its key, event, clean-up, writer and readers."""
    rows = [
        f"| `{topic.name}` | {topic.key.value} | {_event_link(topic)} | {_cleanup(topic)} "
        f"| {', '.join(topic.groups)} | {topic.writer} | {', '.join(topic.readers)} |"
        for topic in all_topics(PREFIX)
    ]
    configs = [
        f"| `{topic.name}` | {', '.join(f'`{name}={value}`' for name, value in topic.configs.items())} |"
        for topic in all_topics(PREFIX)
    ]
    return "\n".join(
        [
            NOTE,
            "# Topics",
            "",
            f"With the prefix `{PREFIX}` (setting `FRESHMART_TOPIC_PREFIX`). All topics of one group have the same",
            "number of partitions, fixed for life.",
            "",
            "| Topic | Key | Event | Kept | Groups | Writer | Readers |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            "## As `freshmart topics create` makes them",
            "",
            "| Topic | Settings of the broker |",
            "|---|---|",
            *configs,
            "",
        ]
    )


def events_page() -> str:
    """Every type of event with its schema, and why a message is refused."""
    rows = [
        f"| [`{name}`](schemas/{name}.json) | {_topics_of(name)} | {_ce_type(name)} | {_first_line(name)} |"
        for name in schemas.TYPES
    ]
    rules = inspect.cleandoc(reading.__doc__ or "").partition("\n\n")[2]
    return "\n".join(
        [
            NOTE,
            "# Events",
            "",
            "One JSON object each; fields may be added, and unknown ones are ignored.",
            "",
            "| Schema | Topic | CloudEvents type | What it is |",
            "|---|---|---|---|",
            *rows,
            "",
            "## Dead letters",
            "",
            rules,
            "",
        ]
    )


def _event_link(topic: Topic) -> str:
    if topic.event is None:
        return "–"
    name = NAMES[topic.event]
    return f"[`{name}`](schemas/{name}.json)"


def _cleanup(topic: Topic) -> str:
    days = "" if topic.retention_ms is None else f", {topic.retention_ms // DAY_MS} days"
    return topic.cleanup.value + days


def _topics_of(name: str) -> str:
    return ", ".join(f"`{topic.name}`" for topic in all_topics(PREFIX) if topic.event is schemas.TYPES[name])


def _ce_type(name: str) -> str:
    types = {value for value in vars(cloudevents).values() if isinstance(value, str)}
    type_ = f"com.freshmart.{name}.v1"
    return f"`{type_}`" if type_ in types else "–"


def _first_line(name: str) -> str:
    return inspect.cleandoc(schemas.TYPES[name].__doc__ or "").partition("\n")[0].rstrip(".;,")


PAGES = {"settings.md": settings_page, "topics.md": topics_page, "events.md": events_page}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (HERE / file).write_text(page(), encoding="utf-8")
    schemas.write(HERE / "schemas")
