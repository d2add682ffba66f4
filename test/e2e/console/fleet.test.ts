/** The fleet in the console: where there is one, and only there. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { noBrowser, openBrowser, type TestBrowser } from '../../helpers/browser.ts';
import { type Daemon, makeDaemon, until } from '../../helpers/daemon.ts';
import { makeNatsServer, type NatsServer, natsServer } from '../../helpers/nats-server.ts';

const skip = noBrowser || (natsServer === undefined ? 'no nats-server here: .ci/install brings it' : false);

describe('the fleet in the console', { skip }, () => {
  let nats: NatsServer;
  let browser: TestBrowser;
  const daemons: Daemon[] = [];

  const agent = async (name: string, config: object): Promise<Daemon> => {
    const daemon = await makeDaemon({ config: { agent: { name }, ...config } });
    daemons.push(daemon);
    await daemon.start();
    return daemon;
  };
  before(async () => {
    nats = await makeNatsServer();
    await nats.start();
    browser = await openBrowser();
    const fleet = { servers: [nats.url], heartbeat: '1s', labels: { region: 'eu' } };
    const loop = { command: ['/bin/false'], autostart: true, restart: { policy: 'always', base: '10ms', jitter: 0, burst: 2 } };
    await agent('edge-1', { fleet });
    await agent('edge-2', { fleet, processes: { units: { loop } } });
  });
  after(async () => {
    await browser[Symbol.asyncDispose]();
    for (const daemon of daemons) await daemon.dispose();
    await nats.dispose();
  });

  const listed = async (
    daemon: Daemon,
    query = '',
  ): Promise<{ agents: Record<string, unknown>[]; configured: boolean; reached: boolean }> =>
    (await daemon.rest('GET', `/api/v1/fleet/agents${query}`)).json as Awaited<ReturnType<typeof listed>>;

  it('is listed by the API: chosen, page by page, with what each agent says of itself', async () => {
    const [first] = daemons as [Daemon];
    const { agents } = await until('an alert of the second', async () => {
      const found = await listed(first);
      return found.agents.some(({ alerts_firing: firing }) => Number(firing) > 0) ? found : undefined;
    });
    assert.deepEqual(
      agents.map(({ name, state, units, alerts_firing }) => [name, state, units, alerts_firing]),
      [
        ['edge-1', 'UP', [], 0],
        ['edge-2', 'UP', [{ id: 'loop', state: 'CRASH_LOOP' }], 1],
      ],
    );
    const page = (await first.rest('GET', '/api/v1/fleet/agents?page_size=1')).json as {
      agents: { name: string }[];
      next_page_token: string;
    };
    const next = await listed(first, `?page_size=1&page_token=${page.next_page_token}`);
    assert.deepEqual([page.agents[0]?.name, next.agents.map(({ name }) => name)], ['edge-1', ['edge-2']]);
    assert.deepEqual((await listed(first, '?agents=*-2&labels=region%3Deu')).agents.length, 1);
    const wrong = await first.rest('GET', '/api/v1/fleet/agents?labels=region%3E1');
    assert.equal(wrong.status, 400);
    assert.match(JSON.stringify(wrong.json), /no requirement of labels/);
  });

  it('is a view of its own: who is gone comes first', async () => {
    const [first, second] = daemons as [Daemon, Daemon];
    const { page, complaints } = await browser.openPage();
    await page.goto(`${first.base}/#token=${first.token()}`);
    await page.waitForSelector('.side nav a[href="#/fleet"]');
    await page.evaluate(() => location.assign('#/fleet'));
    await page.waitForSelector('tr[data-row="edge-2"]');
    const rows = (): Promise<string[]> =>
      page.$$eval('tr[data-row]', (found) => found.map((row) => (row as HTMLElement).innerText.replaceAll(/\s+/g, ' ')));
    const [worst, other] = await rows();
    assert.match(String(worst), /^edge-2 Up .*0\/1 loop .* 1 .*region=eu/);
    assert.match(String(other), /^edge-1 Up Healthy/);
    await second.kill('SIGKILL');
    await until('that it is gone', async () => (await rows())[0]?.startsWith('edge-2 Gone'));
    await nats.kill('SIGKILL');
    await until('that the servers are away', async () =>
      (await page.$eval('main', (main) => main.innerText)).includes('what was known last'),
    );
    assert.deepEqual(complaints, []);
  });

  it('is not there where there is none', async () => {
    const alone = await agent('alone', {});
    assert.deepEqual(await listed(alone), { agents: [], next_page_token: '', configured: false, reached: false });
    const { page } = await browser.openPage();
    await page.goto(`${alone.base}/#token=${alone.token()}`);
    await page.waitForSelector('.verdict');
    assert.equal(await page.$('.side nav a[href="#/fleet"]'), null);
  });
});
