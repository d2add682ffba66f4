/** The page at /docs in a real browser: offline, under its policy, with calls that are tried from it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'puppeteer-core';
import { noBrowser, openBrowser, type TestBrowser, type WatchedPage } from '../helpers/browser.ts';
import { type Daemon, makeDaemon } from '../helpers/daemon.ts';

/** Opens an operation, says what it is to be called with, calls it, and answers status and body as the page shows them. */
async function tryOut(page: Page, id: string, body?: string): Promise<{ status: string; text: string }> {
  const operation = `#operations-${id}`;
  await page.waitForSelector(operation);
  await page.click(`${operation} .opblock-summary-control`);
  await page.waitForSelector(`${operation} .execute`);
  if (body !== undefined) {
    const area = `${operation} textarea.body-param__text`;
    await page.click(area, { count: 3 });
    await page.focus(area);
    await page.keyboard.down('Control');
    await page.keyboard.press('a');
    await page.keyboard.up('Control');
    // At once: the page works at each key, which a busy machine makes a minute of.
    await page.keyboard.sendCharacter(body);
  }
  await page.click(`${operation} .execute`);
  await page.waitForSelector(`${operation} .live-responses-table tbody .response-col_status`);
  const read = (selector: string): Promise<string> => page.$eval(`${operation} ${selector}`, (element) => element.textContent ?? '');
  return {
    status: (await read('.live-responses-table tbody td.response-col_status')).trim(),
    text: await read('.live-responses-table tbody .response-col_description'),
  };
}

describe('the reference page', { skip: noBrowser }, () => {
  let daemon: Daemon;
  let browser: TestBrowser;
  let watched: WatchedPage;

  before(async () => {
    daemon = await makeDaemon({ config: { processes: { units: { sleeper: { command: ['/bin/sleep', '600'], autostart: true } } } } });
    await daemon.start();
    browser = await openBrowser();
    watched = await browser.openPage();
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await daemon?.dispose();
  });

  it('asks for a token, says what is wrong with one, and shows the document to a good one', async () => {
    const { page } = watched;
    await page.goto(`${daemon.base}/docs`);
    await page.waitForSelector('#token-form:not([hidden])');
    await page.type('#token', 'not-a-token-of-this-agent-at-all-0000000');
    await page.click('#token-form button');
    await page.waitForFunction("document.getElementById('problem').textContent.length > 0");
    assert.match(await page.$eval('#problem', (element) => element.textContent ?? ''), /token/);
    await page.$eval('#token', (element) => Object.assign(element, { value: '' }));
    await page.type('#token', daemon.token());
    await page.click('#token-form button');
    await page.waitForSelector('#operations-AgentService-getStatus');
    const operations = await page.$$eval('.opblock', (found) => found.length);
    assert.ok(operations >= 48, `${operations} operations`);
  });

  it('tries calls: the status, the processes, an event', async () => {
    const { page } = watched;
    const status = await tryOut(page, 'AgentService-getStatus');
    assert.equal(status.status, '200');
    assert.match(status.text, /"name": ?"e2e"/);
    const processes = await tryOut(page, 'ProcessService-listProcesses');
    assert.equal(processes.status, '200', processes.text);
    assert.match(processes.text, /sleeper/);
    const event = JSON.stringify({ type: 'docs.tried', source: 'page', subject: 'reference' });
    const created = await tryOut(page, 'EventService-createEvent', event);
    assert.equal(created.status, '201', created.text);
    const { json } = await daemon.rest('GET', '/api/v1/events?filter.types=docs.*');
    assert.equal((json as { events: readonly { source: string }[] }).events[0]?.source, 'page');
  });

  it('shows the beginning of a stream', async () => {
    const { status, text } = await tryOut(watched.page, 'EventService-watchEvents');
    assert.equal(status, '200');
    assert.match(text, /event: (progress|events)/);
    assert.equal((await tryOut(watched.page, 'LogService-tailLogs')).status, '200');
  });

  it('asked nobody but the agent, and broke no rule of its policy', () => {
    assert.deepEqual(watched.requestsBeyond(daemon.base), []);
    // That there was no token at first, and then a wrong one, is what the browser reports itself.
    const others = watched.complaints.filter((line) => !/status of 401/.test(line));
    assert.deepEqual(others, []);
    assert.ok(watched.requests.length >= 8, 'page, style, scripts, document and calls');
  });

  it('needs no token where the agent needs none', async () => {
    const open = await makeDaemon({ config: { api: { security: { auth_enabled: false } } } });
    try {
      await open.start();
      const { page, complaints } = await browser.openPage();
      await page.goto(`${open.base}/docs/`);
      await page.waitForSelector('#operations-AgentService-getStatus');
      assert.equal((await tryOut(page, 'AgentService-getStatus')).status, '200');
      assert.deepEqual(complaints, []);
    } finally {
      await open.dispose();
    }
  });
});
