import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runbookOf } from '../../../src/alerts/runbook.ts';

const sources = {
  runbooks: 'https://example.org/books/',
  rules: [{ name: 'paged', runbookUrl: 'https://example.org/mine' }, { name: 'bare' }, { name: 'disk_nearly_full' }],
  builtIn: [{ name: 'process_crash_loop' }, { name: 'disk_nearly_full' }],
};

test('a built-in alert has the page of its name, one of a rule the page of the rule, any other the general one', () => {
  const pages = {
    process_crash_loop: 'https://example.org/books/process_crash_loop.md',
    paged: 'https://example.org/mine',
    bare: 'https://example.org/books/alert_firing.md',
    gone: 'https://example.org/books/alert_firing.md',
    disk_nearly_full: 'https://example.org/books/alert_firing.md',
  };
  for (const [rule, page] of Object.entries(pages)) assert.equal(runbookOf(rule, sources), page);
  assert.equal(runbookOf('gone', { ...sources, runbooks: 'file:///books' }), 'file:///books/alert_firing.md');
});
