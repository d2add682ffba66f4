/** Every view of the console in every dress, with a hundred units and ten thousand events: clean, quick, and right for whoever cannot see it. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { noBrowser, openBrowser, type TestBrowser, type WatchedPage } from '../../helpers/browser.ts';
import { type Daemon, makeDaemon, root } from '../../helpers/daemon.ts';

const units = 100;
const events = 10_000;
const batch = 1000;
/** Where pictures go, for whoever wants to look at them. */
const pictures = process.env['TEST_PICTURES'];
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const views = [
  ['overview', ''],
  ['processes', 'processes'],
  ['process', 'processes/unit-007'],
  ['logs', 'processes/edge/logs'],
  ['config-of-process', 'processes/edge/config'],
  ['events', 'events'],
  ['plugins', 'plugins'],
  ['plugin', 'plugins/fetcher'],
  ['alerts', 'alerts'],
  ['traces', 'traces'],
  ['fleet', 'fleet'],
  ['configuration', 'config'],
  ['health', 'health'],
] as const;

const dresses = [
  { name: 'light', theme: 'light', width: 1280, language: 'en' },
  { name: 'dark', theme: 'dark', width: 1280, language: 'en' },
  { name: 'phone', theme: 'light', width: 390, language: 'ru' },
] as const;

describe('the views of the console', { skip: noBrowser }, () => {
  let daemon: Daemon;
  let browser: TestBrowser;

  before(async () => {
    const engine = { engine: 'sing-box', binary: join(root, 'test/fixtures/processes/bin/sing-box') };
    const many = Array.from({ length: units - 2 }, (_, i) => [
      `unit-${String(i).padStart(3, '0')}`,
      { command: ['/bin/sleep', '1000'], autostart: true, on_agent_exit: 'stop' },
    ]);
    daemon = await makeDaemon({
      config: {
        processes: {
          units: {
            ...Object.fromEntries(many),
            edge: { ...engine, config_path: '/nowhere/config.json', autostart: true },
            loop: { command: ['/bin/false'], autostart: true, restart: { policy: 'always', base: '10ms', jitter: 0, burst: 2 } },
          },
        },
      },
    });
    await daemon.start();
    for (let done = 0; done < events; done += batch) {
      const some = Array.from({ length: batch }, (_, i) => ({
        type: 'test.many',
        source: 'test',
        subject: `s${(done + i) % 50}`,
        data: { n: done + i },
      }));
      assert.equal((await daemon.rest('POST', '/api/v1/events:batch', { events: some })).status, 200);
    }
    const schema = { type: 'object', properties: { url: { type: 'string' }, verify: { type: 'boolean' }, mode: { enum: ['a', 'b'] } } };
    const register = { plugin: { id: 'fetcher', name: 'fetcher', kind: 'LIBRARY' }, configSchema: schema };
    assert.equal((await daemon.rest('POST', '/sboxagent.v1.PluginSessionService/RegisterPlugin', register)).status, 200);
    browser = await openBrowser();
  });
  after(async () => {
    await browser[Symbol.asyncDispose]();
    await daemon.dispose();
  });

  const open = async (path: string): Promise<WatchedPage> => {
    const watched = await browser.openPage();
    await watched.page.goto(`${daemon.base}/#token=${daemon.token()}`);
    await watched.page.waitForSelector('.verdict');
    await go(watched, path);
    return watched;
  };
  const go = async ({ page }: WatchedPage, path: string): Promise<void> => {
    await page.evaluate((hash) => location.assign(hash), `#/${path}`);
    await page.waitForSelector('main h1');
    await page.waitForFunction(() => document.querySelector('main [aria-busy=true]') === null);
  };

  it('paints within a second, on loopback', async (t) => {
    const { page } = await open('processes');
    for (const [name, path, what] of [
      ['overview', '', '.verdict'],
      ['processes', 'processes', 'tr[data-row]'],
      ['events', 'events', '.events .line'],
    ] as const) {
      await page.goto('about:blank');
      await page.goto(`${daemon.base}/#/${path}`);
      await page.waitForSelector(what);
      const [first, whole] = await page.evaluate(() => [
        performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
        performance.now(),
      ]);
      t.diagnostic(
        `${name}: first paint after ${Math.round(first ?? 0)} ms, its rows after at most ${Math.round(whole ?? 0)} ms, with ${units} units and ${events} events`,
      );
    }
    assert.equal(await page.$$eval('.events .line', (all) => all.length), 100);
    await page.close();
  });

  for (const { name, theme, width, language } of dresses) {
    it(`every view is clean: ${name}`, async () => {
      const watched = await open('');
      const { page } = watched;
      await page.setViewport({ width, height: width < 500 ? 844 : 860 });
      await page.evaluate(
        (next) => {
          localStorage.setItem('sboxagent.theme', next.theme);
          localStorage.setItem('sboxagent.language', next.language);
        },
        { theme, language },
      );
      await page.reload();
      await page.evaluate(axe);
      const wrong: string[] = [];
      for (const [view, path] of views) {
        await go(watched, path);
        const found = await page.evaluate(async () => {
          const { axe } = window as unknown as {
            axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> };
          };
          return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary ?? ''}`);
        });
        wrong.push(...found.map((one) => `${view}: ${one}`));
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        if (wide > width) wrong.push(`${view} is ${wide} wide`);
        if (pictures !== undefined) {
          mkdirSync(pictures, { recursive: true });
          await page.screenshot({ path: join(pictures, `${view}-${name}.png`) });
        }
      }
      assert.deepEqual(wrong, []);
      assert.deepEqual(watched.complaints, []);
      assert.deepEqual(watched.requestsBeyond(daemon.base), []);
      await page.close();
    });
  }
});
