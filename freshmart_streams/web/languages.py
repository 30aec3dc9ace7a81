"""Which of our two languages a client prefers."""

LANGUAGES = ("en", "de")


def preferred_language(accept_language: str) -> str:
    """`"de"` or `"en"` for an `Accept-Language` header (RFC 9110, 12.5.4); English when it names neither."""
    best, best_quality = "en", 0.0
    for entry in accept_language.split(","):
        tag, _, parameter = entry.partition(";")
        language = tag.strip().lower().partition("-")[0]
        quality = _quality(parameter)
        if language in LANGUAGES and quality > best_quality:
            best, best_quality = language, quality
    return best


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
