import type { CustomPoint, CustomRefusal, Labels } from './types.ts';

export const customPrefix = 'sboxagent_custom_';
const maxNameLength = 100;
const maxLabels = 16;
const maxLabelLength = 256;

/** A name as it goes out: `sboxagent_custom_<name>[_<unit>][_total]`, and what its kind is remembered by. */
export interface CustomName {
  readonly metric: string;
  /** The same without `_total`: a counter and a gauge may not share it. */
  readonly base: string;
}

// What promtool's linter finds wrong with a name, word by word; the metrics of the agent pass it whoever sent them.
const types = ['counter', 'gauge', 'summary', 'histogram', 'gauge_histogram'];
const abbreviations = ['s', 'ms', 'us', 'ns', 'sec', 'b', 'kb', 'mb', 'gb', 'tb', 'pb', 'm', 'h', 'd'];
const reservedSuffixes = ['total', 'count', 'sum', 'bucket', 'info', 'created'];
const baseUnits: Readonly<Record<string, string>> = {
  minutes: 'seconds',
  hours: 'seconds',
  days: 'seconds',
  weeks: 'seconds',
  kelvins: 'kelvin',
  fahrenheit: 'celsius',
  rankine: 'celsius',
  inches: 'meters',
  yards: 'meters',
  miles: 'meters',
  bits: 'bytes',
  calories: 'joules',
  pounds: 'grams',
  ounces: 'grams',
};
const scaled =
  /^(?:pico|nano|micro|milli|centi|deci|deca|hecto|kilo|kibi|mega|mebi|mibi|giga|gibi|tera|tebi|peta|pebi)(amperes|bytes|bits|celsius|grams|joules|kelvin|meters|metres|seconds|volts)$/;

/** The name of a point's metric, or what is wrong with it. */
export function customName({ name, unit, kind }: CustomPoint): CustomName | CustomRefusal {
  const bare = kind === 'COUNTER' && name.endsWith('_total') ? name.slice(0, -'_total'.length) : name;
  const base = unit === '' || bare === unit || bare.endsWith(`_${unit}`) ? bare : `${bare}_${unit}`;
  const wrong = wrongWith(name, unit) ?? wrongWords(base);
  if (wrong !== undefined) return { reason: 'NAME_INVALID', message: wrong };
  const whole = `${customPrefix}${base}`;
  return { base: whole, metric: kind === 'COUNTER' ? `${whole}_total` : whole };
}

function wrongWith(name: string, unit: string): string | undefined {
  if (name.length > maxNameLength || unit.length > maxNameLength) return `name and unit have at most ${maxNameLength} characters`;
  const shape = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;
  if (!shape.test(name)) return 'the name is made of lower-case words of letters and digits, joined by _';
  return unit === '' || shape.test(unit) ? undefined : 'the unit is made of lower-case words of letters and digits, joined by _';
}

function wrongWords(base: string): string | undefined {
  const words = base.split('_');
  const last = words.at(-1) ?? '';
  if (reservedSuffixes.includes(last)) return `_${last} at the end is Prometheus' own`;
  const type = types.find((word) => words.includes(word));
  if (type !== undefined) return `the name does not say its kind (${type})`;
  const short = abbreviations.find((word) => words.includes(word));
  if (short !== undefined) return `_${short} is an abbreviation: use a base unit, written out (seconds, bytes)`;
  for (const word of words) {
    const unit = baseUnit(word);
    if (unit !== undefined) return `use the base unit ${unit} instead of ${word}`;
  }
  return undefined;
}

function baseUnit(word: string): string | undefined {
  if (Object.hasOwn(baseUnits, word)) return baseUnits[word];
  const unit = scaled.exec(word)?.[1];
  return unit === 'bits' ? 'bytes' : unit;
}

/** All labels of a point, or what is wrong with them. A point may not say another value of a label that goes to every point. */
export function customLabels(labels: Labels, common: Labels): { readonly labels: Labels } | CustomRefusal {
  const all = { ...labels, ...common };
  const wrong = Object.entries(all).flatMap(([key, value]) => wrongLabel(key, value));
  if (Object.keys(all).length > maxLabels) wrong.push(`there are more than ${maxLabels} labels`);
  for (const [key, value] of Object.entries(common))
    if (Object.hasOwn(labels, key) && labels[key] !== value) wrong.push(`the label ${key} is set by the agent`);
  return wrong[0] === undefined ? { labels: all } : { reason: 'LABELS_INVALID', message: wrong[0] };
}

function wrongLabel(key: string, value: string): string[] {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(key)) return ['names of labels are [a-z][a-z0-9_]*, at most 63 characters'];
  if (key === 'le' || key === 'quantile') return [`the label ${key} is Prometheus' own`];
  return value.length > maxLabelLength ? [`the value of ${key} has more than ${maxLabelLength} characters`] : [];
}
