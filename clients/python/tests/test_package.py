"""The package itself: it loads on every protobuf and grpcio that it promises, and says why where it cannot. Needs no agent."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

import sboxagent_client
from sboxagent_client import AgentClient, AgentError, errors, types


class Package(unittest.TestCase):
    def test_everything_loads(self) -> None:
        for name in sboxagent_client.__all__:
            self.assertIsNotNone(getattr(sboxagent_client, name), name)

    def test_every_message_is_written_and_read(self) -> None:
        for name in types.__all__:
            kind = getattr(types, name)
            self.assertEqual(kind.FromString(kind().SerializeToString()), kind(), name)

    def test_a_request_is_made(self) -> None:
        with AgentClient("127.0.0.1:1", timeout=0.2) as client:
            for call in (
                lambda: client.create_event(type="a.b", data={"a": [1, {"b": None}]}, severity="INFO", attributes={"a": "b"}),
                lambda: client.list_events(types=["a.*"], since=0),
                lambda: next(client.watch_events(after_revision=0)),
            ):
                with self.assertRaises(AgentError) as caught:
                    call()
                self.assertIn(caught.exception.code, ("UNAVAILABLE", "DEADLINE_EXCEEDED"))
            with self.assertRaisesRegex(ValueError, "severity: 'BAD' is none of DEBUG, INFO"):
                client.create_event(type="a.b", severity="BAD")  # type: ignore[arg-type]
            with self.assertRaisesRegex(TypeError, "has no field 'nonsense'; it has id"):
                client._unary("/sboxagent.v1.ProcessService/GetProcess", {"nonsense": 1}, 0.1)

    def test_details_of_errors_are_read(self) -> None:
        from sboxagent_client._gen.google.rpc import error_details_pb2, status_pb2

        status = status_pb2.Status()
        detail = status.details.add()
        detail.type_url = "type.googleapis.com/google.rpc.ErrorInfo"
        detail.value = error_details_pb2.ErrorInfo(reason="PROCESS_NOT_FOUND", metadata={"a": "b"}).SerializeToString()
        made = errors.make("NOT_FOUND", "gone", status.SerializeToString())
        self.assertEqual((made.reason, made.metadata), ("PROCESS_NOT_FOUND", {"a": "b"}))

    def test_why_it_cannot_be_loaded_is_said(self) -> None:
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "grpc.py").write_text("raise AttributeError('made for another world')")
            program = textwrap.dedent("""
                try:
                    from sboxagent_client import AgentClient
                except ImportError as error:
                    print(error, "|", error.__cause__)
            """)
            path = os.pathsep.join([place, str(Path(sboxagent_client.__file__).parent.parent)])
            done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
        self.assertRegex(done.stdout, r"^sboxagent_client.client cannot be loaded: made for another world \| made for another world", done.stderr)
