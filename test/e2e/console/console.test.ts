/** The console in a browser, against the daemon as it ships. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { noBrowser, openBrowser, type TestBrowser, type WatchedPage } from '../../helpers/browser.ts';
import { type Daemon, makeDaemon, program, root, runProgram, until } from '../../helpers/daemon.ts';
import { freePort } from '../../helpers/free-port.ts';

const hostile = '<img src=x onerror="document.title=\'pwned\'"><script>document.title="pwned"</script>';
const ownStop = { on_agent_exit: 'stop' };
const text = (config: object): string => JSON.stringify(config, null, 2);
const engineConfig = (port: number, more: object = {}): object => ({
  log: { level: 'info' },
  inbounds: [{ type: 'mixed', tag: 'in', listen: '127.0.0.1', listen_port: port }],
  ...more,
});

describe('the console', { skip: noBrowser }, () => {
  let daemon: Daemon;
  let browser: TestBrowser;
  let configPath = '';

  before(async () => {
    const dir = mkdtempSync(join(tmpdir(), 'console-engine-'));
    configPath = join(dir, 'config.json');
    writeFileSync(configPath, text(engineConfig(await freePort())));
    daemon = await makeDaemon({
      config: {
        api: { metrics: { collection_interval: '1s' } },
        processes: {
          units: {
            edge: {
              ...{
                engine: 'sing-box',
                binary: join(root, 'test/fixtures/processes/bin/sing-box'),
                config_path: configPath,
                autostart: true,
              },
              ...{ apply: { ready_within: '2s' }, ...ownStop },
            },
            web: { command: ['/bin/sleep', '1000'], autostart: true, restart: { policy: 'always', base: '300ms', jitter: 0 }, ...ownStop },
            ticker: {
              command: ['/bin/sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done'],
              ...{ autostart: true, on_agent_exit: 'keep' },
            },
            loop: {
              command: ['/bin/sh', '-c', `echo '${hostile.replaceAll("'", '')}'; exit 3`],
              autostart: true,
              restart: { policy: 'always', base: '10ms', jitter: 0, burst: 2 },
            },
          },
        },
      },
    });
    await daemon.start();
    browser = await openBrowser();
  });
  after(async () => {
    await browser[Symbol.asyncDispose]();
    await daemon.dispose();
    rmSync(dirname(configPath), { recursive: true, force: true });
  });

  const mint = async (scopes: string): Promise<string> => {
    const made = await runProgram([program, 'token', 'create', '--scope', scopes, '-o', 'json', '--state-dir', daemon.stateDir]);
    return (JSON.parse(made.stdout) as { token: string }).token;
  };
  const open = async (path: string, token = daemon.token()): Promise<WatchedPage> => {
    const watched = await browser.openPage();
    await watched.page.goto(`${daemon.base}/#token=${token}`);
    await watched.page.waitForSelector('.side nav a');
    await go(watched, path);
    return watched;
  };
  const go = async ({ page }: WatchedPage, path: string): Promise<void> => {
    await page.evaluate((hash) => location.assign(hash), `#/${path}`);
    await page.waitForSelector('main h1');
  };
  const clean = ({ complaints, requestsBeyond }: WatchedPage): void => {
    assert.deepEqual(complaints, []);
    assert.deepEqual(requestsBeyond(daemon.base), []);
  };

  it('takes the token out of the address bar and keeps it for this tab alone', async () => {
    const watched = await open('');
    const { page } = watched;
    assert.equal(page.url(), `${daemon.base}/#/`);
    assert.equal(await page.evaluate(() => document.cookie), '');
    assert.equal(await page.evaluate(() => Object.keys(localStorage).join().includes('token')), false);
    assert.equal(await page.evaluate(() => sessionStorage.getItem('sboxagent.token')), daemon.token());
    clean(watched);
    await page.close();
  });

  it('asks for a token, and says what is wrong with a bad one', async () => {
    const { page } = await browser.openPage();
    await page.goto(daemon.base);
    await page.locator('input[name=token]').fill('sbx_not-a-token-of-this-agent-at-all-000000000');
    await page.locator('button[type=submit]').click();
    await page.waitForSelector('.unlock .note.bad');
    await page.locator('input[name=token]').fill(daemon.token());
    await page.locator('button[type=submit]').click();
    await page.waitForSelector('.verdict');
    await page.close();
  });

  it('says first what is wrong, with hostile text as text', async () => {
    await daemon.rest('POST', '/api/v1/events', { type: 'test.hostile', severity: 'ERROR', subject: hostile, data: { message: hostile } });
    const watched = await open('');
    const { page } = watched;
    await page.waitForFunction(() => document.querySelector('.attention')?.textContent?.includes('loop'));
    await page.waitForFunction((text) => document.querySelector('.recent')?.textContent?.includes(text), {}, hostile);
    await go(watched, 'processes/loop');
    await page.waitForFunction(() => document.querySelector('.lines')?.textContent?.includes('<img'));
    assert.equal(await page.title(), 'sboxagent');
    assert.equal(await page.$('main img, main script'), null);
    clean(watched);
    await page.close();
  });

  it('sees a killed process come back, in this order', async (t) => {
    const watched = await open('processes/web');
    const { page } = watched;
    await page.waitForFunction(() => document.querySelector('.top .badge')?.classList.contains('ok'));
    const pidOf = async (): Promise<number> => ((await daemon.rest('GET', '/api/v1/processes/web')).json as { pid: number }).pid;
    const old = await pidOf();
    await page.evaluate(() => {
      const seen: string[] = [];
      const look = (): void => {
        const state = document.querySelector('.top .badge')?.textContent ?? '';
        if (seen.at(-1) !== state) seen.push(state);
      };
      look();
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
      Object.assign(window, { seen });
    });
    const killedAt = performance.now();
    process.kill(old, 'SIGKILL');
    await page.waitForFunction(() => {
      const { seen } = window as unknown as { seen: string[] };
      return seen.length > 2 && seen.at(-1) === 'Ready';
    });
    t.diagnostic(`seen up again ${Math.round(performance.now() - killedAt)} ms after the kill, with a backoff of 300 ms`);
    const seen = await page.evaluate(() => (window as unknown as { seen: string[] }).seen);
    assert.deepEqual([seen[0], seen.at(-1)], ['Ready', 'Ready']);
    assert.ok(seen.slice(1, -1).includes('Waiting to restart'), seen.join());
    assert.notEqual(await pidOf(), old);
    clean(watched);
    await page.close();
  });

  it('watches an apply that does not prove itself to its end, then one that does, and rolls back', async () => {
    const watched = await open('processes/edge/config');
    const { page } = watched;
    await page.waitForFunction(() => document.querySelector('.top .badge')?.classList.contains('ok'));
    const write = async (content: string, button: string): Promise<void> => {
      await page.waitForSelector('textarea.code');
      await page.locator('textarea.code').fill(content);
      await page.locator(`.bar .button${button}`).click();
    };
    const resultIs = (result: string) => page.waitForSelector(`.apply[data-result=${result}]`);
    const before = readFileSync(configPath, 'utf8');
    const port = await freePort();

    await write(text(engineConfig(port, { fake: { fails_run: hostile } })), ':not(.main)');
    await resultIs('VALID');
    await page.waitForFunction(
      (mark) => document.querySelector('.apply .diff .added') && document.querySelector('.diff')?.textContent?.includes(mark.slice(0, 5)),
      {},
      hostile,
    );
    assert.equal(readFileSync(configPath, 'utf8'), before);

    // It may stand there for some milliseconds only.
    await page.evaluate(() => {
      const results: string[] = [];
      const look = (): void => void results.push(document.querySelector('.apply')?.getAttribute('data-result') ?? '');
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
      Object.assign(window, { results });
    });
    await page.locator('.bar .button.main').click();
    await resultIs('ROLLED_BACK');
    assert.ok(await page.evaluate(() => (window as unknown as { results: string[] }).results.includes('PENDING')));
    const steps = await page.$$eval('.steps li', (all) => all.map((one) => one.getAttribute('data-status')));
    assert.ok(steps.includes('FAILED') && steps.at(-1) === 'PASSED', steps.join());
    assert.equal(readFileSync(configPath, 'utf8'), before);

    await write(text(engineConfig(port)), '.main');
    await resultIs('APPLIED');
    assert.equal(readFileSync(configPath, 'utf8'), text(engineConfig(port)));
    await page.locator('.apply .lead .button').click();
    // The config is read anew, and the list of before goes with its view.
    await page.waitForFunction(() => document.querySelector('.apply') === null);
    await page.locator('.revisions li:last-child summary').click();
    await page.locator('.revisions li:last-child .button').click();
    await page.locator('dialog[open] .button.main').click();
    await resultIs('APPLIED');
    assert.deepEqual(JSON.parse(readFileSync(configPath, 'utf8')), JSON.parse(before));
    assert.equal(await page.title(), 'sboxagent');
    clean(watched);
    await page.close();
  });

  it('shows events and log lines as they come, also those of the time in which the daemon was away', async () => {
    const publish = (subject: string) =>
      daemon.rest('POST', '/api/v1/events', { type: 'test.seen', source: 'test', subject, data: { message: hostile } });
    const lines = await open('processes/ticker/logs');
    await lines.page.waitForFunction(() => (document.querySelectorAll('.log p').length ?? 0) > 2);
    await publish('first');
    const watched = await open('events');
    const { page } = watched;
    const subjects = (): Promise<readonly string[]> =>
      page.$$eval('.events .line', (all) =>
        all
          .filter((one) => one.querySelector('code')?.textContent === 'test.seen')
          .map((one) => one.querySelector('.subject')?.textContent ?? ''),
      );
    await until('the first event', async () => (await subjects()).includes('first'));
    await publish('second');
    await until('the second event', async () => (await subjects()).includes('second'));
    await daemon.kill('SIGTERM');
    await page.waitForSelector('.link.waiting');
    await daemon.start();
    await publish('third');
    await until('the third event', async () => (await subjects()).includes('third'));
    assert.deepEqual(await subjects(), ['third', 'second', 'first']);
    const revisions = await page.$$eval('.events .line', (all) => all.map((one) => Number(one.getAttribute('data-row'))));
    assert.deepEqual(
      revisions,
      [...new Set(revisions)].sort((a, b) => b - a),
    );
    await page.$$eval('button.line', (all) => all.find((one) => one.querySelector('code')?.textContent === 'test.seen')?.click());
    await page.waitForFunction((mark) => document.querySelector('.details pre')?.textContent?.includes(mark.slice(0, 5)), {}, hostile);
    await go(watched, 'events?types=process.**');
    await page.waitForFunction(() =>
      [...document.querySelectorAll('.events .line code')].every((one) => one.textContent?.startsWith('process.')),
    );
    assert.equal(await page.$('main img, main script'), null);
    const last = await lines.page.$$eval('.log .text', (all) => Number(all.at(-1)?.textContent));
    await lines.page.bringToFront();
    await lines.page.waitForFunction(
      (before) => Number([...document.querySelectorAll('.log .text')].at(-1)?.textContent) > before,
      {},
      last,
    );
    await lines.page.close();
    await page.close();
  });

  it('goes on over a restart of the daemon, without a reload', async () => {
    const watched = await open('processes');
    const { page } = watched;
    await page.evaluate(() => Object.assign(window, { same: true }));
    await daemon.kill('SIGTERM');
    await page.waitForSelector('.link.waiting');
    await daemon.start();
    await page.waitForSelector('.link.live');
    await page.waitForFunction(() => document.querySelector('tr[data-row=web] .badge.ok') !== null);
    assert.equal(await page.evaluate(() => (window as unknown as { same?: boolean }).same), true);
    assert.deepEqual(watched.requestsBeyond(daemon.base), []);
    await page.close();
  });

  it('offers nothing that the scopes of the token do not allow', async () => {
    const reader = await open('processes', await mint('read'));
    await reader.page.waitForSelector('tr[data-row=web]');
    assert.equal(await reader.page.$('main button'), null);
    await go(reader, 'processes/web');
    await reader.page.waitForSelector('.runs');
    assert.equal(await reader.page.$('main button'), null);
    clean(reader);
    await reader.page.close();
    const operator = await open('processes', await mint('read,operate'));
    await operator.page.waitForSelector('tr[data-row=web] button');
    clean(operator);
    await operator.page.close();
  });

  it('is reached from the file that `sboxagent console` hands to the browser, by its scopes', async () => {
    const made = await runProgram([program, 'console', '-o', 'json', '--config', daemon.configPath, '--state-dir', daemon.stateDir]);
    const { url } = JSON.parse(made.stdout) as { url: string };
    const path = join(dirname(configPath), 'console.html');
    writeFileSync(path, `<meta http-equiv="refresh" content="0; url=${url}">`);
    const watched = await browser.openPage();
    await watched.page.goto(`file://${path}`);
    await watched.page.waitForSelector('.verdict');
    assert.equal(watched.page.url(), `${daemon.base}/#/`);
    await go(watched, 'processes/edge/config');
    await watched.page.waitForSelector('textarea[readonly]');
    assert.equal(await watched.page.$('.bar .button'), null);
    await watched.page.waitForSelector('.top .actions button');
    assert.deepEqual(watched.complaints, []);
    await watched.page.close();
  });

  it('shows a plugin and changes its document by a form of its schema', async () => {
    const schema = {
      type: 'object',
      required: ['url'],
      properties: { url: { type: 'string', title: hostile }, minutes: { type: 'integer', minimum: 1 }, verify: { type: 'boolean' } },
    };
    const session = '/sboxagent.v1.PluginSessionService/RegisterPlugin';
    const plugin = { id: 'fetcher', name: 'fetcher', kind: 'LIBRARY', version: '1.0' };
    assert.equal((await daemon.rest('POST', session, { plugin, configSchema: schema })).status, 200);
    assert.equal((await daemon.rest('PUT', '/api/v1/plugins/fetcher/config', { url: 'https://a.test', minutes: 5 })).status, 200);
    const watched = await open('plugins');
    const { page } = watched;
    await page.locator('tr[data-row=fetcher] a').click();
    await page.waitForSelector('.form input[type=number]');
    assert.equal(await page.$eval('.form label', (label) => label.textContent), `${hostile} *`);
    await page.locator('.form input[type=number]').fill('30');
    await page.locator('.form input[type=checkbox]').click();
    await page.locator('.bar .button:not(.main):not(.quiet)').click();
    await page.waitForSelector('.note.ok');
    await page.locator('.bar .button.main').click();
    await until('the document', async () => {
      const { json } = await daemon.rest('GET', '/api/v1/plugins/fetcher/config');
      const { config } = json as { config: object };
      return (
        JSON.stringify(Object.entries(config).sort()) ===
        JSON.stringify([
          ['minutes', 30],
          ['url', 'https://a.test'],
          ['verify', true],
        ])
      );
    });
    await page.waitForFunction(() => document.querySelectorAll('.backups li').length === 1);
    clean(watched);
    await page.locator('.form input[type=number]').fill('0');
    await page.locator('.bar .button:not(.main):not(.quiet)').click();
    await page.waitForSelector('.note.bad');
    await page.close();
  });

  it('shows what a change of the configuration would do before it is done', async () => {
    const watched = await open('config');
    const { page } = watched;
    await page.waitForSelector('textarea.code');
    const yaml = await page.$eval('textarea.code', (area) => area.value);
    await page.locator('textarea.code').fill(yaml.replace('{', '{"events": {"retention": {"age": "3d"}}, '));
    assert.equal(await page.$eval('.bar .button.main', (button) => (button as HTMLButtonElement).disabled), true);
    await page.locator('.bar .button:not(.main)').click();
    await page.waitForFunction(() => document.querySelector('.changes')?.textContent?.includes('events.retention.age'));
    assert.equal(readFileSync(daemon.configPath, 'utf8').includes('3d'), false);
    await page.locator('.bar .button.main').click();
    await until('the file', () => readFileSync(daemon.configPath, 'utf8').includes('3d'));
    await page.waitForFunction(() => document.querySelectorAll('.revisions li').length === 2);
    clean(watched);
    await page.close();
  });

  it('acknowledges an alert, and tells a trace as a story', async () => {
    const watched = await open('alerts');
    const { page } = watched;
    await page.locator('.alerts .button').click();
    await page.locator('dialog[open] input').fill('seen it');
    await page.locator('dialog[open] .button.main').click();
    await page.waitForFunction(() => document.querySelector('.alerts')?.textContent?.includes('seen it'));
    assert.equal((await daemon.rest('POST', '/api/v1/processes/web:restart', {})).status, 200);
    await go(watched, 'traces');
    await until('the restart', async () => {
      await page.evaluate(() => location.reload());
      await page.waitForSelector('tbody');
      return page.$$eval('tbody a', (all) => all.some((one) => one.textContent?.includes('RestartProcess')));
    });
    await page.$$eval('tbody a', (all) => all.find((one) => one.textContent?.includes('RestartProcess'))?.click());
    await page.waitForFunction(() => document.querySelector('.story')?.textContent?.includes('process.started'));
    clean(watched);
    await page.close();
  });

  it('shows what a process uses, why one is down and what to do, and the lines that are asked for', async () => {
    const watched = await open('processes');
    const { page } = watched;
    await page.waitForFunction(() => {
      const cell = (name: string): string => document.querySelector(`tr[data-row=ticker] td[data-name="${name}"]`)?.textContent ?? '';
      return /\d %/.test(cell('CPU')) && /\d \w?i?B/.test(cell('Memory'));
    });
    await page.waitForFunction(() => /\w/.test(document.querySelector('tr[data-row=loop] .why')?.textContent ?? ''));
    await go(watched, 'processes/loop');
    await page.waitForFunction(() => document.querySelector('.remedies')?.textContent?.includes('sboxagent start loop'));
    await go(watched, 'processes/ticker/logs?text=7');
    await page.waitForFunction(() => {
      const lines = [...document.querySelectorAll('.log .text')].map((one) => one.textContent ?? '');
      return lines.length > 3 && lines.every((line) => line.includes('7'));
    });
    await go(watched, 'processes/ticker/logs?level=ERROR');
    await page.waitForFunction(
      () => document.querySelector('.log .text') === null && document.querySelector('main')?.textContent?.includes('No'),
    );
    clean(watched);
    await page.close();
  });

  it('draws what was used, and says its last value in words', async () => {
    const watched = await open('');
    const { page } = watched;
    for (const [path, least] of [
      ['', 3],
      ['processes/ticker', 2],
    ] as const) {
      await go(watched, path);
      // Of each plot: whether a line was drawn in its colour, and what is said of it.
      const plots = await until('the plots', async () => {
        const found = await page.$$eval('figure.plot', (all) =>
          all.map((figure) => {
            const canvas = figure.querySelector('canvas');
            const pixels = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? new Uint8ClampedArray();
            const isDrawn = pixels.some((value, i) => i % 4 === 3 && value > 0);
            return {
              isDrawn,
              said: figure.querySelector('strong')?.textContent ?? '',
              label: figure.querySelector('[role=img]')?.ariaLabel ?? '',
            };
          }),
        );
        return found.filter(({ isDrawn }) => isDrawn).length >= least && found;
      });
      for (const { isDrawn, said, label } of plots.filter((plot) => plot.isDrawn)) {
        assert.match(said, /\d/, path);
        assert.ok(isDrawn && label.includes(said.split(' · ')[0] ?? ''), `${label}: ${said}`);
      }
    }
    clean(watched);
    await page.close();
  });

  it('stops and starts by the keyboard alone', async () => {
    const watched = await open('');
    const { page } = watched;
    await page.keyboard.type('gp');
    await page.waitForSelector('tr[data-row=web]');
    await page.keyboard.type('/web');
    await page.waitForFunction(() => document.querySelectorAll('tr[data-row]').length === 1);
    await page.keyboard.press('Escape');
    await page.keyboard.type('jx');
    await page.waitForSelector('dialog[open]');
    await page.locator('dialog .button.danger').click();
    await page.waitForSelector('tr[data-row=web] .badge.off');
    await page.waitForFunction(() => document.querySelector('dialog') === null);
    await page.focus('tr[data-row=web]');
    await page.keyboard.type('s');
    await page.waitForSelector('tr[data-row=web] .badge.ok');
    clean(watched);
    await page.close();
  });

  it('restarts and reloads by its buttons', async () => {
    const pidOf = async (id: string): Promise<number> =>
      ((await daemon.rest('GET', `/api/v1/processes/${id}`)).json as { pid: number }).pid;
    const watched = await open('processes/web');
    const { page } = watched;
    const [web, edge] = [await pidOf('web'), await pidOf('edge')];
    await page.locator('button[aria-label="Restart web"]').click();
    await page.locator('dialog .button.danger').click();
    await until('another web', async () => (await pidOf('web')) !== web);
    await page.waitForSelector('.notice.ok');
    await go(watched, 'processes/edge');
    await page.locator('button[aria-label="Reload edge"]').click();
    await page.waitForFunction(() => document.querySelector('.notices')?.textContent?.includes('edge'));
    assert.equal(await pidOf('edge'), edge);
    clean(watched);
    await page.close();
  });

  it('gives nothing to a page of another origin, not even in a frame', async () => {
    const asked: string[] = [];
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end(`<title>foreign</title><iframe src="${daemon.base}/"></iframe>`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const { page } = await browser.openPage();
    await page.goto(`http://localhost:${port}/`);
    for (const path of ['/', '/api/v1/health', '/api/v1/status', '/sboxagent.v1.AgentService/GetStatus']) {
      const got = await page.evaluate(
        async (url, token) => {
          try {
            return await (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).text();
          } catch {
            return '';
          }
        },
        daemon.base + path,
        daemon.token(),
      );
      asked.push(got);
    }
    assert.deepEqual(asked, ['', '', '', '']);
    const frame = await until('the refused frame', () => page.frames().find((one) => one !== page.mainFrame()));
    assert.equal(await frame.$('#console'), null);
    await page.close();
    server.close();
    server.closeAllConnections();
  });

  it('is not there where it is switched off', async () => {
    const quiet = await makeDaemon({ config: { api: { console: { enabled: false } } } });
    try {
      await quiet.start();
      for (const path of ['/', '/console.js']) assert.equal((await fetch(quiet.base + path)).status, 404);
      assert.equal((await fetch(`${daemon.base}/`)).status, 200);
    } finally {
      await quiet.dispose();
    }
  });
});
