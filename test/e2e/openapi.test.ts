/** The API's document against a running agent: what schemathesis makes of it finds no answer that it does not describe. */
import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { type Daemon, foreign, makeDaemon, root, runProgram, until } from '../helpers/daemon.ts';
import { type Edge, fakePath, makeEdge } from '../helpers/proxy-edges.ts';

type Json = Record<string, unknown>;
interface Media {
  readonly 'x-item-schema'?: Json;
}
interface Response {
  readonly $ref?: string;
  readonly 'x-error-reasons'?: readonly string[];
  readonly content?: Record<string, Media>;
}
interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, Response>;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly responses: Record<string, Response> };
}

const schemathesis = foreign('schemathesis');
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'allow_header_conformance',
  'missing_required_header',
  'ignored_auth',
];

/** A report of what was called, one event a line. */
interface Finished {
  readonly ScenarioFinished?: {
    readonly recorder?: {
      readonly label: string;
      readonly interactions: Record<string, Interaction>;
    };
  };
}
interface Interaction {
  readonly request: { readonly method: string };
  readonly response?: { readonly status_code: number; readonly content?: { readonly $base64?: string } | null } | null;
}

interface Answer {
  /** `GET /api/v1/status`. */
  readonly operation: string;
  readonly status: number;
  /** Of an error: its reason. */
  readonly reason: string | undefined;
}

function reasonOf(base64: string | undefined): string | undefined {
  try {
    const { details } = JSON.parse(Buffer.from(base64 ?? '', 'base64').toString()) as { details?: readonly { reason?: string }[] };
    return details?.[0]?.reason;
  } catch {
    return undefined;
  }
}

/** What each operation answered with, called by its own method. */
function answersIn(directory: string): Answer[] {
  const [report = ''] = globSync('ndjson-*', { cwd: directory });
  const lines = readFileSync(join(directory, report), 'utf8').split('\n').filter(Boolean);
  return lines.flatMap((line) => {
    const { label = '', interactions = {} } = (JSON.parse(line) as Finished).ScenarioFinished?.recorder ?? {};
    return Object.values(interactions).flatMap(({ request, response }) => {
      if (response === null || response === undefined || !label.startsWith(`${request.method} `)) return [];
      return [{ operation: label, status: response.status_code, reason: reasonOf(response.content?.$base64) }];
    });
  });
}

