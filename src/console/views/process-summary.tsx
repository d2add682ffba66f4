import { useMemo } from 'preact/hooks';
import type { Process } from '../../../gen/es/sboxagent/v1/process_pb.js';
import type { ProcessExplanation } from '../../../gen/es/sboxagent/v1/process_service_pb.js';
import { useApp, useTexts } from '../core/app.ts';
import { bytes, clock, percent, span } from '../core/format.ts';
import { href } from '../core/router.ts';
import { type Run, type RunEnd, runsOf } from '../core/runs.ts';
import { nowMs } from '../core/time.ts';
import { useLoad } from '../core/use-load.ts';
import { Diff, Lines } from '../parts/diff.tsx';
import { Facts, Section } from '../parts/facts.tsx';
import { Empty, Ready } from '../parts/note.tsx';
import { Plot, plotWindows, pointsOf, seriesOf } from '../parts/plot.tsx';
import { Clock, Relative } from '../parts/time.tsx';
import type { Texts } from '../text/index.ts';
import { Traffic } from './processes.tsx';

const everyMs = 10_000;
const plotsEveryMs = 30_000;
const eventsRead = 500;

export function ProcessSummary({ process }: { readonly process: Process }) {
  const texts = useTexts();
  const { clients } = useApp();
  const { id, state } = process;
  const explained = useLoad((signal) => clients.processes.explainProcess({ id }, { signal }), [id, state, process.restartCount], everyMs);
  const events = useLoad(
    (signal) => clients.events.listEvents({ filter: { subjects: [id], types: ['process.*'] }, pageSize: eventsRead }, { signal }),
    [id, state, process.restartCount],
  );
  return (
    <>
      <Ready of={explained}>{(value) => <Explained explanation={value} />}</Ready>
      <ProcessFacts process={process} />
      <ProcessPlots id={id} />
      <Section title={texts.process.runs}>
        <Ready of={events}>{(page) => <Runs runs={runsOf([...page.events].reverse(), process.pid > 0)} />}</Ready>
      </Section>
    </>
  );
}

/** What happened and what to do, in the agent's own words. */
function Explained({ explanation }: { readonly explanation: ProcessExplanation }) {
  const texts = useTexts();
  const { summary, remedies, nextAction, nextActionTime, logLines, configDiff } = explanation;
  return (
    <Section title={texts.process.whatHappened}>
      <p class="lead">{summary}</p>
      {nextAction !== '' && (
        <p>
          {texts.overview.next}: {nextAction} {nextActionTime !== undefined && <Relative time={nextActionTime} />}
        </p>
      )}
      {remedies.length > 0 && (
        <>
          <h3>{texts.process.whatToDo}</h3>
          <ol class="remedies">
            {remedies.map((remedy) => (
              <li key={remedy}>{remedy}</li>
            ))}
          </ol>
        </>
      )}
      {logLines.length > 0 && (
        <>
          <h3>{texts.process.lastLines}</h3>
          <Lines lines={logLines} label={texts.process.lastLines} />
        </>
      )}
      {configDiff !== '' && (
        <>
          <h3>{texts.process.configDiff}</h3>
          <Diff text={configDiff} label={texts.process.configDiff} />
        </>
      )}
    </Section>
  );
}

function ProcessFacts({ process }: { readonly process: Process }) {
  const texts = useTexts();
  const { figures } = useApp();
  const own = figures.byProcess.value.get(process.id);
  const up = process.pid > 0;
  const { resources } = process;
  return (
    <Facts
      rows={[
        [texts.process.pid, up && process.pid],
        [texts.process.started, up && <Clock time={process.startTime} />],
        [texts.processes.restarts, process.restartCount],
        [texts.processes.cpu, up && own?.cpuRatio !== undefined && percent(own.cpuRatio)],
        [texts.processes.memory, up && own?.memoryBytes !== undefined && bytes(own.memoryBytes)],
        [texts.processes.traffic, up && own?.receiveRate !== undefined && <Traffic figures={own} />],
        [texts.process.connections, up && own?.connections],
        [texts.process.fds, up && resources?.openFds],
        [texts.process.threads, up && resources?.threads],
        [
          texts.process.dependsOn,
          process.dependsOn.length > 0 &&
            process.dependsOn.map((other, i) => (
              <>
                {i > 0 && ', '}
                <a key={other} href={href('processes', other)}>
                  {other}
                </a>
              </>
            )),
        ],
        [texts.process.command, process.command.length > 0 && <code>{process.command.join(' ')}</code>],
        [texts.process.configFile, process.configPath !== '' && <code>{process.configPath}</code>],
      ]}
    />
  );
}

