/** The round trip of a plugin's document by clients that know the API from reflection alone: grpcurl where it is, and `buf curl`. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Daemon, foreign, makeDaemon, root, runProgram } from '../helpers/daemon.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Answer = { readonly code: number | null; readonly json: any; readonly text: string };
type Rpc = (method: string, request: unknown) => Promise<Answer>;

const schema = { properties: { port: { type: 'integer', minimum: 1 }, password: { type: 'string', writeOnly: true } } };

function answerOf({ code, stdout, stderr }: { code: number | null; stdout: string; stderr: string }): Answer {
  return { code, json: code === 0 && stdout.trim() !== '' ? JSON.parse(stdout) : undefined, text: stdout + stderr };
}

describe('documents of plugins by foreign clients', () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await makeDaemon();
    await daemon.start();
  });
  after(() => daemon.dispose());

  const header = (): string => `authorization: Bearer ${daemon.token()}`;
  const grpcurl: Rpc = async (method, request) => {
    const target = [`127.0.0.1:${daemon.port}`, `sboxagent.v1.${method}`];
    return answerOf(await runProgram([foreign('grpcurl') ?? '', '-plaintext', '-H', header(), '-d', JSON.stringify(request), ...target]));
  };
  const bufCurl: Rpc = async (method, request) => {
    const how = ['--protocol', 'grpc', '--http2-prior-knowledge', '--reflect', '--reflect-header', '*', '-H', header()];
    const url = `${daemon.base}/sboxagent.v1.${method}`;
    return answerOf(await runProgram([join(root, 'node_modules/.bin/buf'), 'curl', ...how, '-d', JSON.stringify(request), url]));
  };

  const roundTrip = async (rpc: Rpc, id: string): Promise<void> => {
    const registered = await rpc('PluginSessionService/RegisterPlugin', { plugin: { id }, config_schema: schema, lease: '60s' });
    assert.equal(registered.code, 0, registered.text);
    const session = { plugin_id: id, session_id: registered.json.sessionId };
    const first = await rpc('PluginService/UpdatePluginConfig', { id, config: { port: 1, password: 'hunter2hunter2' } });
    assert.deepEqual([first.json?.revision, first.json?.config.password], [1, '***'], first.text);
    const applied = await rpc('PluginSessionService/AckPluginConfig', { ...session, revision: 1, applied: true });
    assert.equal(applied.json?.applyState, 'APPLIED', applied.text);
    const { config, etag } = (await rpc('PluginService/GetPluginConfig', { id })).json;
    const second = await rpc('PluginService/UpdatePluginConfig', { id, etag, config: { ...config, port: 2 } });
    assert.equal(second.json?.revision, 2, second.text);
    const again = await rpc('PluginSessionService/RegisterPlugin', { plugin: { id }, config_schema: schema, lease: '60s' });
    assert.deepEqual(again.json?.config.config, { port: 2, password: 'hunter2hunter2' }, again.text);
    const failed = { plugin_id: id, session_id: again.json.sessionId, revision: 2, applied: false, message: 'no port 2' };
    assert.equal((await rpc('PluginSessionService/AckPluginConfig', failed)).json?.applyMessage, 'no port 2');
    const refused = await rpc('PluginService/UpdatePluginConfig', { id, config: { port: 0 } });
    assert.notEqual(refused.code, 0);
    assert.match(refused.text, /config\.port/);
    const { backups } = (await rpc('PluginService/ListPluginConfigBackups', { id })).json;
    const restored = await rpc('PluginService/RestorePluginConfigBackup', { id, backup: backups[0].id });
    assert.deepEqual([restored.json?.revision, restored.json?.config.port], [3, 1], restored.text);
  };

  it('grpcurl', { skip: foreign('grpcurl') === undefined && 'no grpcurl on this machine' }, () => roundTrip(grpcurl, 'by-grpcurl'));
  it('buf curl', () => roundTrip(bufCurl, 'by-buf'));
});
