import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { openUnitGroup, type UnitGroup } from './unit-group.ts';

/**
 * A cgroup v2 for each unit, where it can be had: everything that a unit starts is in it, whatever a program does to its session,
 * its parents or its environment, and leaves it for nothing. Where it cannot be had, runs are found by their mark (run-tree.ts).
 */
export interface UnitGroups {
  /** Makes the group of a unit where it is missing; undefined where there can be none. */
  open(id: string): UnitGroup | undefined;
  /** The group of a run of the daemon before this one; undefined when it is gone, or is not one of ours. */
  find(path: string): UnitGroup | undefined;
  /** Ends and removes groups of units that are none of these: leftovers of a daemon that was killed. */
  clear(known: ReadonlySet<string>): void;
  /** Removes the group of a unit once nothing of it lives; what lives keeps it. */
  remove(id: string): void;
  /** Removes what is empty. */
  close(): void;
}

/** Where the groups are, or why there are none. */
export type GroupPlace =
  | { readonly kind: 'groups'; readonly base: string /** Whether the kernel counts and limits memory there. */; readonly memory: boolean }
  | { readonly kind: 'none'; readonly why: string };

/** What is looked at to find the place; a test hands in its own. */
export interface GroupFacts {
  readonly mountinfo: string;
  /** /proc/self/cgroup. */
  readonly own: string;
  readonly uid: number;
}

export function groupFacts(): GroupFacts {
  return { mountinfo: read('/proc/self/mountinfo'), own: read('/proc/self/cgroup'), uid: process.getuid?.() ?? 0 };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Mount point of cgroup v2 (the only hierarchy, or the one beside those of v1); undefined when there is none that can be written. */
function mountPoint(mountinfo: string): string | undefined {
  const row = mountinfo.split('\n').find((line) => line.includes(' - cgroup2 '));
  const [, , , , point, options] = row?.split(' ') ?? [];
  return point !== undefined && options?.split(',').includes('rw') ? point : undefined;
}

/**
 * Directories below which groups may be made, best first. Root has them beside everything else, where no end of a service takes
 * them along; everybody else within what was delegated to the daemon. A daemon in a sub-group `agent` (systemd's DelegateSubgroup)
 * leaves the group above it free of processes, so that memory can be limited below it.
 */
export function groupParents({ mountinfo, own, uid }: GroupFacts): readonly string[] {
  const point = mountPoint(mountinfo);
  if (point === undefined) return [];
  const path = /^0::(\/.*)$/m.exec(own)?.[1] ?? '/';
  const mine = join(point, path.startsWith('/..') ? '.' : `.${path}`).replace(/\/$/, '');
  const delegated = basename(mine) === 'agent' ? dirname(mine) : mine;
  return [...new Set([...(uid === 0 ? [point] : []), delegated])];
}

/** Finds the place by making it. Two daemons have two: the name is of the state directory. */
export function findGroupPlace(stateDir: string, facts: GroupFacts = groupFacts()): GroupPlace {
  const name = `sboxagent-${createHash('sha256').update(stateDir).digest('hex').slice(0, 12)}`;
  let why = 'no cgroup v2 is mounted for writing';
  for (const parent of groupParents(facts)) {
    const base = join(parent, name);
    try {
      mkdirSync(base, { recursive: true });
      return { kind: 'groups', base, memory: passOnMemory(parent, base) };
    } catch (error) {
      why = `${parent} is not ours to write (${(error as NodeJS.ErrnoException).code ?? String(error)})`;
    }
  }
  return { kind: 'none', why };
}

/** Finds the place and leaves nothing behind, unless a daemon has groups in it: for who only wants to know. */
export function lookForGroupPlace(stateDir: string): GroupPlace {
  const place = findGroupPlace(stateDir);
  if (place.kind === 'groups') removeEmpty(place.base);
  return place;
}

function makeBase(base: string): boolean {
  try {
    mkdirSync(base, { recursive: true });
    return true;
  } catch {
    return false;
  }
}

function removeEmpty(base: string): void {
  try {
    rmdirSync(base);
  } catch {
    // there are groups in it
  }
}

/** The kernel counts memory for a group only where all above it pass the controller on. */
function passOnMemory(parent: string, base: string): boolean {
  for (const group of [parent, base]) {
    if (!words(join(group, 'cgroup.controllers')).includes('memory')) return false;
    try {
      writeFileSync(join(group, 'cgroup.subtree_control'), '+memory');
    } catch {
      return false; // there are processes in the group itself: the kernel then refuses
    }
  }
  return true;
}

function words(path: string): readonly string[] {
  return read(path).trim().split(/\s+/);
}

export function openUnitGroups(place: GroupPlace): UnitGroups {
  const nothing = (): undefined => undefined;
  if (place.kind === 'none') return { open: nothing, find: nothing, clear: nothing, remove: nothing, close: nothing };
  const { base, memory } = place;
  const at = (id: string): UnitGroup => openUnitGroup(join(base, id), { memory });
  return {
    open(id) {
      const group = at(id);
      // The base is made with the first group: a daemon without units, or one that is killed before it has any, leaves nothing behind.
      if (memory && !existsSync(base) && makeBase(base)) passOnMemory(dirname(base), base);
      return group.make() ? group : undefined;
    },
    find(path) {
      if (path === '' || dirname(path) !== base) return undefined;
      const group = at(basename(path));
      return group.exists() ? group : undefined;
    },
    clear(known) {
      for (const id of directories(base)) {
        if (known.has(id)) continue;
        const group = at(id);
        group.kill();
        group.remove();
      }
    },
    remove: (id) => at(id).remove(),
    close() {
      for (const id of directories(base)) at(id).remove();
      removeEmpty(base); // but for what outlives the daemon
    },
  };
}

function directories(path: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}
