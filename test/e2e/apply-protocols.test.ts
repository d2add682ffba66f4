/** What a refused config is answered with, by every protocol and by clients that others wrote: reason, apply_id, the Apply, violations. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { BadRequestSchema, ErrorInfoSchema } from '../../gen/es/google/rpc/error_details_pb.js';
import { ApplySchema } from '../../gen/es/sboxagent/v1/process_config_pb.js';
import { ProcessService } from '../../gen/es/sboxagent/v1/process_service_pb.js';
import { foreign, root, runProgram } from '../helpers/daemon.ts';
import { type ApplyJson, type Edge, type EdgeBench, openEdges } from '../helpers/proxy-edges.ts';

/** What any client can read of a refusal. */
interface Told {
  readonly code: string;
  readonly reason: string;
  readonly apply_id: string;
  /** Id of the Apply that is a detail. */
  readonly apply: string;
  readonly output: readonly string[];
  readonly violations: readonly string[];
}

let bench: EdgeBench;
let edge: Edge;
before(async () => {
  bench = await openEdges({ engines: ['sing-box'] });
  const [first] = bench.edges;
  assert.ok(first !== undefined);
  edge = first;
});
after(async () => bench?.[Symbol.asyncDispose]());

type Refusal = { readonly code: string; readonly reason: string; readonly output?: RegExp; readonly violations: readonly string[] };
const long = 'no such thing '.repeat(2000);

/** Config, and what every client must be told of it. */
const refusals = (): readonly (readonly [object, Refusal])[] => [
  [
    { ...edge.good('a'), fake: { bad_check: 'unknown outbound type: teleport' } },
    { code: 'FAILED_PRECONDITION', reason: 'CONFIG_REFUSED', output: /unknown outbound type: teleport/, violations: [] },
  ],
  // As much as fits: grpcio gives up on trailers over 8 KiB.
  [
    { ...edge.good('b'), fake: { bad_check: long } },
    { code: 'FAILED_PRECONDITION', reason: 'CONFIG_REFUSED', output: /no such thing/, violations: [] },
  ],
  [
    { ...edge.good('c'), log: { output: '/etc/x' }, experimental: { clash_api: { external_controller: '0.0.0.0:9' } } },
    {
      code: 'INVALID_ARGUMENT',
      reason: 'CONFIG_NOT_ALLOWED',
      violations: ['log.output', 'experimental.clash_api.external_controller', 'experimental.clash_api.secret'],
    },
  ],
  [
    { ...edge.good('d'), fake: { no_traffic: true } },
    { code: 'FAILED_PRECONDITION', reason: 'APPLY_ROLLED_BACK', violations: [] },
  ],
];

async function isTold(ask: (content: string) => Promise<Told>): Promise<void> {
  for (const [config, expected] of refusals()) {
    const told = await ask(edge.text(config));
    assert.deepEqual([told.code, told.reason], [expected.code, expected.reason], JSON.stringify(told));
    assert.ok(told.apply_id.length > 10 && told.apply === told.apply_id, JSON.stringify(told));
    assert.match(told.output.join('\n'), expected.output ?? /^/);
    assert.deepEqual([...told.violations].sort(), [...expected.violations].sort());
    const whole = (await bench.daemon.rest('GET', `/api/v1/applies/${told.apply_id}`)).json as ApplyJson;
    assert.ok(['REJECTED', 'ROLLED_BACK'].includes(whole.result));
  }
}

const codes: Readonly<Record<number, string>> = { 3: 'INVALID_ARGUMENT', 9: 'FAILED_PRECONDITION' };
const transports = (): Readonly<Record<string, Transport>> => ({
  gRPC: createGrpcTransport({ baseUrl: bench.daemon.base }),
  'gRPC-Web': createGrpcWebTransport({ baseUrl: bench.daemon.base, httpVersion: '1.1' }),
  'Connect JSON': createConnectTransport({ baseUrl: bench.daemon.base, httpVersion: '1.1', useBinaryFormat: false }),
  'Connect proto': createConnectTransport({ baseUrl: bench.daemon.base, httpVersion: '2', useBinaryFormat: true }),
});

for (const name of ['gRPC', 'gRPC-Web', 'Connect JSON', 'Connect proto']) {
  test(name, async () => {
    const transport = transports()[name];
    assert.ok(transport !== undefined);
    const headers = { authorization: `Bearer ${bench.daemon.token()}` };
    await isTold(async (content) => {
      const error = await createClient(ProcessService, transport)
        .applyProcessConfig({ id: edge.id, content }, { headers })
        .then(
          () => assert.fail('it was taken'),
          (reason: unknown) => ConnectError.from(reason),
        );
      const [info] = error.findDetails(ErrorInfoSchema);
      const [apply] = error.findDetails(ApplySchema);
      return {
        code: codes[error.code] ?? '',
        reason: info?.reason ?? '',
        apply_id: info?.metadata['apply_id'] ?? '',
        apply: apply?.id ?? '',
        output: apply?.engineOutput ?? [],
        violations: error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations.map(({ field }) => field)),
      };
    });
  });
}

