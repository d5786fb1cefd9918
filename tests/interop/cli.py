"""
Publishes or plays by the command line, for tests in other languages.

    cli.py publish URL --hz 440 --rgb 200,40,40
    cli.py play URL

Speaks JSON lines: `{"event": "connected"}`, while playing what is measured, and after a line `delete` on stdin
`{"event": "deleted", "status": 200}`. Ends when stdin does.
"""

import argparse
import asyncio
import json
import sys

from peer import Peer, Player, Publisher


def say(**what) -> None:
    """One JSON line."""
    print(json.dumps(what), flush=True)


async def measure(player: Player) -> None:
    """What is heard and seen, five times a second."""
    while True:
        say(event="measured", hz=player.ear.hz(), rgb=player.eye.rgb())
        await asyncio.sleep(0.2)


async def main() -> None:
    """Runs one peer until stdin ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["publish", "play"])
    parser.add_argument("url")
    parser.add_argument("--hz", type=float, default=440.0)
    parser.add_argument("--rgb", default="200,40,40")
    options = parser.parse_args()
    red, green, blue = (int(value) for value in options.rgb.split(","))
    peer: Peer = Publisher(options.url, options.hz, (red, green, blue)) if options.what == "publish" else Player(options.url)
    measuring = None
    try:
        await peer.start()
        say(event="connected", profile=peer.srtp_profile())
        if isinstance(peer, Player):
            measuring = asyncio.create_task(measure(peer))
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line.strip() == "delete":
                say(event="deleted", status=await peer.end())
    finally:
        if measuring:
            measuring.cancel()
        await peer.close()


asyncio.run(main())
