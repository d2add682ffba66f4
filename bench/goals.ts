/** What the ratios are wanted to be, by title and peer: judged by a reader, never by a test. `CPU` is a goal of the CPU column. */
import type { Result } from './measure.ts';

const goals: Readonly<Record<string, string>> = {
  'unary gRPC | bare grpc-js': '≥ 1.0',
  'unary gRPC | bare connect-go': '≥ 1.1',
  'REST GET | fastify': '≥ 0.6',
  'REST GET | grpc-gateway over grpc-go': '≥ 1.7',
  'fan-out to 100, a connection each | ws broadcast': 'CPU ≤ 0.5',
  'fan-out to 1000, a connection each | ws broadcast': 'CPU ≤ 0.45',
  'fan-out to 100, a connection each | grpc-go broadcast': 'CPU ≤ 0.6',
  'fan-out to 1000, a connection each | grpc-go broadcast': 'CPU ≤ 0.3',
  'fan-out to 1000 on 10 connections | grpc-js broadcast': '≥ 8',
  'fan-out to 1000 on 10 connections | grpc-go broadcast': '≥ 4',
  'fan-out to 100, a connection each, one event | ws broadcast': '≤ 1.4',
  'fan-out to 1000, a connection each, one event | ws broadcast': '≤ 2.2',
  'durable ingest, stream | grpc-js + append log': '≥ 1.0, CPU ≤ 1.0',
  'durable ingest, unary | grpc-js + append log': '≥ 0.9, CPU ≤ 1.1',
  'start | plain spawn': '≤ 1.5',
  'kill to replacement | plain spawn': '≤ 6 ms',
  '100 starts at once | pm2 7.0.4': '≤ 0.5',
  '100 units at rest | pm2 7.0.4': '≤ 1 % of a core',
  'resident memory, idle | bare grpc-js': '≤ 90 MiB',
  'resident memory, loaded | bare grpc-js': '≤ 150 MiB',
  'memory of an idle watcher | grpc-js broadcast': '≤ 36 KiB',
  'spawn to the first answer | bare grpc-js': '≤ 2.5, CPU ≤ 2.5',
  'a command of the client | plain node': '≤ 1.3',
  'telemetry on against off | off': 'CPU ≤ 1.25',
  'metrics, traces and audit kept | off': 'CPU ≤ 1.25',
  '20 units at rest | off': '≤ 1 % of a core',
  'a page of 100 of a large journal | 10,000 events': 'flat',
  'resume 1,000 events back in a large journal | 10,000 events': 'flat',
  '10 stalled of 110 watchers: p99 of the others | all read': '≤ 1.3',
};

export function goalOf({ title, peer }: Pick<Result, 'title' | 'peer'>): string {
  return goals[`${title} | ${peer.name}`] ?? '';
}
