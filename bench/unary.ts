/** GetStatus by gRPC beside a bare grpc-js server that gives the same answer: what gate, interceptors and Connect cost. */
import type { Bench } from './bench.ts';
import { type GrpcLink, openGrpc } from './clients/grpc.ts';
import type { Lab } from './lab.ts';
import { type Contender, pump } from './measure.ts';

export const path = '/sboxagent.v1.AgentService/GetStatus';
export const concurrency = 32;
export const nothing = new Uint8Array();

export function caller(lab: Lab, link: GrpcLink, who: { readonly name: string; readonly pid: number }): Contender {
  const call = async (): Promise<number> => {
    await link.unary(path, nothing);
    return 1;
  };
  return { ...who, round: () => pump({ concurrency, forMs: lab.roundMs, call }) };
}

export const unary: Bench = async function* (lab) {
  const daemon = await lab.daemon();
  const ours = await openGrpc(daemon.port, daemon.token());
  lab.defer(() => ours.close());
  const status = await ours.unary(path, nothing);
  const peer = await lab.peer('grpc-unary', { status: status.toString('base64') });
  const theirs = await openGrpc(peer.port, daemon.token());
  lab.defer(() => theirs.close());
  yield {
    title: 'unary gRPC',
    unit: 'calls/s',
    per: 'call',
    load: `GetStatus, ${concurrency} at once on one connection`,
    ours: caller(lab, ours, { name: 'sboxagent', pid: daemon.pid() }),
    peer: caller(lab, theirs, { name: 'bare grpc-js', pid: peer.pid }),
  };
};
