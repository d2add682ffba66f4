import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Found, judgeAgents, mostGone, mostNews, type Seen } from '../../../src/fleet/gone-agents.ts';
import type { RosterEntry } from '../../../src/fleet/roster.ts';

const nowMs = 1_000_000;
const entry = (name: string, ageMs: number, more: Partial<RosterEntry> = {}): RosterEntry => ({
  ...{ name, state: 'UP', version: '1', health: 'HEALTHY', labels: { region: 'eu' }, units: [], alerts_firing: 0 },
  ...{ last_revision: 0, forwarded_revision: 0, heartbeat_seconds: 10, time: '', timeMs: nowMs - ageMs, revision: 7 },
  ...more,
});
const nothing: Found = { gone: {}, untold: [] };
const judge = (entries: readonly RosterEntry[], more: Partial<Omit<Seen, 'entries'>> = {}): Found =>
  judgeAgents({ entries: new Map(entries.map((one) => [one.name, one])), nowMs, reachedForMs: 3_600_000, found: nothing, ...more });
const told = ({ untold }: Found): string[] => untold.map(({ type, agent }) => `${type} ${agent}`);

test('an agent is gone once two of its own heartbeats were not heard', () => {
  const found = judge([entry('late', 20_000), entry('gone', 20_001), entry('slow', 50_000, { heartbeat_seconds: 30 })]);
  assert.deepEqual(told(found), ['fleet.agent_gone gone']);
  assert.deepEqual(found.gone, { gone: { last_seen: new Date(nowMs - 20_001).toISOString(), revision: 7 } });
});

test('who ended on purpose is not gone', () => {
  assert.deepEqual(judge([entry('left', 99_000, { state: 'LEFT' })]), nothing);
});

test('who has not been there itself for two heartbeats says nothing', () => {
  assert.deepEqual(judge([entry('quiet', 600_000)], { reachedForMs: 20_000 }), nothing);
  assert.deepEqual(told(judge([entry('quiet', 600_000)], { reachedForMs: 20_001 })), ['fleet.agent_gone quiet']);
});

test('it is told once, and once that it is back, under ids that stay the same whoever tells', () => {
  const first = judge([entry('edge', 60_000)]);
  assert.deepEqual(judge([entry('edge', 70_000)], { found: { ...first, untold: [] } }), { ...first, untold: [] });
  const back = judge([entry('edge', 10, { revision: 8 })], { found: { ...first, untold: [] } });
  assert.deepEqual(back.gone, {});
  assert.deepEqual(
    [...first.untold, ...back.untold].map(({ type, agent, revision }) => `${type} ${agent}-${revision}`),
    ['fleet.agent_gone edge-7', 'fleet.agent_back edge-7'],
  );
});

test('what was found and not told stays to be told', () => {
  const first = judge([entry('edge', 60_000)]);
  assert.deepEqual(told(judge([entry('edge', 70_000)], { found: first })), ['fleet.agent_gone edge']);
});

test('who was removed by hand, or left, is forgotten without a word', () => {
  const { gone } = judge([entry('a', 60_000), entry('b', 60_000)]);
  assert.deepEqual(judge([entry('b', 10, { state: 'LEFT', revision: 8 })], { found: { gone, untold: [] } }), nothing);
});

test('the list of who is gone has a bound', () => {
  const names = Array.from({ length: mostGone + 5 }, (_, i) => `${i}`.padEnd(64, '-edge'));
  const labels = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`label-${i}`, 'x'.repeat(60)]));
  const all = new Set<string>();
  let found = nothing;
  for (let look = 0; look < mostGone / mostNews + 1; look++) {
    found = judge(
      names.map((name) => entry(name, 60_000, { labels })),
      { found: { ...found, untold: [] } },
    );
    assert.ok(found.untold.length <= mostNews);
    for (const { agent } of found.untold) all.add(agent);
    assert.ok(JSON.stringify(found).length < 1_000_000, 'a message of NATS holds it');
  }
  assert.deepEqual([Object.keys(found.gone).length, all.size], [mostGone, mostGone]);
  // They come back as they went: none is forgotten.
  const back = new Set<string>();
  for (let look = 0; look < mostGone / mostNews; look++) {
    found = judge(
      names.map((name) => entry(name, 10, { revision: 8 })),
      { found: { ...found, untold: [] } },
    );
    for (const { agent } of found.untold) back.add(agent);
  }
  assert.deepEqual([Object.keys(found.gone).length, back.size], [0, mostGone]);
});
