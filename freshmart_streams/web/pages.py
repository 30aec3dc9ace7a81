"""The dashboard's files: read once at the start, so that a request can name nothing else; sent compressed if wanted."""

import gzip
from dataclasses import dataclass
from importlib.resources import files

from aiohttp import web
from aiohttp.hdrs import ACCEPT_ENCODING, ACCEPT_LANGUAGE

from freshmart_streams.web.languages import LANGUAGES, preferred_language
from freshmart_streams.web.problems import ProblemError
from freshmart_streams.web.responses import entity_tag, is_known

_TYPES = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "json": "application/json",
    "svg": "image/svg+xml",
}
_INDEX = "index.html"


@dataclass(frozen=True)
class File:
    """A file as it is sent."""

    content_type: str
    plain: bytes
    zipped: bytes
    tag: str


class Pages:
    """The files in `static/`, and the dashboard's page in each language."""

    def __init__(self) -> None:
        folder = files("freshmart_streams.web").joinpath("static")
        content = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}
        index = content.pop(_INDEX)
        self._files = {name: _file(name, body) for name, body in content.items() if _suffix(name) in _TYPES}
        self._index = {
            language: _file(_INDEX, index.replace(b'lang="en"', b'lang="%s"' % language.encode(), 1))
            for language in LANGUAGES
        }

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes on the wire, compressed, by name."""
        return {name: len(file.zipped) for name, file in self._files.items()}

    async def index(self, request: web.Request) -> web.Response:
        """The dashboard, in the language that the browser prefers."""
        return _send(request, self._index[preferred_language(request.headers.get(ACCEPT_LANGUAGE, ""))])

    async def static(self, request: web.Request) -> web.Response:
        """One of the dashboard's files.

        Raises:
            ProblemError: `not-found`.
        """
        file = self._files.get(request.match_info["name"])
        if file is None:
            raise ProblemError("not-found")
        return _send(request, file)


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]


def _file(name: str, body: bytes) -> File:
    return File(_TYPES[_suffix(name)], body, gzip.compress(body, 9, mtime=0), entity_tag(body))


def _send(request: web.Request, file: File) -> web.Response:
    zipped = "gzip" in request.headers.get(ACCEPT_ENCODING, "").lower()
    tag = file.tag + "-gzip" if zipped else file.tag
    headers = {"ETag": f'"{tag}"', "Cache-Control": "no-cache", "Vary": "Accept-Encoding, Accept-Language"}
    if is_known(request, tag):
        return web.Response(status=304, headers=headers)
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return web.Response(
        body=file.zipped if zipped else file.plain, content_type=file.content_type, charset="utf-8", headers=headers
    )
