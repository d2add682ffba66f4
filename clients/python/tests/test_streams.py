"""EventStreamClient: every event once, in order, over deaths of the agent; gaps told."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
import unittest
from typing import List, Union

from sboxagent_client import AgentClient, EventStreamClient, Gap, Unauthenticated, Unavailable, types

from .agent import Agent

KILLS = 5


class Streams(unittest.TestCase):
    def setUp(self) -> None:
        self.agent = Agent().start()
        self.addCleanup(self.agent.dispose)

    def publish(self, start: int, count: int) -> None:
        with AgentClient(self.agent.unix, timeout=20.0) as client:
            client.batch_create_events(events=[{"type": "stream.test", "source": "s", "id": str(n), "data": {"n": n}} for n in range(start, start + count)])

    def story(self, follow: EventStreamClient, got: List[int]) -> None:
        """Publishes, kills, publishes; then waits until the follower has it all."""
        for kill in range(KILLS):
            self.publish(kill * 200, 200)
            self.agent.kill(signal.SIGKILL)
            self.agent.start()
            self.publish(kill * 200 + 100, 100)  # once more under the same ids, and
        self.publish(KILLS * 200, 100)
        end = time.monotonic() + 60
        while len(got) < KILLS * 200 + 100 and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.3)
        follow.stop()

    def test_five_kills(self) -> None:
        follow, got = EventStreamClient(self.agent.unix), []  # type: EventStreamClient, List[int]

        def read() -> None:
            for one in follow.events(types=["stream.*"], after_revision=0):
                assert isinstance(one, types.Event), one
                got.append(int(one.data["n"]))

        thread = threading.Thread(target=read)
        thread.start()
        self.story(follow, got)
        thread.join(10)
        self.assertFalse(thread.is_alive())
        self.assertEqual(got, list(range(KILLS * 200 + 100)))

    def test_five_kills_asyncio(self) -> None:
        got: List[int] = []

        async def main() -> None:
            follow = EventStreamClient(self.agent.tcp, self.agent.token)
            told = asyncio.get_running_loop().run_in_executor(None, self.story, follow, got)

            async def read() -> None:
                async for one in follow.async_events(types=["stream.*"], after_revision=0):
                    assert isinstance(one, types.Event), one
                    got.append(int(one.data["n"]))

            reader = asyncio.ensure_future(read())
            await told
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

        asyncio.run(main())
        self.assertEqual(got, list(range(KILLS * 200 + 100)))

    def test_only_new_ones(self) -> None:
        self.publish(0, 5)
        follow = EventStreamClient(self.agent.unix)
        threading.Timer(0.7, self.publish, (5, 2)).start()
        got = []
        for one in follow.events(types=["stream.*"]):
            got.append(int(one.data["n"]) if isinstance(one, types.Event) else -1)
            if len(got) == 2:
                break
        self.assertEqual(got, [5, 6])

    def test_refusals_are_raised_and_absence_can_be(self) -> None:
        with self.assertRaises(Unauthenticated):
            next(EventStreamClient(self.agent.tcp, "x" * 40).events())
        with self.assertRaises(Unavailable):
            next(EventStreamClient("unix:/nonexistent/api.sock", give_up_after=0.5).events())


class Gaps(unittest.TestCase):
    def test_a_gap_is_told(self) -> None:
        with Agent(events={"retention": {"count": 100}}) as agent:
            with AgentClient(agent.unix) as client:
                first = client.create_event(type="gap.test", source="s").revision
                for batch in range(5):
                    client.batch_create_events(events=[{"type": "gap.test", "source": "s", "id": f"{batch}-{n}"} for n in range(100)])
                end = time.monotonic() + 60
                while client.get_status().journal.first_revision <= first + 1 and time.monotonic() < end:
                    time.sleep(0.1)
                kept = client.get_status().journal.first_revision
            seen: List[Union[types.Event, Gap]] = []
            for one in EventStreamClient(agent.unix).events(after_revision=first):
                seen.append(one)
                if len(seen) == 3:
                    break
            gap, then = seen[0], seen[1]
            assert isinstance(gap, Gap) and isinstance(then, types.Event), seen
            self.assertEqual((gap.from_revision, gap.count), (first + 1, gap.to_revision - first))
            self.assertGreaterEqual(gap.to_revision, kept - 1)
            self.assertEqual(then.revision, gap.to_revision + 1)
