import type { ReadText } from './system.ts';

/** Where a container sees its own cgroup v2; at the root of a machine these files are not there. */
const root = '/sys/fs/cgroup';

/** Bytes that the container may have, and holds without what the kernel can drop at once. Undefined where it has no limit. */
export async function containerMemory(read: ReadText): Promise<{ readonly used: number; readonly total: number } | undefined> {
  const total = Number((await read(`${root}/memory.max`)).trim());
  if (!Number.isFinite(total)) return undefined; // `max`
  const current = Number(await read(`${root}/memory.current`));
  const inactive = Number(/^inactive_file (\d+)$/m.exec(await read(`${root}/memory.stat`))?.[1] ?? 0);
  return { used: Math.max(0, current - inactive), total };
}

/** CPU time that the container has used, and how many CPUs it may use at most. Undefined where it has no limit. */
export async function containerCpu(read: ReadText): Promise<{ readonly usedSeconds: number; readonly cpus: number } | undefined> {
  const [quota, period] = (await read(`${root}/cpu.max`)).trim().split(' ').map(Number);
  const used = Number(/^usage_usec (\d+)$/m.exec(await read(`${root}/cpu.stat`))?.[1]);
  const cpus = (quota ?? Number.NaN) / (period ?? Number.NaN);
  return Number.isFinite(cpus) && Number.isFinite(used) ? { usedSeconds: used / 1e6, cpus } : undefined;
}
