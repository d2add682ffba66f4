import { readFile, statfs } from 'node:fs/promises';
import type { Clock } from '../kernel/clock.ts';
import { containerCpu, containerMemory } from './container.ts';
import type { Metrics } from './types.ts';

/** Figures of the machine; a name is absent when it could not be read. */
export type SystemFigures = Readonly<Record<string, number>>;

interface CpuTimes {
  /** Whether they are those of the container, counted from any moment. */
  readonly limited?: boolean;
  readonly busy: number;
  readonly total: number;
}

/** Reads a file of /proc; tests give another one. */
export type ReadText = (path: string) => Promise<string>;

const gauges = ['cpu_usage_ratio', 'memory_used_bytes', 'memory_total_bytes', 'disk_used_bytes', 'disk_total_bytes', 'load1'];
const counters = ['network_receive_bytes_total', 'network_transmit_bytes_total'];

/**
 * Observes the machine every `intervalMs`. A read that fails (no descriptor left, no /proc) leaves its figures out of that sample and
 * is tried again at the next. Answers how to stop.
 */
export function observeSystem(options: {
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** A path on the file system to report, e.g. the state directory. */
  readonly diskPath: string;
  readonly intervalMs: number;
  readonly read?: ReadText;
}): () => void {
  const read = options.read ?? ((path: string): Promise<string> => readFile(path, 'utf8'));
  let figures: SystemFigures = {};
  let cpu: CpuTimes | undefined;
  let busy = false;
  const sample = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    const now = (await attempt(() => limitedTimes(read, options.clock))) ?? (await attempt(async () => cpuTimes(await read('/proc/stat'))));
    const others = await readFigures(options.diskPath, read);
    // The kernel counts in hundredths of a second: where none has passed, what was seen before holds.
    const { cpu_usage_ratio: last } = figures;
    const stands = now !== undefined && now.total === cpu?.total && last !== undefined;
    figures = { ...others, ...(stands ? { cpu_usage_ratio: last } : usage(cpu, now)) };
    cpu = now;
    busy = false;
  };
  const observe = (name: string, kind: 'gauge' | 'counter'): void =>
    options.metrics.observe(`sboxagent_system_${name}`, { kind }, () => (figures[name] === undefined ? [] : [{ value: figures[name] }]));
  for (const name of gauges) observe(name, 'gauge');
  for (const name of counters) observe(name, 'counter');
  void sample();
  return options.clock.every(options.intervalMs, () => void sample());
}

async function readFigures(diskPath: string, read: ReadText): Promise<SystemFigures> {
  const parts = await Promise.all([
    attempt(() => memoryFigures(read)),
    attempt(async () => network(await read('/proc/net/dev'))),
    attempt(async () => ({ load1: Number.parseFloat(await read('/proc/loadavg')) })),
    attempt(async () => {
      const { blocks, bfree, bsize } = await statfs(diskPath);
      return { disk_used_bytes: (blocks - bfree) * bsize, disk_total_bytes: blocks * bsize };
    }),
  ]);
  return Object.assign({}, ...parts);
}

/** Of the container where it is limited to less than the machine has. */
async function memoryFigures(read: ReadText): Promise<SystemFigures> {
  const machine = memory(await read('/proc/meminfo'));
  const own = await attempt(() => containerMemory(read));
  if (own === undefined || own.total >= (machine['memory_total_bytes'] ?? 0)) return machine;
  return { memory_total_bytes: own.total, memory_used_bytes: own.used };
}

async function limitedTimes(read: ReadText, clock: Clock): Promise<CpuTimes | undefined> {
  const own = await containerCpu(read);
  return own && { limited: true, busy: own.usedSeconds, total: (clock.monotonicMs() / 1000) * own.cpus };
}

async function attempt<T>(fn: () => Promise<T>): Promise<T | undefined> {
  try {
    return await fn();
  } catch {
    return undefined;
  }
}

function usage(before: CpuTimes | undefined, now: CpuTimes | undefined): SystemFigures {
  if (now?.limited !== before?.limited && (now?.limited === true || before !== undefined)) return {};
  // Without an earlier reading the share since boot is the best that is known.
  const base = before ?? { busy: 0, total: 0 };
  if (now === undefined || now.total <= base.total) return {};
  return { cpu_usage_ratio: Math.min(1, Math.max(0, (now.busy - base.busy) / (now.total - base.total))) };
}

/** First line of /proc/stat: user nice system idle iowait irq softirq steal. */
export function cpuTimes(text: string): CpuTimes {
  const times = (/^cpu +(.*)$/m.exec(text)?.[1] ?? '').split(' ').slice(0, 8).map(Number);
  const total = times.reduce((sum, time) => sum + time, 0);
  if (times.length < 4 || !Number.isFinite(total)) throw new TypeError('/proc/stat has no cpu line');
  return { total, busy: total - (times[3] ?? 0) - (times[4] ?? 0) };
}

export function memory(text: string): SystemFigures {
  const kib = (name: string): number => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(text)?.[1]);
  const total = kib('MemTotal') * 1024;
  return { memory_total_bytes: total, memory_used_bytes: total - kib('MemAvailable') * 1024 };
}

export function network(text: string): SystemFigures {
  let receive = 0;
  let transmit = 0;
  for (const [, name, rest] of text.matchAll(/^ *([^:\s]+): *(.*)$/gm)) {
    const fields = (rest ?? '').trim().split(/ +/).map(Number);
    if (name === 'lo') continue;
    receive += fields[0] ?? 0;
    transmit += fields[8] ?? 0;
  }
  return { network_receive_bytes_total: receive, network_transmit_bytes_total: transmit };
}