// biome-ignore lint/suspicious/noExplicitAny: details of every shape
function fromDetails(code: string, details: readonly any[]): Told {
  const one = (type: string) => details.find((detail) => String(detail['@type']).endsWith(type)) ?? {};
  const [info, apply, bad] = [one('ErrorInfo'), one('v1.Apply'), one('BadRequest')];
  return {
    code: code.toUpperCase(),
    reason: info.reason,
    apply_id: info.metadata?.apply_id ?? '',
    apply: apply.id ?? '',
    output: apply.engine_output ?? apply.engineOutput ?? [],
    violations: (bad.field_violations ?? bad.fieldViolations ?? []).map(({ field }: { field: string }) => field),
  };
}

test('REST, with the request as JSON and with the bare document', async () => {
  await isTold(async (content) => {
    const { json } = await bench.put(edge, content);
    return fromDetails(String(json['code']), json['details'] as readonly object[]);
  });
  for (const type of ['application/yaml', 'text/plain']) {
    await isTold(async (body) => {
      const headers = { authorization: `Bearer ${bench.daemon.token()}`, 'content-type': type };
      const answer = await fetch(`${bench.daemon.base}/api/v1/processes/${edge.id}/config`, { method: 'PUT', headers, body });
      assert.equal(answer.status, 400);
      const json = (await answer.json()) as { readonly code: string; readonly details: readonly object[] };
      return fromDetails(json.code, json.details);
    });
  }
});

test('grpcurl', { skip: foreign('grpcurl') === undefined && 'no grpcurl' }, async () => {
  await isTold(async (content) => {
    const header = `authorization: Bearer ${bench.daemon.token()}`;
    const body = JSON.stringify({ id: edge.id, content });
    const target = [`127.0.0.1:${bench.daemon.port}`, 'sboxagent.v1.ProcessService/ApplyProcessConfig'];
    const ran = await runProgram([foreign('grpcurl') ?? '', '-plaintext', '-format-error', '-H', header, '-d', body, ...target]);
    const said = JSON.parse(ran.stderr) as { readonly code: number; readonly details: readonly object[] };
    return fromDetails(codes[said.code] ?? '', said.details);
  });
});

const pythons = ['/usr/bin/python3', foreign('venv/bin/python')].flatMap((path) => (path !== undefined && existsSync(path) ? [path] : []));
for (const python of pythons) {
  test(`grpcio of ${python === '/usr/bin/python3' ? 'the system' : 'PyPI'}`, async (t) => {
    const env = { PYTHONPATH: join(root, 'gen/python'), PYTHONDONTWRITEBYTECODE: '1' };
    const able = await runProgram([python, '-c', 'import grpc, sboxagent.v1.process_service_pb2_grpc'], { env });
    if (able.code !== 0) return t.skip(able.stderr.trim().split('\n').at(-1) ?? 'no grpcio');
    await isTold(async (content) => {
      const path = join(bench.daemon.dir, 'candidate.json');
      writeFileSync(path, content);
      const argv = [python, join(root, 'test/e2e/apply.py'), `127.0.0.1:${bench.daemon.port}`, bench.daemon.token(), edge.id, path];
      const ran = await runProgram(argv, { env });
      assert.equal(ran.code, 0, ran.stderr);
      return JSON.parse(ran.stdout) as Told;
    });
  });
}

test('a stale If-Match is 409, a HEAD has no body, an apply in the background is followed by its id', async () => {
  const path = `/api/v1/processes/${edge.id}/config`;
  const { json } = await bench.daemon.rest('GET', path);
  const { etag } = json as { etag: string };
  const body = { content: edge.text(edge.good('e')) };
  assert.equal((await bench.daemon.rest('PUT', path, body, { 'if-match': '"nobody"' })).status, 409);
  const head = await fetch(bench.daemon.base + path, { method: 'HEAD', headers: { authorization: `Bearer ${bench.daemon.token()}` } });
  assert.deepEqual([head.status, await head.text()], [200, '']);
  const begun = await bench.daemon.rest('PUT', path, { ...body, async: true }, { 'if-match': `"${etag}"` });
  const { id, result } = begun.json as ApplyJson;
  assert.deepEqual([begun.status, result], [200, 'PENDING']);
  const seen = new Set<string>();
  for (;;) {
    const now = (await bench.daemon.rest('GET', `/api/v1/applies/${id}`)).json as ApplyJson;
    seen.add(now.phase);
    if (now.phase === 'DONE') break;
  }
  assert.ok(seen.has('VERIFYING'), [...seen].join());
  assert.equal((await bench.daemon.rest('PUT', path, body, { 'if-match': `"${etag}"` })).status, 409, 'it was changed meanwhile');
});
