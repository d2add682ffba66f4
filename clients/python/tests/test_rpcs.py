"""Every RPC of the protos, over the unix socket and over TCP with a token, blocking and asyncio."""

from __future__ import annotations

import asyncio
import inspect
import re
import unittest
from typing import Any, Callable, Dict, List, Tuple

from sboxagent_client import AgentClient, AgentError, AsyncAgentClient
from sboxagent_client._calls import RPCS, AsyncStream, Stream

from .agent import Agent

PLUGIN = "every-rpc"
UNITS = {"sleeper": {"command": ["/bin/sleep", "600"], "on_agent_exit": "stop"}}


class Walk:
    """Calls in an order in which each has what it needs. `expect` names the reasons that are an answer too."""

    def __init__(self) -> None:
        self.session = self.backup = self.etag = self.document = ""

    def steps(self) -> List[Tuple[str, Callable[[], Dict[str, Any]], Tuple[str, ...]]]:
        none: Callable[[], Dict[str, Any]] = dict
        session = lambda **more: {"plugin_id": PLUGIN, "session_id": self.session, **more}  # noqa: E731
        return [
            ("get_health", none, ()),
            ("get_status", none, ()),
            ("register_plugin", lambda: {"id": PLUGIN, "kind": "REMOTE", "lease": 30, "config_schema": {"type": "object"}, "secret_paths": ["token"]}, ()),
            ("renew_plugin_lease", session, ()),
            ("report_plugin_health", lambda: session(status="DEGRADED", message="slow", data={"n": 1}), ()),
            ("record_metrics", lambda: session(points=[{"name": "runs", "kind": "COUNTER", "value": 1, "labels": {"a": "b"}}]), ()),
            ("update_plugin_config", lambda: {"id": PLUGIN, "config": {"token": "s", "n": 1}}, ()),
            ("watch_plugin_config", session, ()),
            ("ack_plugin_config", lambda: session(revision=1, applied=True), ()),
            ("update_plugin_config", lambda: {"id": PLUGIN, "config": {"token": "***", "n": 2}}, ()),
            ("get_plugin_config", lambda: {"id": PLUGIN}, ()),
            ("list_plugin_config_backups", lambda: {"id": PLUGIN}, ()),
            ("restore_plugin_config_backup", lambda: {"id": PLUGIN, "backup": self.backup}, ()),
            ("list_plugins", lambda: {"kinds": ["REMOTE"]}, ()),
            ("get_plugin", lambda: {"id": PLUGIN}, ()),
            ("watch_plugins", lambda: {"ids": [PLUGIN]}, ()),
            ("start_plugin", lambda: {"id": PLUGIN}, ("PLUGIN_NOT_PROCESS",)),
            ("stop_plugin", lambda: {"id": PLUGIN}, ("PLUGIN_NOT_PROCESS",)),
            ("restart_plugin", lambda: {"id": PLUGIN}, ("PLUGIN_NOT_PROCESS",)),
            ("disable_plugin", lambda: {"id": PLUGIN}, ()),
            ("enable_plugin", lambda: {"id": PLUGIN}, ()),
            ("register_plugin", lambda: {"id": PLUGIN, "kind": "REMOTE", "lease": 30}, ()),
            ("end_plugin_session", session, ()),
            ("delete_plugin", lambda: {"id": PLUGIN}, ()),
            ("create_event", lambda: {"type": "every.rpc", "source": "python", "id": "one", "data": {"deep": {"list": [1, "two", None, True]}}}, ()),
            ("batch_create_events", lambda: {"events": [{"type": "every.rpc", "source": "python", "id": "two"}]}, ()),
            ("publish_events", none, ()),
            ("get_event", lambda: {"id": "one", "source": "python"}, ()),
            ("list_events", lambda: {"types": ["every.*"], "page_size": 1}, ()),
            ("watch_events", lambda: {"after_revision": 0, "types": ["every.*"]}, ()),
            ("start_process", lambda: {"id": "sleeper", "wait_for": "RUNNING"}, ()),
            ("get_process", lambda: {"id": "sleeper"}, ()),
            ("list_processes", lambda: {"states": ["RUNNING", "READY"]}, ()),
            ("watch_processes", none, ()),
            ("restart_process", lambda: {"id": "sleeper"}, ()),
            ("reload_process", lambda: {"id": "sleeper"}, ("RELOAD_UNSUPPORTED", "PROCESS_NOT_READY")),
            ("explain_process", lambda: {"id": "sleeper"}, ()),
            ("get_process_config", lambda: {"id": "sleeper"}, ("PROCESS_HAS_NO_CONFIG",)),
            ("apply_process_config", lambda: {"id": "sleeper", "content": "{}", "async_": True}, ("PROCESS_HAS_NO_CONFIG",)),
            ("get_apply", lambda: {"id": "01M8KB176PXV9K1WKYHE6RSQKN"}, ("APPLY_NOT_FOUND",)),
            ("list_process_config_revisions", lambda: {"id": "sleeper"}, ("PROCESS_HAS_NO_CONFIG",)),
            ("rollback_process_config", lambda: {"id": "sleeper", "revision": 1}, ("PROCESS_HAS_NO_CONFIG",)),
            ("stop_process", lambda: {"id": "sleeper", "grace": 5}, ()),
            ("list_logs", lambda: {"sources": ["agent"]}, ()),
            ("tail_logs", lambda: {"sources": ["agent"], "lines": 5}, ()),
            ("get_config", none, ()),
            ("validate_config", lambda: {"document": {"agent": {"name": "x"}}}, ()),
            ("update_config", lambda: {"document": {"agent": {"name": "renamed"}}, "update_mask": ["agent.name"], "etag": self.etag, "reason": "test"}, ()),
            ("reload_config", none, ()),
            ("list_config_revisions", none, ()),
            ("rollback_config", lambda: {"revision": 1, "reason": "test"}, ()),
            ("get_metrics", none, ()),
            ("list_traces", lambda: {"methods": ["RegisterPlugin"], "page_size": 1}, ()),
            ("get_trace", lambda: {"trace_id": "0000feed"}, ("TRACE_NOT_FOUND",)),
            ("list_fleet_agents", lambda: {"labels": "region=eu"}, ()),
            ("list_audit_entries", lambda: {"methods": ["*RegisterPlugin"], "page_size": 1}, ()),
            ("list_alerts", lambda: {"states": ["FIRING"]}, ()),
            ("watch_alerts", none, ()),
            ("acknowledge_alert", lambda: {"id": "nobody", "comment": "seen"}, ("ALERT_NOT_FOUND",)),
        ]

    def learn(self, name: str, answer: Any) -> None:
        if name == "register_plugin":
            self.session = answer.session_id
        elif name == "list_plugin_config_backups":
            self.backup = answer.backups[0].id
        elif name == "get_config":
            self.etag = answer.etag


