"""Asking the owner of a partition: a small proxy that passes on what it must and nothing else.

Faust's own forwards the bearer token and drops ETag and Retry-After; this one signs the request instead and keeps an
allow-list of headers in both directions. A request that was forwarded is never forwarded again, so there are no loops,
even while two workers disagree about who owns what.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from yarl import URL

from freshmart_streams.web import signatures
from freshmart_streams.web.access import Grant
from freshmart_streams.web.context import Context
from freshmart_streams.web.keys import PeerKey
from freshmart_streams.web.problems import unavailable
from freshmart_streams.web.requests import grant_of

FORWARDED_MARK = "Freshmart-Forwarded"
REQUEST_HEADERS = ("Accept", "Accept-Language", "If-None-Match")
RESPONSE_HEADERS = (
    "Cache-Control",
    "Content-Language",
    "Content-Type",
    "ETag",
    "Freshmart-As-Of",
    "Link",
    "Retry-After",
    "Vary",
)
# What an owner may say to the client itself. Anything else, such as not knowing our signature, is between workers.
PASSED_ON = frozenset({200, 304, 403, 404, 422})
BODY_BYTES_MAX = 32 << 20
TIMEOUT = aiohttp.ClientTimeout(total=5, connect=1)


@dataclass(frozen=True)
class PeerAnswer:
    """What an owner answered."""

    status: int
    headers: dict[str, str]
    body: bytes


class Peers:
    """This worker's connections to the others."""

    def __init__(self, context: Context, key: PeerKey | None) -> None:
        self._context = context
        self._key = key
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections; closing twice does nothing."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def owner(self, partition: int) -> str:
        """The base URL of a partition's owner.

        Raises:
            ProblemError: `unavailable`, while nobody is known to own it.
        """
        url = self._context.views.owner(partition)
        if url is None:
            raise unavailable("the rows are moving to another worker")
        return url

    async def forward(self, request: web.Request, partition: int) -> web.Response:
        """The owner's answer to this very request.

        Raises:
            ProblemError: `unavailable`.
        """
        headers = {name: request.headers[name] for name in REQUEST_HEADERS if name in request.headers}
        # HEAD too: the server leaves the body out, and the length stays right.
        answer = await self.ask(self.owner(partition), request.raw_path, grant_of(request), headers)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    async def ask(self, owner: str, target: str, grant: Grant, headers: Mapping[str, str]) -> PeerAnswer:
        """Get `target` (path with query) from another worker, signed where there is a key.

        Raises:
            ProblemError: `unavailable`, when it cannot be reached in time or does not take our signature.
        """
        sent = {**headers, FORWARDED_MARK: "1", **self._signed(target, grant)}
        try:
            url = URL(owner.rstrip("/") + target, encoded=True)
            async with self._open().get(url, headers=sent, allow_redirects=False) as response:
                body = await self._body(response)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise unavailable("the worker that holds these rows does not answer") from error
        if response.status not in PASSED_ON:
            raise unavailable("the worker that holds these rows cannot answer")
        kept = {name: response.headers[name] for name in RESPONSE_HEADERS if name in response.headers}
        return PeerAnswer(response.status, kept, body)

    def _signed(self, target: str, grant: Grant) -> dict[str, str]:
        if self._key is None:
            return {}
        return signatures.sign(self._key.current(), method="GET", target=target, grant=grant, now=self._context.now())

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No cookies, no proxy of the environment: a peer is a peer.
            self._session = aiohttp.ClientSession(
                timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
            )
        return self._session

    @staticmethod
    async def _body(response: aiohttp.ClientResponse) -> bytes:
        body = await response.content.read(BODY_BYTES_MAX + 1)
        chunks = [body]
        size = len(body)
        while not response.content.at_eof():
            chunk = await response.content.read(BODY_BYTES_MAX + 1 - size)
            size += len(chunk)
            if size > BODY_BYTES_MAX:
                raise ValueError("the answer is too large")
            chunks.append(chunk)
        return b"".join(chunks)
