/** The same unary load on daemons that keep traces and audit, or export every span and the metrics to a collector, beside one that does none of it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import { openGrpc } from './clients/grpc.ts';
import type { Lab } from './lab.ts';
import { type Contender, cpuUs, type Round } from './measure.ts';
import { caller, concurrency } from './unary.ts';

async function contender(lab: Lab, name: string, config: Readonly<Record<string, unknown>>): Promise<Contender> {
  const daemon = await lab.daemon(config);
  const link = await openGrpc(daemon.port, daemon.token());
  lab.defer(() => link.close());
  return caller(lab, link, { name, pid: daemon.pid() });
}

const restMs = 15_000;
const resting = {
  processes: {
    units: Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`unit-${n}`, { command: ['/bin/sleep', '3600'], autostart: true }])),
  },
};

/** A daemon with twenty units that do nothing, and nobody who asks for anything. */
async function restingContender(lab: Lab, name: string, config: Readonly<Record<string, unknown>>): Promise<Contender> {
  const pid = (await lab.daemon({ ...config, ...resting })).pid();
  const round = async (): Promise<Round> => {
    const [before, begin] = [cpuUs(pid), performance.now()];
    await sleep(restMs);
    const seconds = (performance.now() - begin) / 1000;
    return { value: (cpuUs(pid) - before) / seconds / 10_000, count: seconds };
  };
  return { name, pid, round };
}

const off = { api: { metrics: { enabled: false } }, traces: { enabled: false }, audit: { enabled: false } };

export const telemetry: Bench = async function* (lab) {
  let posted = 0;
  const collector = createServer((request, response) => {
    posted += 1;
    request.resume().on('end', () => response.end());
  }).listen(0, '127.0.0.1');
  lab.defer(() => collector.close());
  await once(collector, 'listening');
  const otlp_endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const ours = await contender(lab, 'traces and metrics on', { telemetry: { otlp_endpoint, sample_ratio: 1 } });
  const peer = await contender(lab, 'off', off);
  const kept = await contender(lab, 'kept here', {});
  const load = `GetStatus, ${concurrency} at once; every call's span to a collector`;
  yield { title: 'telemetry on against off', unit: 'calls/s', per: 'call', load, ours, peer };
  yield {
    title: 'metrics, traces and audit kept',
    unit: 'calls/s',
    per: 'call',
    load: `GetStatus, ${concurrency} at once`,
    ours: kept,
    peer,
  };
  yield {
    ...{ title: '20 units at rest', unit: '% of a core', per: 'second', rounds: 2, load: `CPU over ${restMs / 1000} s` },
    ours: await restingContender(lab, 'all on, to a collector', { telemetry: { otlp_endpoint, sample_ratio: 1 } }),
    peer: await restingContender(lab, 'off', off),
  };
  if (posted === 0) throw new Error('nothing was exported: the sides were alike');
};
