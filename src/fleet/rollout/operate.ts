/** The operator's half of rollouts: plans and orders are signed and put into the bucket; the agents do the rest. */
import { createHash, type KeyObject } from 'node:crypto';
import type { KV } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../../kernel/clock.ts';
import { newTraceId, ulid } from '../../kernel/ids.ts';
import type { AgentSelector } from '../selector.ts';
import { isTaken, keys, openBucket, packContent } from './bucket.ts';
import { payloadOf, seal } from './sealed.ts';
import { mostAgents, parseOrder, parsePlan, parseState } from './shapes.ts';
import { initialState, obeyedIn } from './transitions.ts';
import type { Order, Part, Plan, RolloutState, Verb } from './types.ts';

/** Why a rollout or an order is not put into the bucket; a sentence. */
export class RolloutRefused extends Error {
  override readonly name = 'RolloutRefused';
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

/** An agent as the rollout needs to know it. */
export interface Candidate {
  readonly name: string;
  readonly isUp: boolean;
}

export interface RolloutRequest {
  readonly unit: string;
  readonly content: string;
  readonly selector: AgentSelector;
  /** Those that the selector matches and that have the unit. */
  readonly candidates: readonly Candidate[];
  readonly canaries: number;
  readonly maxUnavailable: number;
  readonly pauseMs: number;
  readonly deadlineMs: number;
  /** For so long agents that come late are brought to it. */
  readonly validMs: number;
  readonly reason: string;
  readonly key: KeyObject;
}

export interface Rollout {
  readonly plan: Plan;
  readonly state: RolloutState;
  /** Whether an agent has taken it up: what nobody vouches for never is. */
  readonly isTakenUp: boolean;
  /** The newest; undefined where none was given. */
  readonly order: Order | undefined;
}

export interface Rollouts {
  /** Throws RolloutRefused. */
  create(request: RolloutRequest): Promise<Plan>;
  /** Newest first. Nothing of it is vouched for: the agents judge that. */
  list(): Promise<readonly Rollout[]>;
  /** Throws RolloutRefused where there is none. */
  get(id: string): Promise<Rollout>;
  /** What its agents say of their parts. */
  parts(id: string): Promise<ReadonlyMap<string, Part>>;
  /** Throws RolloutRefused. */
  order(id: string, order: { readonly verb: Verb; readonly skipFailed: boolean; readonly key: KeyObject }): Promise<Order>;
}

/** Rollouts of one unit for one selector that are kept. */
const kept = 10;
/** An agent that is there takes a rollout up by then. */
const takenUpMs = 10_000;
const dayMs = 86_400_000;
/** What a message has besides its value. */
const overheadBytes = 4096;

export async function openRollouts(
  connection: NatsConnection,
  { bucketName, prefix, clock }: { readonly bucketName: string; readonly prefix: string; readonly clock: Clock },
): Promise<Rollouts> {
  const bucket = await openBucket(connection, bucketName);
  const mostBytes = (connection.info?.max_payload ?? 1 << 20) - overheadBytes;
  const now = (): number => Math.round(clock.wallMs());

  const assertFits = (bytes: number, what: string): void => {
    if (bytes <= mostBytes) return;
    throw new RolloutRefused(
      `${what} takes ${bytes} bytes, and the servers take ${mostBytes} in one message`,
      'Raise max_payload of the servers.',
    );
  };
  const read = async (id: string): Promise<Rollout | undefined> => {
    const [plan, state, order] = await Promise.all([keys.plan(id), keys.state(id), keys.order(id)].map((key) => textOf(bucket, key)));
    const parsed = parsePlan(payloadOf(plan ?? '') ?? '');
    if (parsed === undefined) return undefined;
    const standing = parseState(state ?? '');
    return {
      plan: parsed,
      state: standing ?? initialState(parsed, parsed.time_ms),
      isTakenUp: standing !== undefined,
      order: parseOrder(payloadOf(order ?? '') ?? ''),
    };
  };
  const list = async (): Promise<readonly Rollout[]> => {
    const ids: string[] = [];
    for await (const key of await bucket.keys(keys.plan('*'))) ids.push(key.split('.')[1] ?? '');
    const all = await Promise.all(ids.map(read));
    return all.filter((one) => one !== undefined).sort((a, b) => b.plan.generation - a.plan.generation);
  };
  const get = async (id: string): Promise<Rollout> => {
    const found = await read(id);
    if (found === undefined) throw new RolloutRefused(`there is no rollout ${id}`, '`sboxagent fleet rollout ls` lists them.');
    return found;
  };
  /** The oldest of the same unit and selector make room. */
  const removeOld = async (all: readonly Rollout[], { unit, selector }: Plan): Promise<void> => {
    const same = all.filter(({ plan }) => plan.unit === unit && JSON.stringify(plan.selector) === JSON.stringify(selector));
    for (const { plan } of same.slice(kept - 1).filter((one) => !isUnderWay(one))) await remove(bucket, plan.id);
  };
  return {
    list,
    get,
    async create(request) {
      const all = await list();
      const plan = planOf(request, { prefix, nowMs: now(), newest: newestOf(all, request.unit, now()) });
      refuseOverlap(all, plan);
      const content = packContent(request.content);
      const sealed = seal('plan', plan, request.key);
      assertFits(content.byteLength, 'the config, compressed,');
      assertFits(Buffer.byteLength(sealed), 'the plan');
      await removeOld(all, plan);
      await bucket.create(keys.content(plan.id), content);
      await bucket.create(keys.plan(plan.id), sealed);
      return plan;
    },
    async parts(id) {
      const found = new Map<string, Part>();
      for await (const entry of await bucket.history({ key: keys.part(id, '*') })) {
        if (entry.operation === 'PUT') found.set(entry.key.split('.').at(-1) ?? '', entry.json<Part>());
      }
      return found;
    },
    async order(id, { verb, skipFailed, key }) {
      const rollout = await get(id);
      refuseOrder(rollout, verb, verb === 'resume' ? await list() : []);
      const entry = await bucket.get(keys.order(id));
      const sequence = Math.max(rollout.order?.sequence ?? 0, rollout.state.order) + 1;
      const order: Order = { rollout: id, prefix, sequence, verb, skip_failed: skipFailed, time_ms: now() };
      const text = seal('order', order, key);
      try {
        await (entry === null ? bucket.create(keys.order(id), text) : bucket.update(keys.order(id), text, entry.revision));
      } catch (error) {
        if (!isTaken(error)) throw error;
        throw new RolloutRefused(
          'somebody else gave an order at the same moment',
          `See \`sboxagent fleet rollout show ${id}\`, and try again.`,
        );
      }
      return order;
    },
  };
}

async function textOf(bucket: KV, key: string): Promise<string | undefined> {
  const entry = await bucket.get(key);
  return entry?.operation === 'PUT' ? entry.string() : undefined;
}

async function remove(bucket: KV, id: string): Promise<void> {
  const parts: string[] = [];
  for await (const key of await bucket.keys(keys.part(id, '*'))) parts.push(key);
  // The plan first: without it no agent looks at the rest.
  for (const key of [keys.plan(id), keys.order(id), keys.state(id), keys.content(id), ...parts]) await bucket.purge(key);
}

interface Place {
  readonly prefix: string;
  readonly nowMs: number;
  /** Highest generation that the unit has had. */
  readonly newest: number;
}

function planOf(request: RolloutRequest, { prefix, nowMs, newest }: Place): Plan {
  const { unit, content, selector, candidates, reason } = request;
  const names = (isUp: boolean): string[] => candidates.filter((one) => one.isUp === isUp).map(({ name }) => name);
  const present = names(true);
  const agents = [...present, ...names(false)];
  if (agents.length > mostAgents)
    throw new RolloutRefused(`the selector matches ${agents.length} agents`, `A rollout takes ${mostAgents}: choose fewer by --labels.`);
  return {
    ...{ id: ulid(nowMs), prefix, unit, selector, agents, reason },
    generation: Math.max(nowMs, newest + 1),
    canaries: Math.min(request.canaries, present.length),
    present: present.length,
    max_unavailable: request.maxUnavailable,
    pause_ms: request.pauseMs,
    deadline_ms: request.deadlineMs,
    content_sha256: createHash('sha256').update(content).digest('hex'),
    trace_id: newTraceId(),
    time_ms: nowMs,
    expire_ms: nowMs + request.validMs,
  };
}

/** What claims to be of the future is of no operator whose clock is right. */
function newestOf(all: readonly Rollout[], unit: string, nowMs: number): number {
  const past = all.filter(({ plan }) => plan.unit === unit && plan.generation < nowMs + dayMs);
  return Math.max(0, ...past.map(({ plan }) => plan.generation));
}

function isUnderWay({ state: { phase }, isTakenUp }: Rollout): boolean {
  return isTakenUp && (phase === 'RUNNING' || phase === 'ROLLING_BACK');
}

function sharedAgent(a: Plan, b: Plan): string | undefined {
  const names = new Set(a.agents);
  return a.unit === b.unit ? b.agents.find((name) => names.has(name)) : undefined;
}

/** Two rollouts at once over the same agents would each halt the other. */
function refuseOverlap(all: readonly Rollout[], plan: Plan): void {
  const isFresh = ({ plan: { time_ms: madeMs }, isTakenUp }: Rollout): boolean => !isTakenUp && plan.time_ms - madeMs < takenUpMs;
  for (const other of all.filter((one) => isUnderWay(one) || isFresh(one))) {
    const shared = sharedAgent(other.plan, plan);
    if (shared === undefined) continue;
    const { id } = other.plan;
    throw new RolloutRefused(
      `rollout ${id} of ${plan.unit} is under way, at ${shared} too`,
      `Wait for its end, or end it with \`sboxagent fleet rollout abort ${id}\`.`,
    );
  }
}

function refuseOrder({ plan, state }: Rollout, verb: Verb, all: readonly Rollout[]): void {
  const { id } = plan;
  if (!obeyedIn[verb].includes(state.phase))
    throw new RolloutRefused(
      `rollout ${id} is ${state.phase}: ${verb} does not go with that`,
      `See \`sboxagent fleet rollout show ${id}\`.`,
    );
  if (verb !== 'resume') return;
  const newer = all.find((one) => one.plan.generation > plan.generation && one.state.phase !== 'ABORTED' && sharedAgent(one.plan, plan));
  if (newer !== undefined) throw new RolloutRefused(`rollout ${newer.plan.id} has taken its place`, 'Resume that one, or make a new one.');
}
