import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EngineApi, engines } from '../../../src/processes/engines/index.ts';
import { readConfig } from '../../../src/processes/engines/read-config.ts';
import { figuresApi } from '../../../src/processes/figures.ts';
import { readStats } from '../../../src/processes/xray-stats.ts';
import type { EngineName } from '../../../src/settings/types.ts';

const api = (engine: EngineName, text: string): EngineApi['kind'] | undefined => {
  const config = readConfig(engines[engine], text);
  assert.ok(config.ok);
  return figuresApi(engines[engine], config.document)?.kind;
};

test('an API that others reach, or that has no secret, is not used', () => {
  const clash = (controller: string, secret: string): string =>
    JSON.stringify({ experimental: { clash_api: { external_controller: controller, secret } } });
  assert.equal(api('sing-box', clash('127.0.0.1:9090', 's')), 'clash');
  assert.equal(api('sing-box', clash('0.0.0.0:9090', 's')), undefined);
  assert.equal(api('sing-box', clash('127.0.0.1:9090', '')), undefined);
  assert.equal(api('sing-box', '{}'), undefined);
  const service = (listen: string, secret: string): string =>
    JSON.stringify({ services: [{ type: 'api', listen, listen_port: 9091, secret }] });
  assert.equal(api('sing-box', service('127.0.0.1', 's')), 'sing-box');
  assert.equal(api('sing-box', service('::', 's')), undefined);
  assert.equal(api('sing-box', service('127.0.0.1', '')), undefined);
  assert.equal(api('xray', '{"api": {"tag": "a", "listen": "127.0.0.1:1"}, "metrics": {"tag": "m", "listen": "127.0.0.1:2"}}'), 'expvar');
  assert.equal(api('xray', '{"api": {"tag": "a", "listen": "127.0.0.1:1"}}'), 'xray');
  assert.equal(api('hysteria', 'trafficStats: {listen: ":9999", secret: s}'), undefined);
});

test("xray's statistics are read from their bytes, and what is none is refused", () => {
  const stat = (name: string, value: readonly number[]): Buffer => {
    const inner = Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name), Buffer.from([0x10, ...value])]);
    return Buffer.concat([Buffer.from([0x0a, inner.length]), inner]);
  };
  const bytes = Buffer.concat([stat('inbound>>>in>>>traffic>>>uplink', [0x96, 0x01]), stat('x', [0x80, 0x80, 0x80, 0x80, 0x10])]);
  assert.deepEqual(readStats(bytes), [
    { name: 'inbound>>>in>>>traffic>>>uplink', value: 150 },
    { name: 'x', value: 2 ** 32 },
  ]);
  assert.deepEqual(readStats(Buffer.alloc(0)), []);
  assert.throws(() => readStats(Buffer.from([0x0a, 0x50, 1])), /cannot be read/);
  assert.throws(() => readStats(Buffer.alloc(20, 0xff)), /cannot be read/);
});
