"""Errors, tokens, TLS, targets and values."""

from __future__ import annotations

import os
import pickle
import subprocess
import tempfile
import threading
import time
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict
from unittest import mock

from sboxagent_client import (
    Aborted, AgentClient, AgentError, AlreadyExists, DeadlineExceeded, InvalidArgument, NotFound, ResourceExhausted, Unauthenticated, Unavailable,
    enum_name, to_dict, types,
)
from sboxagent_client._convert import fill
from sboxagent_client._target import Token, parse, resolve

from .agent import Agent


class Failures(unittest.TestCase):
    agent: Agent

    @classmethod
    def setUpClass(cls) -> None:
        cls.agent = Agent().start()
        cls.addClassCleanup(cls.agent.dispose)

    def test_each_code_has_its_class(self) -> None:
        with AgentClient(self.agent.unix) as client:
            with self.assertRaises(NotFound) as found:
                client.get_process(id="nobody")
            self.assertEqual((found.exception.reason, found.exception.code), ("PROCESS_NOT_FOUND", "NOT_FOUND"))
            self.assertEqual(found.exception.metadata["process_id"], "nobody")
            self.assertIsNone(found.exception.retry_after)
            copy = pickle.loads(pickle.dumps(found.exception))
            self.assertEqual((type(copy), copy.reason, copy.metadata), (NotFound, "PROCESS_NOT_FOUND", found.exception.metadata))
            with self.assertRaises(InvalidArgument) as invalid:
                client.create_event(type="Not Dotted", attributes={"k" * 200: "v"})
            self.assertGreaterEqual({one.field for one in invalid.exception.violations}, {"event.type"})
            client.create_event(type="a.b", source="x", request_id="same")
            with self.assertRaises(AlreadyExists) as reused:
                client.create_event(type="a.c", source="x", request_id="same")
            self.assertEqual(reused.exception.reason, "REQUEST_ID_REUSED")
            etag = client.get_config().etag
            with self.assertRaises(Aborted):
                client.update_config(document={"agent": {"name": "x"}}, update_mask=["agent.name"], etag=etag + "x")

    def test_wrong_fields_are_told_before_the_call(self) -> None:
        with AgentClient(self.agent.unix) as client:
            with self.assertRaisesRegex(ValueError, "severity"):
                client.create_event(type="a.b", severity="BAD")  # type: ignore[arg-type]
            with self.assertRaisesRegex(TypeError, "types"):
                client.list_events(types="a.*")
            with self.assertRaisesRegex(TypeError, "no field"):
                client.list_events(filter={"kinds": ["a"]})

    def test_tokens(self) -> None:
        with self.assertRaises(Unauthenticated), AgentClient(self.agent.tcp) as client:
            client.get_status()
        with self.assertRaises(Unauthenticated) as wrong, AgentClient(self.agent.tcp, "x" * 40) as client:
            client.get_status()
        self.assertEqual(wrong.exception.reason, "TOKEN_INVALID")
        self.assertNotIn("x" * 40, str(wrong.exception))
        with AgentClient(f"http://{self.agent.tcp}", token_file=self.agent.state / "admin.token") as client:
            self.assertTrue(client.get_status().version)
        with mock.patch.dict(os.environ, {"SBOXAGENT_TARGET": self.agent.tcp, "SBOXAGENT_TOKEN": self.agent.token}), AgentClient() as client:
            self.assertEqual(client.target, self.agent.tcp)
            self.assertTrue(client.get_status().version)
        with mock.patch.dict(os.environ, {"SBOXAGENT_TARGET": self.agent.tcp, "SBOXAGENT_TOKEN_FILE": str(self.agent.state / "admin.token")}), AgentClient() as client:
            self.assertTrue(client.get_status().version)

    def test_a_token_file_is_read_again(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "token"
            path.write_text("x" * 40)
            with AgentClient(self.agent.tcp, token_file=path) as client:
                with self.assertRaises(Unauthenticated):
                    client.get_status()
                path.write_text(self.agent.token + "\n")
                self.assertTrue(client.get_status().version)

    def test_deadline_and_absence(self) -> None:
        with AgentClient(self.agent.unix) as client, self.assertRaises(DeadlineExceeded):
            for _ in client.watch_events(timeout=0.3):
                pass
        start = time.monotonic()
        with AgentClient("unix:/nonexistent/api.sock", timeout=2.0) as client, self.assertRaises(Unavailable):
            client.get_status()
        self.assertLess(time.monotonic() - start, 10.0)

    def test_cancelling_ends_the_iteration(self) -> None:
        with AgentClient(self.agent.unix) as client:
            stream = client.watch_events()
            next(stream)
            threading.Timer(0.3, stream.cancel).start()
            for _ in stream:
                pass

    def test_many_threads_share_a_client(self) -> None:
        with AgentClient(self.agent.unix) as client:
            threads = [threading.Thread(target=lambda n=n: client.create_event(type="many.threads", source="t", id=str(n))) for n in range(32)]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
            self.assertEqual(len(client.list_events(types=["many.threads"]).events), 32)

    def test_a_call_outlives_a_restart(self) -> None:
        with Agent() as agent, AgentClient(agent.unix, timeout=20.0) as client:
            client.get_status()
            agent.kill()
            back = threading.Thread(target=agent.start)
            back.start()
            event = client.create_event(type="after.restart", source="x")
            back.join()
            self.assertEqual([one.id for one in client.list_events(types=["after.restart"]).events], [event.id])


class RateLimit(unittest.TestCase):
    def test_retry_after_is_told_and_honoured(self) -> None:
        with Agent(api={"security": {"rate_limit": {"enabled": True, "requests_per_minute": 60, "burst": 2}}}) as agent:
            with AgentClient(agent.tcp, agent.token) as client:
                for _ in range(3):
                    client.get_status(timeout=10.0)
                with self.assertRaises(ResourceExhausted) as limited:
                    for _ in range(5):
                        client.get_status(timeout=0.9)  # less than it is told to wait, and enough for the answer of a busy agent
                self.assertEqual(limited.exception.reason, "RATE_LIMITED")
                self.assertGreater(limited.exception.retry_after or 0.0, 0.0)


def certificates(directory: Path) -> None:
    run = lambda *argv: subprocess.run(["openssl", *argv], check=True, capture_output=True, cwd=directory)  # noqa: E731
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test ca")
    for name in ("server", "client"):
        run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (directory / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", "ext")
    for path in directory.iterdir():
        path.chmod(0o600)


class Tls(unittest.TestCase):
    def test_tls_and_client_certificates(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            certificates(directory)
            tls = {"cert_file": str(directory / "server.pem"), "key_file": str(directory / "server.key"), "client_ca_file": str(directory / "ca.pem")}
            agent = Agent(api={"tls": tls})
            self.addCleanup(agent.dispose)
            agent.ready_by = agent.unix[len("unix:") :]
            agent.start()
            own: Dict[str, Any] = {"cert_file": directory / "client.pem", "key_file": directory / "client.key"}
            with AgentClient(f"https://localhost:{agent.port}", agent.token, ca_file=directory / "ca.pem", **own) as client:
                self.assertTrue(client.get_status().version)
            with self.assertRaises(Unavailable), AgentClient(f"https://localhost:{agent.port}", agent.token, timeout=4.0, ca_file=directory / "ca.pem") as client:
                client.get_status()


class Values(unittest.TestCase):
    def test_there_and_back(self) -> None:
        event = types.Event()
        when = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc)
        data = {"a": [1, 2.5, None, True, {"b": "c"}], "big": 2**60, "nan": float("nan"), "set": {1}, "bytes": b"x", "time": when, "path": Path("/x")}
        fill(event, {"type": "a.b", "severity": "warning", "time": when, "data": data, "attributes": {"k": "v"}})
        back = to_dict(event)
        self.assertEqual(back["time"], when)
        self.assertEqual((back["severity"], enum_name(event, "severity")), ("WARNING", "WARNING"))
        self.assertEqual(back["data"], {"a": [1, 2.5, None, True, {"b": "c"}], "big": str(2**60), "nan": "nan", "set": [1], "bytes": "x", "time": when.isoformat(), "path": "/x"})
        self.assertNotIn("priority", back)
        naive = datetime(2026, 1, 2, 3, 4, 5)
        fill(event, {"time": naive})
        self.assertEqual(event.time.seconds, int(naive.timestamp()))
        plugin = types.PluginRegistration()
        fill(plugin, {"cadence": timedelta(minutes=30, microseconds=1)})
        self.assertEqual((plugin.cadence.seconds, plugin.cadence.nanos), (1800, 1000))
        deep: Any = "end"
        for _ in range(100):
            deep = {"in": deep}
        fill(event, {"data": deep})
        event.SerializeToString()

    def test_targets(self) -> None:
        self.assertEqual(parse("unix:/run/x.sock").address, "unix:/run/x.sock")
        self.assertEqual(parse("unix:///run/x.sock").address, "unix:/run/x.sock")
        self.assertEqual(parse("https://agent.example:8443"), ("agent.example:8443", True))
        self.assertEqual(parse("localhost").address, "localhost:8080")
        self.assertEqual(parse("http://[::1]:9").address, "[::1]:9")
        for wrong in ("", "unix:", "ftp://x", "/run/x.sock", "http://x/path"):
            with self.assertRaises(ValueError):
                parse(wrong)
        with tempfile.TemporaryDirectory() as directory, mock.patch.dict(os.environ, {"SBOXAGENT_AGENT_STATE_DIR": directory}):
            os.environ.pop("SBOXAGENT_TARGET", None)
            import socket

            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(os.path.join(directory, "api.sock"))
                self.assertEqual(resolve(None).address, f"unix:{directory}/api.sock")

    def test_a_token_is_not_shown(self) -> None:
        self.assertNotIn("secret", repr(Token("secret")))
        with self.assertRaises(ValueError):
            Token("a\nb")

    def test_errors_without_details(self) -> None:
        from sboxagent_client import errors

        self.assertIsInstance(errors.make("NOT_FOUND", "x", b"\xff\xff"), NotFound)
        self.assertIs(type(errors.make("SOMETHING", "x")), AgentError)
