"""After a fork: the child has channels and threads of its own, and does nothing that is the parent's."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import unittest
import urllib.request

import grpc

from sboxagent_client import AgentClient, to_dict

from .agent import Agent


class Fork(unittest.TestCase):
    def setUp(self) -> None:
        self.agent = Agent().start()
        self.addCleanup(self.agent.dispose)

    def run_script(self, text: str) -> str:
        """A program of its own: the tests' process has threads."""
        head = """
            import os, signal, sys, time
            signal.alarm(50)
            os.register_at_fork(after_in_child=lambda: signal.alarm(40))

            def wait(pid):
                assert os.waitpid(pid, 0)[1] == 0, "the child failed"
        """
        env = {**os.environ, "SBOXAGENT_TARGET": self.agent.unix, "SBOXAGENT_SPOOL_DIR": str(self.agent.dir / "spool")}
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(text)], env=env, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_the_client_of_the_parent_works_in_the_child(self) -> None:
        out = self.run_script("""
            from sboxagent_client import AgentClient
            client = AgentClient()
            print(client.get_status().name, flush=True)
            child = os.fork()
            if child == 0:
                print(client.get_status(timeout=10).name, flush=True)
                print(client.create_event(type="forked.child").type, flush=True)
                grandchild = os.fork()
                if grandchild == 0:
                    print(client.get_status(timeout=10).name, flush=True)
                    client.close()
                    sys.exit(0)
                wait(grandchild)
                client.close()
                sys.exit(0)
            wait(child)
            print(client.get_status().name)
            client.close()
        """)
        self.assertEqual(out.split(), ["python", "python", "forked.child", "python", "python"])

    def test_asyncio_says_that_it_cannot(self) -> None:
        out = self.run_script("""
            import asyncio
            from sboxagent_client import AsyncAgentClient, Unavailable

            async def first():
                client = AsyncAgentClient()
                print((await client.get_status()).name, flush=True)
                await client.close()
                return client

            async def second(client):
                try:
                    await client.get_status(timeout=10)
                except Unavailable as error:
                    print("fork" in str(error), flush=True)
                try:
                    AsyncAgentClient()
                except Unavailable as error:
                    print("fork" in str(error), flush=True)

            client = asyncio.run(first())
            child = os.fork()
            if child == 0:
                asyncio.run(second(client))
                os._exit(0)
            wait(child)
        """)
        self.assertEqual(out.split(), ["python", "True", "True"])

    def test_a_stream_stays_with_the_process_that_opened_it(self) -> None:
        # grpcio before 1.60 cannot fork at all while a stream is open: an ended one shows the same.
        out = self.run_script("""
            from sboxagent_client import AgentClient, Unavailable
            client = AgentClient()
            stream = client.watch_events(after_revision=0)
            next(stream)
            stream.cancel()
            time.sleep(0.2)
            child = os.fork()
            if child == 0:
                try:
                    next(stream)
                except Unavailable as error:
                    print(error.message if hasattr(error, "message") else error, flush=True)
                os._exit(0)
            wait(child)
        """)
        self.assertIn("belongs to the process that opened it", out)

    def test_what_the_parent_counted_the_parent_sends(self) -> None:
        self.run_script("""
            from sboxagent_client import MetricsCollector
            metrics = MetricsCollector("forking", flush_interval=60)
            metrics.counter("runs", 5)
            child = os.fork()
            metrics.counter("runs", 1)
            if child == 0:
                metrics.close(10)
                assert (metrics.sent, metrics.dropped) == (1, 0), (metrics.sent, metrics.dropped)
                os._exit(0)
            wait(child)
            assert metrics.flush(20)
            metrics.close()
        """)
        request = urllib.request.Request(f"http://{self.agent.tcp}/api/v1/metrics/prometheus", headers={"authorization": f"Bearer {self.agent.token}"})
        with urllib.request.urlopen(request) as answer:
            lines = answer.read().decode().splitlines()
        self.assertIn('sboxagent_custom_runs_total{plugin="forking"} 7', lines)

    @unittest.skipIf(tuple(map(int, grpc.__version__.split(".")[:2])) < (1, 60), "this grpcio may lose the channels of both at a fork while a thread is in a call")
    def test_the_session_is_shared_and_ended_by_who_opened_it(self) -> None:
        out = self.run_script("""
            from sboxagent_client import AgentClient, HealthReporter
            reporter = HealthReporter("forked", interval=60, lease=60)
            reporter.report("HEALTHY")
            assert reporter.flush(20)
            child = os.fork()
            if child == 0:
                reporter.report("DEGRADED", "said by the child")
                assert reporter.flush(20), reporter.error
                reporter.close()
                sys.exit(0)
            wait(child)
            with AgentClient() as client:
                found = client.get_plugin(id="forked")
                print(found.state, found.message, flush=True)
            reporter.report("HEALTHY")
            assert reporter.flush(20), reporter.error
            reporter.close()
        """)
        self.assertIn("said by the child", out)
        with AgentClient(self.agent.unix) as client:
            told = [one.type for one in client.list_events(subjects=["forked"], types=["plugin.registered", "plugin.ended"], order_by="revision").events]
            self.assertEqual(told, ["plugin.registered", "plugin.ended"])
            self.assertEqual(to_dict(client.get_plugin(id="forked"))["state"], "STOPPED")
