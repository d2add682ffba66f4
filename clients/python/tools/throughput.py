#!/usr/bin/env python3
"""Events a second in one run, against a daemon of its own: the emitter, a bare grpcio loop of CreateEvent, one of BatchCreateEvents, and HTTP POST.

Run with the package importable (PYTHONPATH=src). HTTP is `requests` where it is installed, else http.client with one kept connection.
"""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import grpc  # noqa: E402

from sboxagent_client import EventEmitter, types  # noqa: E402
from tests.agent import Agent  # noqa: E402

SINGLE, MANY = 1000, 20_000
DATA = {"text": "hello", "number": 1, "list": [1, 2, 3]}


def emitter(agent: Agent, count: int) -> None:
    with tempfile.TemporaryDirectory() as spool, EventEmitter("bench-emitter", target=agent.unix, spool=spool) as one:
        for n in range(count):
            one.emit("bench.event", {**DATA, "n": n})
        if not one.flush(60.0) or one.stats["sent"] != count:
            raise SystemExit(f"not all arrived: {one.stats}")


def stub(channel: Any, name: str, answer: Any) -> Any:
    return channel.unary_unary(f"/sboxagent.v1.EventService/{name}", request_serializer=lambda one: one.SerializeToString(), response_deserializer=answer.FromString)


def event(source: str, n: int) -> Any:
    made = types.Event(type="bench.event", source=source, id=f"{n}-{time.monotonic_ns()}")
    made.data.update({**DATA, "n": n})
    return made


def bare(agent: Agent, count: int) -> None:
    with grpc.insecure_channel(agent.unix, options=[("grpc.default_authority", "localhost")]) as channel:
        call = stub(channel, "CreateEvent", types.Event)
        for n in range(count):
            call(types.CreateEventRequest(event=event("bench-bare", n)))


def batches(agent: Agent, count: int) -> None:
    with grpc.insecure_channel(agent.unix, options=[("grpc.default_authority", "localhost")]) as channel:
        call = stub(channel, "BatchCreateEvents", types.BatchCreateEventsResponse)
        for start in range(0, count, 250):
            call(types.BatchCreateEventsRequest(events=[event("bench-batch", n) for n in range(start, start + 250)]))


def post(agent: Agent, count: int) -> None:
    headers = {"authorization": f"Bearer {agent.token}", "content-type": "application/json"}
    bodies = ({"type": "bench.event", "source": "bench-http", "id": str(n), "data": {**DATA, "n": n}} for n in range(count))
    try:
        import requests
    except ImportError:
        connection = http.client.HTTPConnection("127.0.0.1", agent.port)
        for body in bodies:
            connection.request("POST", "/api/v1/events", json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 201:
                raise SystemExit(f"HTTP {answer.status}")
        return
    with requests.Session() as session:
        for body in bodies:
            session.post(f"http://{agent.tcp}/api/v1/events", json=body, headers=headers).raise_for_status()


def main() -> None:
    runs: Dict[str, "tuple[Callable[[Agent, int], None], int]"] = {
        "EventEmitter": (emitter, MANY),
        "grpcio, CreateEvent one by one": (bare, SINGLE),
        "grpcio, BatchCreateEvents of 250": (batches, MANY),
        "HTTP POST one by one": (post, SINGLE),
    }
    with Agent(events={"retention": {"count": 1_000_000}}) as agent:
        bare(agent, 200)
        for name, (run, count) in runs.items():
            start = time.perf_counter()
            run(agent, count)
            print(f"{name:34} {count / (time.perf_counter() - start):8.0f} events/s")


if __name__ == "__main__":
    main()
