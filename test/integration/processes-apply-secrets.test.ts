/** Secrets of configs: nobody is shown them, and `***` that comes back keeps them; and what a repeated request_id does. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { EngineName } from '../../src/settings/types.ts';
import { type ApplyJson, type Edge, type EdgeBench, openEdges } from '../helpers/proxy-edges.ts';

const engines: readonly EngineName[] = ['sing-box', 'xray', 'mihomo', 'hysteria'];
let bench: EdgeBench;
before(async () => {
  bench = await openEdges({ engines });
});
after(async () => bench?.[Symbol.asyncDispose]());

/** A config with a login, with comments; the fake says `said` of it where that is given. */
function withLogin({ engine, port }: Edge, { password, word, said = '' }: { password: string; word: string; said?: string }): string {
  const fake = said === '' ? '' : engine === 'mihomo' ? `fake: {bad_check: "${said}"}\n` : `"fake": {"bad_check": "${said}"},`;
  switch (engine) {
    case 'sing-box':
      return `{\n  // ${word}\n  ${fake}\n  "inbounds": [{"type": "mixed", "tag": "in", "listen": "127.0.0.1", "listen_port": ${port}, "users": [{"username": "ann", "password": "${password}"}]}]\n}\n`;
    case 'xray':
      return `{\n  // ${word}\n  ${fake}\n  "log": {"loglevel": "warning"},\n  "inbounds": [{"tag": "in", "protocol": "http", "listen": "127.0.0.1", "port": ${port}, "settings": {"accounts": [{"user": "ann", "pass": "${password}"}]}}]\n}\n`;
    case 'mihomo':
      return `# ${word}\n${fake}mixed-port: ${port} # the office\nauthentication: ["ann:${password}"]\n`;
    case 'hysteria':
      return `# ${word}\nserver: far.example:443\nauth: ${password}-of-the-server\nhttp: {listen: "127.0.0.1:${port}", username: ann, password: ${password}}\n`;
  }
}

/** Everything that anybody can read of what happened to an engine. */
async function said(edge: Edge): Promise<string> {
  const paths = [
    `/processes/${edge.id}/config`,
    `/processes/${edge.id}/config/revisions?page_size=100`,
    `/processes/${edge.id}:explain`,
    '/events?page_size=1000',
    `/logs?filter.sources=${edge.id}&page_size=1000`,
    '/logs?filter.sources=agent&page_size=1000',
    '/audit?page_size=1000',
  ];
  const all = await Promise.all(paths.map(async (path) => JSON.stringify((await bench.daemon.rest('GET', `/api/v1${path}`)).json)));
  return `${all.join('\n')}\n${bench.daemon.log()}`;
}

for (const [i, engine] of engines.entries()) {
  test(`${engine}: secrets are shown nowhere, and *** keeps them`, async () => {
    const edge = bench.edges[i];
    assert.ok(edge !== undefined);
    const [first, second] = [`wonderland-${engine}-1`, `wonderland-${engine}-2`];
    const answers: unknown[] = [];
    const put = async (text: string): Promise<ApplyJson> => {
      const answer = await bench.put(edge, text);
      answers.push(answer.json);
      return answer.status === 200 ? (answer.json as unknown as ApplyJson) : bench.applyOf(answer);
    };
    const applied = await put(withLogin(edge, { password: first, word: 'one' }));
    assert.equal(applied.result, 'APPLIED', JSON.stringify(applied));
    if (engine !== 'hysteria') {
      const refused = await put(withLogin(edge, { password: second, word: 'two', said: `bad login ann ${second}` }));
      assert.match(refused.engine_output.join('\n'), /bad login ann \*\*\*/);
      answers.push(refused);
    }
    const { content } = (await bench.daemon.rest('GET', `/api/v1/processes/${edge.id}/config`)).json as { content: string };
    assert.match(content, /\*\*\*/);
    const back = await put(content.replaceAll('one', 'three'));
    assert.equal(back.result, 'APPLIED', JSON.stringify(back));
    const inFile = readFileSync(edge.path, 'utf8');
    assert.equal(inFile, withLogin(edge, { password: first, word: 'three' }), 'every byte but the word is as it was');
    const changed = await put(withLogin(edge, { password: second, word: 'three' }));
    assert.equal(changed.result, 'APPLIED');
    const all = `${JSON.stringify(answers)}\n${await said(edge)}`;
    for (const secret of [first, second])
      assert.ok(!all.includes(secret), all.slice(Math.max(0, all.indexOf(secret) - 300), all.indexOf(secret) + 60));
    const nobody = await bench.put(edge, withLogin(edge, { password: '***', word: 'four' }).replaceAll('ann', 'bob'));
    assert.equal(nobody.status, 400, `there is no secret of bob that could be kept: ${JSON.stringify(nobody.json)}`);
    assert.ok(!readFileSync(edge.path, 'utf8').includes('***'));
  });
}

test('a request_id that was answered is answered again, without another apply; so is a refusal', async () => {
  const [edge] = bench.edges;
  assert.ok(edge !== undefined);
  const request = { request_id: 'once', reason: 'by request' };
  const first = await bench.put(edge, edge.good('once'), request);
  await bench.put(edge, edge.good('meanwhile'));
  const again = await bench.put(edge, edge.good('once'), request);
  assert.deepEqual(again, first);
  assert.match(readFileSync(edge.path, 'utf8'), /meanwhile/);
  assert.equal((await bench.put(edge, edge.good('other'), request)).status, 409);
  const bad = { ...edge.good('bad'), fake: { bad_check: 'no' } };
  const refused = await bench.put(edge, bad, { request_id: 'refused' });
  assert.deepEqual(await bench.put(edge, bad, { request_id: 'refused' }), refused);
  const { id, result } = await bench.applyOf(refused);
  assert.equal(result, 'REJECTED');
  assert.notEqual((await bench.applyOf(await bench.put(edge, bad))).id, id, 'without the id it is judged anew');
});
