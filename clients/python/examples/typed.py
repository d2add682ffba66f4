"""The whole package as a type checker sees it: `mypy --strict` passes over this file, and it runs (SBOXAGENT_TARGET names the agent)."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Dict, List, Union

from sboxagent_client import (
    AgentClient,
    AgentError,
    AsyncAgentClient,
    EventEmitter,
    EventStreamClient,
    Gap,
    HealthReporter,
    MetricsCollector,
    PluginConfigWatcher,
    types,
)


def publish(agent: AgentClient) -> int:
    event: types.Event = agent.create_event(
        type="example.made", source="typed", severity="WARNING", priority=60, time=datetime.now(timezone.utc), data={"n": 1}, attributes={"a": "b"}
    )
    receipts = agent.batch_create_events(events=[{"type": "example.made", "source": "typed"}, types.Event(type="example.made", source="typed")])
    return max(event.revision, *(one.revision for one in receipts.receipts))


def look(agent: AgentClient) -> List[str]:
    page: types.ListEventsResponse = agent.list_events(types=["example.*"], min_severity="INFO", since=datetime.now(timezone.utc) - timedelta(hours=1), page_size=10)
    states: Dict[str, int] = {process.id: process.state for process in agent.list_processes(states=["READY", "RUNNING"]).processes}
    return [event.type for event in page.events] + list(states)


def failing(agent: AgentClient) -> str:
    try:
        agent.stop_process(id="nobody", grace=timedelta(seconds=1))
    except AgentError as error:
        wait: float = error.retry_after or 0.0
        return f"{error.reason} {error.code} {[one.field for one in error.violations]} {wait}"
    return ""


async def look_async() -> str:
    async with AsyncAgentClient(timeout=5.0) as agent:
        status: types.AgentStatus = await agent.get_status()
        async with agent.watch_events(after_revision=0, types=["example.*"]) as messages:
            async for message in messages:
                return f"{status.name} {message.revision}"
    return ""


def main() -> None:
    with AgentClient(timeout=5.0) as agent:
        print(publish(agent), look(agent), failing(agent))
    print(asyncio.run(look_async()))

    with EventEmitter("typed", flush_interval=0.1) as emitter:
        made = emitter.emit("example.emitted", {"n": 2}, severity="INFO", trace_id="1a2b3c4d")
        print(made is not None, emitter.flush(5.0), emitter.stats["sent"])

    one: Union[types.Event, Gap]
    for one in EventStreamClient(give_up_after=5.0).events(types=["example.*"], after_revision=0):
        if isinstance(one, Gap):
            print(one.count)
        else:
            print(one.type, one.revision)
        break

    with HealthReporter("typed-plugin", interval=60) as reporter, MetricsCollector("typed-plugin") as metrics:

        @reporter.check
        def fine() -> bool:
            return True

        @metrics.timer("work", kind="example")
        def work(number: int) -> int:
            return number + 1

        metrics.counter("runs")
        metrics.gauge("depth", 2.5, unit="ratio")
        reporter.report("HEALTHY", depth=2)
        print(fine(), work(1), reporter.flush(5.0), metrics.flush(5.0))

    with PluginConfigWatcher("typed-plugin", schema={"type": "object"}) as watcher, AgentClient() as agent:
        agent.update_plugin_config(id="typed-plugin", config={"level": 3})
        for document in watcher:
            with document as config:
                print(config["level"], document.revision)
            break


if __name__ == "__main__":
    main()
