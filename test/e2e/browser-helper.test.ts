/** What the tests of pages believe of their browser: that it sees a page's requests and complaints, and reaches nobody else. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { noBrowser, openBrowser } from '../helpers/browser.ts';

const html = `<!doctype html><link rel=icon href="data:,"><script src="/page.js"></script><script>document.title = 'inline'</script>`;
const script = `fetch('http://example.com/away').catch(() => { document.title = 'unreachable'; throw new Error('thrown') });`;

test('a page that does what it should not is found out', { skip: noBrowser }, async (t) => {
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.setHeader('content-security-policy', "script-src 'self'");
    response.end(isScript ? script : html);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using browser = await openBrowser();
  const { page, requestsBeyond, complaints } = await browser.openPage();
  await page.goto(origin);
  await page.waitForFunction("document.title === 'unreachable'");
  assert.deepEqual(requestsBeyond(origin), ['http://example.com/away']);
  const said = (what: RegExp) => complaints.some((line) => what.test(line));
  assert.ok(said(/Content Security Policy/), 'the inline script was refused');
  assert.ok(said(/ERR_NAME_NOT_RESOLVED/), 'no other host is reached');
});
