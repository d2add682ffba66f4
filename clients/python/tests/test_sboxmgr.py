"""The entry point in an unmodified sboxmgr: what it tells the agent, and that sboxmgr does not notice.

By default a stand-in is run (`fake_sboxmgr`). SBOXMGR_CLI=/path/to/sboxctl (in an environment that has the wheel) runs the real one too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any, Dict, List, Tuple

from sboxagent_client import AgentClient, _redact, paginate, to_dict

from .agent import Agent

FAKE = Path(__file__).resolve().parent / "fake_sboxmgr"
INSTALLED = "site-packages" in __import__("sboxagent_client").__file__ or "dist-packages" in __import__("sboxagent_client").__file__
REAL = os.environ.get("SBOXMGR_CLI", "")


class Runs(unittest.TestCase):
    agent: Agent

    @classmethod
    def setUpClass(cls) -> None:
        cls.agent = Agent().start()
        cls.addClassCleanup(cls.agent.dispose)

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = Path(directory.name)

    def run_it(self, argv: List[str], **env: str) -> Tuple[int, str, str, float]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SBOXAGENT_")}
        start = time.perf_counter()
        done = subprocess.run(argv, capture_output=True, text=True, cwd=self.home, timeout=60,
                              env={**kept, "HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state"), "PYTHONPATH": os.pathsep.join(filter(None, [str(FAKE), os.environ.get("PYTHONPATH", "")])), **env})
        return done.returncode, done.stdout, done.stderr, time.perf_counter() - start

    def fake(self, *argv: str, **env: str) -> Tuple[int, str, str, float]:
        return self.run_it([sys.executable, "-m", "sboxmgr", *argv], **env)

    def events(self, after: int) -> List[Dict[str, Any]]:
        with AgentClient(self.agent.unix) as client:
            return [to_dict(one) for one in paginate(client.list_events, order_by="revision") if one.revision > after and one.attributes.get("origin") == "sboxmgr"]

    def last(self) -> int:
        with AgentClient(self.agent.unix) as client:
            return client.get_status().journal.last_revision

    @unittest.skipUnless(INSTALLED, "the entry point is the installed package's")
    def test_a_good_run(self) -> None:
        off = self.fake("good", "30", SBOXAGENT_DISABLE="1", SBOXAGENT_TARGET=self.agent.unix)
        before = self.last()
        on = self.fake("good", "30", SBOXAGENT_TARGET=self.agent.unix)
        self.assertEqual(off[:3], (0, off[1], ""))
        self.assertEqual(on[:3], (off[0], off[1].replace("['url'", "['sboxagent', 'url'") if "sboxagent" not in off[1] else off[1], off[2]))
        found = self.events(before)
        if not found:  # no time at the end of so short a run: the next one brings it
            self.fake("good", "0", SBOXAGENT_TARGET=self.agent.unix)
            found = self.events(before)
        self.assertEqual(len({one["trace_id"] for one in found if "items" not in one}) >= 1, True)
        traces = {one["attributes"]["original_trace_id"] for one in found}
        self.assertTrue(all(re.fullmatch("[0-9a-f]{8}", one) for one in traces), traces)
        self.assertTrue(all(one["trace_id"] == one["attributes"]["original_trace_id"].rjust(32, "0") for one in found))
        run = [one for one in found if one["attributes"]["original_trace_id"] == found[0]["attributes"]["original_trace_id"]]
        told = {(one["type"], one["source"]) for one in run}
        self.assertEqual(told, {("config.generated", "config.generate"), ("sboxmgr.log", "sboxmgr"), ("plugin.called", "url_base64"), ("plugin.called", "better_parser"),
                                ("plugin.called", "geo_policy"), ("plugin.called", "singbox")})
        calls = {one["source"]: one["data"] for one in run if one["type"] == "plugin.called"}
        self.assertEqual((calls["better_parser"]["items"], calls["singbox"]["items"], calls["url_base64"]["plugin_type"]), (30, 30, "fetcher"))
        self.assertGreater(calls["better_parser"]["duration_ms"], 0)
        self.assertEqual(sum(one["source"] == "better_parser" for one in run), 1)
        policies = [one["data"].get("calls", 1) for one in run if one["source"] == "geo_policy"]
        self.assertEqual((len(policies), sum(policies)), (21, 30))
        generated = [one for one in run if one["type"] == "config.generated"]
        self.assertEqual([(one["data"]["status"], one["priority"]) for one in generated], [("started", 50), ("completed", 80)])
        self.assertEqual(generated[0]["data"]["password"], "***")
        messages = [(one["data"]["message"], one["severity"]) for one in run if one["type"] == "sboxmgr.log"]
        self.assertEqual(messages, [("fetching https://example.org/*** with token=***", "INFO"), ("done", "WARNING")])
        self.assertNotIn("s3cret", str(found))

    @unittest.skipUnless(INSTALLED, "the entry point is the installed package's")
    def test_a_bad_run(self) -> None:
        before = self.last()
        off = self.fake("bad", "bad", SBOXAGENT_DISABLE="1")
        on = self.fake("bad", "bad", SBOXAGENT_TARGET=self.agent.unix)
        self.assertEqual((on[0], on[1], on[2]), (1, off[1], off[2]))
        self.fake("good", "0", SBOXAGENT_TARGET=self.agent.unix)
        (error,) = [one for one in self.events(before) if one["type"] == "plugin.error"]
        self.assertEqual((error["source"], error["severity"], error["data"]["error_type"]), ("url_base64", "ERROR", "OSError"))
        self.assertEqual(error["data"]["error_message"], "cannot fetch https://example.org/***")
        self.assertNotIn("11111111", str(self.events(before)))

    @unittest.skipUnless(INSTALLED, "the entry point is the installed package's")
    def test_an_absent_agent_costs_little(self) -> None:
        took: Dict[str, List[float]] = {"off": [], "absent": []}
        for _ in range(7):
            took["off"].append(self.fake("good", "30", SBOXAGENT_DISABLE="1")[3])
            took["absent"].append(self.fake("good", "30", SBOXAGENT_TARGET="unix:/nonexistent/api.sock")[3])
        # What else the machine does makes a run slower, never quicker.
        cost = min(took["absent"]) - min(took["off"])
        print(f"\nsboxmgr without an agent: {cost * 1000:.0f} ms more a run", file=sys.stderr)
        self.assertLess(cost, 0.1)
        # And what it told waits for the agent.
        before = self.last()
        self.fake("good", "0", SBOXAGENT_TARGET=self.agent.unix)
        time.sleep(0.2)
        self.fake("good", "0", SBOXAGENT_TARGET=self.agent.unix)
        self.assertGreater(len(self.events(before)), 7 * 25)

    @unittest.skipUnless(REAL, "SBOXMGR_CLI names no real sboxctl")
    def test_the_real_one(self) -> None:
        (self.home / "sub.txt").write_text("ss://YWVzLTI1Ni1nY206cGFzc3dvcmQxMjM=@1.2.3.4:8388#one\nvless://11111111-2222-3333-4444-555555555555@ex.org:443?security=tls#two\n")
        argv = [REAL, "subscription", "list", "-u", f"file://{self.home}/sub.txt"]
        off = self.run_it(argv, SBOXAGENT_DISABLE="1", PYTHONPATH="")
        before = self.last()
        on = self.run_it(argv, SBOXAGENT_TARGET=self.agent.unix, PYTHONPATH="")
        self.assertEqual(on[:3], off[:3])
        self.run_it(argv, SBOXAGENT_TARGET=self.agent.unix, PYTHONPATH="")
        found = self.events(before)
        called = {one["source"]: one["data"] for one in found if one["type"] == "plugin.called"}
        self.assertEqual((called["url"]["plugin_type"], called["parser_uri_list"]["items"]), ("fetcher", 2))
        self.assertNotIn("11111111-2222", str(found))


class Redaction(unittest.TestCase):
    def test_texts(self) -> None:
        for text, wanted in (
            ("GET https://u:p@h.example:8443/sub/abc?t=1 failed", "GET https://h.example:8443/*** failed"),
            ("see https://example.org and http://x/", "see https://example.org and http://x/"),
            ("vless://id@host:1?x#n and ss://abc", "vless://*** and ss://***"),
            ("uuid 11111111-2222-3333-4444-555555555555.", "uuid ***."),
            ("Authorization: Bearer abcdef123456", "Authorization: ***"),
            ('{"password": "a b", "n": 1}', '{"password": ***, "n": 1}'),
            ("token=abc; secret: def", "token=***; secret: ***"),
            ("nothing to hide", "nothing to hide"),
        ):
            self.assertEqual(_redact.text(text), wanted)

    def test_data(self) -> None:
        deep: Dict[str, Any] = {}
        deep["again"] = deep
        out = _redact.data({"api_key": "x", "user": {"Password": 1, "name": "n"}, "list": ["https://h/p", {1, 2}], "deep": deep, "tokens": 5, "none": None})
        self.assertEqual((out["api_key"], out["user"], out["list"][0], out["none"]), ("***", {"Password": "***", "name": "n"}, "https://h/***", None))
