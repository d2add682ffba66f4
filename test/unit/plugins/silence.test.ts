import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Contact, firstContact, missedChecks, missedRuns, withContact } from '../../../src/plugins/silence.ts';

const beating = (everyMs: number, times = 8): Contact => {
  let contact = firstContact(0);
  for (let i = 1; i <= times; i++) contact = withContact(contact, i * everyMs, false);
  return contact;
};

test('a heartbeat every half second at an interval of 1 s: ill from 1.5 s on, three checks missed at 3.5 s', () => {
  const contact = beating(500);
  const at = (silentMs: number): number => missedChecks(contact, contact.lastAtMs + silentMs, 1000);
  assert.deepEqual([1000, 1499, 1501, 2499, 2501, 3499, 3501].map(at), [0, 0, 1, 1, 2, 2, 3]);
});

test('one that renews every third of a long lease is held to that, not to the interval', () => {
  const contact = beating(3300);
  assert.equal(missedChecks(contact, contact.lastAtMs + 4900, 1000), 0);
  assert.equal(missedChecks(contact, contact.lastAtMs + 5000, 1000), 1);
});

test('two gaps at least before silence says anything', () => {
  assert.equal(missedChecks(firstContact(0), 1e9, 1000), 0);
  assert.equal(missedChecks(beating(500, 1), 1e9, 1000), 0);
  assert.notEqual(missedChecks(beating(500, 2), 1e9, 1000), 0);
});

test('the gap of an illness teaches nothing, and signs that come together are one', () => {
  const ill = withContact(beating(500), 60_000, true);
  assert.equal(missedChecks(ill, ill.lastAtMs + 1600, 1000), 1);
  const burst = withContact(withContact(beating(500), 4005, false), 4015, false);
  assert.deepEqual(burst.gapsMs, beating(500).gapsMs);
});

test('runs: late by a third of the cadence is in time', () => {
  const contact = firstContact(0);
  const minutes = 60_000;
  const at = (after: number): number => missedRuns(contact, after * minutes, 30 * minutes);
  assert.deepEqual([30, 39, 41, 69, 71, 101].map(at), [0, 0, 1, 1, 2, 3]);
});
