/** The agent's configuration changed over the API while it is killed, and while it is in use. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

const headers = (daemon: Daemon): Record<string, string> => ({ authorization: `Bearer ${daemon.token()}` });

async function put(daemon: Daemon, body: string): Promise<number> {
  const answer = await fetch(`${daemon.base}/api/v1/config`, {
    method: 'PUT',
    headers: { ...headers(daemon), 'content-type': 'application/yaml' },
    body,
  });
  await answer.arrayBuffer();
  return answer.status;
}

const marked = (before: string, n: number): string => `${before.replace(/^# mark \d+\n/m, '')}# mark ${n}\n`;
const withBurst = (text: string, n: number): string => marked(text, n).replace(/burst: \d+/, `burst: ${5000 + n}`);

/** Kills in all, in tests of 50. CONFIG_KILLS=200 makes a longer run of it. */
const kills = Number(process.env['CONFIG_KILLS'] ?? 50);

describe('PUT /config and a kill -9 at a random moment', () => {
  for (let from = 0; from < kills; from += 50) {
    it(`the file is the old or the new one, from kill ${from + 1} on`, async (t) => {
      const daemon = await makeDaemon({ config: { api: undefined } });
      t.after(() => daemon.dispose());
      const first = `# the agent\napi:\n  port: ${daemon.port} # ours\n  security:\n    rate_limit: {enabled: false, burst: 5000}\n# mark 0\n`;
      writeFileSync(daemon.configPath, first, { mode: 0o600 });
      let present = first;
      let allowed = [first];
      let finished = 0;
      for (let n = 1; n <= 50; n++) {
        await daemon.start();
        present = readFileSync(daemon.configPath, 'utf8');
        assert.ok(allowed.includes(present), `after the start ${n}:\n${present}`);
        const strays = readdirSync(dirname(daemon.configPath)).filter((name) => name.endsWith('.tmp'));
        assert.deepEqual(strays, []);
        const next = withBurst(present, n);
        const answered = put(daemon, next).catch(() => 0);
        await sleep(Math.random() * 100);
        await daemon.kill('SIGKILL');
        const acknowledged = (await answered) === 200;
        const found = readFileSync(daemon.configPath, 'utf8');
        assert.ok(found === next || (found === present && !acknowledged), `after kill ${n}:\n${found}`);
        if (found === next) finished++;
        // One that was on its way is finished by the next start, or never was.
        allowed = [found, next];
      }
      t.diagnostic(`${finished} of 50 kills came after the change`);
    });
  }
});

describe('reloads in use', () => {
  it('100 reloads under 200 requests a second and 20 streams: no call fails, no stream is dropped', async (t) => {
    const daemon = await makeDaemon({ config: { agent: { name: 'live', auto_reload: false } } });
    t.after(() => daemon.dispose());
    await daemon.start();
    const leave = new AbortController();
    const received: number[] = [];
    const ended: unknown[] = [];
    const streams = Array.from({ length: 20 }, async (_, i) => {
      received[i] = 0;
      const answer = await fetch(`${daemon.base}/api/v1/events:watch`, {
        headers: { ...headers(daemon), accept: 'application/x-ndjson' },
        signal: leave.signal,
      });
      for await (const chunk of answer.body ?? []) received[i] += Buffer.from(chunk).toString().split('config.applied').length - 1;
    }).map((stream) => stream.catch((error: unknown) => (leave.signal.aborted ? undefined : ended.push(error))));
    let calls = 0;
    const failures: unknown[] = [];
    let stop = false;
    const load = (async () => {
      const waiting = new Set<Promise<void>>();
      const begun = performance.now();
      const one = (): void => {
        const call = fetch(`${daemon.base}/api/v1/status`, { headers: headers(daemon) })
          .then(async (answer) => {
            await answer.arrayBuffer();
            calls++;
            if (answer.status !== 200) failures.push(answer.status);
          })
          .catch((error: unknown) => void failures.push(error));
        waiting.add(call);
        void call.finally(() => waiting.delete(call));
      };
      // By the clock, so that slow turns of this program do not make the load less; never more than 100 at once.
      for (let sent = 0; !stop; await sleep(5)) {
        for (const due = ((performance.now() - begun) * 200) / 1000; sent < due && waiting.size < 100; sent++) one();
      }
      await Promise.all(waiting);
    })();
    const started = performance.now();
    const text = JSON.parse(readFileSync(daemon.configPath, 'utf8'));
    for (let n = 0; n < 100; n++) {
      text.api.limits = { message_bytes: `${1024 + n}KiB` };
      text.api.security.cors = { allowed_origins: [`http://localhost:${3000 + n}`] };
      text.processes = { units: n % 2 === 0 ? { extra: { command: ['sleep', '60'], stop: { grace: '1s' } } } : {} };
      const answer = await fetch(`${daemon.base}/api/v1/config`, {
        method: 'PUT',
        headers: { ...headers(daemon), 'content-type': 'application/json' },
        body: JSON.stringify(text),
      });
      const change = (await answer.json()) as { revision: number; restart_required: boolean };
      assert.deepEqual([answer.status, change.restart_required, change.revision], [200, false, n + 2]);
      await sleep(20);
    }
    stop = true;
    await load;
    await until('every stream to have all', () => received.every((count) => count >= 100) || ended.length > 0);
    assert.deepEqual(failures, []);
    assert.deepEqual(ended, []);
    assert.deepEqual(new Set(received), new Set([100]));
    assert.ok(calls > 300, `${calls} calls`);
    t.diagnostic(`${calls} calls, ${Math.round((calls * 1000) / (performance.now() - started))} a second`);
    leave.abort();
    await Promise.all(streams);
  });
});
