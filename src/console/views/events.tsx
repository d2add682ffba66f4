import { useMemo, useState } from 'preact/hooks';
import { type Event, Event_Severity } from '../../../gen/es/sboxagent/v1/event_pb.js';
import { useApp, useTexts } from '../core/app.ts';
import { follow } from '../core/follow.ts';
import { gistOf } from '../core/gist.ts';
import { href } from '../core/router.ts';
import { createTail } from '../core/tail.ts';
import { useSettled, useWhile } from '../core/use-load.ts';
import { nameOf, SeverityBadge } from '../parts/badge.tsx';
import { Button } from '../parts/button.tsx';
import { Facts } from '../parts/facts.tsx';
import { Empty, ErrorNote } from '../parts/note.tsx';
import { FilterField, useRowKeys } from '../parts/rows.tsx';
import { Clock } from '../parts/time.tsx';

const pageSize = 100;
const kept = 1000;

export type EventRow =
  | { readonly kind: 'event'; readonly revision: bigint; readonly event: Event }
  | { readonly kind: 'gap'; readonly revision: bigint; readonly count: bigint };

const severities = [
  Event_Severity.SEVERITY_UNSPECIFIED,
  Event_Severity.DEBUG,
  Event_Severity.INFO,
  Event_Severity.WARNING,
  Event_Severity.ERROR,
  Event_Severity.CRITICAL,
];

/** The filter of the address, when the typing rests. */
function useFilter() {
  const { query } = useApp().router.route.value;
  const types = useSettled(query.get('types') ?? '');
  const subject = useSettled(query.get('subject') ?? '');
  const text = useSettled(query.get('text') ?? '');
  const trace = query.get('trace') ?? '';
  const minSeverity = severities.find((one) => Event_Severity[one] === query.get('severity')) ?? Event_Severity.SEVERITY_UNSPECIFIED;
  return useMemo(
    () => ({
      types: types.split(/[\s,]+/).filter(Boolean),
      subjects: subject === '' ? [] : [subject],
      minSeverity,
      text,
      traceId: trace,
    }),
    [types, subject, text, minSeverity, trace],
  );
}

/** Events as they come, newest first; over a restart of the agent it goes on after the last one that is here. */
export function EventsView() {
  const texts = useTexts();
  const { clients } = useApp();
  const filter = useFilter();
  const tail = useMemo(() => createTail<EventRow>(kept), []);
  const [older, setOlder] = useState<{ readonly events: readonly Event[]; readonly next: string }>({ events: [], next: '' });
  const [error, setError] = useState<unknown>(undefined);
  const [paused, setPaused] = useState(false);
  const list = async (pageToken: string): Promise<void> => {
    const page = await clients.events.listEvents({ filter, pageSize, pageToken });
    setOlder((now) => ({ events: pageToken === '' ? page.events : [...now.events, ...page.events], next: page.nextPageToken }));
  };
  useWhile(
    (stop) => {
      tail.clear();
      setOlder({ events: [], next: '' });
      setError(undefined);
      let after: bigint | undefined;
      const begin = async (signal: AbortSignal): Promise<void> => {
        const newest = (await clients.agent.getStatus({}, { signal })).journal?.lastRevision ?? 0n;
        const page = await clients.events.listEvents({ filter, pageSize }, { signal });
        if (stop.aborted) return;
        // Where none fits yet, the newest that there is: what comes later is watched.
        after = page.events[0]?.revision ?? newest;
        tail.clear();
        setOlder({ events: page.events, next: page.nextPageToken });
      };
      void follow(stop, {
        async *open(signal) {
          if (after === undefined)
            await begin(signal).catch((failure: unknown) => {
              if (!signal.aborted) setError(failure);
              throw failure;
            });
          yield* clients.events.watchEvents({ filter, ...(after !== undefined && { afterRevision: after }) }, { signal });
        },
        onLost: () => {
          after = undefined;
        },
        onMessage({ events, gap, revision }) {
          setError(undefined);
          after = revision;
          if (gap !== undefined) tail.add([{ kind: 'gap', revision, count: gap.count }]);
          tail.add(events.map((event) => ({ kind: 'event', revision: event.revision, event })));
        },
      });
    },
    [filter],
  );
  const rows: readonly EventRow[] = [
    ...[...tail.rows.value].reverse(),
    ...older.events.map((event) => ({ kind: 'event', revision: event.revision, event }) as const),
  ];
  return (
    <>
      <header class="top">
        <h1>{texts.events.title}</h1>
        <Button
          onPress={() => {
            tail.pause(!paused);
            setPaused(!paused);
          }}
        >
          {paused ? texts.logs.resume(tail.waiting.value) : texts.logs.pause}
        </Button>
      </header>
      <EventFilters />
      {error !== undefined && <ErrorNote error={error} />}
      {rows.length === 0 && error === undefined && <Empty>{texts.events.noMatch}</Empty>}
      <EventList rows={rows} />
      {older.next !== '' && <Button onPress={() => list(older.next)}>{texts.common.more}</Button>}
    </>
  );
}

