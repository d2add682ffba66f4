import { type Trace, TraceEntry_Kind } from '../../../gen/es/sboxagent/v1/trace_pb.js';
import { useApp, useTexts } from '../core/app.ts';
import { durationOf, msOf, span } from '../core/format.ts';
import { href } from '../core/router.ts';
import { type StoryRow, storyOf } from '../core/story.ts';
import { useLoad } from '../core/use-load.ts';
import { nameOf } from '../parts/badge.tsx';
import { Note, Ready } from '../parts/note.tsx';
import { Clock } from '../parts/time.tsx';

/** One story as a tree: what was called, what it caused, what was written meanwhile. */
export function TraceView({ id }: { readonly id: string }) {
  const texts = useTexts();
  const { clients } = useApp();
  const trace = useLoad((signal) => clients.traces.getTrace({ traceId: id }, { signal }), [id]);
  return (
    <Ready of={trace}>
      {(value) => (
        <>
          <header class="top process">
            <div>
              <p class="crumb">
                <a href={href('traces')}>{texts.nav.traces}</a>
              </p>
              <h1>{value.root === '' ? id : value.root}</h1>
            </div>
            <span class="dim">
              <Clock time={value.startTime} /> · {span(durationOf(value.duration) ?? 0)} · <code>{value.traceId}</code>
            </span>
          </header>
          {value.truncated && <Note tone="warn">{texts.traces.truncated}</Note>}
          <Story trace={value} />
        </>
      )}
    </Ready>
  );
}

function Story({ trace }: { readonly trace: Trace }) {
  const begin = msOf(trace.startTime) ?? 0;
  const whole = Math.max(1, durationOf(trace.duration) ?? 1);
  return (
    <ol class="story">
      {storyOf(trace.entries).map((row) => (
        <Entry key={`${row.entry.kind} ${row.entry.id}`} row={row} begin={begin} whole={whole} />
      ))}
    </ol>
  );
}

interface EntryProps {
  readonly row: StoryRow;
  /** When the story began, and how long it is, in ms. */
  readonly begin: number;
  readonly whole: number;
}

function Entry({ row: { entry, depth }, begin, whole }: EntryProps) {
  const texts = useTexts();
  const kind = nameOf(TraceEntry_Kind, entry.kind);
  const at = (msOf(entry.time) ?? begin) - begin;
  const took = durationOf(entry.duration);
  const bad =
    entry.kind === TraceEntry_Kind.SPAN ? entry.status !== 'OK' && entry.status !== '' : /^(ERROR|CRITICAL|FATAL)$/.test(entry.status);
  return (
    <li class={`${kind.toLowerCase()}${bad ? ' bad' : ''}`}>
      <div class="what" data-depth={depth}>
        <span class="kind dim">{texts.traces.kinds[kind]}</span> <strong>{entry.name}</strong> <span class="message">{entry.message}</span>
        {bad && entry.kind === TraceEntry_Kind.SPAN && <code> {entry.status}</code>}
        {entry.source !== '' && entry.source !== 'agent' && <span class="dim"> {entry.source}</span>}
      </div>
      <span class="when">
        +{span(at)}
        {took !== undefined && ` · ${span(took)}`}
      </span>
      <svg class="timeline" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect
          class={bad ? 'bad' : took === undefined ? 'off' : 'ok'}
          x={Math.min(99.2, Math.max(0, (at / whole) * 100))}
          y="0"
          height="4"
          width={Math.max(0.8, ((took ?? 0) / whole) * 100)}
        />
      </svg>
    </li>
  );
}
