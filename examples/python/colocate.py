"""A Colocate client with the standard library only: follows a room, publishes locations and leaves."""

import http.client
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request

# The server sends a heartbeat after 15 seconds of silence. After 45 seconds, the link is dead.
SILENCE_S = 45
FINAL = {400, 401, 403, 404}


class Room:
    def __init__(self, server, name, user):
        self.user = user
        self.url = f"{server}/rooms/{urllib.parse.quote(name, safe='')}/location"

    def publish(self, x, y, **more):
        """Publishes the user's location. `name`, `color` and `meta` are optional. Raises HTTPError if it is refused."""
        body = json.dumps({"user": self.user, "x": x, "y": y, **more}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=SILENCE_S) as answer:
            return json.load(answer)["id"]

    def leave(self):
        user = urllib.parse.quote(self.user, safe="")
        request = urllib.request.Request(f"{self.url}/{user}", method="DELETE")
        urllib.request.urlopen(request, timeout=SILENCE_S).close()

    def follow(self):
        """Yields each event of the room once and in order, across reconnections. Meanwhile the user stays in the room."""
        query = urllib.parse.urlencode({"user": self.user})
        last_id, failures, retry_s = None, 0, 1
        while True:
            headers = {"Last-Event-ID": last_id} if last_id else {}
            request = urllib.request.Request(f"{self.url}/sse?{query}", headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=SILENCE_S) as stream:
                    for event in parse(stream):
                        failures = 0
                        retry_s = int(event.get("retry", retry_s * 1000)) / 1000
                        last_id = event.get("id", last_id)
                        if "data" in event:
                            yield json.loads(event["data"])
            except urllib.error.HTTPError as error:
                if error.code in FINAL:
                    raise
                failures += 1
            except (OSError, http.client.HTTPException):
                failures += 1
            time.sleep(random.uniform(1, min(15, 2**failures)) if failures else retry_s)


def parse(stream):
    """Yields the fields of each event. An event without its blank line at the end of the stream does not count."""
    event = {}
    for line in stream:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "retry":
            # At once: the last one of a stream has no blank line after it.
            yield {field: value}
        elif field:
            event[field] = value
        elif event:
            yield event
            event = {}
