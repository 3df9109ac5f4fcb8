"""Walks through a room, and prints what the others do."""

import os
import signal
import sys
import threading
import time

from colocate import Room

room = Room(os.environ.get("COLOCATE_URL", "http://127.0.0.1:3000"), os.environ.get("ROOM", "python"), "snake")


def walk():
    step = 0
    while True:
        try:
            room.publish(x=step % 5, y=step // 5 % 6, name="Snake", meta={"steps": step})
            step += 1
        except OSError as error:
            print(f"not published: {error}", file=sys.stderr)
        time.sleep(1)


def show(event):
    match event:
        case {"type": "snapshot", "reason": reason, "locations": locations}:
            print(f"snapshot ({reason}) of {len(locations)}")
        case {"type": "resumed", "missed": missed}:
            print(f"resumed after {missed} missed events")
        case {"type": "location", "user": user, "name": name, "x": x, "y": y} if user != room.user:
            print(f"{name} is at {x}, {y}")
        case {"type": "leave", "user": user, "reason": reason}:
            print(f"{user} left ({reason})")


print(f"following {room.url}")
signal.signal(signal.SIGTERM, signal.default_int_handler)
threading.Thread(target=walk, daemon=True).start()
try:
    for event in room.follow():
        show(event)
except KeyboardInterrupt:
    room.leave()
