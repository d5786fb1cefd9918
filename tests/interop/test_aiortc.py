"""
aiortc, an independent stack, publishes by WHIP and plays by WHEP. What counts is what it decodes.

Run: `.venv/bin/python -m unittest -v` in this folder.
"""

import asyncio
import time
import unittest
from collections.abc import Callable

from peer import Peer, Player, Publisher, request
from server import IO, Server

RED = (200, 40, 40)
BLUE = (50, 70, 210)
GREEN = (40, 160, 60)
SETTLE_S = 10.0
STOP_S = 2.0


def is_hz(hz: float) -> Callable[[float | None], bool]:
    """Within 15 Hz: two bins of the measurement."""
    return lambda measured: measured is not None and abs(measured - hz) < 15


def is_rgb(rgb: tuple[int, int, int]) -> Callable[[tuple[int, int, int] | None], bool]:
    """Near enough for a colour that went through a codec."""
    return lambda measured: measured is not None and sum((a - b) ** 2 for a, b in zip(measured, rgb)) < 70**2


class Aiortc(unittest.IsolatedAsyncioTestCase):
    """One server for all tests, one meeting a test."""

    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server()
        print(f"\n--io {IO}: {cls.server.url}")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def shortDescription(self) -> None:
        """Names of tests are enough in the report."""

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)  # it slows media down, and complains of slow codecs
        self._peers: list[Peer] = []

    async def asyncTearDown(self) -> None:
        for peer in self._peers:
            await peer.close()

    async def publish(self, meeting: str, name: str, hz: float, rgb: tuple[int, int, int]) -> Publisher:
        """A publisher that is connected."""
        publisher = Publisher(f"{self.server.url}/whip/{meeting}?id={name}", hz, rgb)
        self._peers.append(publisher)
        await publisher.start()
        return publisher

    async def play(self, meeting: str, name: str, extra: str = "") -> Player:
        """A player that is connected."""
        player = Player(f"{self.server.url}/whep/{meeting}?id={name}{extra}")
        self._peers.append(player)
        await player.start()
        return player

    async def eventually(self, what: str, seconds: float, condition: Callable[[], bool], seen: Callable[[], object]) -> float:
        """Waits for `condition`; how long it took, in ms."""
        start = time.monotonic()
        while not condition():
            if time.monotonic() - start > seconds:
                self.fail(f"not within {seconds} s: {what}; measured {seen()}\n{self.server.log()}")
            await asyncio.sleep(0.02)
        return (time.monotonic() - start) * 1_000

    async def perceives(self, player: Player, hz: float, rgb: tuple[int, int, int], seconds: float = SETTLE_S) -> float:
        """The player hears and sees just this."""
        heard, seen = is_hz(hz), is_rgb(rgb)
        return await self.eventually(
            f"{hz} Hz and {rgb}",
            seconds,
            lambda: heard(player.ear.hz()) and seen(player.eye.rgb()),
            lambda: (player.ear.hz(), player.eye.rgb(), player.eye.frames),
        )

    async def test_published_is_played_until_deleted(self) -> None:
        """Tone and colour arrive; DELETE ends them; a second DELETE finds nothing."""
        publisher = await self.publish("plain", "cam", 1_130, RED)
        player = await self.play("plain", "screen")
        took = await self.perceives(player, 1_130, RED)
        print(f"  heard {player.ear.hz():.0f} Hz, saw {player.eye.rgb()} {took:.0f} ms after connecting; {player.srtp_profile()}")
        self.assertEqual(await publisher.end(), 200)
        took = await self.eventually(
            "silence after DELETE",
            STOP_S,
            lambda: player.ear.hz() is None and player.eye.rgb() is None,
            lambda: (player.ear.hz(), player.eye.rgb()),
        )
        print(f"  silent {took:.0f} ms after DELETE")
        self.assertEqual(await publisher.end(), 404)
        self.assertEqual(await player.end(), 200)

    async def test_the_next_publisher_reaches_a_waiting_player(self) -> None:
        """A player stays when a publisher goes, and gets the next one."""
        first = await self.publish("late", "first", 510, RED)
        player = await self.play("late", "screen")
        await self.perceives(player, 510, RED)
        self.assertEqual(await first.end(), 200)
        await self.publish("late", "cam", 730, GREEN)
        await self.perceives(player, 730, GREEN)

    async def test_from_pins_one_publisher(self) -> None:
        """`from` narrows what is played, and when that publisher leaves there is nothing."""
        first = await self.publish("pin", "one", 510, RED)
        await self.publish("pin", "two", 1_490, BLUE)
        player = await self.play("pin", "screen", "&from=one")
        other = await self.play("pin", "wall", "&from=two")
        await self.perceives(player, 510, RED)
        await self.perceives(other, 1_490, BLUE)
        self.assertEqual(await first.end(), 200)
        await self.eventually(
            "silence when the pinned publisher left",
            STOP_S,
            lambda: player.ear.hz() is None and player.eye.rgb() is None,
            lambda: (player.ear.hz(), player.eye.rgb()),
        )
        await asyncio.sleep(1.0)  # nobody takes the empty place
        self.assertEqual((player.ear.hz(), player.eye.rgb()), (None, None))
        await self.perceives(other, 1_490, BLUE, 1.0)

    async def test_meetings_do_not_mix(self) -> None:
        """What is published in one meeting is not played in another."""
        await self.publish("here", "cam", 1_130, RED)
        await self.publish("there", "cam", 510, BLUE)
        player = await self.play("here", "screen")
        await self.perceives(player, 1_130, RED)

    async def test_ice_restart_moves_both_ends(self) -> None:
        """PATCH with new credentials from new ports: media goes on under the same keys."""
        publisher = await self.publish("patch", "cam", 1_490, BLUE)
        player = await self.play("patch", "screen")
        await self.perceives(player, 1_490, BLUE)
        for peer in (publisher, player):
            port, etag = peer.local_port(), peer.etag
            # RFC 9110 §13.1.1 writes `*`, the example in RFC 9725 `"*"`: clients of both kinds are about.
            answer = await peer.restart_ice("*" if peer is publisher else '"*"')
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual(answer.headers["content-type"].split(";")[0], "application/trickle-ice-sdpfrag")
            self.assertNotEqual(peer.etag, etag, "a new ICE session has a new ETag")
            self.assertNotEqual(peer.local_port(), port)
            frames = player.eye.frames
            await self.eventually("frames go on", STOP_S, lambda: player.eye.frames > frames + 15, lambda: player.eye.frames)
            took = await self.perceives(player, 1_490, BLUE, STOP_S)
            print(f"  {type(peer).__name__}: from port {port} to {peer.local_port()}, media {took:.0f} ms later")
        answer = await publisher.restart_ice('"of-yesterday"')
        self.assertEqual(answer.status, 412, "an old ETag is refused")
        await self.perceives(player, 1_490, BLUE, STOP_S)

    async def test_same_id_replaces(self) -> None:
        """A publisher that comes again under its id takes its own place."""
        await self.publish("again", "cam", 510, RED)
        player = await self.play("again", "screen")
        await self.perceives(player, 510, RED)
        await self.publish("again", "cam", 1_930, GREEN)
        await self.perceives(player, 1_930, GREEN)

    async def test_wrong_requests_are_told_what_is_wrong(self) -> None:
        """Status and problem document (RFC 9457) of each kind of wrong request."""
        sdp = {"Content-Type": "application/sdp"}
        for method, path, headers, body, status in [
            ("POST", "/whip/wrong?id=x", {"Content-Type": "text/plain"}, "v=0\r\n", 415),
            ("POST", "/whip/wrong?id=x", sdp | {"Accept": "image/png"}, "v=0\r\n", 406),
            ("POST", "/whip/wrong?id=x", sdp, "this is no SDP", 400),
            ("POST", "/whip/wrong?id=x", sdp, "v=0\r\n" + "a=x\r\n" * 60_000, 413),
            ("POST", "/whip/wrong?id=x", sdp | {"Authorization": "Bearer nonsense"}, "v=0\r\n", 401),
            ("DELETE", "/whip/wrong/nothing", {}, None, 404),
        ]:
            with self.subTest(f"{method} {path} {headers} {status}"):
                answer = await request(method, self.server.url + path, headers, body)
                self.assertEqual(answer.status, status, answer.body)
                self.assertIn("application/problem+json", answer.headers.get("content-type", ""))


if __name__ == "__main__":
    unittest.main()
