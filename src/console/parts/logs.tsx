import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { type LogEntry, LogEntry_Level } from '../../../gen/es/sboxagent/v1/log_pb.js';
import { useApp, useTexts } from '../core/app.ts';
import { follow } from '../core/follow.ts';
import { clock, msOf } from '../core/format.ts';
import { createTail } from '../core/tail.ts';
import { nowMs } from '../core/time.ts';
import { useSettled, useWhile } from '../core/use-load.ts';
import { nameOf, type Tone } from './badge.tsx';
import { Button } from './button.tsx';
import { Empty } from './note.tsx';
import { FilterField } from './rows.tsx';

const levels = [LogEntry_Level.LEVEL_UNSPECIFIED, LogEntry_Level.DEBUG, LogEntry_Level.INFO, LogEntry_Level.WARN, LogEntry_Level.ERROR];
const backlogLines = 300;
const keptLines = 2000;

type Row = { readonly kind: 'line'; readonly entry: LogEntry } | { readonly kind: 'dropped'; readonly id: string; readonly count: number };

const levelTones: Readonly<Record<keyof typeof LogEntry_Level, Tone>> = {
  LEVEL_UNSPECIFIED: 'off',
  TRACE: 'off',
  DEBUG: 'off',
  INFO: 'ok',
  WARN: 'warn',
  ERROR: 'bad',
  FATAL: 'bad',
};

/** What a source writes, live: it follows its end until one scrolls up. */
export function Logs({ source }: { readonly source: string }) {
  const texts = useTexts();
  const { clients, router } = useApp();
  const tail = useMemo(() => createTail<Row>(keptLines), [source]);
  const { query } = router.route.value;
  const text = useSettled(query.get('text') ?? '');
  const level = levels.find((one) => LogEntry_Level[one] === query.get('level')) ?? LogEntry_Level.LEVEL_UNSPECIFIED;
  const paused = useSignal(false);
  const box = useRef<HTMLDivElement>(null);
  useWhile(
    (stop) => {
      tail.clear();
      let cursor = '';
      void follow(stop, {
        open: (signal) => {
          const filter = { sources: [source], minLevel: level, text };
          const request = cursor === '' ? { filter, lines: backlogLines } : { filter, afterCursor: cursor };
          return clients.logs.tailLogs(request, { signal });
        },
        onLost: () => {
          cursor = '';
        },
        onMessage(message) {
          if (message.cursor !== '') cursor = message.cursor;
          const { dropped } = message;
          if (dropped !== undefined)
            tail.add([{ kind: 'dropped', id: `dropped ${message.cursor} ${dropped.count}`, count: dropped.count }]);
          tail.add(message.entries.map((entry) => ({ kind: 'line', entry })));
        },
      });
    },
    [source, level, text],
  );
  const rows = tail.rows.value;
  useEffect(() => {
    if (!paused.value) box.current?.scrollTo(0, box.current.scrollHeight);
  }, [rows]);
  const pause = (next: boolean): void => {
    paused.value = next;
    tail.pause(next);
  };
  return (
    <>
      <div class="bar">
        <FilterField name="text" label={texts.logs.text} />
        <select
          class="field"
          aria-label={texts.logs.level}
          value={LogEntry_Level[level]}
          onChange={(event) => router.ask({ level: event.currentTarget.value === 'LEVEL_UNSPECIFIED' ? '' : event.currentTarget.value })}
        >
          {levels.map((one) => (
            <option key={one} value={LogEntry_Level[one]}>
              {one === LogEntry_Level.LEVEL_UNSPECIFIED ? `${texts.logs.level}: ${texts.common.all}` : LogEntry_Level[one]}
            </option>
          ))}
        </select>
        <Button onPress={() => pause(!paused.value)}>{paused.value ? texts.logs.resume(tail.waiting.value) : texts.logs.pause}</Button>
      </div>
      {rows.length === 0 ? (
        <Empty>{text !== '' || level !== LogEntry_Level.LEVEL_UNSPECIFIED ? texts.logs.noMatch : texts.logs.empty}</Empty>
      ) : (
        <LogLines rows={rows} box={box} onAway={(away) => away !== paused.value && pause(away)} />
      )}
    </>
  );
}

interface LinesProps {
  readonly rows: readonly Row[];
  readonly box: { current: HTMLDivElement | null };
  /** Whether one has scrolled away from the end. */
  readonly onAway: (away: boolean) => void;
}

function LogLines({ rows, box, onAway }: LinesProps) {
  const texts = useTexts();
  const { language } = useApp().preferences;
  const now = nowMs();
  return (
    <div
      class="log"
      role="log"
      aria-label={texts.process.logs}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable
      tabIndex={0}
      ref={box}
      onScroll={({ currentTarget: at }) => onAway(at.scrollHeight - at.scrollTop - at.clientHeight > 40)}
    >
      {rows.map((row) =>
        row.kind === 'dropped' ? (
          <p key={row.id} class="dropped">
            {texts.logs.dropped(row.count)}
          </p>
        ) : (
          <p key={row.entry.cursor} class={levelTones[nameOf(LogEntry_Level, row.entry.level)]}>
            <span class="when">{clock(msOf(row.entry.time) ?? 0, now, language.value)}</span>
            <span class="level">{row.entry.level === LogEntry_Level.LEVEL_UNSPECIFIED ? '' : LogEntry_Level[row.entry.level]}</span>
            <span class="text">{row.entry.message}</span>
          </p>
        ),
      )}
    </div>
  );
}
