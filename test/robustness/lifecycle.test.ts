/**
 * A random life of 8 units: starts, stops, restarts, kills of programs and of the daemon, edits of the file and SIGHUPs, several at
 * once. At every rest what the daemon lists is what /proc shows, each unit stands as it was last asked to, and none runs twice; the
 * story that the journal keeps is a legal one, to the end.
 *
 * LIFECYCLE_SECONDS (default 30; CI: 120) says how long, LIFECYCLE_SEED repeats a life.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../helpers/callers.ts';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

const seconds = Number(process.env['LIFECYCLE_SECONDS'] ?? 30);
const seed = Number(process.env['LIFECYCLE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** Mulberry32: a life can be lived again. */
function createRandom(start: number): () => number {
  let a = start;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Desired = 'UP' | 'DOWN' | 'unknown';
interface Unit {
  readonly id: string;
  declared: boolean;
  /** What its program sleeps: a change of it is a change of the unit. */
  generation: number;
  desired: Desired;
}
interface Listed {
  readonly id: string;
  readonly state: string;
  readonly desired: string;
  readonly pid: number;
}

const ids = Array.from({ length: 8 }, (_, n) => `u${n}`);
/** u3 needs u2: a start of it pulls that up, a stop of that takes it along. */
const needs: Readonly<Record<string, string>> = { u3: 'u2' };
/** These come, go and change in the file. */
const edited = ['u5', 'u6', 'u7'];

function settingsOf(unit: Unit, dir: string): Readonly<Record<string, unknown>> {
  const n = ids.indexOf(unit.id);
  return {
    command: ['/bin/sh', '-c', `${n % 2 === 0 ? '' : 'setsid sleep 7777777 & '}exec sleep ${1_000_000 + unit.generation}`],
    env: { LIFE: dir },
    autostart: n < 4,
    on_agent_exit: n % 3 === 0 ? 'stop' : 'keep',
    depends_on: needs[unit.id] === undefined ? [] : [needs[unit.id]],
    restart: { policy: n % 2 === 0 ? 'always' : 'on-failure', base: '50ms', factor: 1, jitter: 0, burst: 10_000 },
    stop: { grace: '2s' },
  };
}

class Life {
  readonly random = createRandom(seed);
  readonly units = new Map<string, Unit>(
    ids.map((id, n) => [id, { id, declared: true, generation: 0, desired: n < 4 ? 'UP' : 'DOWN' }] as const),
  );
  readonly daemon: Daemon;
  readonly log: string[] = [];
  readonly counts: Record<string, number> = {};
  stopping = false;

  constructor(daemon: Daemon) {
    this.daemon = daemon;
  }

  pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.random() * of.length)] as T;
  }

  unit(id: string): Unit {
    const unit = this.units.get(id);
    assert.ok(unit);
    return unit;
  }

  writeFile(): void {
    const config = JSON.parse(readFileSync(this.daemon.configPath, 'utf8'));
    const declared = [...this.units.values()].filter((unit) => unit.declared);
    config.processes = { units: Object.fromEntries(declared.map((unit) => [unit.id, settingsOf(unit, this.daemon.dir)])) };
    writeFileSync(this.daemon.configPath, JSON.stringify(config));
  }

  /** The reason of an error; '' = it was done. UNANSWERED: the daemon was killed, or is being stopped, and nobody knows what came of it. */
  async request(method: string, path: string, body?: unknown): Promise<string> {
    let answer: Awaited<ReturnType<Daemon['rest']>>;
    try {
      answer = await this.daemon.rest(method, `/api/v1/processes${path}`, body);
    } catch {
      return 'UNANSWERED';
    }
    if (answer.status < 300) return '';
    const reason = reasonOf(answer.json);
    return reason === 'SHUTTING_DOWN' && this.stopping ? 'UNANSWERED' : reason;
  }

  async list(): Promise<readonly Listed[]> {
    return ((await this.daemon.rest('GET', '/api/v1/processes?page_size=1000')).json as { processes: Listed[] }).processes;
  }

  /** What a request makes of the model; one that was not answered leaves it open. */
  want(id: string, desired: Desired): void {
    this.unit(id).desired = desired;
    const need = needs[id];
    if (need !== undefined && desired === 'UP') this.unit(need).desired = 'UP';
    if (need !== undefined && desired === 'unknown' && this.unit(need).desired !== 'UP') this.unit(need).desired = 'unknown';
    const dependents = Object.entries(needs).flatMap(([other, of]) => (of === id ? [other] : []));
    for (const other of dependents) if (desired !== 'UP') this.unit(other).desired = this.unit(other).desired === 'DOWN' ? 'DOWN' : desired;
  }

  async act(kind: 'start' | 'stop' | 'restart', id: string): Promise<void> {
    const paths = { start: ['POST', '', { id }], stop: ['DELETE', `/${id}`, undefined], restart: ['POST', `/${id}:restart`, {}] } as const;
    const [method, path, body] = paths[kind];
    const refusal = await this.request(method, path, body);
    if (refusal === 'UNANSWERED') return this.want(id, 'unknown');
    if (kind === 'start' && refusal === 'PROCESS_ALREADY_RUNNING') return; // it is up, or on its way
    assert.equal(refusal, '', `${kind} ${id}`);
    this.want(id, kind === 'stop' ? 'DOWN' : 'UP');
  }

  async killProgram(id: string, signal: NodeJS.Signals): Promise<void> {
    const pid = (await this.list()).find((one) => one.id === id)?.pid ?? 0;
    if (pid > 0) process.kill(pid, signal);
  }

  async killDaemon(): Promise<void> {
    await sleep(this.random() * 60);
    await this.daemon.kill('SIGKILL');
  }

  async stopDaemon(): Promise<void> {
    await sleep(this.random() * 60);
    this.stopping = true;
    assert.equal(await this.daemon.kill('SIGTERM'), 0);
  }

  hangUp(): void {
    try {
      process.kill(this.daemon.pid(), 'SIGHUP');
    } catch {
      // it was killed meanwhile, and reads the file when it starts
    }
  }

  async edit(id: string): Promise<void> {
    const unit = this.unit(id);
    if (!unit.declared || this.random() < 0.5) {
      unit.declared = !unit.declared;
      unit.desired = 'DOWN'; // what is gone is forgotten; none of these starts by itself
    } else {
      unit.generation += 1;
    }
    this.writeFile();
    this.hangUp();
  }
}

