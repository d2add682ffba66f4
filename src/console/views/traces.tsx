import { useState } from 'preact/hooks';
import type { TraceSummary } from '../../../gen/es/sboxagent/v1/trace_pb.js';
import { useApp, useTexts } from '../core/app.ts';
import { durationOf, span } from '../core/format.ts';
import { href } from '../core/router.ts';
import { useLoad, useSettled } from '../core/use-load.ts';
import { Badge } from '../parts/badge.tsx';
import { Button } from '../parts/button.tsx';
import { Empty, Ready } from '../parts/note.tsx';
import { FilterField, useRowKeys } from '../parts/rows.tsx';
import { Clock } from '../parts/time.tsx';

const everyMs = 10_000;
const pageSize = 500;

/** A call that only looks, and found what it looked for: this page makes them all the time. */
function isLook({ root, error }: TraceSummary): boolean {
  return !error && /\/(Get|List|Watch|Tail|Explain|Check)[A-Z]?\w*$/.test(root);
}

/** Calls and what they caused, newest first. */
export function TracesView() {
  const texts = useTexts();
  const { clients, router } = useApp();
  const { query } = router.route.value;
  const text = useSettled(query.get('text') ?? '');
  const errorsOnly = query.get('errors') === 'true';
  const looksToo = query.get('looks') === 'true';
  const [older, setOlder] = useState<{ readonly traces: readonly TraceSummary[]; readonly next: string } | undefined>(undefined);
  const filter = { text, errorsOnly };
  const newest = useLoad(
    async (signal) => {
      const page = await clients.traces.listTraces({ filter, pageSize }, { signal });
      setOlder(undefined);
      return page;
    },
    [text, errorsOnly],
    older === undefined ? everyMs : undefined,
  );
  const more = async (pageToken: string): Promise<void> => {
    const page = await clients.traces.listTraces({ filter, pageSize, pageToken });
    setOlder({ traces: [...(older?.traces ?? []), ...page.traces], next: page.nextPageToken });
  };
  return (
    <>
      <header class="top">
        <h1>{texts.traces.title}</h1>
      </header>
      <div class="bar">
        <FilterField name="text" label={texts.logs.text} />
        <Check name="errors" label={texts.traces.errorsOnly} />
        <Check name="looks" label={texts.traces.looksToo} />
      </div>
      <Ready of={newest}>
        {(page) => {
          const next = older === undefined ? page.nextPageToken : older.next;
          const traces = [...page.traces, ...(older?.traces ?? [])].filter((one) => looksToo || !isLook(one));
          return (
            <>
              {traces.length === 0 ? <Empty>{texts.traces.empty}</Empty> : <TraceTable traces={traces} />}
              {next !== '' && <Button onPress={() => more(next)}>{texts.common.more}</Button>}
            </>
          );
        }}
      </Ready>
    </>
  );
}

/** A switch that stands in the address. */
function Check({ name, label }: { readonly name: string; readonly label: string }) {
  const { router } = useApp();
  return (
    <label class="inline">
      <input
        type="checkbox"
        class="check"
        checked={router.route.value.query.get(name) === 'true'}
        onChange={(event) => router.ask({ [name]: event.currentTarget.checked ? 'true' : '' })}
      />{' '}
      {label}
    </label>
  );
}

function TraceTable({ traces }: { readonly traces: readonly TraceSummary[] }) {
  const texts = useTexts();
  const { router } = useApp();
  const box = useRowKeys((key, id) => {
    if (key === 'Enter') router.go(href('traces', id));
    return key === 'Enter';
  });
  return (
    <div ref={box}>
      <table class="table processes">
        <thead>
          <tr>
            <th>{texts.traces.story}</th>
            <th>{texts.processes.state}</th>
            <th>{texts.traces.when}</th>
            <th class="n">{texts.traces.took}</th>
            <th class="n">{texts.traces.spans}</th>
          </tr>
        </thead>
        <tbody>
          {traces.map(({ traceId, root, startTime, duration, spans, error }) => (
            <tr key={traceId} data-row={traceId} tabIndex={-1} onClick={() => router.go(href('traces', traceId))}>
              <th scope="row">
                <a href={href('traces', traceId)} onClick={(event) => event.stopPropagation()}>
                  {root}
                </a>
              </th>
              <td>{error ? <Badge tone="bad">{texts.traces.failed}</Badge> : <Badge tone="calm">{texts.traces.fine}</Badge>}</td>
              <td>
                <Clock time={startTime} />
              </td>
              <td class="n" data-name={texts.traces.took}>
                {span(durationOf(duration) ?? 0)}
              </td>
              <td class="n" data-name={texts.traces.spans}>
                {spans}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
