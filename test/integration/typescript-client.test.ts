/** The TypeScript client against a real daemon, in its form for Node and in that for browsers. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AgentClient as BrowserClient, EventStreamClient as BrowserStream } from '../../clients/typescript/src/browser.ts';
import {
  AgentClient,
  type AgentError,
  EventStreamClient,
  Gap,
  NotFound,
  paginate,
  services,
  Unauthenticated,
} from '../../clients/typescript/src/node.ts';
import { type Daemon, makeDaemon, root } from '../helpers/daemon.ts';

let daemon: Daemon;
const unit = { command: ['/bin/sleep', '1000'], on_agent_exit: 'stop', autostart: true };

before(async () => {
  daemon = await makeDaemon({ config: { processes: { units: { edge: unit } } } });
  await daemon.start();
});
after(() => daemon?.dispose());

const bySocket = (): AgentClient => new AgentClient({ target: `unix:${join(daemon.stateDir, 'api.sock')}` });

test('it has every service and every message of the protos', () => {
  const files = readdirSync(join(root, 'gen/es/sboxagent/v1')).filter((name) => name.endsWith('_pb.js'));
  assert.equal(services.length, files.filter((name) => name.endsWith('_service_pb.js')).length);
  const messages = readFileSync(join(root, 'clients/typescript/src/messages.ts'), 'utf8');
  for (const name of files) assert.ok(messages.includes(`/${name}'`), `npm run generate: ${name} is missing`);
});

describe('calls', () => {
  test('over the unix socket without a token, over TCP with one, from a page with one', async () => {
    using local = bySocket();
    assert.equal((await local.getStatus({})).name, 'e2e');
    using remote = new AgentClient({ target: daemon.base, token: daemon.token() });
    assert.equal((await remote.getProcess({ id: 'edge' })).id, 'edge');
    const page = new BrowserClient({ target: daemon.base, token: () => daemon.token() });
    assert.deepEqual(
      (await page.listProcesses({})).processes.map(({ id }) => id),
      ['edge'],
    );
    for await (const { processes, snapshot } of page.watchProcesses({})) {
      assert.deepEqual([snapshot, processes[0]?.id], [true, 'edge']);
      break;
    }
  });

  test('what fails is an AgentError of its code, with reason and metadata, over both', async () => {
    using local = bySocket();
    for (const agent of [local, new BrowserClient({ target: daemon.base, token: daemon.token() })]) {
      await assert.rejects(agent.getProcess({ id: 'nope' }), (error: AgentError) => {
        assert.ok(error instanceof NotFound);
        assert.deepEqual([error.code, error.reason, error.metadata['process_id']], ['NOT_FOUND', 'PROCESS_NOT_FOUND', 'nope']);
        return true;
      });
      await assert.rejects(agent.createEvent({ event: {} }), ({ violations }: AgentError) =>
        violations.some(({ field }) => field.includes('type')),
      );
    }
    const stranger = new BrowserClient({ target: daemon.base });
    await assert.rejects(stranger.getStatus({}), Unauthenticated);
    await assert.rejects(async () => {
      for await (const _ of stranger.watchEvents({})) assert.fail('a stranger was given something');
    }, Unauthenticated);
  });

  test('lists over all their pages', async () => {
    using agent = bySocket();
    const { receipts } = await agent.batchCreateEvents({
      events: Array.from({ length: 25 }, (_, i) => ({ type: 'page.test', data: { i } })),
    });
    const found: bigint[] = [];
    for await (const { revision } of paginate(
      agent.listEvents,
      { filter: { types: ['page.test'] }, orderBy: 'revision', pageSize: 10 },
      'events',
    )) {
      found.push(revision);
    }
    assert.deepEqual(
      found,
      receipts.map(({ revision }) => revision),
    );
  });

  test('an agent that is away is waited for as long as the time allows', async () => {
    using none = new AgentClient({ target: '127.0.0.1:1', timeoutMs: 700 });
    await assert.rejects(none.getStatus({}), (error: AgentError) => ['UNAVAILABLE', 'DEADLINE_EXCEEDED'].includes(error.code));
  });
});

for (const [name, open] of Object.entries({
  Node: () => new EventStreamClient({ target: `unix:${join(daemon.stateDir, 'api.sock')}` }),
  'a browser': () => new BrowserStream({ target: daemon.base, token: () => daemon.token() }),
})) {
  test(`a watch in ${name} goes on over a kill -9 of the daemon: no event lost, none twice`, { timeout: 110_000 }, async () => {
    const type = `kill.${name.replaceAll(' ', '_').toLowerCase()}`;
    using agent = new AgentClient({ target: `unix:${join(daemon.stateDir, 'api.sock')}`, timeoutMs: 60_000 });
    const ended = new AbortController();
    const seen: number[] = [];
    let last = 0n;
    const watching = (async () => {
      for await (const event of open().events({ types: [type], afterRevision: 0n, signal: ended.signal })) {
        assert.ok(!(event instanceof Gap));
        assert.ok(event.revision > last, 'in order');
        last = event.revision;
        seen.push(Number(event.data?.['n']));
        if (seen.at(-1) === 29) return;
      }
    })();
    try {
      for (let n = 0; n < 30; n++) {
        if (n === 15) {
          await daemon.kill('SIGKILL');
          await daemon.start();
        }
        // The id makes it one event, however often it is sent.
        await agent.createEvent({ event: { id: `${type}-${n}`, type, source: 'test', data: { n } } });
      }
      await watching;
    } finally {
      ended.abort();
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 30 }, (_, n) => n),
    );
  });
}

test('what was removed before it could be given is a Gap; a signal ends the iteration', async () => {
  using agent = bySocket();
  const ended = new AbortController();
  const fake = {
    async *watchEvents({ afterRevision }: { afterRevision?: bigint }) {
      if (afterRevision === 3n) yield* [];
      yield { events: [], gap: { fromRevision: 4n, toRevision: 9n, count: 6n }, revision: 9n };
    },
  };
  const { events } = await import('../../clients/typescript/src/common.ts');
  for await (const one of events(fake as unknown as Pick<AgentClient, 'watchEvents'>, { afterRevision: 3n, signal: ended.signal })) {
    assert.ok(one instanceof Gap);
    assert.deepEqual([one.fromRevision, one.toRevision, one.count], [4n, 9n, 6n]);
    ended.abort();
  }
  const stopped = new AbortController();
  const iteration = events(agent, { signal: stopped.signal }).next();
  stopped.abort();
  assert.equal((await iteration).done, true);
});
