import type { AgentConfig, ConfigChange, ConfigRevision, Violation } from '../../../gen/ts/sboxagent/v1/config.ts';
import {
  ConfigServiceClient,
  GetConfigRequest,
  ListConfigRevisionsRequest,
  ReloadConfigRequest,
  RollbackConfigRequest,
  UpdateConfigRequest,
  ValidateConfigRequest,
} from '../../../gen/ts/sboxagent/v1/config_service.ts';
import { type Agent, unary, withAgent } from '../agent.ts';
import { assignment } from '../assignments.ts';
import type { Handler } from '../command-spec.ts';
import { changesTable, changeText, combined, revisionTable, shownValue } from '../config-table.ts';
import type { Context } from '../context.ts';
import { printable } from '../escape.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { count, revisionNumber, text } from '../flags.ts';
import { write } from '../io.ts';
import { isDocument, jsonWith, keyPath, leavesOf, valueOfKey } from '../key-path.ts';
import { assignmentIn } from '../list-changes.ts';
import { print, styleOf } from '../output.ts';
import { withProgress } from '../progress.ts';
import { readInput } from '../read-input.ts';
import { type Column, listTable } from '../table.ts';

/** Units are stopped and started by some changes. */
const longestChange = { defaultTimeoutMs: 120_000 };

function clientOf(agent: Agent): ConfigServiceClient {
  return new ConfigServiceClient(agent.address, agent.credentials, agent.channelOptions);
}

function current(agent: Agent): Promise<AgentConfig> {
  const client = clientOf(agent);
  return unary(agent, client.getConfig.bind(client), GetConfigRequest.create());
}

interface Row {
  readonly key: string;
  readonly value: unknown;
  readonly source: string;
}

const columns: readonly Column<Row>[] = [
  { title: 'KEY', cell: ({ key }) => key, whole: true },
  { title: 'VALUE', cell: ({ value }) => shownValue(value) },
  { title: 'SOURCE', cell: ({ source }) => source },
];

/** Its own, or that of the key that holds it. */
function sourceOf(sources: AgentConfig['sources'], key: string): string {
  for (let at = key; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const source = Object.hasOwn(sources, at) ? sources[at] : undefined;
    if (source !== undefined) return source;
  }
  return '';
}

export const get: Handler = (context, [key], flags) =>
  withAgent(context, async (agent) => {
    if (flags['yaml'] === true && key !== undefined) throw usage('--yaml shows the whole file: give no key with it');
    const { document, sources, yaml } = await current(agent);
    if (flags['yaml'] === true) {
      // The text is the user's own file; what could drive a terminal is shown, but for its line breaks.
      await write(context.io.stdout, yaml.split('\n').map(printable).join('\n'));
      return EXIT.done;
    }
    const value = key === undefined ? document : valueOfKey(document, key);
    if (value === undefined)
      throw new Failure(EXIT.refused, `there is no key ${key}`, { remedy: '`sboxagent config get` lists them all.' });
    const style = await styleOf(context);
    await print(context, value, () => {
      if (key !== undefined && !isDocument(value)) return `${printable(shownValue(value))}\n`;
      const rows = leavesOf(value, key).map((leaf) => ({ ...leaf, source: sourceOf(sources, leaf.key) }));
      // Whoever asks for a part wants all of it.
      const isWhole = flags['all'] === true || key !== undefined;
      return listTable(columns, isWhole ? rows : rows.filter(({ source }) => source !== 'default'), {
        style,
        none: 'Nothing is set: every key has its default (--all).',
      });
    });
    return EXIT.done;
  });

async function showChange(context: Context, change: ConfigChange, dryRun = false): Promise<number> {
  const style = await styleOf(context);
  await print(context, change, () => changeText(change, { dryRun, style }));
  return EXIT.done;
}

/** Units are stopped and started by some changes. */
function changing<T>(context: Context, work: Promise<T>): Promise<T> {
  return withProgress(context, () => 'changing the configuration', work);
}

