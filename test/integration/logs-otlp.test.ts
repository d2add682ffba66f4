/** Lines of the agent and of units go to a collector in one form, with their trace; an outage of it is two lines, however long. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

interface LogRecord {
  readonly body: { readonly stringValue: string };
  readonly severityText: string;
  readonly traceId?: string;
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
}

const records: LogRecord[] = [];
let status = 200;
let refused = 0;
const collector = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    if (status !== 200) refused += 1;
    else if (request.url === '/v1/logs') {
      const { resourceLogs } = JSON.parse(Buffer.concat(chunks).toString()) as {
        resourceLogs: { scopeLogs: { logRecords: LogRecord[] }[] }[];
      };
      records.push(...resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords)));
    }
    response.writeHead(status).end('{}');
  });
});
let daemon: Daemon;

before(async () => {
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const command = ['/bin/sh', '-c', 'while :; do echo "password=hunter2 tick"; sleep 0.3; done'];
  daemon = await makeDaemon({
    config: {
      agent: { log_level: 'debug' },
      telemetry: { otlp_endpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}` },
      processes: { units: { talker: { command, autostart: true, on_agent_exit: 'stop' } } },
    },
    env: { OTEL_BSP_SCHEDULE_DELAY: '100', OTEL_BLRP_SCHEDULE_DELAY: '100', OTEL_METRIC_EXPORT_INTERVAL: '300' },
  });
  await daemon.start();
});
after(async () => {
  await daemon?.dispose();
  collector.closeAllConnections();
  collector.close();
});

const sourceOf = ({ attributes }: LogRecord): string | undefined =>
  attributes.find(({ key }) => key === 'sboxagent.source')?.value.stringValue;

test('lines of units and of the agent, masked, with level and trace', async () => {
  const line = await until('a line of the unit', () => records.find((record) => sourceOf(record) === 'talker'));
  assert.match(line.body.stringValue, /^password=\*\*\* tick$/);
  assert.equal(line.severityText, 'INFO');
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  await until('a line of the call', async () => {
    await daemon.rest('POST', '/api/v1/events', { type: 'a.b' }, { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
    return records.find((record) => sourceOf(record) === 'agent' && record.traceId === traceId);
  });
});

test('a collector that refuses is one warning, and one line when it is back', async () => {
  const said = (text: string): number => daemon.log().split(text).length - 1;
  status = 400;
  await until('many refusals', () => {
    void daemon.rest('GET', '/api/v1/status');
    return refused > 20;
  });
  assert.equal(said('the collector does not take what it is sent'), 1);
  status = 200;
  await until('the line that all is well', () => said('takes what it is sent again') === 1);
  assert.equal(said('the collector does not take what it is sent'), 1);
});
