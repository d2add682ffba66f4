"""What sboxmgr's bridge does with its agent, played from the outside with nothing but the standard library.

usage: sboxmgr_bridge.py SOCKET TRACE_ID CONFIG

Finds the agent on PATH, pings it by the socket, tells that a validation begins, asks for the validation by the child process,
tells how it went, sends a heartbeat and asks for the status. Prints what it was answered as one JSON object; fails on any reply
that sboxmgr's client would refuse.
"""

import json
import shutil
import socket
import struct
import subprocess
import sys
import uuid
from datetime import datetime, timezone

MAX_BYTES = 1024 * 1024


class Connection:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(5.0)
        self.sock.connect(path)

    def read(self, count):
        data = b""
        while len(data) < count:
            chunk = self.sock.recv(count - len(data))
            if not chunk:
                raise SystemExit("the agent closed the connection")
            data += chunk
        return data

    def ask(self, kind, body, correlation=None):
        message = {
            "id": str(uuid.uuid4()),
            "type": kind,
            "timestamp": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            kind: body,
        }
        if correlation:
            message["correlation_id"] = correlation
        data = json.dumps(message, separators=(",", ":")).encode()
        self.sock.sendall(struct.pack(">II", len(data), 1) + data)
        length, version = struct.unpack(">II", self.read(8))
        assert version == 1 and length <= MAX_BYTES, (version, length)
        reply = json.loads(self.read(length))
        check(reply, message["id"])
        return reply

    def close(self):
        self.sock.close()


def check(reply, request):
    """What the schema of the protocol asks of a reply."""
    assert isinstance(reply["id"], str) and isinstance(reply["timestamp"], str), reply
    datetime.fromisoformat(reply["timestamp"].replace("Z", "+00:00"))
    if reply["type"] == "heartbeat":
        beat = reply["heartbeat"]
        assert isinstance(beat["agent_id"], str) and beat["status"] in ("healthy", "degraded", "unhealthy"), reply
        assert beat["uptime_seconds"] >= 0 and isinstance(beat["version"], str), reply
        return
    assert reply["type"] == "response", reply
    response = reply["response"]
    assert response["status"] in ("success", "error", "partial") and response["request_id"] == request, reply
    assert isinstance(response.get("data", {}), dict), reply
    if "error" in response:
        error = response["error"]
        assert isinstance(error["code"], str) and isinstance(error["message"], str), reply
        assert isinstance(error["details"], dict), reply


def call(request):
    agent = shutil.which("sbox-agent") or shutil.which("sboxagent")
    assert agent, "no agent on PATH"
    ran = subprocess.run([agent, "--json"], input=json.dumps(request), capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 0, ran
    reply = json.loads(ran.stdout)
    assert isinstance(reply["success"], bool) and isinstance(reply["message"], str), reply
    for field in ("trace_id", "error_code", "client_detected", "client_version"):
        assert isinstance(reply.get(field, ""), str), reply
    assert all(isinstance(error, str) for error in reply.get("errors", [])), reply
    return reply


def main():
    path, trace, config = sys.argv[1:]
    door = Connection(path)

    def event(name, data):
        body = {"event_type": name, "source": "sboxmgr.bridge", "priority": "normal", "data": data}
        return door.ask("event", body, trace)["response"]

    pong = door.ask("command", {"command": "ping", "params": {}})["response"]["data"]
    started = event("validation_started", {"config_path": config, "client_type": "sing-box", "strict": True})
    version = call({"command": "version", "version": "1.0"})
    request = {"command": "validate", "version": "1.0", "trace_id": trace, "config_path": config, "client_type": "sing-box", "strict": True}
    validated = call(request)
    completed = event(
        "validation_completed",
        {
            "success": validated["success"],
            "errors": validated["errors"],
            "client_detected": validated.get("client_detected"),
            "client_version": validated.get("client_version"),
        },
    )
    beat = door.ask("heartbeat", {"agent_id": "sboxmgr", "status": "healthy", "version": "0.1.0"})
    status = door.ask("command", {"command": "status", "params": {}})["response"]["data"]
    door.close()
    answers = {"pong": pong, "started": started, "version": version, "validated": validated, "completed": completed}
    print(json.dumps({**answers, "heartbeat": beat["heartbeat"], "status": status}))


main()
