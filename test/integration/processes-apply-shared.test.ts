/** Two units with one config file: neither may change it under the other. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeDaemon } from '../helpers/daemon.ts';

test('a config file of two units is changed by neither, by whatever name', async (t) => {
  const daemon = await makeDaemon({
    config: {
      processes: {
        units: {
          a: { engine: 'sing-box', config_path: 'shared.json' },
          b: { engine: 'sing-box', config_path: './x/../shared.json' },
          c: { engine: 'sing-box', config_path: 'own.json' },
        },
      },
    },
  });
  t.after(() => daemon.dispose());
  for (const name of ['shared.json', 'own.json']) writeFileSync(join(daemon.dir, name), '{}', { mode: 0o600 });
  await daemon.start();
  for (const id of ['a', 'b']) {
    const { status, json } = await daemon.rest('PUT', `/api/v1/processes/${id}/config`, { content: '{"log": {}}' });
    assert.equal(status, 400);
    assert.match(JSON.stringify(json), /"reason":"CONFIG_SHARED"/);
    assert.match(JSON.stringify(json), /a and b share|b and a share/);
  }
  const { json } = await daemon.rest('PUT', '/api/v1/processes/c/config', { content: '{"log": {}}', validate_only: true });
  assert.doesNotMatch(JSON.stringify(json), /CONFIG_SHARED/);
});