const plotted = [
  'sboxagent_process_cpu_usage_ratio',
  'sboxagent_process_resident_memory_bytes',
  'sboxagent_engine_receive_bytes_total',
  'sboxagent_engine_transmit_bytes_total',
] as const;
const [cpu, memory, received, sent] = plotted;

function ProcessPlots({ id }: { readonly id: string }) {
  const texts = useTexts();
  const { clients } = useApp();
  const t = texts.overview;
  const figures = useLoad(
    (signal) =>
      clients.metrics.getMetrics({ names: [...plotted], labels: { process: id }, windows: plotWindows, points: true }, { signal }),
    [id],
    plotsEveryMs,
  );
  const metrics = figures.kind === 'ready' ? figures.value.metrics : undefined;
  const lines = useMemo(() => {
    const line = (name: string, metric: string, of: 'mean' | 'rate') => ({ name, points: pointsOf(seriesOf(metrics ?? [], metric), of) });
    return {
      cpu: [line(texts.processes.cpu, cpu, 'mean')],
      memory: [line(texts.processes.memory, memory, 'mean')],
      traffic: [line(t.received, received, 'rate'), line(t.sent, sent, 'rate')],
    };
  }, [metrics, texts]);
  const counted = metrics !== undefined && seriesOf(metrics, received) !== undefined;
  return (
    <div class="plots">
      <Plot title={texts.processes.cpu} lines={lines.cpu} format={percent} most={0.05} />
      <Plot title={texts.processes.memory} lines={lines.memory} format={bytes} binary />
      {counted && (
        <Plot
          title={texts.processes.traffic}
          lines={lines.traffic}
          format={(value) => `${bytes(value)}${t.perSecond}`}
          binary
          most={1024}
        />
      )}
    </div>
  );
}

function endText(end: RunEnd, texts: Texts): string {
  switch (end.kind) {
    case 'running':
      return texts.process.running;
    case 'stopped':
      return texts.process.stopped;
    case 'code':
      return texts.process.exitCode(end.code);
    case 'signal':
      return end.oom ? texts.process.oom : texts.process.signal(end.signal);
    case 'unknown':
      return texts.process.unknownEnd;
  }
}

function toneOf(end: RunEnd): string {
  if (end.kind === 'running') return 'ok';
  if (end.kind === 'stopped' || (end.kind === 'code' && end.code === 0)) return 'off';
  return end.kind === 'unknown' ? 'warn' : 'bad';
}

const shownRuns = 30;

/** Runs beside each other on one line of time, and each in words. */
function Runs({ runs }: { readonly runs: readonly Run[] }) {
  const texts = useTexts();
  const { preferences } = useApp();
  if (runs.length === 0) return <Empty>{texts.process.noRuns}</Empty>;
  const now = nowMs();
  const shown = runs.slice(0, shownRuns);
  const begin = Math.min(...shown.map(({ fromMs, untilMs }) => fromMs ?? untilMs ?? now));
  const whole = Math.max(1, now - begin);
  const place = (ms: number): number => ((ms - begin) / whole) * 100;
  return (
    <>
      <svg class="timeline" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        {shown.map(({ fromMs, untilMs, end }) => {
          const from = place(fromMs ?? untilMs ?? now);
          return (
            <rect
              key={`${fromMs}-${untilMs}`}
              class={toneOf(end)}
              x={from}
              y="0"
              height="6"
              width={Math.max(0.4, place(untilMs ?? now) - from)}
            />
          );
        })}
      </svg>
      <ol class="runs">
        {shown.map(({ fromMs, untilMs, end }) => (
          <li key={`${fromMs}-${untilMs}`} class={toneOf(end)}>
            {texts.process.run(
              fromMs === undefined ? '–' : clock(fromMs, now, preferences.language.value),
              fromMs === undefined ? '–' : span((untilMs ?? now) - fromMs),
              endText(end, texts),
            )}
          </li>
        ))}
      </ol>
    </>
  );
}
