/** A daemon that is killed while an engine looks at a candidate: its text, secrets and all, is not left lying about. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeDaemon, until } from '../helpers/daemon.ts';

const isRoot = process.geteuid?.() === 0;
/** Its check does not end while the test looks. */
const slow = '#!/bin/sh\n[ "$1" = check ] && exec sleep 20\nexec sleep 300\n';

for (const user of [undefined, 'nobody']) {
  test(`the candidate of ${user ?? 'the same user'} is cleared by the next daemon`, { skip: user !== undefined && !isRoot }, async (t) => {
    const edge = { engine: 'sing-box', binary: './sing-box', config_path: 'edge.json', ...(user !== undefined && { user }) };
    const daemon = await makeDaemon({ config: { processes: { units: { edge } } } });
    t.after(() => daemon.dispose());
    // Others may come in, so that the unit's user can run its program.
    chmodSync(daemon.dir, 0o755);
    writeFileSync(join(daemon.dir, 'sing-box'), slow, { mode: 0o755 });
    writeFileSync(join(daemon.dir, 'edge.json'), '{}', { mode: 0o600 });
    await daemon.start();
    const candidate = user === undefined ? join(daemon.stateDir, 'units/edge/candidate.json') : join(daemon.dir, '.edge.candidate.json');
    let answer: unknown;
    const apply = daemon.rest('PUT', '/api/v1/processes/edge/config', { content: '{"log": {"level": "info"}}' }).then(
      ({ json }) => (answer = json),
      () => undefined,
    );
    await until('the check', () => existsSync(candidate) || answer !== undefined);
    assert.equal(answer, undefined, JSON.stringify(answer));
    await daemon.kill('SIGKILL');
    await apply;
    assert.ok(existsSync(candidate), 'the kill left it');
    await daemon.start();
    assert.equal(existsSync(candidate), false);
  });
}