/** Programs of the life in /proc by unit: `sleep 1000000+generation` is the program, 7777777 what it left the session with. */
function programs(dir: string): ReadonlyMap<string, readonly { pid: number; argument: string }[]> {
  const found = new Map<string, { pid: number; argument: string }[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const [command, argument = ''] = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      if (command !== 'sleep') continue;
      const environ = readFileSync(`/proc/${name}/environ`, 'utf8');
      const id = /(?:^|\0)SBOXAGENT_UNIT=([^:]+):/.exec(environ)?.[1];
      if (id === undefined || !environ.includes(`LIFE=${dir}`)) continue;
      found.set(id, [...(found.get(id) ?? []), { pid: Number(name), argument }]);
    } catch {
      // gone meanwhile
    }
  }
  return found;
}

const legal: Readonly<Record<string, readonly string[]>> = {
  '': ['starting'],
  starting: ['started', 'exited', 'stopped'],
  started: ['ready'],
  ready: ['exited', 'stopped'],
  exited: ['restarting', 'crash_loop', 'starting', 'stopped'],
  restarting: ['starting', 'stopped'],
  crash_loop: ['starting', 'stopped'],
  stopped: ['starting'],
};

/** One step: up to three things at once, each to a unit of its own; sometimes the daemon is killed, or stopped, in the midst of them. */
async function step(life: Life): Promise<void> {
  const free = new Set(ids);
  const things: (readonly [string, () => Promise<void>])[] = [];
  const take = (of: readonly string[]): string | undefined => {
    const id = life.pick(of.filter((one) => free.has(one)));
    free.delete(id);
    for (const pair of Object.entries(needs)) if (id !== undefined && pair.includes(id)) for (const one of pair) free.delete(one);
    return id;
  };
  const many = 1 + Math.floor(life.random() * 3);
  for (let n = 0; n < many; n++) {
    const dice = life.random();
    const declared = ids.filter((id) => life.unit(id).declared);
    if (dice < 0.12 && !things.some(([what]) => what.startsWith('edit'))) {
      const id = take(edited);
      if (id !== undefined) things.push([`edit ${id}`, () => life.edit(id)]);
    } else if (dice < 0.2) {
      things.push(['SIGHUP', async () => life.hangUp()]);
    } else if (dice < 0.45) {
      const id = take(declared);
      const signal = life.pick(['SIGKILL', 'SIGTERM'] as const);
      if (id !== undefined) things.push([`${signal} ${id}`, () => life.killProgram(id, signal).catch(() => undefined)]);
    } else {
      const id = take(declared);
      const kind = life.pick(['start', 'start', 'stop', 'restart'] as const);
      if (id !== undefined) things.push([`${kind} ${id}`, () => life.act(kind, id)]);
    }
  }
  const end = life.random();
  const ending: readonly (readonly [string, () => Promise<void>])[] =
    end < 0.15
      ? [['kill -9 of the daemon', () => life.killDaemon()]]
      : end < 0.2
        ? [['SIGTERM of the daemon', () => life.stopDaemon()]]
        : [];
  life.log.push([...things, ...ending].map(([what]) => what).join(' | '));
  for (const [what] of [...things, ...ending]) {
    const name = what.replace(/ u\d$/, '');
    life.counts[name] = (life.counts[name] ?? 0) + 1;
  }
  await Promise.all([...things, ...ending].map(([, act]) => act()));
  if (ending.length === 0) return;
  // Some of the programs end while there is no daemon.
  for (const found of programs(life.daemon.dir).values())
    if (life.random() < 0.3) process.kill(found[0]?.pid ?? 0, life.pick(['SIGKILL', 'SIGTERM']));
  life.stopping = false;
  await life.daemon.start();
}

