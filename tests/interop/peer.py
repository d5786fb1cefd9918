"""WHIP and WHEP (RFC 9725) spoken by aiortc: publish, play, restart ICE, end."""

import asyncio
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import urljoin

import aioice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from media import Colour, Ear, Eye, Tone

HTTP_TIMEOUT_S = 10
CONNECT_TIMEOUT_S = 15


@dataclass
class Answer:
    """An HTTP response, whatever its status."""

    status: int
    headers: dict[str, str]
    body: str


def _request(method: str, url: str, headers: dict[str, str], body: str | None) -> Answer:
    request = urllib.request.Request(url, method=method, headers=headers, data=body.encode() if body is not None else None)
    # No proxy of the environment stands between us and loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=HTTP_TIMEOUT_S) as response:
            return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, response.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read().decode(errors="replace"))


async def request(method: str, url: str, headers: dict[str, str] | None = None, body: str | None = None) -> Answer:
    """One HTTP request, without blocking the media that runs beside it."""
    return await asyncio.to_thread(_request, method, url, headers or {}, body)


class Peer:
    """A WHIP or WHEP session. `start` publishes or plays, `end` deletes it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.location = ""
        self.etag = ""
        self._restarted: aioice.Connection | None = None
        self._bridge: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Offers, takes the answer, and waits until ICE and DTLS are done."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        answer = await request("POST", self._url, {"Content-Type": "application/sdp"}, self.pc.localDescription.sdp)
        if answer.status != 201:
            raise RuntimeError(f"POST {self._url}: {answer.status} {answer.body}")
        self.location = urljoin(self._url, answer.headers["location"])
        self.etag = answer.headers.get("etag", "")
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=answer.body, type="answer"))
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            while self.pc.connectionState != "connected":
                if self.pc.connectionState in ("failed", "closed"):
                    raise RuntimeError(f"connection {self.pc.connectionState}; answer was:\n{answer.body}")
                await asyncio.sleep(0.02)

    async def end(self) -> int:
        """DELETE, and the status it was answered with."""
        answer = await request("DELETE", self.location)
        return answer.status

    async def close(self) -> None:
        """Ends the connection on this side."""
        if self._bridge:
            self._bridge.cancel()
        if self._restarted:
            await self._restarted.close()
        await self.pc.close()

    def srtp_profile(self) -> str:
        """What DTLS agreed on."""
        dtls = self.pc.getTransceivers()[0].sender.transport
        return dtls._ssl.get_selected_srtp_profile().decode()

    def local_port(self) -> int:
        """The port that media now comes from."""
        connection = self._restarted or self.pc.getTransceivers()[0].sender.transport.transport._connection
        return connection._nominated[1].local_addr[1]

    async def restart_ice(self, if_match: str) -> Answer:
        """
        ICE restart by PATCH (RFC 9725 §4.3.3), to new sockets. aiortc has none of its own, so a new ICE agent is
        put below its DTLS transport, which notices nothing: same keys, same SRTP sessions.
        """
        transport = self.pc.getTransceivers()[0].sender.transport.transport
        old = transport._connection
        new = aioice.Connection(ice_controlling=True)
        new.remote_is_lite = True
        await new.gather_candidates()
        mid = self.pc.getTransceivers()[0].mid
        kind = self.pc.getTransceivers()[0].kind
        lines = ["a=ice-options:trickle ice2", f"a=group:BUNDLE {mid}", f"m={kind} 9 UDP/TLS/RTP/SAVPF 0", f"a=mid:{mid}"]
        lines += [f"a=ice-ufrag:{new.local_username}", f"a=ice-pwd:{new.local_password}"]
        lines += [f"a=candidate:{candidate.to_sdp()}" for candidate in new.local_candidates] + ["a=end-of-candidates", ""]
        headers = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": if_match}
        answer = await request("PATCH", self.location, headers, "\r\n".join(lines))
        if answer.status != 200:
            await new.close()
            return answer
        self.etag = answer.headers.get("etag", "")
        fragment = answer.body
        new.remote_username = _attribute(fragment, "ice-ufrag")
        new.remote_password = _attribute(fragment, "ice-pwd")
        candidates = re.findall(r"^a=candidate:(.+?)\r?$", fragment, re.MULTILINE)
        known = [candidate.to_sdp() for candidate in old.remote_candidates]  # an ICE-lite server may stay where it was
        for candidate in candidates or known:
            await new.add_remote_candidate(aioice.Candidate.from_sdp(candidate))
        await new.add_remote_candidate(None)
        await new.connect()
        old._query_consent_task.cancel()  # the old path is told nothing any more
        transport._send = new.send
        self._restarted = new
        self._bridge = asyncio.create_task(_pass_on(new, old))
        return answer


async def _pass_on(new: aioice.Connection, old: aioice.Connection) -> None:
    """What comes by the new path is read where DTLS waits for it."""
    while True:
        data, component = await new.recvfrom()
        old.data_received(data, component)


def _attribute(fragment: str, name: str) -> str:
    found = re.search(rf"^a={name}:(\S+)", fragment, re.MULTILINE)
    if not found:
        raise RuntimeError(f"no {name} in the answer:\n{fragment}")
    return found.group(1)


class Publisher(Peer):
    """Sends a tone and a colour."""

    def __init__(self, url: str, hz: float, rgb: tuple[int, int, int]) -> None:
        super().__init__(url)
        self.pc.addTransceiver(Tone(hz), direction="sendonly")
        self.pc.addTransceiver(Colour(rgb), direction="sendonly")


class Player(Peer):
    """Receives one voice and one picture, and measures them."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.ear = Ear()
        self.eye = Eye()
        self._tasks: list[asyncio.Task[None]] = []
        self.pc.addTransceiver("audio", direction="recvonly")
        self.pc.addTransceiver("video", direction="recvonly")
        self.pc.on("track", self._play)

    def _play(self, track) -> None:
        sense = self.ear if track.kind == "audio" else self.eye
        self._tasks.append(asyncio.create_task(self._read(track, sense)))

    async def _read(self, track, sense: Ear | Eye) -> None:
        try:
            while True:
                sense.feed(await track.recv())
        except MediaStreamError:
            pass  # the end of the track

    async def close(self) -> None:
        """Ends the connection on this side."""
        for task in self._tasks:
            task.cancel()
        await super().close()