export const set: Handler = (context, words, flags) => {
  for (const word of words) assignment(word);
  return withAgent(context, async (agent) => {
    const { document, etag } = await current(agent);
    const assignments = words.map((word) => assignmentIn(document, word));
    // What was made of an item holds for the list that was read, and for no other.
    const hasItems = assignments.some(({ path }, i) => !words[i]?.startsWith(`${path.join('.')}=`));
    const keys = assignments.map(({ path, json }) => ({ path: keyPath(document, path.join('.')), json }));
    const dryRun = flags['dryRun'] === true;
    const request = UpdateConfigRequest.fromPartial({
      yaml: jsonWith(keys),
      update_mask: assignments.map(({ path }) => path.join('.')),
      etag: hasItems ? etag : '',
      reason: text(flags, 'reason') ?? '',
      validate_only: dryRun,
    });
    const client = clientOf(agent);
    return showChange(context, await changing(context, unary(agent, client.updateConfig.bind(client), request, longestChange)), dryRun);
  });
};

/** Places in the document are shown as places in the file that it came from. */
function violationLine(file: string, violation: Violation): string {
  const name = violation.file === 'document' ? file : violation.file;
  const place = violation.line > 0 ? `${name}:${violation.line}` : name;
  return `${printable([place, violation.path, violation.message].filter((part) => part !== '').join(': '))}\n`;
}

export const validate: Handler = (context, [file = ''], _flags) =>
  withAgent(context, async (agent) => {
    // A file that says nothing is fit; a request that says nothing is a mistake.
    const yaml = (await readInput(context, file)) || '\n';
    const client = clientOf(agent);
    const answer = await unary(agent, client.validateConfig.bind(client), ValidateConfigRequest.fromPartial({ yaml }));
    const name = file === '-' ? 'stdin' : file;
    await print(context, answer, () =>
      answer.valid ? `${printable(name)}: fit\n` : answer.violations.map((v) => violationLine(name, v)).join(''),
    );
    return answer.valid ? EXIT.done : EXIT.refused;
  });

export const reload: Handler = (context) =>
  withAgent(context, async (agent) => {
    const client = clientOf(agent);
    return showChange(
      context,
      await changing(context, unary(agent, client.reloadConfig.bind(client), ReloadConfigRequest.create(), longestChange)),
    );
  });

/** Newest first. */
export async function listRevisions(agent: Agent, most: number): Promise<ConfigRevision[]> {
  const client = clientOf(agent);
  const all: ConfigRevision[] = [];
  let token = '';
  do {
    const request = ListConfigRevisionsRequest.fromPartial({ page_size: Math.min(1000, most - all.length), page_token: token });
    const page = await unary(agent, client.listConfigRevisions.bind(client), request);
    all.push(...page.revisions);
    token = page.next_page_token;
  } while (token !== '' && all.length < most);
  return all;
}

export const history: Handler = (context, _args, flags) =>
  withAgent(context, async (agent) => {
    const lines = count(text(flags, 'lines'), '-n', 100_000) ?? 100;
    const revisions = lines === 0 ? [] : await listRevisions(agent, lines);
    const style = await styleOf(context);
    await print(context, revisions, () => revisionTable(revisions, style));
    return EXIT.done;
  });

const revisionOf = (word: string): number => revisionNumber(word, 'sboxagent config history');

/** Without a revision: what the newest one changed; from one: what changed since; from one to another: what changed between them. */
export const diff: Handler = (context, words) => {
  const [from, to] = words.map(revisionOf);
  return withAgent(context, async (agent) => {
    const revisions = await listRevisions(agent, 100_000);
    const newest = revisions[0]?.revision ?? 0;
    const last = to ?? newest;
    const first = from ?? Math.max(0, last - 1);
    if (from !== undefined && to !== undefined && from > to)
      throw usage(`revision ${from} is newer than revision ${to}: the older one comes first`);
    const unknown = [from, to].find((asked) => asked !== undefined && !revisions.some(({ revision }) => revision === asked));
    if (unknown !== undefined) {
      throw new Failure(EXIT.refused, `there is no revision ${unknown}`, {
        reason: 'CONFIG_REVISION_NOT_FOUND',
        remedy: '`sboxagent config history` lists them.',
      });
    }
    const changes = combined(revisions.filter(({ revision }) => revision > first && revision <= last).reverse());
    const style = await styleOf(context);
    await print(context, changes, () => (changes.length === 0 ? 'no key differs\n' : changesTable(changes, style)));
    return EXIT.done;
  });
};

export const rollback: Handler = (context, [word = ''], flags) => {
  const revision = revisionOf(word);
  return withAgent(context, async (agent) => {
    const client = clientOf(agent);
    const request = RollbackConfigRequest.fromPartial({ revision, reason: text(flags, 'reason') ?? '' });
    return showChange(context, await changing(context, unary(agent, client.rollbackConfig.bind(client), request, longestChange)));
  });
};