/** What does not agree; empty at a rest. */
async function disagreements(life: Life): Promise<readonly string[]> {
  const listed = new Map((await life.list()).map((one) => [one.id, one]));
  const running = programs(life.daemon.dir);
  const wrong: string[] = [];
  for (const unit of life.units.values()) {
    const { id, declared, generation } = unit;
    const seen = listed.get(id);
    const mine = running.get(id) ?? [];
    const main = mine.filter(({ argument }) => argument !== '7777777');
    if (!declared) {
      if (seen !== undefined || mine.length > 0) wrong.push(`${id} is not declared: ${JSON.stringify({ seen, mine })}`);
      continue;
    }
    const desired = unit.desired === 'unknown' ? seen?.desired : unit.desired;
    const up = desired === 'UP';
    const programsOk = up
      ? main.length === 1 && main[0]?.pid === seen?.pid && main[0]?.argument === `${1_000_000 + generation}`
      : mine.length === 0;
    const stateOk = seen?.desired === desired && seen?.state === (up ? 'READY' : 'STOPPED');
    if (!programsOk || !stateOk) wrong.push(`${id} is to be ${unit.desired}: ${JSON.stringify({ seen, mine })}`);
  }
  // What came of a request that was not answered is known at a rest: until then a new daemon may still go on with it.
  if (wrong.length === 0)
    for (const unit of life.units.values())
      if (unit.desired === 'unknown') unit.desired = (listed.get(unit.id)?.desired ?? 'DOWN') as Desired;
  return wrong;
}

async function rest(life: Life): Promise<void> {
  let wrong: readonly string[] = ['nothing was seen yet'];
  const agrees = async (): Promise<boolean> => {
    wrong = await disagreements(life);
    return wrong.length === 0;
  };
  await until('a rest', agrees, 20_000).catch((error: unknown) => {
    throw new Error(`seed ${seed}: ${wrong.join('\n')}\nafter:\n${life.log.slice(-5).join('\n')}\n${life.daemon.log().slice(-2000)}`, {
      cause: error,
    });
  });
}

async function story(daemon: Daemon): Promise<ReadonlyMap<string, readonly { type: string; revision: string }[]>> {
  const told = new Map<string, { type: string; revision: string }[]>();
  for (let token = ''; ; ) {
    const query = `filter.types=process.*&order_by=revision&page_size=1000&page_token=${encodeURIComponent(token)}`;
    const page = (await daemon.rest('GET', `/api/v1/events?${query}`)).json as {
      events: { type: string; subject: string; revision: string }[];
      next_page_token: string;
    };
    for (const { type, subject, revision } of page.events) {
      told.set(subject, [...(told.get(subject) ?? []), { type: type.replace('process.', ''), revision }]);
    }
    token = page.next_page_token;
    if (token === '') return told;
  }
}

test(`a random life of 8 units for ${seconds} s (seed ${seed})`, { timeout: (seconds + 120) * 1000 }, async (t) => {
  const daemon = await makeDaemon({ config: { agent: { name: 'life' }, events: { durability: 'relaxed' } } });
  const life = new Life(daemon);
  t.after(() => daemon.dispose());
  t.after(() => {
    for (const found of programs(daemon.dir).values()) for (const { pid } of found) process.kill(pid, 'SIGKILL');
  });
  life.writeFile();
  await daemon.start();
  await rest(life);
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    await step(life);
    await rest(life);
  }
  t.diagnostic(`seed ${seed}: ${JSON.stringify(life.counts)}`);
  assert.doesNotMatch(daemon.log(), /a step of a process failed|"level":(50|60)/, `seed ${seed}`);
  for (const [id, events] of await story(daemon)) {
    let last = '';
    for (const [n, { type }] of events.entries()) {
      const around = events.slice(Math.max(0, n - 6), n + 3).map((event) => event.type);
      assert.ok(legal[last]?.includes(type), `seed ${seed}: ${id} tells ${type} after ${last}: ${around.join(' ')}`);
      last = type;
    }
  }
});
