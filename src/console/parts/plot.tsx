import { timestampMs } from '@bufbuild/protobuf/wkt';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { Metric, Metric_Series } from '../../../gen/es/sboxagent/v1/metric_pb.js';
import { useApp, useTexts } from '../core/app.ts';

export interface Line {
  readonly name: string;
  /** Seconds since 1970, and what was seen then. */
  readonly points: readonly (readonly [time: number, value: number])[];
}

export interface PlotProps {
  readonly title: string;
  readonly lines: readonly Line[];
  /** How values are written. */
  readonly format: (value: number) => string;
  /** What is said beside the last value. */
  readonly note?: string | undefined;
  /** The top of the scale at least. */
  readonly most?: number | undefined;
  /** Whether values are bytes, whose round numbers are powers of two. */
  readonly binary?: boolean;
}

/** The last minutes finely, the hour before them in steps of two minutes. */
export const plotWindows = [
  { seconds: 300n, nanos: 0 },
  { seconds: 3600n, nanos: 0 },
];

/** The points of a series, those of the shorter window in the place of the longer one's: of what rises by itself its rate, else its mean. */
export function pointsOf(series: Metric_Series | undefined, of: 'mean' | 'rate'): Line['points'] {
  const [fine = [], coarse = []] = plotWindows.map(({ seconds }) =>
    (series?.rollups.find(({ window }) => window?.seconds === seconds)?.points ?? []).flatMap((point) =>
      point.time === undefined ? [] : [[timestampMs(point.time) / 1000, point[of]] as const],
    ),
  );
  const from = fine[0]?.[0] ?? Number.POSITIVE_INFINITY;
  return [...coarse.filter(([time]) => time < from), ...fine];
}

export function seriesOf(metrics: readonly Metric[], name: string): Metric_Series | undefined {
  return metrics.find((metric) => metric.name === name)?.series[0];
}

const height = 96;
/** So much is shown at least, that a young agent's minute does not look like an hour. */
const leastSeconds = 600;

/** A small plot with its last value in words: what the drawing shows is also said. */
export function Plot({ title, lines, format, note, most, binary = false }: PlotProps) {
  const texts = useTexts();
  const { preferences } = useApp();
  const box = useRef<HTMLDivElement>(null);
  const theme = preferences.theme.value;
  const language = preferences.language.value;
  const last = lines.map(({ points }) => points.at(-1)?.[1]);
  const said = last.map((value, i) => (value === undefined ? '' : `${format(value)}${lines.length > 1 ? ` ${lines[i]?.name}` : ''}`));
  useEffect(() => {
    const place = box.current;
    if (place === null || (lines[0]?.points.length ?? 0) < 2) return undefined;
    const plot = draw(place, { lines, format, most, binary, language });
    const fit = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height }));
    fit.observe(place);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const redraw = (): void => plot.redraw();
    scheme.addEventListener('change', redraw);
    return () => {
      scheme.removeEventListener('change', redraw);
      fit.disconnect();
      plot.destroy();
    };
  }, [lines, theme, language]);
  return (
    <figure class="plot">
      <figcaption>
        <span class="name">{title}</span>
        <strong>{said.filter(Boolean).join(' · ') || '–'}</strong>
        {note !== undefined && <span class="dim">{note}</span>}
      </figcaption>
      {(lines[0]?.points.length ?? 0) < 2 ? (
        <p class="dim wait">{texts.overview.collecting}</p>
      ) : (
        <div class="drawing" ref={box} role="img" aria-label={texts.plot.label(title, said.join(', '))} />
      )}
    </figure>
  );
}

const powersOfTwo = Array.from({ length: 50 }, (_, i) => 2 ** i);

type Drawn = Pick<PlotProps, 'lines' | 'format' | 'most' | 'binary'> & { readonly language: string };

/** Colours of the page's own variables, asked at each drawing. */
const colour = (name: string) => (): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const strokes = [colour('--line-1'), colour('--line-2')];
const fills = [colour('--fill-1'), colour('--fill-2')];

function draw(place: HTMLElement, { lines, format, most, binary, language }: Drawn): uPlot {
  const times = [...new Set(lines.flatMap(({ points }) => points.map(([time]) => time)))].sort((a, b) => a - b);
  const values = lines.map(({ points }) => {
    const byTime = new Map(points);
    return times.map((time) => byTime.get(time) ?? null);
  });
  const hours = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hour12: false });
  const axis = { stroke: colour('--dim'), font: '11px system-ui', grid: { stroke: colour('--hair'), width: 1 }, ticks: { show: false } };
  return new uPlot(
    {
      width: place.clientWidth,
      height,
      padding: [8, 16, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: true, range: (_plot, min, max) => [Math.min(min, max - leastSeconds), max] },
        y: { range: (_plot, _min, max) => [0, Math.max(max * 1.1, most ?? 0, Number.MIN_VALUE)] },
      },
      axes: [
        { ...axis, size: 20, space: 90, values: (_plot, splits) => splits.map((at) => hours.format(at * 1000)) },
        { ...axis, size: 60, space: 34, ...(binary === true && { incrs: powersOfTwo }), values: (_plot, splits) => splits.map(format) },
      ],
      series: [
        {},
        ...lines.map((_, i) => ({
          stroke: strokes[i % strokes.length] ?? '',
          fill: fills[i % fills.length] ?? '',
          width: 1.5,
          spanGaps: false,
          points: { show: false },
        })),
      ],
    },
    [times, ...values] as uPlot.AlignedData,
    place,
  );
}