describe('the API as its document has it', () => {
  let daemon: Daemon;
  let edge: Edge;
  let origin: Server;
  const dir = mkdtempSync(join(tmpdir(), 'openapi-edge-'));
  let document: Document;

  const posted = async (method: string, path: string, body: unknown): Promise<Json> => {
    const { status, json } = await daemon.rest(method, path, body);
    assert.ok(status < 300, `${method} ${path}: ${status} ${JSON.stringify(json)}`);
    return json as Json;
  };

  before(async () => {
    origin = createServer((_request, response) => response.end('here')).listen(0, '127.0.0.1');
    await new Promise((resolve) => origin.once('listening', resolve));
    const probe = { proxy: { url: `http://127.0.0.1:${(origin.address() as AddressInfo).port}/probe`, status: ['200'] } };
    edge = await makeEdge('sing-box', dir);
    writeFileSync(edge.path, edge.text(edge.good('first')), { mode: 0o600 });
    const unit = { engine: 'sing-box', config_path: edge.path, autostart: true, stop: { grace: '1s' }, apply: { soak: '100ms', probe } };
    daemon = await makeDaemon({
      env: { PATH: fakePath },
      config: {
        processes: { units: { edge: unit } },
        plugins: { units: { 'geo-updater': { command: ['/bin/sleep', '3600'], autostart: true } } },
        alerts: {
          rules: [{ name: 'asked', event: { types: ['docs.asked'] }, count: 1, window: '1h', severity: 'INFO', summary: 'asked' }],
        },
      },
    });
    await daemon.start();
    document = (await posted('GET', '/openapi.json', undefined)) as unknown as Document;
  });
  after(async () => {
    await daemon?.rest('DELETE', '/api/v1/processes/edge').catch(() => undefined);
    await daemon?.dispose();
    origin?.close();
    origin?.closeAllConnections();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Makes one of each thing that calls are about, and says what they are called. */
  async function things(): Promise<Record<string, Record<string, unknown>>> {
    await until('the engine to be READY', async () => (await posted('GET', '/api/v1/processes/edge', undefined))['state'] === 'READY');
    const apply = await posted('PUT', '/api/v1/processes/edge/config', { content: edge.text(edge.good('second')) });
    for (const color of ['red', 'blue']) await posted('PUT', '/api/v1/plugins/geo-updater/config', { color });
    const { backups } = await posted('GET', '/api/v1/plugins/geo-updater/config/backups', undefined);
    await posted('POST', '/api/v1/events', { type: 'docs.asked', source: 'docs' });
    const alert = await until('the alert', async () => {
      const { alerts } = await posted('GET', '/api/v1/alerts', undefined);
      return (alerts as Json[])[0];
    });
    const [backup] = backups as Json[];
    return {
      getApply: { id: apply['id'] },
      acknowledgeAlert: { id: alert['id'] },
      restorePluginConfigBackup: { id: 'geo-updater', backup: backup?.['id'] },
      rollbackProcessConfig: { id: 'edge' },
    };
  }

  it('answers nothing that is not described, and no 5xx', { skip: schemathesis === undefined && 'there is no schemathesis' }, async (t) => {
    const reports = mkdtempSync(join(tmpdir(), 'openapi-'));
    t.after(() => rmSync(reports, { recursive: true, force: true }));
    const flags = [
      ...['--header', `Authorization: Bearer ${daemon.token()}`, '--exclude-operation-id-regex', '^(watch|tail)'],
      ...['--checks', checks.join(','), '--phases', 'examples,coverage,fuzzing', '--max-examples', '3', '--generation-deterministic'],
      ...['--continue-on-failure', '--no-shrink', '--suppress-health-check', 'all', '--warnings', 'off', '--no-color'],
      ...['--request-timeout', '60', '--report', 'json,ndjson', '--report-dir', reports],
    ];
    const ran = await runProgram(
      ['sh', '-c', 'cd "$0" && exec "$@"', reports, schemathesis ?? '', 'run', `${daemon.base}/openapi.json`, ...flags],
      {
        env: { SCHEMATHESIS_HOOKS: join(root, 'test/e2e/schemathesis_hooks.py'), TEST_OPENAPI_IDS: JSON.stringify(await things()) },
        timeoutMs: 390_000,
      },
    );
    assert.equal(ran.code, 0, `${ran.stdout.slice(0, 20_000).replaceAll(/([?&][^&\s]{200})[^\s]*/g, '$1…')}\n${ran.stderr.slice(-2000)}`);

    const [report = ''] = globSync('json-*', { cwd: reports });
    const { operations } = JSON.parse(readFileSync(join(reports, report), 'utf8')) as { operations: Record<string, number> };
    const streams = Object.values(document.paths)
      .flatMap((item) => Object.values(item))
      .filter(isStream).length;
    assert.ok((operations['tested'] ?? 0) + streams >= 0.95 * (operations['total'] ?? 0), JSON.stringify(operations));
    const answers = answersIn(reports);
    const succeeded = new Set(answers.filter(({ status }) => status < 300).map(({ operation }) => operation));
    const never = new Set(answers.map(({ operation }) => operation)).difference(succeeded);
    assert.ok(never.size <= 0.05 * succeeded.size, `no success of ${[...never].join(', ')}`);

    const strange = answers.filter((answer) => answer.reason !== undefined && !reasonsOf(answer).includes(answer.reason));
    const shown = new Set(strange.map(({ operation, status, reason }) => `${operation}: ${status} ${reason}`));
    assert.deepEqual([...shown], [], 'reasons that no row of proto/openapi/errors.ts has');
    assert.ok(new Set(answers.map(({ reason }) => reason)).size > 15, 'errors of many kinds were seen');
  });

  it('streams messages of the schema that it names, in both forms', async () => {
    const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: true }));
    for (const format of ['int32', 'int64', 'double']) ajv.addFormat(format, true);
    ajv.addSchema({ $id: 'document', components: document.components }, 'document');
    await posted('POST', '/api/v1/events', { type: 'docs.streamed', source: 'docs' });
    const streams = Object.entries(document.paths).filter(([, { get }]) => get !== undefined && isStream(get));
    assert.ok(streams.length >= 5, `${streams.length} streams`);
    for (const [path, item] of streams) {
      for (const [type, media] of Object.entries(item['get']?.responses['200']?.content ?? {})) {
        const ref = media['x-item-schema']?.['$ref'];
        // Lines for people have no schema.
        if (typeof ref !== 'string') continue;
        const validate = ajv.compile({ $ref: `document${ref}` });
        const message: unknown = JSON.parse(
          await firstMessage(`${path}?${/events/.test(path) ? 'after_revision=0&filter.types=docs.streamed' : ''}`, type),
        );
        assert.ok(validate(message), `${path} as ${type}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(message).slice(0, 500)}`);
      }
    }
  });

  /** The reasons that the document has for this answer. */
  function reasonsOf({ operation, status }: Answer): readonly string[] {
    const [method = '', path = ''] = operation.split(' ');
    const response = document.paths[path]?.[method.toLowerCase()]?.responses[String(status)];
    const name = response?.$ref?.replace('#/components/responses/', '');
    return (name === undefined ? response : document.components.responses[name])?.['x-error-reasons'] ?? [];
  }

  async function firstMessage(path: string, type: string): Promise<string> {
    const headers = { accept: type, authorization: `Bearer ${daemon.token()}` };
    const answer = await fetch(`${daemon.base}${path}`, { headers });
    assert.equal(answer.status, 200, path);
    assert.ok(answer.headers.get('content-type')?.startsWith(type), `${path}: ${answer.headers.get('content-type')}`);
    const decoder = new TextDecoder();
    let text = '';
    for await (const part of answer.body ?? []) {
      text += decoder.decode(part as Uint8Array, { stream: true });
      const found = type === 'text/event-stream' ? /^data: (.*)\n\n/m.exec(text)?.[1] : /^(\{.*)\n/m.exec(text)?.[1];
      if (found === undefined) continue;
      return found;
    }
    throw new Error(`${path} ended`);
  }
});

function isStream(operation: Operation): boolean {
  return Object.values(operation.responses['200']?.content ?? {}).some((media) => media['x-item-schema'] !== undefined);
}
