/** GET of the status by REST beside a fastify that gives the same answer. */
import type { Bench } from './bench.ts';
import { openRest, type RestLink } from './clients/rest.ts';
import type { Lab } from './lab.ts';
import { type Contender, pump } from './measure.ts';

export const path = '/api/v1/status';
export const connections = 32;

export function caller(lab: Lab, link: RestLink, who: { readonly name: string; readonly pid: number }): Contender {
  const call = async (): Promise<number> => {
    await link.get(path);
    return 1;
  };
  return { ...who, round: () => pump({ concurrency: connections, forMs: lab.roundMs, call }) };
}

export const rest: Bench = async function* (lab) {
  const daemon = await lab.daemon();
  const token = daemon.token();
  const ours = openRest(daemon.port, { connections, token });
  lab.defer(() => ours.close());
  const peer = await lab.peer('fastify', { path, body: JSON.parse(await ours.get(path)) });
  const theirs = openRest(peer.port, { connections, token });
  lab.defer(() => theirs.close());
  yield {
    title: 'REST GET',
    unit: 'calls/s',
    per: 'call',
    load: `GET ${path}, ${connections} kept connections`,
    ours: caller(lab, ours, { name: 'sboxagent', pid: daemon.pid() }),
    peer: caller(lab, theirs, { name: 'fastify', pid: peer.pid }),
  };
};
