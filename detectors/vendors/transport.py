"""One request over HTTP: where it may go, what it may carry there, and how it ended.

The key goes to the service's own origin (scheme, host and port) and nowhere else: not to an address
for uploads, and not along a redirect.
"""

import contextlib
import http.client
import ssl
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from .addresses import insecure, is_loopback
from .bodies import Body

LONGEST_ANSWER = 16 << 20  # bytes
MOST_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)


class NotSent(Exception):
    """The request was not received whole: no connection, or a cut before its last bytes."""


class NotAnswered(Exception):
    """The request was sent, and no whole answer came. `silent`: the time ran out."""

    def __init__(self, message: str, *, silent: bool) -> None:
        super().__init__(message)
        self.silent = silent


class OutOfTime(Exception):
    """The video's own time limit was reached."""


@dataclass(frozen=True)
class Response:
    """`headers`: by name in lower case. `seconds`: from the first byte sent to the last received."""

    status: int
    headers: dict[str, str]
    data: bytes
    seconds: float


def origin(url: str) -> str:
    """Scheme, host and port.

    >>> origin("https://API.vendor.example/a?b"), origin("http://127.0.0.1:80/")
    ('https://api.vendor.example:443', 'http://127.0.0.1:80')
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def without_query(url: str) -> str:
    """An address without what may be a signature in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


