/** What an agent does to its own unit for a rollout: by its own API, in the name of who signed. */
import { createHash } from 'node:crypto';
import type { KV } from '@nats-io/kv';
import type { FleetCall } from '../rpc.ts';
import { keys, unpackContent } from './bucket.ts';
import { callOwnAgent, type OwnAnswer } from './own-call.ts';
import type { Outcome, Part } from './types.ts';
import type { Seen } from './view.ts';

/** What came of it. `POSTPONED`: nothing yet, and it may go through later. */
export type Carried = Outcome | { readonly result: 'POSTPONED'; readonly why: string };

export interface Means {
  readonly bucket: Pick<KV, 'get'>;
  readonly serve: (call: FleetCall) => void;
}

export async function applyContent({ bucket, serve }: Means, { plan }: Seen, part: Part): Promise<Carried> {
  if (plan === undefined) return { result: 'POSTPONED', why: 'its plan is not here' };
  const content = await readContent(bucket, plan.body);
  if (!content.ok) return { result: 'REJECTED', why: content.why };
  const { id, unit, reason, trace_id: traceId } = plan.body;
  const request = { id: unit, content: content.text, reason: reasonOf(id, reason), request_id: requestId(part) };
  const answer = await callOwnAgent(serve, {
    ...{ method: 'ProcessService/ApplyProcessConfig', request, principal: plan.principal, traceId },
  });
  return outcomeOf(answer, 'APPLIED');
}

export interface Return {
  readonly part: Part;
  /** It was begun before, and what came of it is not known. */
  readonly isBegun: boolean;
  /** Whether the config is another one than the rollout put there. */
  readonly isChanged: boolean;
}

/** Puts the revision of before into effect, unless somebody has changed the config since. */
export async function returnToBefore(serve: Means['serve'], { plan, order }: Seen, { part, isBegun, isChanged }: Return): Promise<Carried> {
  if (plan === undefined || order === undefined) return { result: 'POSTPONED', why: 'its order is not here' };
  if (isChanged && isBegun) return { result: 'RETURNED', why: '' };
  const { id, unit, trace_id: traceId } = plan.body;
  const stuck = (why: string): Outcome => ({ result: 'STUCK', why });
  if (part.from_revision === 0) return stuck('it had no config before the rollout: there is nothing to go back to');
  if (isChanged) return stuck('its config was changed since: it is left as it is');
  const request = {
    ...{ id: unit, revision: part.from_revision, request_id: requestId(part) },
    reason: reasonOf(id, `back to revision ${part.from_revision}`),
  };
  const answer = await callOwnAgent(serve, {
    ...{ method: 'ProcessService/RollbackProcessConfig', request, principal: order.principal, traceId },
  });
  const outcome = outcomeOf(answer, 'RETURNED');
  return outcome.result === 'RETURNED' || outcome.result === 'POSTPONED' ? outcome : stuck(outcome.why);
}

function reasonOf(id: string, reason: string): string {
  return `rollout ${id}${reason === '' ? '' : `: ${reason}`}`.slice(0, 1024);
}

/** The same for the same attempt, so that one whose answer a death of the agent has swallowed is not made twice. */
function requestId({ rollout, order, attempt, state }: Part): string {
  return `rollout/${rollout}/${state}/${order}/${attempt}`;
}

type Content = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string };

async function readContent(
  bucket: Means['bucket'],
  { id, content_sha256: digest }: { readonly id: string; readonly content_sha256: string },
): Promise<Content> {
  const entry = await bucket.get(keys.content(id));
  if (entry === null || entry.operation !== 'PUT') return { ok: false, why: 'the config of the rollout is not in the bucket' };
  try {
    const text = unpackContent(entry.value);
    if (createHash('sha256').update(text).digest('hex') === digest) return { ok: true, text };
  } catch {
    // What is no gzip, or too large, is not the signed config either.
  }
  return { ok: false, why: 'the config in the bucket is not the one that was signed' };
}

function outcomeOf(answer: OwnAnswer, success: 'APPLIED' | 'RETURNED'): Carried {
  if (answer.ok) return { result: success, why: '' };
  const { why, isPassing, result } = answer;
  if (isPassing) return { result: 'POSTPONED', why };
  return { result: result === 'ROLLED_BACK' || result === 'FAILED' ? result : 'REJECTED', why };
}
