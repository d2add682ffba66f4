/** What the silence of a plugin means, by the clock of the outside. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';
import { call, register, type TestPlugin, told } from '../helpers/plugin-client.ts';

const health_check = { interval: '1s', timeout: '1s', retries: 3 };

describe('heartbeats that stop and return', () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await makeDaemon({ config: { plugins: { health_check } } });
    await daemon.start();
  });
  after(() => daemon.dispose());

  /** Beats until `stop` says so. */
  const beat = async (plugin: TestPlugin, stopped: () => boolean): Promise<number> => {
    let last = performance.now();
    while (!stopped()) {
      last = performance.now();
      const { status } = await plugin.report('HEALTHY');
      assert.equal(status, 200);
      await sleep(500);
    }
    return last;
  };
  const state = async (id: string): Promise<string> => (await call(daemon, 'GET', `/api/v1/plugins/${id}`)).json.state;

  it('UNHEALTHY after three missed beats and not before, HEALTHY with the next: 20 of 20', async (t) => {
    const round = async (plugin: TestPlugin): Promise<{ ill: number; well: number }> => {
      let stopped = false;
      setTimeout(() => (stopped = true), 3000 + Math.random() * 1000);
      const last = await beat(plugin, () => stopped);
      await until(`${plugin.id} to be UNHEALTHY`, async () => (await state(plugin.id)) === 'UNHEALTHY', 60_000);
      const ill = performance.now() - last;
      await sleep(Math.random() * 1000);
      const back = performance.now();
      await plugin.report('HEALTHY');
      await until(`${plugin.id} to be ACTIVE`, async () => (await state(plugin.id)) === 'ACTIVE');
      return { ill, well: performance.now() - back };
    };
    const rounds = 4;
    const all = Array.from({ length: 5 }, async (_, i) => {
      const plugin = await register(daemon, { id: `beating-${i}` }, { lease: '60s' });
      const seen: { ill: number; well: number }[] = [];
      for (let n = 0; n < rounds; n++) seen.push(await round(plugin));
      // At once: it reports no more, and will be ill again while others are at it.
      const illness = ['plugin.degraded', 'plugin.unhealthy', 'plugin.recovered'];
      const story = ['plugin.registered', ...Array.from({ length: rounds }, () => illness).flat()];
      const types = await until(`the story of ${plugin.id}`, async () => {
        const events = (await told(daemon, 'plugin.*', plugin.id)).map(({ type }) => type);
        return events.length >= story.length ? events : undefined;
      });
      assert.deepEqual(types, story);
      return seen;
    });
    const seen = (await Promise.all(all)).flat();
    assert.equal(seen.length, 20);
    for (const { ill } of seen) assert.ok(ill >= 3000, `UNHEALTHY after ${ill} ms`);
    const worst = (of: (one: { ill: number; well: number }) => number): number => Math.round(Math.max(...seen.map(of)));
    t.diagnostic(`UNHEALTHY after at most ${worst(({ ill }) => ill)} ms, HEALTHY after at most ${worst(({ well }) => well)} ms`);
  });

  it('an agent that was stopped for a while makes nobody ill', async () => {
    const plugin = await register(daemon, { id: 'sleeper' }, { lease: '60s' });
    for (let i = 0; i < 4; i++) {
      await plugin.report('HEALTHY');
      if (i < 3) await sleep(500);
    }
    process.kill(daemon.pid(), 'SIGSTOP');
    await sleep(8000);
    process.kill(daemon.pid(), 'SIGCONT');
    // Time for a look or two before the plugin says anything.
    await sleep(500);
    await plugin.report('HEALTHY');
    await sleep(300);
    assert.deepEqual(
      (await told(daemon, 'plugin.*', 'sleeper')).map(({ type }) => type),
      ['plugin.registered'],
    );
  });
});

/** Longer than it takes to register and renew all of them on a busy machine. */
const lease = '30s';

describe(`a thousand plugins with leases of ${lease}`, () => {
  it('200 die at once: 200 transitions, each once, and none of those that live', async (t) => {
    const daemon = await makeDaemon({ config: { plugins: { health_check } } });
    t.after(() => daemon.dispose());
    await daemon.start();
    const plugins: TestPlugin[] = [];
    for (let i = 0; i < 1000; i += 50) {
      const ids = Array.from({ length: 50 }, (_, n) => `p-${i + n}`);
      plugins.push(...(await Promise.all(ids.map((id) => register(daemon, { id, kind: 'REMOTE' }, { lease })))));
    }
    const dead = new Set(plugins.slice(0, 200));
    const renewAll = (living: readonly TestPlugin[]): Promise<unknown> =>
      inTurns(living, async (plugin) => assert.equal((await plugin.renew()).status, 200));
    await renewAll(plugins);
    const living = plugins.filter((plugin) => !dead.has(plugin));
    const unhealthy = async (): Promise<number> => {
      const { json } = await call(daemon, 'GET', '/api/v1/plugins?filter.states=UNHEALTHY&page_size=1000');
      return json.plugins.length;
    };
    while ((await unhealthy()) < 200) {
      await renewAll(living);
      await sleep(1000);
    }
    assert.equal(await unhealthy(), 200);
    await renewAll(living);
    const events = (await call(daemon, 'GET', '/api/v1/events?filter.types=plugin.unhealthy&page_size=1000')).json.events;
    assert.equal(events.length, 200);
    assert.deepEqual(new Set(events.map((e: { subject: string }) => e.subject)), new Set([...dead].map(({ id }) => id)));
    const others = await call(
      daemon,
      'GET',
      '/api/v1/events?filter.types=plugin.degraded&filter.types=plugin.lost&filter.types=plugin.recovered',
    );
    assert.deepEqual(others.json.events, []);
  });
});

/** Many at once, in the order of the list. */
async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}
