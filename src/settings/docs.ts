import { formatDuration } from '../kernel/duration.ts';
import { formatSize } from '../kernel/size.ts';
import { type Key, type KeyType, keyTable, pluginUnitKeyTable, ruleKeyTable, unitKeyTable, webhookKeyTable } from './keys.ts';
import { ownVariables } from './own-variables.ts';

/** docs/configuration.md, made from the tables of keys; a test keeps the committed page equal. */
export function configurationPage(): string {
  return [
    '# Configuration',
    '',
    'One YAML file, or a directory whose `sboxagent.yaml`, `agent.yaml`, `api.yaml` and `plugins.yaml` together are one document (each',
    'top-level key in one of them). Looked for in this order: `--config`, `$SBOXAGENT_CONFIG`, `./sboxagent.yaml`, `/etc/sboxagent/`; without any,',
    'the defaults hold. `sboxagent serve --check-config` judges it, `--print-config` shows what is in force.',
    '',
    'Every key can be set by the environment too: `SBOXAGENT_` and its path in upper case, dots and dashes as underscores',
    '(`SBOXAGENT_API_PORT=9090`, `SBOXAGENT_PROCESSES_UNITS_EDGE_AUTOSTART=true`), lists separated by commas; an empty value is none.',
    'Lists of mappings stand in files only.',
    'Order of precedence: `--state-dir`, environment, files, defaults.',
    '',
    'Durations are `500ms`, `30s`, `5m`, `2h`, `7d`, `1w` and compounds (`1m30s`); sizes `64KiB`, `1MiB`, or a number of bytes. Relative paths start at',
    "the directory of the file that names them, in the environment at the daemon's working directory.",
    'A file has at most 512 KiB and 20,000 words and signs (some 400 units).',
    'Files that others may write, unknown keys, wrong types and values out of range are refused at the start (exit code 78).',
    '**Scope** is what a token needs to change the key over the API, by an update or a rollback; each key that a change touches is judged. What grants',
    'power over the machine, or shows what is secret, is `admin`. A file is changed by whoever may write to it.',
    '**Live** keys follow a reload (SIGHUP); the others need a restart. `api.websocket` is another name of `api.streams`.',
    '',
    '## Keys',
    '',
    ...table(keyTable),
    '',
    '## Units',
    '',
    "Below `processes.units.<id>`; an id has lower-case letters, digits, `.`, `_` and `-`, and is not `agent`, the agent's own log. All are live.",
    '',
    ...table(unitKeyTable.filter((row) => !isProbe(row))),
    '',
    '### Probes',
    '',
    'Below `probes.startup` (holds the other two back until it has succeeded once; out of tries, the start has failed), `probes.readiness`',
    '(READY or RUNNING; never restarts), `probes.liveness` (out of tries, it is restarted by its policy with reason LIVENESS_PROBE) and',
    '`apply.probe` (period 500ms, timeout 2s; default: the readiness probe, where that is a proxy probe). A success threshold other than 1 is',
    'for readiness alone, and `log` cannot prove an apply.',
    '',
    ...table(unitKeyTable.filter(({ path }) => path.startsWith('probes.readiness.')).map((row) => ({ ...row, path: row.path.slice(17) }))),
    '',
    '## Plugins that sboxagent runs',
    '',
    'Below `plugins.units.<id>`: the keys of a unit, but for `probes.readiness`, and these. No id stands in `processes.units` too; `depends_on` may name',
    'units of both. All are live.',
    '',
    ...table(pluginUnitKeyTable.filter((row) => !unitKeyTable.includes(row))),
    '',
    '## Alert rules',
    '',
    'The keys of each mapping in `alerts.rules`; `event: {}` is every event. All are live.',
    '',
    ...table(ruleKeyTable),
    '',
    '## Webhooks',
    '',
    'The keys of each mapping in `alerts.webhooks`. All are live.',
    '',
    ...table(webhookKeyTable),
    '',
    '## Other variables',
    '',
    'Names of the same prefix that are no keys. The daemon passes over those that are not its own; any further name is refused.',
    '',
    '| variable | read by | meaning |',
    '|---|---|---|',
    ...ownVariables.map(({ name, reader, doc }) => `| \`${name}\` | ${reader} | ${doc} |`),
    '',
  ].join('\n');
}

const probePlaces = ['probes.startup.', 'probes.readiness.', 'probes.liveness.', 'apply.probe.'];

function isProbe({ path }: Key): boolean {
  return probePlaces.some((place) => path.startsWith(place));
}

function table(keys: readonly Key[]): readonly string[] {
  return ['| key | type | default | live | scope | meaning |', '|---|---|---|---|---|---|', ...keys.map(line)];
}

function line({ path, type, fallback, doc, live, scope }: Key): string {
  const meaning = doc.replace(/[<*_]/g, '\\$&');
  const cells = [`\`${path}\``, typeText(type), defaultText(fallback), live === true ? 'yes' : '', scope, meaning];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function defaultText(fallback: unknown): string {
  if (fallback === undefined) return '';
  return `\`${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)}\``;
}

function typeText(type: KeyType): string {
  switch (type.kind) {
    case 'integer':
    case 'number':
      return `${type.kind}, ${type.min} to ${type.max}`;
    case 'duration':
      return `duration, ${formatDuration(type.minMs)} to ${formatDuration(type.maxMs)}`;
    case 'size':
      return `size, ${formatSize(type.minBytes)} to ${formatSize(type.maxBytes)}`;
    case 'choice':
      return type.values.map((value) => `\`${value}\``).join(', ');
    case 'strings':
      return 'list of strings';
    case 'paths':
      return 'list of absolute paths';
    case 'mode':
      return 'file mode, octal';
    case 'secret':
      return 'string, never shown';
    case 'texts':
      return 'mapping of strings';
    case 'statuses':
      return 'list of statuses and ranges';
    case 'threshold':
      return 'number, size, or duration in seconds';
    case 'list':
      return `list of at most ${type.most} mappings, see below`;
    case 'units':
      return 'mapping, see below';
    case 'rlimit':
      return 'number, `unlimited`, or `soft:hard`';
    case 'empty':
      return '`{}`';
    case 'string':
    case 'path':
    case 'boolean':
      return type.kind;
  }
}
