import { join } from 'node:path';
import { type OpenJournal, openJournal } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { redactText } from '../kernel/redaction.ts';
import { openLogs } from '../logs/index.ts';
import type { Settings } from '../settings/index.ts';
import { type EarlyWriter, metricHistoryStore, type OpenStore, openStore } from '../store/index.ts';
import { type MetricHistory, observeSystem, openMetricHistory, startTelemetry, type Telemetry } from '../telemetry/index.ts';
import { databaseOf } from './database.ts';
import type { Ending } from './endings.ts';
import { asOwnLine } from './own-log.ts';
import type { ProgramVersion } from './version.ts';

/** What every room stands on: the agent's logs and metrics, its database, its events and lines. */
export interface Foundation {
  readonly telemetry: Telemetry;
  readonly logger: Telemetry['logger'];
  readonly metrics: Telemetry['metrics'];
  readonly store: OpenStore;
  readonly journal: OpenJournal;
  readonly logs: Awaited<ReturnType<typeof openLogs>>;
  readonly history: MetricHistory;
  /** In order. */
  readonly endings: readonly Ending[];
}

export async function openFoundation(options: {
  readonly settings: Settings;
  readonly program: ProgramVersion;
  /** The database's writing thread. */
  readonly writer: EarlyWriter;
  /** When the agent serves: what may take its time waits for it. */
  readonly serving: Promise<unknown>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}): Promise<Foundation> {
  const { settings, program, environment, serving, clock } = options;
  const { agent, api, events, telemetry: exporting } = settings;
  const telemetry = await startTelemetry({
    ...program,
    instanceName: agent.name,
    logLevel: agent.logLevel,
    otlpEndpoint: exporting.otlpEndpoint,
    sampleRatio: exporting.sampleRatio,
    env: environment,
    serving,
    clock,
  });
  const { logger, metrics } = telemetry;
  const stopObserving = observeSystem({ metrics, clock, diskPath: agent.stateDir, intervalMs: api.metrics.collectionIntervalMs });
  const store = await openStore({ ...databaseOf(settings), early: options.writer, clock, logger, metrics, serving });
  const journal = await openJournal({ store, retention: events.retention, redact: events.redact, clock, logger, metrics });
  const logs = await openLogs({ dir: join(agent.stateDir, 'logs'), ...settings.logs, redact: redactText, clock, logger, metrics });
  const refused = metrics.counter('sboxagent_limit_refused_total');
  const history = openMetricHistory({
    snapshot: telemetry.snapshot,
    intervalMs: api.metrics.collectionIntervalMs,
    store: metricHistoryStore(store),
    clock,
    refused: (limit) => refused.add(1, { limit }),
    onFault: (error) => logger.warn({ error }, 'the history of metrics could not be written or read'),
  });
  telemetry.onLogLine((line) => logs.ingestOwn(asOwnLine(line)));
  return {
    ...{ telemetry, logger, metrics, store, journal, logs, history },
    endings: [
      ['figures', stopObserving],
      ['history', () => history.stop()],
      ['logs', () => logs.stop()],
      ['journal', () => journal.stop()],
      ['store', () => store.stop()],
      ['telemetry', () => telemetry.stop()],
    ],
  };
}
