import { type Agent, withAgent } from '../agent.ts';
import type { Completion } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { leavesOf } from '../key-path.ts';
import { listProcesses } from '../list-processes.ts';
import type { CommandLine } from './command-line.ts';
import type { Candidate } from './complete.ts';

export type KnownKind = Exclude<Completion, readonly string[] | 'file' | 'directory'>;

interface Place {
  readonly line: CommandLine;
  readonly typed: string;
}

type Lister = (agent: Agent, place: Place) => Promise<readonly Candidate[]>;

const processes: Lister = async (agent) =>
  (await listProcesses(agent)).map(({ id, state, engine }) => ({ value: id, summary: `${state}${engine === '' ? '' : `, ${engine}`}` }));

const plugins: Lister = async (agent) => {
  const { listPlugins } = await import('../commands/plugins.ts');
  return (await listPlugins(agent)).map(({ id, state, name }) => ({ value: id, summary: `${state} ${name}` }));
};

const revisionSummary = (revision: { time?: string | undefined; author: string; reason: string }): string =>
  [revision.time ?? '', revision.author, revision.reason].filter((word) => word !== '').join(', ');

/** How the agent's own names are had, kind by kind. `token` and `method` need no agent. */
const listers: Readonly<Record<Exclude<KnownKind, 'agent' | 'rollout' | 'token' | 'method'>, Lister>> = {
  process: processes,
  plugin: plugins,
  'log-source': async (agent, place) => [...(await processes(agent, place)), { value: 'agent', summary: 'the agent itself' }],
  alert: async (agent) => {
    const { listAlerts } = await import('../commands/alerts.ts');
    return (await listAlerts(agent, [])).map(({ id, rule, subject, state }) => ({ value: id, summary: `${state} ${rule} ${subject}` }));
  },
  trace: async (agent) => {
    const { newestTraces } = await import('../commands/trace.ts');
    return (await newestTraces(agent, {}, 50)).map(({ trace_id, root }) => ({ value: trace_id, summary: root }));
  },
  'event-type': async (agent) => {
    const { newestEvents } = await import('../commands/events.ts');
    const types = new Set((await newestEvents(agent, {}, 500)).map(({ type }) => type));
    return [...types].sort().map((value) => ({ value }));
  },
  'config-key': async (agent, { line, typed }) => {
    const { configKeys } = await import('./config-keys.ts');
    return configKeys(agent, typed, line.command?.name === 'set');
  },
  'config-revision': async (agent) => {
    const { listRevisions } = await import('../commands/config.ts');
    return (await listRevisions(agent, 200)).map((one) => ({ value: String(one.revision), summary: revisionSummary(one) }));
  },
  'process-revision': async (agent, { line }) => {
    const { listRevisions } = await import('../commands/process-config.ts');
    const revisions = await listRevisions(agent, line.args[0] ?? '', 200);
    return revisions.map((one) => ({ value: String(one.revision), summary: `${one.result}, ${revisionSummary(one)}` }));
  },
  'plugin-key': async (agent, { line }) => {
    const { getDocument } = await import('../commands/plugin-config.ts');
    const { config } = await getDocument(agent, line.args[0] ?? '');
    const end = line.command?.name === 'set' ? '=' : '';
    return leavesOf(config ?? {}).map(({ key }) => ({ value: `${key}${end}` }));
  },
  backup: async (agent, { line }) => {
    const { listBackups } = await import('../commands/plugin-config.ts');
    const backups = await listBackups(agent, line.args[0] ?? '');
    return backups.map(({ id, revision, time }) => ({ value: id, summary: `revision ${revision}, ${time ?? ''}` }));
  },
};

async function tokens(context: Context): Promise<readonly Candidate[]> {
  const { knownTokens } = await import('../commands/token.ts');
  return (await knownTokens(context)).map(({ id, name, scopes }) => ({ value: id, summary: `${name} (${scopes.join(',')})` }));
}

async function agents(context: Context): Promise<readonly Candidate[]> {
  const { withFleet } = await import('../fleet/with-fleet.ts');
  const members = await withFleet(context, (client) => client.members());
  return members.map(({ name, state, health }) => ({ value: name, summary: state === 'UP' ? health : state }));
}

async function rollouts(context: Context): Promise<readonly Candidate[]> {
  const { withFleet } = await import('../fleet/with-fleet.ts');
  const found = await withFleet(context, async (client) => (await client.rollouts()).list());
  return found.map(({ plan, state }) => ({ value: plan.id, summary: `${plan.unit}: ${state.phase}` }));
}

async function methods(): Promise<readonly Candidate[]> {
  const [{ loadSchema }, { allMethods, shortName }] = await Promise.all([import('../call/schema.ts'), import('../call/find-method.ts')]);
  return allMethods(loadSchema()).map((method) => ({
    value: shortName(method),
    summary: `${method.requestType} -> ${method.responseType}`,
  }));
}

/** What has a name of this kind, as the agent says, or the state directory, or the shipped descriptors. Throws where none can be had. */
export async function known(context: Context, kind: KnownKind, place: Place): Promise<readonly Candidate[]> {
  if (kind === 'method') return methods();
  if (kind === 'agent') return agents(context);
  if (kind === 'rollout') return rollouts(context);
  if (kind === 'token') return tokens(context);
  return withAgent(context, (agent) => listers[kind](agent, place));
}
