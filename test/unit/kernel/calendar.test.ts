import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCalendarDay } from '../../../src/kernel/calendar.ts';

test('days that no calendar has are told from those that it has', () => {
  for (const day of ['0001-01-01', '1900-02-28', '2000-02-29T00:00:00Z', '2024-02-29', '2026-12-31T23:59:59.999+02:00', '9999-12-31']) {
    assert.equal(isCalendarDay(day), true, day);
  }
  for (const day of [
    '',
    'today',
    '2026-02-29',
    '1900-02-29',
    '2026-02-30T00:00:00Z',
    '2026-04-31',
    '2026-13-01',
    '2026-00-10',
    '2026-01-00',
  ]) {
    assert.equal(isCalendarDay(day), false, day);
  }
});
