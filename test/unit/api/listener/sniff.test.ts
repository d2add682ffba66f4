import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sniff } from '../../../../src/api/listener/sniff.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { open } from '../../../helpers/raw.ts';

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Sends the parts one by one; answers the verdict and what is left to read. */
async function sniffed(parts: readonly string[]): Promise<{ protocol: string; rest: string }> {
  let protocol = 'none';
  let accepted: Socket | undefined;
  const server = createServer((socket) => {
    accepted = socket;
    socket.on('error', () => {});
    sniff(socket, { clock: systemClock, timeoutMs: 300 }, (found) => {
      protocol = found;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const client = await open(typeof address === 'object' && address !== null ? address.port : 0);
  client.setNoDelay(true);
  for (const part of parts) {
    client.write(part);
    await sleep(20);
  }
  const rest = String(accepted?.read() ?? '');
  client.destroy();
  accepted?.destroy();
  server.close();
  return { protocol, rest };
}

describe('sniff', () => {
  it('knows the preface, whole or in pieces, and leaves it unread', async () => {
    assert.deepEqual(await sniffed([`${preface}more`]), { protocol: 'h2', rest: `${preface}more` });
    assert.deepEqual(await sniffed([preface.slice(0, 3), preface.slice(3, 20), preface.slice(20)]), { protocol: 'h2', rest: preface });
  });

  it('calls everything else HTTP/1.1 as soon as it differs', async () => {
    for (const text of ['GET / HTTP/1.1\r\n', 'P', 'PR']) {
      const { protocol } = await sniffed([text]);
      assert.equal(protocol, text.startsWith('G') ? 'h1' : 'none', text);
    }
    assert.deepEqual(await sniffed(['P', 'OST / HTTP/1.1']), { protocol: 'h1', rest: 'POST / HTTP/1.1' });
    assert.equal((await sniffed(['PRI * HTTP/2.0\r\n\r\nSX'])).protocol, 'h1');
  });
});
