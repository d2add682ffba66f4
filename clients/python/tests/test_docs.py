"""The examples of README.md and examples/ run; the generated files are as the protos have them; types are strict."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import sboxagent_client

from .agent import ROOT, Agent

HERE = Path(__file__).resolve().parent.parent


class Docs(unittest.TestCase):
    def test_examples_run(self) -> None:
        blocks = re.findall(r"```python\n(.*?)```", (HERE / "README.md").read_text(), re.S)
        self.assertGreaterEqual(len(blocks), 6)
        with Agent() as agent, tempfile.TemporaryDirectory() as spool:
            env = {**os.environ, "SBOXAGENT_TARGET": agent.unix, "SBOXAGENT_SPOOL_DIR": spool}
            for block in [*blocks, (HERE / "examples" / "typed.py").read_text()]:
                with self.subTest(block=block[:60]):
                    done = subprocess.run([sys.executable, "-c", block], env=env, capture_output=True, text=True, timeout=60)
                    self.assertEqual(done.returncode, 0, done.stderr)

    def test_generated_files(self) -> None:
        tool = ROOT / "clients" / "python" / "tools" / "generate.py"
        if not tool.exists():
            self.skipTest("no checkout")
        done = subprocess.run([sys.executable, str(tool), "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_strict_types(self) -> None:
        if subprocess.run([sys.executable, "-c", "import mypy"], capture_output=True).returncode != 0:
            self.skipTest("no mypy here")
        installed = Path(sboxagent_client.__file__).parent
        for path, config in ((HERE / "examples", "/dev/null"), (installed, str(HERE / "pyproject.toml"))):
            if config != "/dev/null" and "site-packages" in str(installed):
                continue  # judged as the sources, by CI's own run over src
            done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--config-file", config, "--cache-dir", tempfile.mkdtemp(), str(path)], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_beside_others(self) -> None:
        """A package `sboxagent` or `google.rpc` of somebody else does not matter, whichever comes first."""
        with tempfile.TemporaryDirectory() as name:
            other = Path(name) / "sboxagent" / "v1"
            other.mkdir(parents=True)
            (other.parent / "__init__.py").write_text("raise RuntimeError('not ours')\n")
            code = "import sboxagent_client.types as t, sboxagent_client.client; from sboxagent_client._gen.google.rpc import status_pb2, error_details_pb2; print(t.Event(type='x').type, status_pb2.Status.DESCRIPTOR.full_name)"
            for first in ("", "from google.protobuf import descriptor_pb2, descriptor_pool\n"
                          "f = descriptor_pb2.FileDescriptorProto(name='google/rpc/status.proto', package='google.rpc', syntax='proto3', dependency=['google/protobuf/any.proto'])\n"
                          "from google.protobuf import any_pb2\n"
                          "m = f.message_type.add(name='Status')\n"
                          "m.field.add(name='code', number=1, type=5, label=1); m.field.add(name='message', number=2, type=9, label=1)\n"
                          "m.field.add(name='details', number=3, type=11, label=3, type_name='.google.protobuf.Any')\n"
                          "descriptor_pool.Default().AddSerializedFile(f.SerializeToString())\n"):
                paths = [name, os.environ.get("PYTHONPATH", "")]
                done = subprocess.run([sys.executable, "-c", first + code], env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}, capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stdout.strip()), (0, "x google.rpc.Status"), done.stderr)