def batches() -> List[Any]:
    from sboxagent_client import types

    return [types.PublishEventsRequest(batch_id=n, events=[types.Event(type="every.rpc", source="python", id=f"p{n}")]) for n in (1, 2)]


def snake(path: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", path.rsplit("/", 1)[1]).lower()


class EveryRpc(unittest.TestCase):
    agent: Agent

    def setUp(self) -> None:
        self.agent = Agent(processes={"units": UNITS}).start()
        self.addCleanup(self.agent.dispose)

    def judge(self, name: str, expected: Tuple[str, ...], error: AgentError) -> None:
        self.assertNotEqual(error.code, "UNIMPLEMENTED", f"{name}: {error}")
        self.assertIn(error.reason, expected, f"{name}: {error.code} {error}")

    def test_all_are_walked(self) -> None:
        walked = {name for name, _, _ in Walk().steps()}
        self.assertEqual(walked, {snake(path) for path in RPCS})

    def test_blocking(self) -> None:
        for kind in ("unix", "tcp"):
            connection: Dict[str, Any] = {"target": self.agent.unix} if kind == "unix" else {"target": self.agent.tcp, "token": self.agent.token}
            walk = Walk()
            with AgentClient(**connection) as client:
                for name, fields, expected in walk.steps():
                    with self.subTest(rpc=name, target=kind):
                        try:
                            method = getattr(client, name)
                            answer = method(batches()) if name == "publish_events" else method(**fields())
                            if isinstance(answer, Stream):
                                with answer as messages:
                                    answer = next(messages)
                            walk.learn(name, answer)
                        except AgentError as error:
                            self.judge(name, expected, error)
            self.again()

    def again(self) -> None:
        """Events and configuration of the first walk are not those of the second."""
        self.agent.dispose()
        self.agent = Agent(processes={"units": UNITS}).start()
        self.addCleanup(self.agent.dispose)

    def test_async(self) -> None:
        async def walk_all() -> None:
            walk = Walk()
            async with AsyncAgentClient(self.agent.unix) as client:
                for name, fields, expected in walk.steps():
                    with self.subTest(rpc=name):
                        try:
                            method = getattr(client, name)
                            answer = method(batches()) if name == "publish_events" else method(**fields())
                            if isinstance(answer, AsyncStream):
                                async with answer as messages:
                                    answer = await messages.__anext__()
                            elif inspect.isawaitable(answer):
                                answer = await answer
                            walk.learn(name, answer)
                        except AgentError as error:
                            self.judge(name, expected, error)

        asyncio.run(walk_all())
