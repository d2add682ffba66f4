import type { Clock } from '../kernel/clock.ts';
import type { Logs } from '../logs/index.ts';
import type { Logger, Telemetry } from '../telemetry/index.ts';

export interface SendLogsOptions {
  readonly telemetry: Pick<Telemetry, 'logSender'>;
  readonly logs: Pick<Logs, 'list' | 'tail'>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const idleEveryMs = 60_000;
const retryMs = 1000;

/** Sends what all sources write to the collector, as it is stored: masked, and bounded on its way by the tail. Ends with the signal. */
export async function sendLogs({ telemetry, logs, logger, clock, signal }: SendLogsOptions): Promise<void> {
  const send = await telemetry.logSender();
  if (send === undefined) return;
  while (!signal.aborted) {
    try {
      for await (const { entries } of logs.tail({ lines: 0, idleEveryMs, signal })) {
        for (const { fields = {}, ...line } of entries) send({ ...line, fields });
      }
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ error }, 'lines could not be read for the collector');
      await clock.sleep(retryMs, signal).catch(() => {});
    }
  }
}
