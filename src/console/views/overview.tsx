import { useMemo } from 'preact/hooks';
import { type Health_Component, Health_Status } from '../../../gen/es/sboxagent/v1/agent_pb.js';
import type { Alert } from '../../../gen/es/sboxagent/v1/alert_pb.js';
import { type Event, Event_Severity } from '../../../gen/es/sboxagent/v1/event_pb.js';
import { type Process, Process_DesiredState, Process_State } from '../../../gen/es/sboxagent/v1/process_pb.js';
import { useApp, useTexts } from '../core/app.ts';
import { bytes, digits, durationOf, percent, span } from '../core/format.ts';
import { gistOf } from '../core/gist.ts';
import { href } from '../core/router.ts';
import { useLoad } from '../core/use-load.ts';
import { HealthBadge, healthTones, nameOf, ProcessBadge, processTones, SeverityBadge } from '../parts/badge.tsx';
import { Section } from '../parts/facts.tsx';
import { Empty, Ready } from '../parts/note.tsx';
import { Plot, plotWindows, pointsOf, seriesOf } from '../parts/plot.tsx';
import { Clock } from '../parts/time.tsx';
import { Why } from './processes.tsx';

const healthEveryMs = 10_000;

/** What one sees first: is all well, and if not, what, and what to do. */
export function Overview() {
  const { clients } = useApp();
  const health = useLoad((signal) => clients.agent.getHealth({}, { signal }), [], healthEveryMs);
  return (
    <>
      <Ready of={health}>{(value) => <Verdict status={value.status} components={value.components} />}</Ready>
      <Plots />
      <Recent />
    </>
  );
}

/** Processes that are not as they are wanted. */
function isTrouble({ state, desired }: Process): boolean {
  if (state === Process_State.CRASH_LOOP || state === Process_State.BACKOFF) return true;
  return desired === Process_DesiredState.UP && state === Process_State.EXITED;
}

interface VerdictProps {
  readonly status: Health_Status;
  readonly components: readonly Health_Component[];
}

function Verdict({ status, components }: VerdictProps) {
  const texts = useTexts();
  const { processes, alerts, session } = useApp();
  const all = [...(processes.all.value?.values() ?? [])];
  const trouble = all.filter(isTrouble);
  const firing = (alerts.firing.value ?? []).filter(({ subject }) => !trouble.some(({ id }) => id === subject));
  // What a component only repeats of a process is said once.
  const unwell = components.filter((one) => one.status !== Health_Status.HEALTHY && !(one.name === 'processes' && trouble.length > 0));
  const n = trouble.length + firing.length + unwell.length;
  const down = trouble.some(({ state }) => state === Process_State.CRASH_LOOP);
  const worst = n === 0 ? Health_Status.HEALTHY : down ? Health_Status.UNHEALTHY : Math.max(status, Health_Status.DEGRADED);
  const tone = healthTones[nameOf(Health_Status, worst)];
  const word = { ok: texts.overview.well, bad: texts.overview.unwell }[tone as string] ?? texts.overview.degraded;
  const state = session.state.value;
  const uptime = state.kind === 'open' ? durationOf(state.status.uptime) : undefined;
  const plugins = state.kind === 'open' ? state.status.plugins : 0;
  const up = all.filter(({ pid }) => pid > 0).length;
  return (
    <>
      <header class={`verdict ${tone}`}>
        <h1>{word}</h1>
        <p>
          {texts.overview.summary(up, all.length, plugins)}
          {uptime !== undefined && ` · ${texts.overview.uptime(span(uptime))}`}
        </p>
      </header>
      {n > 0 && (
        <ul class="attention" aria-label={texts.overview.attention}>
          {trouble.map((process) => (
            <TroubledProcess key={process.id} process={process} />
          ))}
          {firing.map((alert) => (
            <FiringAlert key={alert.id} alert={alert} />
          ))}
          {unwell.map((component) => (
            <SickComponent key={component.name} component={component} />
          ))}
        </ul>
      )}
      {processes.all.value !== undefined && all.length === 0 && <Empty>{texts.overview.noProcesses}</Empty>}
    </>
  );
}

function TroubledProcess({ process }: { readonly process: Process }) {
  const texts = useTexts();
  return (
    <li class={processTones[nameOf(Process_State, process.state)]}>
      <ProcessBadge state={process.state} />
      <div>
        <a href={href('processes', process.id)}>{process.id}</a>
        <p>
          <Why process={process} />
        </p>
      </div>
      <a class="button plain" href={href('processes', process.id)}>
        {texts.processes.explain}
      </a>
    </li>
  );
}

