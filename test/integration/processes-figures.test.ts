/** CPU, memory and descriptors of units under a known load, beside another program that reads /proc for itself. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual, promisify } from 'node:util';
import { bench, sh, start, until } from '../fixtures/processes/rig.ts';

const burn = 'held = bytearray(40000000)\nfor i in range(0, len(held), 4096): held[i] = 1\nwhile True: pass';
const opens = 'import time\nfiles = [open("/dev/null") for _ in range(200)]\ntime.sleep(300)';

/** Ids of the roots on its command line; prints CPU seconds, resident bytes, descriptors of each with its descendants. */
const reader = `
import json, os, sys
parents, out = {}, {}
for pid in filter(str.isdigit, os.listdir('/proc')):
    try:
        parents[pid] = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[1]
    except OSError: pass
for root in sys.argv[1:]:
    family, grown = {root}, True
    while grown:
        more = {p for p, parent in parents.items() if parent in family} - family
        family, grown = family | more, bool(more)
    ticks = rss = fds = 0
    for pid in family:
        fields = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()
        ticks += sum(map(int, fields[11:15]))
        rss += sum(int(line.split()[1]) * 1024 for line in open(f'/proc/{pid}/status') if line.startswith('VmRSS'))
        fds += len(os.listdir(f'/proc/{pid}/fd'))
    out[root] = [ticks / os.sysconf('SC_CLK_TCK'), rss, fds]
print(json.dumps(out))`;

for (const cgroups of [true, false]) {
  test(`within five percent of another reader of /proc, whole units, ${cgroups ? 'in cgroups where they can be had' : 'without cgroups'}`, async () => {
    await using b = bench();
    const quoted = (script: string): string => `python3 -c '${script}'`;
    const units = [
      sh('burns', `exec ${quoted(burn)}`),
      sh('family', `${quoted(burn)} & (${quoted(opens)} & wait) & wait`),
      sh('opens', `exec ${quoted(opens)}`),
    ];
    const { supervisor, sample } = b.rig(units, { cgroups, figuresEveryMs: 1000 });
    for (const { id } of units) await supervisor.start(id, start);
    const pids = units.map(({ id }) => supervisor.get(id).pid);
    const other = async (): Promise<readonly (readonly [cpu: number, rss: number, fds: number])[]> => {
      const { stdout } = await promisify(execFile)('/usr/bin/python3', ['-c', reader, ...pids.map(String)]);
      const read = JSON.parse(stdout) as Record<string, [number, number, number]>;
      return pids.map((pid) => read[String(pid)] ?? [0, 0, 0]);
    };
    // Loaded and running: the figures stand still then, but for the CPU.
    await sleep(2500);
    const before = await other();
    const seen = await Promise.all(units.map(({ id }) => supervisor.resources(id)));
    const upSeconds = sample('sboxagent_process_uptime_seconds').map(({ value }) => value);
    const after = await other();
    for (const [i, { id }] of units.entries()) {
      const figures = seen[i];
      const [from, to] = [before[i] ?? [0, 0, 0], after[i] ?? [0, 0, 0]];
      const near = (what: string, value: number, [low, high]: readonly [number, number]): void =>
        assert.ok(value >= low * 0.95 - 0.05 && value <= high * 1.05 + 0.05, `${id} ${what}: ${value}, another reads ${low} to ${high}`);
      near('memory', figures?.residentMemoryBytes ?? 0, [from[1], to[1]]);
      near('descriptors', figures?.openFds ?? 0, [from[2], to[2]]);
      // The first look is since the start.
      near('CPU seconds', (figures?.cpuUsageRatio ?? 0) * (upSeconds[i] ?? 0), [from[0], to[0]]);
    }
    // The metrics have their own sample, of the same whole; a busy machine takes its time for it.
    const wanted = seen.map((figures) => figures?.openFds);
    const shown = (): readonly number[] => sample('sboxagent_process_open_fds').map(({ value }) => value);
    await until(() => isDeepStrictEqual(shown(), wanted));
    assert.deepEqual(shown(), wanted);
  });
}