function EventFilters() {
  const texts = useTexts();
  const { router } = useApp();
  const { query } = router.route.value;
  const trace = query.get('trace') ?? '';
  return (
    <div class="bar">
      <FilterField name="types" label={texts.events.types} />
      <FilterField name="subject" label={texts.events.subject} />
      <FilterField name="text" label={texts.events.text} />
      <select
        class="field"
        aria-label={texts.events.severity}
        value={query.get('severity') ?? 'SEVERITY_UNSPECIFIED'}
        onChange={(event) =>
          router.ask({ severity: event.currentTarget.value === 'SEVERITY_UNSPECIFIED' ? '' : event.currentTarget.value })
        }
      >
        {severities.map((one) => (
          <option key={one} value={Event_Severity[one]}>
            {texts.events.severity}: {texts.events.severities[nameOf(Event_Severity, one)]}
          </option>
        ))}
      </select>
      {trace !== '' && (
        <Button kind="quiet" label={texts.common.clear} onPress={() => router.ask({ trace: '' })}>
          {texts.events.trace} {trace.slice(0, 8)} ×
        </Button>
      )}
    </div>
  );
}

export function EventList({ rows }: { readonly rows: readonly EventRow[] }) {
  const texts = useTexts();
  const [open, setOpen] = useState<string | undefined>(undefined);
  const toggle = (revision: string): void => setOpen((now) => (now === revision ? undefined : revision));
  const box = useRowKeys((key, row) => {
    if (key === 'Enter') toggle(row);
    return key === 'Enter';
  });
  return (
    <div class="list events" ref={box}>
      {rows.map((row) => {
        const revision = `${row.revision}`;
        if (row.kind === 'gap')
          return (
            <p key={`gap ${revision}`} class="dropped">
              {texts.events.gap(`${row.count}`)}
            </p>
          );
        const { event } = row;
        const shown = open === revision;
        return (
          <div key={revision} class="item">
            <button type="button" class="line" data-row={revision} aria-expanded={shown} onClick={() => toggle(revision)}>
              <span class="when">
                <Clock time={event.time} />
              </span>
              <SeverityBadge severity={event.severity} />
              <code>{event.type}</code>
              <span class="subject">{event.subject}</span>
              <span class="gist dim">{gistOf(event)}</span>
            </button>
            {shown && <EventDetails event={event} />}
          </div>
        );
      })}
    </div>
  );
}

function EventDetails({ event }: { readonly event: Event }) {
  const texts = useTexts();
  return (
    <div class="details">
      <Facts
        rows={[
          [texts.common.revision(event.revision), event.id],
          [texts.events.source, event.source],
          [texts.events.trace, event.traceId !== '' && <a href={href('traces', event.traceId)}>{event.traceId}</a>],
        ]}
      />
      <pre>{JSON.stringify(event.data ?? {}, null, 2)}</pre>
    </div>
  );
}