function FiringAlert({ alert }: { readonly alert: Alert }) {
  const texts = useTexts();
  return (
    <li class="warn">
      <SeverityBadge severity={alert.severity} />
      <div>
        <a href={href('alerts')}>{alert.rule}</a>
        <p>{alert.summary}</p>
      </div>
      <a class="button plain" href={href('alerts')}>
        {texts.common.details}
      </a>
    </li>
  );
}

function SickComponent({ component }: { readonly component: Health_Component }) {
  const texts = useTexts();
  return (
    <li class={healthTones[nameOf(Health_Status, component.status)]}>
      <HealthBadge status={component.status} />
      <div>
        <a href={href('health')}>{component.name}</a>
        <p>{component.message}</p>
        <p class="dim">{texts.health.remedies[component.name]}</p>
      </div>
      <a class="button plain" href={href('health')}>
        {texts.common.details}
      </a>
    </li>
  );
}

const plotted = [
  'sboxagent_system_cpu_usage_ratio',
  'sboxagent_system_memory_used_bytes',
  'sboxagent_system_memory_total_bytes',
  'sboxagent_system_network_receive_bytes_total',
  'sboxagent_system_network_transmit_bytes_total',
  'sboxagent_events_total',
] as const;
const [cpu, used, total, received, sent, stored] = plotted;
const plotsEveryMs = 30_000;

function Plots() {
  const texts = useTexts();
  const { clients } = useApp();
  const t = texts.overview;
  const figures = useLoad(
    (signal) => clients.metrics.getMetrics({ names: [...plotted], windows: plotWindows, points: true }, { signal }),
    [],
    plotsEveryMs,
  );
  const metrics = figures.kind === 'ready' ? figures.value.metrics : undefined;
  const lines = useMemo(() => {
    const line = (name: string, metric: string, of: 'mean' | 'rate') => ({ name, points: pointsOf(seriesOf(metrics ?? [], metric), of) });
    return {
      cpu: [line(t.cpu, cpu, 'mean')],
      memory: [line(t.memory, used, 'mean')],
      traffic: [line(t.received, received, 'rate'), line(t.sent, sent, 'rate')],
      events: [line(t.events, stored, 'rate')],
    };
  }, [metrics, t]);
  const all = seriesOf(metrics ?? [], total)?.value;
  const perSecond = (format: (value: number) => string) => (value: number) => `${format(value)}${t.perSecond}`;
  return (
    <div class="plots">
      <Plot title={t.cpu} lines={lines.cpu} format={percent} most={0.1} />
      <Plot
        title={t.memory}
        lines={lines.memory}
        format={bytes}
        binary
        most={all}
        note={all === undefined ? undefined : t.ofTotal(bytes(all))}
      />
      <Plot title={t.traffic} lines={lines.traffic} format={perSecond(bytes)} binary most={1024} />
      <Plot title={t.events} lines={lines.events} format={perSecond((value) => digits(value))} most={1} />
    </div>
  );
}

/** Whether the sentence of an event says what it is about; an alert's id is nothing to a reader. */
function isNamed(event: Event): boolean {
  return event.type.startsWith('alert.') || gistOf(event).includes(event.subject);
}

const recentEvents = 8;

function Recent() {
  const texts = useTexts();
  const { clients } = useApp();
  const recent = useLoad(
    (signal) => clients.events.listEvents({ filter: { minSeverity: Event_Severity.WARNING }, pageSize: recentEvents }, { signal }),
    [],
    healthEveryMs,
  );
  return (
    <Section title={texts.overview.recent}>
      <Ready of={recent}>
        {({ events }) =>
          events.length === 0 ? (
            <Empty>{texts.overview.noRecent}</Empty>
          ) : (
            <ul class="recent">
              {events.map((event) => (
                <li key={`${event.revision}`}>
                  <span class="when">
                    <Clock time={event.time} />
                  </span>
                  <SeverityBadge severity={event.severity} />
                  <code>{event.type}</code>
                  <span class="gist">
                    {isNamed(event) ? '' : event.subject} <span class="dim">{gistOf(event)}</span>
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Ready>
    </Section>
  );
}
