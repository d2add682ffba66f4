/** A request_id outlives its caller: the work of a call whose caller left goes on once, and who asks again gets its answer. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { ProcessService } from '../../gen/es/sboxagent/v1/process_service_pb.js';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

/** A unit that leaves a stop waiting for its grace. */
const stubborn = {
  command: ['/bin/sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done'],
  autostart: true,
  stop: { grace: '1500ms' },
};
const protocols = ['REST', 'gRPC', 'gRPC-Web', 'Connect'] as const;
type Protocol = (typeof protocols)[number];

interface State {
  readonly pid: number;
  readonly restarts: number;
}

describe('a restart whose caller leaves in the middle', () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await makeDaemon({
      config: { processes: { units: Object.fromEntries(protocols.map((name) => [name.toLowerCase(), stubborn])) } },
    });
    await daemon.start();
  });
  after(() => daemon.dispose());

  const transportOf = (protocol: Exclude<Protocol, 'REST'>): Transport => {
    const options = { baseUrl: daemon.base, idleConnectionTimeoutMs: 500 };
    if (protocol === 'gRPC') return createGrpcTransport(options);
    if (protocol === 'gRPC-Web') return createGrpcWebTransport({ ...options, httpVersion: '1.1' });
    return createConnectTransport({ ...options, httpVersion: '1.1' });
  };
  /** Restarts the protocol's unit under one request_id; answers its new pid. */
  const restart = async (protocol: Protocol, signal?: AbortSignal): Promise<number> => {
    const id = protocol.toLowerCase();
    if (protocol !== 'REST') {
      const headers = { authorization: `Bearer ${daemon.token()}` };
      const client = createClient(ProcessService, transportOf(protocol));
      return (await client.restartProcess({ id, requestId: `once ${id}` }, { headers, ...(signal && { signal }) })).pid;
    }
    const answer = await fetch(`${daemon.base}/api/v1/processes/${id}:restart?request_id=once%20${id}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${daemon.token()}`, 'content-type': 'application/json' },
      body: '{}',
      ...(signal && { signal }),
    });
    const body = await answer.text();
    assert.equal(answer.status, 200, body);
    return (JSON.parse(body) as { pid: number }).pid;
  };
  const stateOf = async (protocol: Protocol): Promise<State & { readonly state: string }> => {
    const { json } = await daemon.rest('GET', `/api/v1/processes/${protocol.toLowerCase()}`);
    const { pid, state, restart_count: restarts } = json as { pid: number; state: string; restart_count: number };
    return { pid, state, restarts };
  };

  for (const protocol of protocols) {
    it(protocol, async () => {
      const first = await until('the unit', async () => {
        const found = await stateOf(protocol);
        return found.state === 'READY' && found;
      });
      const leaves = new AbortController();
      const lost = restart(protocol, leaves.signal);
      await until('the stop', async () => (await stateOf(protocol)).state === 'STOPPING');
      leaves.abort();
      await assert.rejects(lost);
      const pid = await restart(protocol);
      assert.notEqual(pid, first.pid);
      assert.equal(await restart(protocol), pid);
      assert.equal((await stateOf(protocol)).pid, pid);
      const { json } = await daemon.rest('GET', `/api/v1/events?filter.types=process.started&filter.subjects=${protocol.toLowerCase()}`);
      assert.equal((json as { events: unknown[] }).events.length, 2, 'started at first, and once by the restart');
    });
  }
});
