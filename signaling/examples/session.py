"""A whole session by REST, with ten people who really join. Needs `pip install websockets`."""
import asyncio, json, os, urllib.error, urllib.request
import websockets

BASE = os.environ.get("RINGFENCE_URL", "http://127.0.0.1:8080")
TOKEN = os.environ.get("RINGFENCE_TOKEN")  # an admin's; a development server on this machine needs none
LIST = "room_name,first_name,last_name,email\r\n" + "".join(
    f"{'Red' if n % 2 else 'Blue'},Person,{n},person{n}@example.org\r\n" for n in range(10))


def rest(method, path, body=None, kind="application/json"):
    """Calls the server; returns what it answers, or ends with the problem it names."""
    data = None if body is None else (body if kind == "text/csv" else json.dumps(body)).encode()
    request = urllib.request.Request(f"{BASE}/v1/meetings{path}", data, {"Content-Type": kind}, method=method)
    if TOKEN:
        request.add_header("Authorization", f"Bearer {TOKEN}")
    try:
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or "{}")
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{method} {path}: {error.read().decode()}")


async def join(meeting, n):
    """Adds somebody, who then joins as a page does: over WebSocket, with the token."""
    added = rest("POST", f"/{meeting}/participants", {"name": f"Person {n}", "email": f"person{n}@example.org"})
    page = await websockets.connect(f"ws{BASE[4:]}/v1/rpc", subprotocols=["ringfence.v1"])
    await page.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "join",
                                "params": {"protocol": 1, "token": added["token"]}}))
    return added["id"], page, await hear(page, lambda message: message.get("id") == 1)


async def hear(page, wanted):
    while not wanted(message := json.loads(await page.recv())):
        pass
    return message


def show(step, meeting):
    rooms = [person["room_name"] for person in rest("GET", f"/{meeting}/participants")["participants"]]
    print(f"{step}:", ", ".join(f"{rooms.count(room)} in {room}" for room in sorted(set(rooms))))


async def main():
    meeting = rest("POST", "", {"options": {"on_enter": "mute_audio"}})["id"]
    print("list:", rest("POST", f"/{meeting}/breakouts/csv", LIST, "text/csv"))
    people = [await join(meeting, n) for n in range(10)]
    for step, path, body in [("joined", None, None), ("started", "breakouts/start", {"timer_s": 600}),
                             ("broadcast", "broadcast", {"text": "Five minutes left"}),
                             ("moved", "move", {"participants": [people[0][0]], "room": "b2"}),
                             ("stopped", "breakouts/stop", {})]:
        if path:
            rest("POST", f"/{meeting}/{path}", body)
        show(step, meeting)
    heard = [await hear(page, lambda message: message.get("method") == "broadcast") for _, page, _ in people]
    print("heard:", len(heard), heard[0]["params"]["text"])
    rest("DELETE", f"/{meeting}")

asyncio.run(main())
