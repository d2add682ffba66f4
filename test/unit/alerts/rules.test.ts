import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventRule } from '../../../src/alerts/event-rule.ts';
import { metricRule } from '../../../src/alerts/metric-rule.ts';
import type { Moment } from '../../../src/alerts/own-rule.ts';
import { createRuleSet } from '../../../src/alerts/rule-set.ts';
import { createWindow } from '../../../src/alerts/window.ts';
import type { AlertRuleSettings } from '../../../src/settings/types.ts';
import type { Sample } from '../../../src/telemetry/types.ts';
import { storedEvent } from '../../helpers/api-fakes.ts';

type EventSettings = AlertRuleSettings & { kind: 'event' };
type MetricSettings = AlertRuleSettings & { kind: 'metric' };

const events = (over: Partial<EventSettings> = {}): EventSettings => ({
  name: 'fetch-errors',
  kind: 'event',
  severity: 'WARNING',
  summary: 'Fetching fails',
  filter: { types: ['plugin.error'] },
  count: 3,
  windowMs: 5000,
  ...over,
});
const metric = (over: Partial<MetricSettings> = {}): MetricSettings => ({
  name: 'memory',
  kind: 'metric',
  severity: 'WARNING',
  summary: '',
  metric: 'm',
  labels: {},
  comparison: 'above',
  threshold: 10,
  forMs: 0,
  ...over,
});
const at = (nowMs: number, firing: string[] = [], young = false): Moment => ({ nowMs, firing: new Set(firing), young });
const trace = (n: number): string => String(n).padStart(32, '0');
const error = (n = 0, over = {}) => storedEvent(n, { type: 'plugin.error', source: 'url_base64', traceId: trace(n), ...over });

test('an event rule fires at its count inside the window and is over when the window is empty', () => {
  const rule = eventRule(events());
  for (const [n, ms] of [0, 2000, 4000].entries()) assert.equal(rule.offer(error(n + 1), ms), true);
  assert.deepEqual([rule.mayCount('plugin.error'), rule.mayCount('plugin.health')], [true, false]);
  assert.deepEqual(rule.findings(at(4000)), [
    { subject: 'fetch-errors', summary: 'Fetching fails', value: 3, threshold: 3, traceId: trace(3) },
  ]);
  // The first leaves the window: what does not fire yet does not begin, what fires goes on.
  assert.deepEqual(rule.findings(at(5000)), []);
  assert.equal(rule.findings(at(5000, ['fetch-errors']))[0]?.value, 2);
  assert.equal(rule.findings(at(8999, ['fetch-errors']))[0]?.value, 1);
  assert.deepEqual(rule.findings(at(9000, ['fetch-errors'])), []);
});

test('the subject of an event rule is its one subject, else its one source, else its name', () => {
  const subjectOf = (filter: EventSettings['filter']): string | undefined => {
    const rule = eventRule(events({ filter, count: 1 }));
    rule.offer(storedEvent(1, { source: 's', subject: 'u' }), 0);
    return rule.findings(at(0))[0]?.subject;
  };
  assert.equal(subjectOf({ sources: ['s'] }), 's');
  assert.equal(subjectOf({ sources: ['s'], subjects: ['u'] }), 'u');
  assert.equal(subjectOf({ sources: ['s', 't'] }), 'fetch-errors');
  assert.equal(subjectOf({}), 'fetch-errors');
});

test('events of alerts are not counted: a rule cannot feed itself; types are told apart before anything else', () => {
  const rules = createRuleSet({ current: () => [] });
  const all = events({ name: 'all', filter: { types: ['**'] }, count: 1 });
  rules.replace([all, events({ name: 'none', filter: {}, count: 1 }), events({ filter: { types: ['plugin.*'] }, count: 1 })]);
  const found = (): string[] => rules.rules().flatMap((rule) => rule.findings(at(0)).map(({ subject, value }) => `${subject} ${value}`));
  assert.equal(rules.offer(storedEvent(1, { type: 'alert.firing' }), 0), false);
  assert.deepEqual(found(), []);
  for (let n = 0; n < 3000; n++) assert.equal(rules.offer(storedEvent(n, { type: `type.n${n}` }), 0), true);
  assert.equal(rules.offer(error(), 0), true);
  assert.deepEqual(found(), ['all 3001', 'none 3001', 'fetch-errors 1']);
  rules.replace([all]);
  rules.offer(error(), 0);
  assert.deepEqual(found(), ['all 3002']);
});

