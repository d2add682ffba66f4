"""HealthReporter, MetricsCollector, PluginConfigWatcher: one plugin's life, over a death of the agent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import unittest
import urllib.request
from typing import Any, Callable, Dict, List, Tuple

from sboxagent_client import AgentClient, HealthReporter, MetricsCollector, PluginConfigWatcher, to_dict

from .agent import Agent


class Plugins(unittest.TestCase):
    def setUp(self) -> None:
        self.agent = Agent().start()
        self.addCleanup(self.agent.dispose)

    def until(self, what: str, test: Callable[[], Any], seconds: float = 60.0) -> Any:
        end = time.monotonic() + seconds
        while True:
            found = test()
            if found:
                return found
            self.assertLess(time.monotonic(), end, f"waited in vain for {what}: {found} {getattr(self, 'seen', None)}")
            time.sleep(0.05)

    def plugin(self, name: str) -> Dict[str, Any]:
        with AgentClient(self.agent.unix, timeout=20.0) as client:
            return to_dict(client.get_plugin(id=name))

    def test_health(self) -> None:
        with HealthReporter("healthy", interval=0.2, lease=5, version="1.2", labels={"a": "b"}, target=self.agent.unix) as reporter:
            reporter.report("degraded", "slow", queue=5)
            self.assertTrue(reporter.flush(60))
            told = self.plugin("healthy")
            self.assertEqual((told["state"], told["version"], told["kind"], told["labels"]), ("DEGRADED", "1.2", "REMOTE", {"a": "b"}))
            self.assertEqual((told["health"]["message"], told["health"]["data"]), ("slow", {"queue": 5}))
            with self.assertRaises(ValueError):
                reporter.report("fine")
            broken = [True]

            @reporter.check
            def disk() -> bool:
                if broken[0]:
                    raise OSError("full")
                return True

            @reporter.check(name="net")
            def network() -> Tuple[str, str]:
                return "DEGRADED", "loss"

            unhealthy = self.until("UNHEALTHY", lambda: (lambda p: p["state"] == "UNHEALTHY" and p)(self.plugin("healthy")))
            self.assertEqual(unhealthy["health"]["message"], "disk: OSError: full")
            self.assertEqual(unhealthy["health"]["data"]["net"], {"status": "DEGRADED", "message": "loss"})
            broken[0] = False
            self.until("DEGRADED", lambda: self.plugin("healthy")["health"]["status"] == "DEGRADED")
            time.sleep(5.5)
            self.assertNotEqual(self.plugin("healthy")["reason"], "LEASE_EXPIRED")
        told = self.plugin("healthy")
        self.assertEqual((told["state"], told["reason"]), ("STOPPED", "ENDED"))
        time.sleep(5.5)
        self.assertEqual(self.plugin("healthy")["state"], "STOPPED")
        with AgentClient(self.agent.unix) as client:
            self.assertEqual([one.subject for one in client.list_alerts(states=["FIRING"]).alerts if one.subject == "healthy"], [])

    def script(self, text: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([sys.executable, "-c", textwrap.dedent(text)], env={**os.environ, "SBOXAGENT_TARGET": self.agent.unix},
                              capture_output=True, text=True, timeout=60)

    def test_the_end_of_a_program_is_on_purpose_unless_an_exception_ends_it(self) -> None:
        program = """
            import sys
            from sboxagent_client import HealthReporter
            reporter = HealthReporter("{name}", interval=60, lease=3)
            reporter.report("HEALTHY")
            assert reporter.flush(60)
            {end}
        """
        done = self.script(program.format(name="finished", end="sys.exit(3)"))
        self.assertEqual((done.returncode, self.plugin("finished")["state"]), (3, "STOPPED"), done.stderr)
        done = self.script(program.format(name="crashed", end="raise RuntimeError('boom')"))
        self.assertIn("boom", done.stderr)
        self.until("the end of the lease", lambda: self.plugin("crashed")["reason"] == "LEASE_EXPIRED")
        self.assertEqual(self.plugin("finished")["state"], "STOPPED")

    def test_a_block_that_an_exception_ends_is_not_left_on_purpose(self) -> None:
        with self.assertRaises(RuntimeError):
            with HealthReporter("raised", interval=60, lease=1, target=self.agent.unix) as reporter:
                reporter.report("HEALTHY")
                self.assertTrue(reporter.flush(60))
                raise RuntimeError("boom")
        self.until("the end of the lease", lambda: self.plugin("raised")["reason"] == "LEASE_EXPIRED")
        with HealthReporter("raised", interval=60, lease=60, target=self.agent.unix) as reporter:
            reporter.report("HEALTHY")
            self.assertTrue(reporter.flush(60))
            self.assertEqual(self.plugin("raised")["state"], "ACTIVE")

    def test_flush_waits_for_the_agent_and_not_for_the_sender(self) -> None:
        with HealthReporter("flushed", interval=60, lease=60, target=self.agent.unix) as reporter:
            agent = self.agent.process
            assert agent is not None
            reporter.report("HEALTHY", "first")
            self.assertTrue(reporter.flush(60))
            # The report is repeated once the session is known to be a new one; nothing is on its way after that.
            time.sleep(1)
            agent.send_signal(signal.SIGSTOP)
            try:
                reporter.report("DEGRADED", "on its way")
                self.assertFalse(reporter.flush(0.3))
            finally:
                agent.send_signal(signal.SIGCONT)
            self.assertTrue(reporter.flush(60))
            self.assertEqual(self.plugin("flushed")["message"], "on its way")

    def test_a_lost_session_is_opened_again(self) -> None:
        with HealthReporter("lost", interval=60, lease=2, target=self.agent.unix) as reporter:
            reporter.report("HEALTHY", "fine", n=1)
            self.assertTrue(reporter.flush(60))
            self.agent.kill(signal.SIGKILL)
            time.sleep(2.5)
            self.agent.start()
            def well() -> bool:
                found = self.plugin("lost")
                self.seen = f"{found} {reporter.error!r}"
                return bool(found["health"].get("data") == {"n": 1} and found["state"] == "ACTIVE")

            self.until("the report under a new session", well)
            self.assertIsNone(reporter.error)

    def test_nobody_there(self) -> None:
        reporter = HealthReporter("alone", interval=60, target="unix:/nonexistent/api.sock")
        reporter.report("HEALTHY")
        self.assertFalse(reporter.flush(0.3))
        reporter.close()

    def test_metrics(self) -> None:
        metrics = MetricsCollector("counted", target=self.agent.unix, flush_interval=60)
        for _ in range(3):
            metrics.counter("runs", kind="x")
        metrics.counter("runs", 2, kind="y")
        metrics.gauge("depth", 7)
        metrics.gauge("depth", 3)
        metrics.histogram("payload", 10, unit="bytes")
        metrics.counter("Not A Name")
        metrics.counter("bad", "x")  # type: ignore[arg-type]
        with metrics.timer("work"):
            pass

        @metrics.timer("work", part="b")
        def fails() -> None:
            raise ValueError("x")

        with self.assertRaises(ValueError):
            fails()
        self.assertTrue(metrics.flush(60))
        self.assertEqual((metrics.sent, metrics.dropped, [one[:2] for one in metrics.rejected]), (6, 1, [("Not A Name", "NAME_INVALID")]))
        request = urllib.request.Request(f"http://{self.agent.tcp}/api/v1/metrics/prometheus", headers={"authorization": f"Bearer {self.agent.token}"})
        with urllib.request.urlopen(request) as answer:
            lines = answer.read().decode().splitlines()
        self.assertIn('sboxagent_custom_runs_total{kind="x",plugin="counted"} 3', lines)
        self.assertIn('sboxagent_custom_depth{plugin="counted"} 3', lines)
        self.assertTrue(any(one.startswith("sboxagent_custom_work_seconds_count{") and 'outcome="error"' in one for one in lines), [one for one in lines if "custom_work" in one][:3])
        self.agent.kill()
        metrics.counter("runs", kind="x")
        self.assertFalse(metrics.flush(0.3))
        self.agent.start()
        self.assertTrue(metrics.flush(20.0))
        self.assertEqual(metrics.dropped, 1)
        metrics.subscription_processed("main", servers=4, duration_ms=5)
        metrics.config_generated("sing-box", outbounds=2)
        metrics.error(ValueError("boom"), operation="fetch")
        metrics.close()
        with AgentClient(self.agent.unix) as client:
            found = [to_dict(one) for one in client.list_events(sources=["counted"], order_by="revision").events]
        self.assertEqual([one["type"] for one in found], ["subscription.processed", "config.generated", "plugin.error"])
        self.assertEqual((found[2]["severity"], found[2]["data"]["error_type"]), ("ERROR", "ValueError"))

    def test_configuration(self) -> None:
        # Its reporter shares the session: neither ends the other's.
        reporter = HealthReporter("configured", interval=60, target=self.agent.unix)
        watcher = PluginConfigWatcher("configured", schema={"type": "object", "properties": {"n": {"type": "integer"}}}, secret_paths=["token"], target=self.agent.unix)
        seen: List[Dict[str, Any]] = []

        def apply(config: Dict[str, Any]) -> None:
            seen.append(config)
            if config["n"] == 13:
                raise ValueError("unlucky")

        thread = threading.Thread(target=watcher.run, args=(apply,))
        thread.start()
        client = AgentClient(self.agent.unix, timeout=20.0)
        self.addCleanup(client.close)
        self.until("the schema", lambda: "configured" in [one.id for one in client.list_plugins().plugins] and client.get_plugin_config(id="configured").schema.fields)
        client.update_plugin_config(id="configured", config={"n": 1, "token": "s3cret"})
        self.until("APPLIED", lambda: to_dict(client.get_plugin_config(id="configured"))["apply_state"] == "APPLIED")
        self.assertEqual(to_dict(client.get_plugin_config(id="configured"))["config"]["token"], "***")
        client.update_plugin_config(id="configured", config={"n": 13, "token": "***"})
        failed = self.until("FAILED", lambda: (lambda c: c["apply_state"] == "FAILED" and c)(to_dict(client.get_plugin_config(id="configured"))))
        self.assertEqual(failed["apply_message"], "ValueError: unlucky")
        self.agent.kill(signal.SIGKILL)
        self.agent.start()
        client.update_plugin_config(id="configured", config={"n": 2, "token": "***"})
        self.until("APPLIED again", lambda: client.get_plugin_config(id="configured").applied_revision == 3)
        self.assertEqual(seen[0], {"n": 1, "token": "s3cret"})
        self.assertEqual(seen[-1], {"n": 2, "token": "s3cret"})
        watcher.stop()
        thread.join(10)
        self.assertFalse(thread.is_alive())
        reporter.close()
