/** The same loads as `unary`, `rest` and `fanout`, beside what Go serves them with on one processor. */
import { watchers } from './audience.ts';
import type { Bench } from './bench.ts';
import { openGrpc } from './clients/grpc.ts';
import { openRest } from './clients/rest.ts';
import { comparisons, publisher, type Stage } from './fanout.ts';
import { type GoPeer, goPeers, startGoPeer } from './go-peers.ts';
import type { Lab } from './lab.ts';
import { connections, caller as restCaller, path as restPath } from './rest.ts';
import { caller, concurrency, nothing, path } from './unary.ts';

async function goPeer(lab: Lab, program: string, name: string, input: object = {}): Promise<GoPeer> {
  const peer = await startGoPeer(program, name, input);
  lab.defer(() => peer.stop());
  return peer;
}

const unaryPeers = { 'grpc-unary': 'bare grpc-go', 'connect-unary': 'bare connect-go' } as const;

export const goUnary: Bench = async function* (lab) {
  const program = goPeers();
  if (program === undefined) return;
  const daemon = await lab.daemon();
  const token = daemon.token();
  const ours = await openGrpc(daemon.port, token);
  lab.defer(() => ours.close());
  const status = (await ours.unary(path, nothing)).toString('base64');
  for (const [peerName, name] of Object.entries(unaryPeers)) {
    const peer = await goPeer(lab, program, peerName, { status });
    const theirs = await openGrpc(peer.port, token);
    lab.defer(() => theirs.close());
    yield {
      title: 'unary gRPC',
      unit: 'calls/s',
      per: 'call',
      load: `GetStatus, ${concurrency} at once on one connection`,
      ours: caller(lab, ours, { name: 'sboxagent', pid: daemon.pid() }),
      peer: caller(lab, theirs, { name, pid: peer.pid }),
    };
  }
  const gateway = await goPeer(lab, program, 'gateway', { status });
  const [rest, theirs] = [openRest(daemon.port, { connections, token }), openRest(gateway.port, { connections, token })];
  lab.defer(() => rest.close());
  lab.defer(() => theirs.close());
  yield {
    title: 'REST GET',
    unit: 'calls/s',
    per: 'call',
    load: `GET ${restPath}, ${connections} kept connections`,
    ours: restCaller(lab, rest, { name: 'sboxagent', pid: daemon.pid() }),
    peer: restCaller(lab, theirs, { name: 'grpc-gateway over grpc-go', pid: gateway.pid }),
  };
};

const crowds = [
  { title: 'fan-out to 100, a connection each', count: 100, perConnection: 1 },
  { title: 'fan-out to 1000, a connection each', count: 1000, perConnection: 1 },
  { title: 'fan-out to 1000 on 10 connections', count: 1000, perConnection: 100 },
];

export const goFanout: Bench = async function* (lab) {
  const program = goPeers();
  if (program === undefined) return;
  const daemon = await lab.daemon();
  const token = daemon.token();
  const peer = await goPeer(lab, program, 'grpc-broadcast');
  const [link, peerLink] = [await openGrpc(daemon.port, token), await openGrpc(peer.port)];
  lab.defer(() => link.close());
  lab.defer(() => peerLink.close());
  for (const { title, count, perConnection } of crowds) {
    const stage = async (name: string, at: { readonly pid: number; readonly port: number }, publish: Stage['publish']): Promise<Stage> => {
      const audience = await watchers(count, { port: at.port, token, perConnection });
      lab.defer(audience.close);
      return { name, pid: at.pid, audience, publish };
    };
    const ours = await stage('sboxagent', { pid: daemon.pid(), port: daemon.port }, publisher(link));
    const theirs = await stage('grpc-go broadcast', peer, publisher(peerLink));
    yield* comparisons(title, count, { ours, peer: theirs });
    ours.audience.close();
    theirs.audience.close();
  }
};