test('a window that is filled from the journal takes the newest first', () => {
  const filled = eventRule(events({ windowMs: 100 }));
  for (const ms of [90, 50, 10]) filled.offer(error(ms), ms);
  assert.deepEqual([filled.findings(at(90))[0]?.value, filled.findings(at(90))[0]?.traceId], [3, trace(90)]);
  assert.equal(filled.findings(at(120, ['fetch-errors']))[0]?.value, 2);
});

test('a window counts all that is in it, in whatever order it came, exact to a thousandth', () => {
  for (const order of ['rising', 'falling', 'shuffled']) {
    const window = createWindow(10_000);
    const moments = Array.from({ length: 50_000 }, (_, n) => (order === 'shuffled' ? (n * 7919) % 50_000 : n) / 5);
    if (order === 'falling') moments.reverse();
    for (const ms of moments) window.add(ms);
    assert.equal(window.count(9999), 50_000);
    for (const now of [12_000, 15_003, 19_990]) {
      const exact = moments.filter((ms) => now - ms < 10_000).length;
      assert.ok(Math.abs(window.count(now) - exact) <= 50, `${order} ${now}: ${window.count(now)}, not ${exact}`);
    }
    assert.equal(window.count(20_000), 0);
  }
});

test('a metric rule fires for each label set that was beyond for long enough', () => {
  let samples: Sample[] = [];
  const reader = { current: () => samples };
  const rule = metricRule(metric({ forMs: 1000, labels: { engine: 'sing-box' } }), reader);
  const of = (process: string, value: number, engine = 'sing-box'): Sample => ({ value, labels: { process, engine } });
  samples = [of('a', 11), of('b', 10), of('c', 99, 'other')];
  assert.deepEqual(rule.findings(at(0)), []);
  assert.deepEqual(rule.findings(at(999)), []);
  assert.deepEqual(rule.findings(at(1000)), [
    { subject: 'a', summary: 'm is above 10', labels: { process: 'a', engine: 'sing-box' }, value: 11, threshold: 10 },
  ]);
  // Once below, the time begins anew.
  samples = [of('a', 9), of('b', 11)];
  assert.deepEqual(rule.findings(at(1500, ['a'])), []);
  samples = [of('a', 11), of('b', 12)];
  assert.deepEqual(
    rule.findings(at(2500)).map(({ subject }) => subject),
    ['b'],
  );
});

test('below; subjects of label sets that no process or plugin tells apart; what fires waits for no time again', () => {
  const samples: Sample[] = [
    { value: 1, labels: { process: 'a', state: 'X' } },
    { value: 2, labels: { process: 'a', state: 'Y' } },
    { value: 3, labels: { plugin: 'p' } },
    { value: 4, labels: {} },
    { value: 50, labels: { plugin: 'q' } },
  ];
  const reader = { current: () => samples };
  const subjects = metricRule(metric({ comparison: 'below' }), reader).findings(at(0));
  assert.deepEqual(
    subjects.map(({ subject }) => subject),
    ['process=a,state=X', 'process=a,state=Y', 'p', 'm'],
  );
  const slow = metricRule(metric({ comparison: 'below', forMs: 60_000 }), reader);
  assert.deepEqual(
    slow.findings(at(0, ['p', 'gone'], true)).map(({ subject }) => subject),
    ['p', 'gone'],
  );
  assert.deepEqual(
    slow.findings(at(1, ['p', 'gone'])).map(({ subject }) => subject),
    ['p'],
  );
});
