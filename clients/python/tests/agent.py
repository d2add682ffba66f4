"""A real daemon for a test: state directory, configuration and port of its own."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Dict, Optional

ROOT = Path(os.environ.get("SBOXAGENT_CHECKOUT") or Path(__file__).resolve().parents[3])
PROGRAM = ROOT / "bin" / "sboxagent"


def free_port() -> int:
    """Below those that the kernel gives to outgoing connections, one of which may take it before, or while the agent is started again."""
    while True:
        port = random.randrange(10_240, 32_768)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Agent:
    def __init__(self, **config: Any) -> None:
        self.dir = Path(tempfile.mkdtemp(prefix="sboxagent-py-"))
        self.state = self.dir / "state"
        self.config = self.dir / "sboxagent.yaml"
        self.port = free_port()
        api: Dict[str, Any] = {"port": self.port, "security": {"rate_limit": {"enabled": False}}, **config.pop("api", {})}
        self.config.write_text(json.dumps({"agent": {"name": "python"}, "api": api, "sboxmgr": {"socket": {"path": str(self.dir / "door.sock")}}, **config}))
        self.config.chmod(0o600)
        self.log = self.dir / "agent.log"
        self.process: Optional["subprocess.Popen[bytes]"] = None
        #: With TLS the port is not asked: this socket is waited for.
        self.ready_by: Optional[str] = None

    @property
    def tcp(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def unix(self) -> str:
        return f"unix:{self.state}/api.sock"

    @property
    def token(self) -> str:
        return (self.state / "admin.token").read_text().strip()

    def start(self) -> "Agent":
        env = {name: value for name, value in os.environ.items() if not name.startswith(("SBOXAGENT_", "OTEL_", "NODE_TEST"))}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(PROGRAM), "serve", "--config", str(self.config), "--state-dir", str(self.state)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        end = time.monotonic() + 60
        while True:
            try:
                if self.ready_by is not None:
                    with socket.socket(socket.AF_UNIX) as sock:
                        sock.connect(self.ready_by)
                    return self
                with urllib.request.urlopen(f"http://{self.tcp}/api/v1/health", timeout=2) as answer:
                    if answer.status == 200:
                        return self
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the daemon did not come up: {self.log.read_text()[-800:]}")
            time.sleep(0.05)

    def kill(self, sig: int = signal.SIGKILL) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(20)

    def dispose(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self) -> "Agent":
        return self.start()

    def __exit__(self, *_: Any) -> None:
        self.dispose()
