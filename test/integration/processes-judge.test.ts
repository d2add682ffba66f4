import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findBinary } from '../../src/processes/binary.ts';
import { type ConfigVerdict, judgeUnitConfig } from '../../src/processes/judge.ts';
import type { EngineName } from '../../src/settings/types.ts';
import { bench, unit } from '../fixtures/processes/rig.ts';

const fakes = [fileURLToPath(new URL('../fixtures/processes/bin', import.meta.url)), dirname(process.execPath), process.env['PATH']].join(
  delimiter,
);

async function judged(engine: EngineName, config: string, { path = fakes, name = 'c' } = {}): Promise<ConfigVerdict> {
  await using b = bench();
  const configPath = join(b.directory, name);
  writeFileSync(configPath, config);
  const context = { stateDir: join(b.directory, 'state'), path, environment: { ...process.env, PATH: path } };
  const verdict = await judgeUnitConfig(context, unit('edge', { engine, configPath }));
  return JSON.parse(JSON.stringify(verdict).replaceAll(b.directory, ''));
}

test('each engine judges by its own check, and its sentence is told without what stands before it', async () => {
  const bad = '{"fake": {"bad_check": "unknown field \\"x\\": row 3, column 7"}}';
  const [singBox, xray, mihomo] = await Promise.all([judged('sing-box', bad), judged('xray', bad), judged('mihomo', bad)]);
  assert.deepEqual(singBox, {
    kind: 'refused',
    lines: ['FATAL[0000] decode config at /c: unknown field "x": row 3, column 7'],
    sentence: 'decode config at /c: unknown field "x": row 3, column 7',
    line: 3,
    column: 7,
  });
  assert.equal(xray.kind === 'refused' && xray.sentence, 'unknown field "x": row 3, column 7');
  assert.match(mihomo.kind === 'refused' ? mihomo.sentence : '', /^"unknown field/);
  for (const engine of ['sing-box', 'xray', 'mihomo', 'hysteria'] as const)
    assert.deepEqual(await judged(engine, '{}'), { kind: 'accepted' }, engine);
});

test('an engine without a check takes what can be read', async () => {
  const verdict = await judged('hysteria', 'listen: :443\nlisten: :444');
  assert.equal(
    verdict.kind === 'refused' && verdict.sentence,
    '/c: line 2: listen stands twice in its table (the engine compares names without case): keep one',
  );
});

test('what cannot be asked is unknown', async () => {
  const verdict = await judged('xray', '{}', { path: '/nowhere' });
  assert.match(verdict.kind === 'unknown' ? verdict.message : '', /the program xray is not on PATH/);
});

const real = process.env['PATH'] ?? '';

test('the real sing-box: a syntax error, an unknown type, an unknown field, a good one', {
  skip: findBinary('sing-box', real, '/') === undefined,
}, async () => {
  const syntax = await judged('sing-box', '{\n "log": {},\n  bad\n}', { path: real });
  assert.deepEqual(syntax.kind === 'refused' && [syntax.line, syntax.column], [3, 3]);
  const type = await judged('sing-box', '{"outbounds": [{"type": "nope"}]}', { path: real });
  assert.match(type.kind === 'refused' ? type.sentence : '', /^decode config at \/c: outbounds\[0\]: unknown outbound type: nope$/);
  const field = await judged('sing-box', '{"log": {"x": 1}}', { path: real });
  assert.match(field.kind === 'refused' ? field.sentence : '', /unknown field "x"/);
  assert.deepEqual(await judged('sing-box', '// fine\n{"log": {"level": "info",}}', { path: real }), { kind: 'accepted' });
});

test('the real xray: a syntax error, an unknown protocol, a good one', { skip: findBinary('xray', real, '/') === undefined }, async () => {
  const json = (text: string): Promise<ConfigVerdict> => judged('xray', text, { path: real, name: 'c.json' });
  const syntax = await json('{"inbounds": [\n{"port": x}]}');
  assert.deepEqual(syntax.kind === 'refused' && syntax.line, 2);
  const protocol = await json('{"inbounds": [{"protocol": "socksx", "port": 1080, "listen": "127.0.0.1"}]}');
  assert.match(protocol.kind === 'refused' ? protocol.sentence : '', /^infra\/conf: .*unknown config id: socksx$/);
  assert.deepEqual(await json('{"outbounds": [{"protocol": "freedom"}]}'), { kind: 'accepted' });
});
