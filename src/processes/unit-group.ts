import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readKernelFile } from './kernel-file.ts';
import { descriptorsRanOut } from './proc.ts';

/** The cgroup v2 of one unit; see cgroups(7) and the kernel's cgroup-v2.rst for the files. Nothing here throws but EMFILE and its like. */
export interface UnitGroup {
  readonly path: string;
  /** False where it can not be made. */
  make(): boolean;
  exists(): boolean;
  /** Whether anything in it, or in groups below it, lives; zombies do not count. */
  populated(): boolean;
  /** Pids of all that lives in it and below. */
  members(): readonly number[];
  /** SIGKILL to all of it at once; false where the kernel (before 5.14) has no such thing. */
  kill(): boolean;
  /** CPU time of everything that was ever in it; undefined when it is gone. */
  cpuMicros(): number | undefined;
  /** Processes that the kernel killed in it for want of memory, since it was made. */
  oomKills(): number;
  /** undefined takes the ceiling away. */
  limitMemory(bytes: number | undefined): void;
  /** Once it is empty; with what the program has made below it. */
  remove(): void;
}

export function openUnitGroup(path: string, { memory }: { readonly memory: boolean }): UnitGroup {
  const file = (name: string): string => join(path, name);
  return {
    path,
    make() {
      try {
        mkdirSync(path, { recursive: true });
        return true;
      } catch {
        return false;
      }
    },
    exists: () => existsSync(path),
    populated: () => /^populated 1$/m.test(read(file('cgroup.events'))),
    members: () => membersOf(path),
    kill: () => write(file('cgroup.kill'), '1'),
    cpuMicros() {
      const cpu = /^usage_usec (\d+)$/m.exec(read(file('cpu.stat')))?.[1];
      return cpu === undefined ? undefined : Number(cpu);
    },
    oomKills: () => (memory ? Number(/^oom_kill (\d+)$/m.exec(read(file('memory.events')))?.[1] ?? 0) : 0),
    limitMemory(bytes) {
      if (memory) write(file('memory.max'), bytes === undefined ? 'max' : String(bytes));
    },
    remove: () => removeTree(path),
  };
}

function below(path: string): readonly string[] {
  try {
    // Its own name, its `.`, and the `..` of each directory in it: most groups have none, and need not be listed.
    if (statSync(path).nlink === 2) return [];
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(path, entry.name));
  } catch (error) {
    if (descriptorsRanOut(error)) throw error;
    return [];
  }
}

function membersOf(path: string): readonly number[] {
  const own = read(join(path, 'cgroup.procs'));
  const pids = own === '' ? [] : own.trim().split('\n').map(Number);
  return [...pids, ...below(path).flatMap(membersOf)];
}

function removeTree(path: string): void {
  try {
    rmdirSync(path);
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') return; // it is gone, or nobody can tell
  }
  try {
    for (const child of below(path)) removeTree(child);
    rmdirSync(path);
  } catch {
    // something lives in it
  }
}

function read(path: string): string {
  try {
    return readKernelFile(path);
  } catch (error) {
    if (descriptorsRanOut(error)) throw error; // says nothing about the group
    return '';
  }
}

function write(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'r+' });
    return true;
  } catch {
    return false;
  }
}
