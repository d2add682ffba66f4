/**
 * 1,000 plugins that hold leases of 10 s, each renewed every 3.3 s, beside the same number of idle `grpc.health.v1` watches on a
 * daemon of its own: what it costs to know that a thousand are alive by asking them to say so, and by keeping a stream to each.
 * Both sides are looked at in the same time.
 */
import { HealthCheckRequest } from '../gen/ts/grpc/health/v1/health.ts';
import { RegisterPluginRequest, RegisterPluginResponse, RenewPluginLeaseRequest } from '../gen/ts/sboxagent/v1/plugin_session_service.ts';
import type { Daemon } from '../test/helpers/daemon.ts';
import type { Bench } from './bench.ts';
import { type GrpcLink, openGrpc } from './clients/grpc.ts';
import type { Lab } from './lab.ts';
import type { Contender } from './measure.ts';
import { residentMiB } from './start.ts';

const PLUGINS = 1000;
const RENEW_MS = 3300;
const STREAMS_PER_LINK = 100;
const SESSION = '/sboxagent.v1.PluginSessionService';

async function register(link: GrpcLink, id: string): Promise<Uint8Array> {
  const request = RegisterPluginRequest.fromPartial({ plugin: { id, kind: 'REMOTE' }, lease: { seconds: '10', nanos: 0 } });
  const answer = await link.unary(`${SESSION}/RegisterPlugin`, RegisterPluginRequest.encode(request).finish());
  const { session_id } = RegisterPluginResponse.decode(answer);
  return RenewPluginLeaseRequest.encode({ plugin_id: id, session_id }).finish();
}

/** Renews one after the other, so that all have their turn within `RENEW_MS`. A renewal that is refused ends the bench. */
async function lease(lab: Lab, daemon: Daemon): Promise<void> {
  const link = await openGrpc(daemon.port, daemon.token());
  const renewals: Uint8Array[] = [];
  for (let i = 0; i < PLUGINS; i += 50) {
    renewals.push(...(await Promise.all(Array.from({ length: 50 }, (_unused, n) => register(link, `plugin-${i + n}`)))));
  }
  let turn = 0;
  const step = 10;
  const timer = setInterval(
    () => {
      for (let n = 0; n < step; n++) {
        const renewal = renewals[turn++ % PLUGINS];
        if (renewal !== undefined) void link.unary(`${SESSION}/RenewPluginLease`, renewal);
      }
    },
    (RENEW_MS / PLUGINS) * step,
  );
  lab.defer(() => link.close());
  lab.defer(() => clearInterval(timer));
}

async function watch(lab: Lab, daemon: Daemon): Promise<void> {
  const request = HealthCheckRequest.encode({ service: '' }).finish();
  for (let i = 0; i < PLUGINS; i += STREAMS_PER_LINK) {
    const link = await openGrpc(daemon.port, daemon.token());
    lab.defer(() => link.close());
    const first = Array.from({ length: STREAMS_PER_LINK }, () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const stream = link.stream('/grpc.health.v1.Health/Watch', { message: () => resolve(), failed: reject });
      stream.send(request);
      stream.end();
      return promise;
    });
    await Promise.all(first);
  }
}

export const leases: Bench = async function* (lab) {
  const ours = await lab.daemon();
  const theirs = await lab.daemon();
  await lease(lab, ours);
  await watch(lab, theirs);
  const roundMs = Math.max(RENEW_MS, lab.roundMs);
  const contender = (name: string, daemon: Daemon): Contender => ({
    name,
    pid: daemon.pid(),
    async round() {
      await new Promise((resolve) => setTimeout(resolve, roundMs));
      return { value: residentMiB(daemon.pid()), count: (PLUGINS * roundMs) / 1000 };
    },
  });
  yield {
    title: '1,000 leases of 10 s',
    load: 'a renewal each 3.3 s; resident memory',
    unit: 'MiB',
    per: 'plugin and second',
    ours: contender('sboxagent, leases', ours),
    peer: contender('sboxagent, idle health watches', theirs),
  };
};
