"""What all handlers share, and the ways to answer from rows: one store's, at its owner, or many partitions' merged."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web
from msgspec import UNSET

from freshmart_streams.web.access import Grant, Tokens
from freshmart_streams.web.context import Context, View
from freshmart_streams.web.cursors import decode_cursor, encode_cursor
from freshmart_streams.web.keys import peer_key
from freshmart_streams.web.lists import Listing, Part, merge, read_partition
from freshmart_streams.web.peers import Peers
from freshmart_streams.web.problems import ProblemError, unavailable
from freshmart_streams.web.requests import grant_of, is_forwarded, limit_of, single
from freshmart_streams.web.responses import respond
from freshmart_streams.web.schema import RawPage

_decode_part = msgspec.json.Decoder(Part).decode


class Server:
    """The web side of one worker.

    Raises:
        TokensFileError: the tokens file cannot be used.
        PeerKeyError: the peers' key file cannot be used.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.tokens = None if context.tokens_file is None else Tokens(context.tokens_file)
        self.key = peer_key(context, self.tokens)
        self.peers = Peers(context, self.key)

    async def at_owner(
        self, request: web.Request, store_id: str, answer: Callable[[View], Awaitable[web.Response]]
    ) -> web.Response:
        """Answer from the rows of a store: from ours, else the owner's, else a standby's.

        Raises:
            ProblemError: `not-your-store`, or `unavailable`.
        """
        grant_of(request).require_store(store_id)
        self._require_partitions()
        partition = self.context.views.partition_for(store_id)
        view = self.context.views.local(partition)
        if view is not None and (not view.stale or is_forwarded(request)):
            return await answer(view)
        if is_forwarded(request):
            raise unavailable("the rows are moving to another worker")
        try:
            return await self.peers.forward(request, partition)
        except ProblemError:
            if view is None:
                raise
            return await answer(view)

    async def list_of_store(
        self, request: web.Request, listing: Listing[Any], store_id: str, *, must_exist: bool = False
    ) -> web.Response:
        """Answer with a stretch of the rows of one store.

        Raises:
            ProblemError: as `at_owner`, or `bad-parameter`, or `not-found` for an unknown store that must exist.
        """
        limit, cursor = limit_of(request), single(request, "cursor")
        partition = self.context.views.partition_for(store_id)

        async def answer(view: View) -> web.Response:
            if must_exist and not listing.is_known_store(view, store_id):
                raise ProblemError("not-found", "no such store")
            after = "" if cursor is None else decode_cursor(cursor, self.context.views.partition_count).get(partition)
            if after is None:
                raise ProblemError("bad-parameter", "the cursor belongs to another list", parameter="cursor")
            part = await read_partition(
                self.context.views, listing, partition, stores=[store_id], after=after, limit=limit
            )
            if part.clock is None:
                part.clock = listing.clock_of(view, store_id)
            return _page(request, part)

        return await self.at_owner(request, store_id, answer)

    async def list_of_all(self, request: web.Request, listing: Listing[Any]) -> web.Response:
        """Answer with a stretch of the rows of all stores that the client may see, merged over all workers.

        Raises:
            ProblemError: `bad-parameter`, or `unavailable`.
        """
        self._require_partitions()
        views, grant, limit = self.context.views, grant_of(request), limit_of(request)
        cursor = single(request, "cursor")
        asked = decode_cursor(cursor, views.partition_count) if cursor is not None else self._start(grant)
        parts = await self._read(request, listing, asked, limit)
        part = merge(parts, asked, limit)
        return respond(request, part) if is_forwarded(request) else _page(request, part)

    def _start(self, grant: Grant) -> dict[int, str]:
        """Every partition from its beginning; of a token of some stores, theirs."""
        views = self.context.views
        if grant.stores is None:
            return dict.fromkeys(range(views.partition_count), "")
        return dict.fromkeys(sorted(map(views.partition_for, grant.stores)), "")

    async def _read(
        self, request: web.Request, listing: Listing[Any], asked: Mapping[int, str], limit: int
    ) -> Sequence[Part]:
        places: dict[str | None, dict[int, str]] = {}
        for partition, after in asked.items():
            places.setdefault(self._place(request, partition), {})[partition] = after
        ours = await self._read_here(request, listing, places.pop(None, {}), limit)
        theirs = await asyncio.gather(
            *(
                self._read_there(request, listing, owner, positions, limit)
                for owner, positions in places.items()
                if owner
            )
        )
        return [*ours, *(part for parts in theirs for part in parts)]

    def _place(self, request: web.Request, partition: int) -> str | None:
        """Whom to ask for a partition: another worker by its URL, or None for our own rows."""
        view = self.context.views.local(partition)
        if view is not None and (not view.stale or is_forwarded(request)):
            return None
        if is_forwarded(request):
            raise unavailable("the rows are moving to another worker")
        try:
            return self.peers.owner(partition)
        except ProblemError:
            if view is None:
                raise
            return None

    async def _read_here(
        self, request: web.Request, listing: Listing[Any], positions: Mapping[int, str], limit: int
    ) -> list[Part]:
        views, scope = self.context.views, grant_of(request).stores
        parts = []
        for partition, after in positions.items():
            stores = None if scope is None else [store for store in scope if views.partition_for(store) == partition]
            parts.append(await read_partition(views, listing, partition, stores=stores, after=after, limit=limit))
        return parts

    async def _read_there(
        self, request: web.Request, listing: Listing[Any], owner: str, positions: Mapping[int, str], limit: int
    ) -> list[Part]:
        try:
            return [await self._ask(request, owner, positions, limit)]
        except ProblemError:
            if any(self.context.views.local(partition) is None for partition in positions):
                raise
            return await self._read_here(request, listing, positions, limit)

    async def _ask(self, request: web.Request, owner: str, positions: Mapping[int, str], limit: int) -> Part:
        query = {name: value for name, value in request.query.items() if name not in ("cursor", "limit")}
        target = f"{request.path}?{urlencode({**query, 'limit': limit, 'cursor': encode_cursor(positions)})}"
        answer = await self.peers.ask(owner, target, grant_of(request), {})
        if answer.status != web.HTTPOk.status_code:
            raise unavailable("the worker that holds these rows cannot answer")
        try:
            return _decode_part(answer.body)
        except msgspec.MsgspecError as error:
            raise unavailable("the worker that holds these rows answers something else") from error

    def _require_partitions(self) -> None:
        if not self.context.views.partition_count:
            raise unavailable("this worker does not take part yet")


def _page(request: web.Request, part: Part) -> web.Response:
    cursor = encode_cursor(part.positions) if part.positions else None
    page = RawPage(
        items=[item.value for item in part.items],
        as_of=part.as_of,
        next=cursor,
        stale=True if part.stale else UNSET,
    )
    headers = {}
    if cursor is not None:
        headers["Link"] = f'<{request.rel_url.update_query(cursor=cursor)}>; rel="next"'
    return respond(request, page, clock=part.clock, headers=headers)
