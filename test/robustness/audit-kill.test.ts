/**
 * Deaths by kill -9 while calls that change something are under way and the command line makes tokens: the chain is whole, every call that
 * was answered has its entry with that answer, and none has two.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyAudit } from '../../src/audit/state-dir.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { newSpanId, newTraceId } from '../../src/kernel/ids.ts';
import { cli } from '../helpers/cli-io.ts';
import { type Daemon, makeDaemon } from '../helpers/daemon.ts';

const deaths = 5;
const workers = 6;

let daemon: Daemon;
before(async () => {
  daemon = await makeDaemon({ config: { processes: { units: { edge: { command: ['/bin/sleep', '1000'], autostart: true } } } } });
  await daemon.start();
});
after(() => daemon?.dispose());

interface Entry {
  readonly trace_id: string;
  readonly code: string;
  readonly target: string;
}

/** All entries, oldest first. */
async function entries(): Promise<Entry[]> {
  const all: Entry[] = [];
  let token = '';
  do {
    const { json } = await daemon.rest('GET', `/api/v1/audit?order_by=sequence&page_size=1000&page_token=${token}`);
    const page = json as { entries: Entry[]; next_page_token: string };
    all.push(...page.entries);
    token = page.next_page_token;
  } while (token !== '');
  return all;
}

test('what was answered is in the audit, whatever ended the agent', async (t) => {
  const answered = new Map<string, string>();
  const made: string[] = [];
  for (let n = 0; n < deaths; n++) {
    let over = false;
    const work = async (worker: number): Promise<void> => {
      while (!over) {
        const traceId = newTraceId();
        const path = worker % 2 === 0 ? '/api/v1/processes/edge:restart' : '/api/v1/processes/nobody:restart';
        const answer = await daemon.rest('POST', path, {}, { traceparent: `00-${traceId}-${newSpanId()}-01` }).catch(() => undefined);
        // Errors say their code, in small letters.
        const code = (answer?.json as { code?: string } | undefined)?.code ?? 'ok';
        if (answer !== undefined) answered.set(traceId, code.toUpperCase());
      }
    };
    const working = Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
    const before = answered.size;
    while (answered.size < before + 20 + n * 7) {
      const { code, out } = await cli(['token', 'create', '--scope', 'read', '-o', 'json', '--state-dir', daemon.stateDir]);
      if (code === 0) made.push(JSON.parse(out).id);
      // The command works on the file in this thread: the calls must have their turn.
      await systemClock.sleep(50);
    }
    await daemon.kill('SIGKILL');
    over = true;
    await working;
    assert.equal(verifyAudit(daemon.stateDir)?.problem, undefined, `after death ${n + 1}`);
    await daemon.start();
  }
  const kept = await entries();
  const byTrace = Map.groupBy(kept, ({ trace_id }) => trace_id);
  for (const [traceId, code] of answered)
    assert.deepEqual(
      byTrace.get(traceId)?.map((entry) => entry.code),
      [code],
      traceId,
    );
  const targets = kept.map(({ target }) => target);
  for (const id of made) assert.equal(targets.filter((target) => target === id).length, 1, `token ${id}`);
  const interrupted = kept.filter(({ code }) => code === 'UNKNOWN').length;
  t.diagnostic(`${answered.size} calls answered, ${made.length} tokens, ${interrupted} interrupted, ${kept.length} entries`);
  assert.ok(interrupted <= deaths * (workers + 1));
});
