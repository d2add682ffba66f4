import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePresence } from '../../../src/fleet/presence-entry.ts';

const said = {
  ...{ name: 'edge-1', state: 'UP', version: '1.0.0', health: 'HEALTHY', labels: { region: 'eu' } },
  ...{ units: [{ id: 'proxy', state: 'READY' }], alerts_firing: 0, last_revision: 7, forwarded_revision: 5 },
  ...{ heartbeat_seconds: 10, time: '2026-01-01T00:00:00.000Z' },
};

test('an entry is read as it was said; what another version says besides is left out', () => {
  assert.deepEqual(parsePresence(JSON.stringify(said)), said);
  const more = { ...said, notes: 'x'.repeat(100_000), units: [{ id: 'proxy', state: 'READY', notes: 'x' }] };
  assert.deepEqual(parsePresence(JSON.stringify(more)), said);
  const { labels: _l, units: _u, alerts_firing: _a, ...less } = said;
  assert.deepEqual(parsePresence(JSON.stringify(less)), { ...said, labels: {}, units: [] });
});

test('what has not the form of an entry is none, so that one agent cannot spoil the list of all', () => {
  const wrong: readonly object[] = [
    ...[{ version: 5 }, { health: null }, { state: 'GONE' }, { name: 'edge 1' }, { time: undefined }, { version: 'x'.repeat(5000) }],
    ...[{ labels: { region: 1 } }, { labels: ['eu'] }, { labels: null }, { labels: 'eu' }],
    ...[{ units: 'proxy' }, { units: [null] }, { units: [{ id: 1, state: 'READY' }] }, { units: [{ id: 'proxy' }] }],
    ...[
      { alerts_firing: 'many' },
      { last_revision: -1 },
      { forwarded_revision: 1.5 },
      { heartbeat_seconds: 0 },
      { heartbeat_seconds: 1e9 },
    ],
  ];
  for (const one of wrong) assert.equal(parsePresence(JSON.stringify({ ...said, ...one })), undefined, JSON.stringify(one).slice(0, 60));
  for (const text of ['', 'null', '[]', '"UP"', '{', '{"name":"edge-1"}']) assert.equal(parsePresence(text), undefined, text);
});
