/** The runs of a process, out of its events. Pure. */
import type { Event } from '../../../gen/es/sboxagent/v1/event_pb.js';
import { msOf } from './format.ts';

export interface Run {
  /** When its program was started; undefined where that is no longer kept. */
  readonly fromMs: number | undefined;
  /** Undefined while it runs. */
  readonly untilMs: number | undefined;
  readonly end: RunEnd;
}

export type RunEnd =
  | { readonly kind: 'running' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string; readonly oom: boolean }
  | { readonly kind: 'unknown' };

/** Newest first. `events` are of one process, in order of their revisions; `up` says whether it runs at the moment. */
export function runsOf(events: readonly Event[], up: boolean): readonly Run[] {
  const runs: Run[] = [];
  let fromMs: number | undefined;
  let open = false;
  const close = (untilMs: number | undefined, end: RunEnd): void => {
    runs.push({ fromMs, untilMs, end });
    open = false;
    fromMs = undefined;
  };
  for (const event of events) {
    const atMs = msOf(event.time);
    switch (event.type) {
      case 'process.started':
        // One whose end nobody saw.
        if (open) close(atMs, { kind: 'unknown' });
        open = true;
        fromMs = atMs;
        break;
      case 'process.exited':
        close(atMs, endOf(event));
        break;
      case 'process.stopped':
        if (open) close(atMs, { kind: 'stopped' });
        break;
    }
  }
  if (open) runs.push({ fromMs, untilMs: undefined, end: up ? { kind: 'running' } : { kind: 'unknown' } });
  return runs.reverse();
}

function endOf({ data }: Event): RunEnd {
  const signal = data?.['signal'];
  const code = data?.['code'];
  if (typeof signal === 'string' && signal !== '') return { kind: 'signal', signal, oom: data?.['oom_killed'] === true };
  return typeof code === 'number' ? { kind: 'code', code } : { kind: 'unknown' };
}
