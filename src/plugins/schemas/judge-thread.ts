/**
 * Entry of the thread that judges. Schemas and documents come from outside: a pattern may take years, a schema all memory. Here
 * that costs nobody anything: the other side counts the time and ends the thread.
 */
import { createHash } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { ValidateFunction } from 'ajv';
import type { Violation } from '../../kernel/errors.ts';
import { compileSchema, judgeDocument } from './judge-schema.ts';

export interface ToJudge {
  readonly n: number;
  readonly schema: string;
  /** Absent: the schema itself is judged. */
  readonly document?: string;
}

export interface FromJudge {
  /** 0 = it is ready. */
  readonly n: number;
  readonly violations: readonly Violation[];
  /** With the first one: the thread's number in /proc, where there is one. */
  readonly thread?: number;
}

function threadNumber(): { readonly thread?: number } {
  try {
    return { thread: Number(readlinkSync('/proc/thread-self').split('/').at(-1)) };
  } catch {
    return {};
  }
}

/** Schemas that are kept understood; the one not used for longest goes. */
const keptSchemas = 64;
const compiled = new Map<string, ValidateFunction>();

function understand(text: string): ValidateFunction | readonly Violation[] {
  const key = createHash('sha256').update(text).digest('base64');
  const known = compiled.get(key);
  const fresh = known ?? compileSchema(JSON.parse(text));
  if (typeof fresh !== 'function') return fresh;
  compiled.delete(key);
  compiled.set(key, fresh);
  for (const oldest of compiled.keys()) {
    if (compiled.size <= keptSchemas) break;
    compiled.delete(oldest);
  }
  return fresh;
}

function judge({ schema, document }: ToJudge): readonly Violation[] {
  const validate = understand(schema);
  if (typeof validate !== 'function') return validate;
  return document === undefined ? [] : judgeDocument(validate, JSON.parse(document));
}

function safely(question: ToJudge): readonly Violation[] {
  try {
    return judge(question);
  } catch {
    // A recursion without end, or a keyword that throws.
    return [
      { field: question.document === undefined ? 'config_schema' : 'config', rule: 'schema', message: 'the schema cannot be carried out' },
    ];
  }
}

const port = parentPort;
port?.on('message', (question: ToJudge) => {
  port.postMessage({ n: question.n, violations: safely(question) } satisfies FromJudge);
});
port?.postMessage({ n: 0, violations: [], ...threadNumber() } satisfies FromJudge);
