/** What an agent makes of the answers of its own API. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { callOwnAgent } from '../../../../src/fleet/rollout/own-call.ts';
import type { FleetCall } from '../../../../src/fleet/rpc.ts';

const principal = { id: 'fleet:ops', name: 'fleet:ops', scopes: new Set(['config:write'] as const) };
const traceId = 'c'.repeat(32);

function answeredWith(status: number, text: string) {
  let asked: FleetCall | undefined;
  const answer = callOwnAgent(
    (call) => {
      asked = call;
      call.reply.head(status, {});
      // In two parts, one within a character.
      const bytes = Buffer.from(text);
      call.reply.write(bytes.subarray(0, 9));
      call.reply.write(bytes.subarray(9));
      call.reply.end({});
    },
    { method: 'ProcessService/ApplyProcessConfig', request: { id: 'edge' }, principal, traceId },
  );
  return { answer, asked: () => asked };
}

const errorOf = (reason: string, apply?: object): string =>
  JSON.stringify({
    code: 'failed_precondition',
    message: 'ö it did not prove itself (FATAL one)',
    details: [
      { type: 'google.rpc.ErrorInfo', value: '', debug: { reason, domain: 'sboxagent' } },
      ...(apply === undefined ? [] : [{ type: 'sboxagent.v1.Apply', value: '', debug: apply }]),
    ],
  });

it('asks in the name of who signed, within the trace of the rollout', async () => {
  const { answer, asked } = answeredWith(200, '{"result":"APPLIED"}');
  assert.deepEqual(await answer, { ok: true, message: { result: 'APPLIED' } });
  assert.deepEqual(asked()?.verdict, { ok: true, principal });
  assert.equal(asked()?.path, '/sboxagent.v1.ProcessService/ApplyProcessConfig');
  assert.match(asked()?.headers['traceparent'] ?? '', new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  assert.equal(Buffer.from(asked()?.body ?? []).toString(), '{"id":"edge"}');
});

it('says what came of an apply, with the engine’s lines that the message does not have', async () => {
  const text = errorOf('APPLY_ROLLED_BACK', { result: 'ROLLED_BACK', engineOutput: ['FATAL one', 'FATAL two'] });
  assert.deepEqual(await answeredWith(400, text).answer, {
    ...{ ok: false, reason: 'APPLY_ROLLED_BACK', result: 'ROLLED_BACK', isPassing: false },
    why: 'ö it did not prove itself (FATAL one)\nFATAL two',
  });
});

it('knows what passes, and bounds what it says', async () => {
  for (const [reason, passes] of [
    ['RATE_LIMITED', true],
    ['SHUTTING_DOWN', true],
    ['SCOPE_MISSING', false],
  ] as const) {
    const answer = await answeredWith(429, errorOf(reason)).answer;
    assert.deepEqual([answer.ok, !answer.ok && answer.isPassing], [false, passes], reason);
  }
  const long = await answeredWith(400, JSON.stringify({ message: 'x'.repeat(5000) })).answer;
  assert.ok(!long.ok && long.why.length === 1024);
  const broken = await answeredWith(502, 'Bad Gateway').answer;
  assert.ok(!broken.ok && /HTTP 502 and no JSON/.test(broken.why));
});

it('takes a call that was ended in the middle for one that may be made again', async () => {
  const answer = await callOwnAgent((call) => call.reply.abort(), { method: 'X/Y', request: {}, principal, traceId });
  assert.ok(!answer.ok && answer.isPassing);
});
