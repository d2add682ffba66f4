import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { signal } from '@preact/signals';
import { useApp, useTexts } from '../core/app.ts';
import { clock, msOf, span } from '../core/format.ts';
import { every, nowMs } from '../core/time.ts';

const second = signal(nowMs());
every(1000, () => {
  second.value = nowMs();
});

/** The time of day, by the clock of the browser, with the whole time as a tooltip. */
export function Clock({ time }: { readonly time: Timestamp | undefined }) {
  const { language } = useApp().preferences;
  const ms = msOf(time);
  if (ms === undefined) return null;
  return (
    <time dateTime={new Date(ms).toISOString()} title={new Date(ms).toISOString()}>
      {clock(ms, second.value, language.value)}
    </time>
  );
}

/** How long something lasts already: it counts up. */
export function Elapsed({ since }: { readonly since: Timestamp | undefined }) {
  const ms = msOf(since);
  return ms === undefined ? null : span(Math.max(0, second.value - ms));
}

/** `5m ago`, `in 3s`. */
export function Relative({ time }: { readonly time: Timestamp | undefined }) {
  const texts = useTexts();
  const ms = msOf(time);
  if (ms === undefined) return null;
  const away = ms - second.value;
  const said = Math.abs(away) < 1000 ? texts.common.now : away > 0 ? texts.common.in(span(away)) : texts.common.ago(span(-away));
  return (
    <time dateTime={new Date(ms).toISOString()} title={new Date(ms).toISOString()}>
      {said}
    </time>
  );
}