class Transport:
    """Sends requests.

    Args:
        base_url: the service's.
        key_header: what goes to the service's own origin alone.
        timeout_seconds: of silence.
    """

    def __init__(
        self, base_url: str, key_header: Mapping[str, str], timeout_seconds: float
    ) -> None:
        self.base_url = base_url
        self.timeout_seconds = timeout_seconds
        self._key_header = dict(key_header)
        self._tls: ssl.SSLContext | None = None

    def may_go_to(self, url: str) -> str:
        """Why a file must not be sent to an address that an answer names; "" where it may."""
        reason = insecure(url)
        host = urlsplit(url).hostname or ""
        if (
            not reason
            and is_loopback(host)
            and not is_loopback(urlsplit(self.base_url).hostname or "")
        ):
            return f"{without_query(url)} is this machine, not the service"
        return reason

    def send(
        self,
        method: str,
        url: str,
        *,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
        before_the_last: Callable[[], None] = lambda: None,
    ) -> Response:
        """Sends one request and reads the answer, whatever its code is.

        Args:
            method, url, body, headers: of the request. Redirects of a GET are followed.
            deadline: of `time.monotonic`, for all of it.
            before_the_last: see `Body.pieces`.

        Raises:
            NotSent, NotAnswered, OutOfTime: how it ended. OSError, ChangedFile: the file.
        """
        response = self._once(method, url, body, headers or {}, deadline, before_the_last)
        for _ in range(MOST_REDIRECTS):
            if method != "GET" or response.status not in _REDIRECTS:
                break
            target = urljoin(url, response.headers.get("location", ""))
            if self.may_go_to(target):
                break
            url = target
            response = self._once(method, url, None, headers or {}, deadline, lambda: None)
        return response

    def _once(
        self,
        method: str,
        url: str,
        body: Body | None,
        headers: Mapping[str, str],
        deadline: float | None,
        before_the_last: Callable[[], None],
    ) -> Response:
        started = time.monotonic()
        parts = urlsplit(url)
        host = parts.hostname or ""
        whole = False

        def last() -> None:
            nonlocal whole
            before_the_last()
            whole = True

        connection = self._connection(parts, _left(deadline, self.timeout_seconds))
        try:
            try:
                connection.connect()
                connection.putrequest(method, _target(parts), skip_accept_encoding=True)
                for name, value in self._headers(url, headers, body).items():
                    connection.putheader(name, value)
                connection.endheaders()
                if body is None:
                    last()
                else:
                    for piece in body.pieces(last):
                        _set_timeout(connection, _left(deadline, self.timeout_seconds))
                        connection.send(piece)
            except (OSError, http.client.HTTPException) as error:
                if _is_file(error):
                    raise
                early = self._early(connection, error, started)
                if early:
                    return early
                _raise_if_out_of_time(deadline)
                why = f"{host}: {_why(error)}"
                if whole:
                    raise NotAnswered(why, silent=isinstance(error, TimeoutError)) from None
                raise NotSent(why) from None
            try:
                return self._answer(connection, deadline, started)
            except (OSError, http.client.HTTPException) as error:
                _raise_if_out_of_time(deadline)
                silent = isinstance(error, TimeoutError)
                why = f"no answer in {self.timeout_seconds:g} s" if silent else _why(error)
                raise NotAnswered(f"{host}: {why}", silent=silent) from None
        finally:
            connection.close()

    def _headers(self, url: str, headers: Mapping[str, str], body: Body | None) -> dict[str, str]:
        sent = {"Accept": "application/json", "User-Agent": "unswap", "Connection": "close"}
        if body is not None:
            sent |= {"Content-Type": body.content_type, "Content-Length": str(body.length)}
        sent |= headers
        if origin(url) == origin(self.base_url):
            sent |= self._key_header
        return sent

    def _connection(self, parts: SplitResult, timeout: float) -> http.client.HTTPConnection:
        """A connection, through the environment's proxy where one is set for the host."""
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        proxy = urllib.request.getproxies().get(parts.scheme)
        if not proxy or is_loopback(host) or urllib.request.proxy_bypass(host):
            if parts.scheme == "https":
                return http.client.HTTPSConnection(
                    host, port, timeout=timeout, context=self._context()
                )
            return http.client.HTTPConnection(host, port, timeout=timeout)
        way = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        # only https leaves this machine (see `insecure`), so the proxy sees a tunnel, and no key
        connection = http.client.HTTPSConnection(
            way.hostname or "", way.port or 8080, timeout=timeout, context=self._context()
        )
        login = {}
        if way.username:
            name = f"{unquote(way.username)}:{unquote(way.password or '')}"
            login = {"Proxy-Authorization": f"Basic {b64encode(name.encode()).decode()}"}
        connection.set_tunnel(host, port, login)
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def _early(
        self, connection: http.client.HTTPConnection, error: Exception, started: float
    ) -> Response | None:
        """The answer of a service that hung up before it had heard all: too large, wrong key."""
        if not isinstance(error, BrokenPipeError | ConnectionResetError) or connection.sock is None:
            return None
        with contextlib.suppress(OSError, http.client.HTTPException):
            _set_timeout(connection, 1.0)
            # http.client knows an answer only after a request that it holds for finished
            answer = http.client.HTTPResponse(connection.sock)
            answer.begin()
            return Response(
                answer.status,
                _lower(answer.headers.items()),
                answer.read(1 << 16),
                time.monotonic() - started,
            )
        return None

    def _answer(
        self, connection: http.client.HTTPConnection, deadline: float | None, started: float
    ) -> Response:
        _set_timeout(connection, _left(deadline, self.timeout_seconds))
        sock = connection.sock
        answer = connection.getresponse()
        data = bytearray()
        while True:
            if sock is not None:
                with contextlib.suppress(OSError):  # closed already: it is all in the buffer
                    sock.settimeout(_left(deadline, self.timeout_seconds))
            piece = answer.read1(1 << 16)
            if not piece:
                break
            data += piece
            if len(data) > LONGEST_ANSWER:
                raise http.client.HTTPException(f"an answer of more than {LONGEST_ANSWER >> 20} MB")
        if answer.length:
            raise http.client.IncompleteRead(bytes(data), answer.length)
        return Response(
            answer.status, _lower(answer.headers.items()), bytes(data), time.monotonic() - started
        )


def _left(deadline: float | None, most: float) -> float:
    """Seconds that the next step may take. Raises OutOfTime."""
    if deadline is None:
        return most
    left = deadline - time.monotonic()
    if left <= 0:
        raise OutOfTime
    return min(most, left)


def _raise_if_out_of_time(deadline: float | None) -> None:
    if deadline is not None and time.monotonic() >= deadline:
        raise OutOfTime from None


def _set_timeout(connection: http.client.HTTPConnection, seconds: float) -> None:
    if connection.sock is not None:
        connection.sock.settimeout(seconds)


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _lower(headers: list[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def _is_file(error: Exception) -> bool:
    """Whether it was the video's file, and not the connection, that could not be read."""
    return isinstance(error, OSError) and error.filename is not None


def _why(error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return "the connection was cut in the middle of the answer"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError):
        return "the connection was cut"
    if isinstance(error, TimeoutError):
        return "the connection timed out"
    return str(error) or type(error).__name__
