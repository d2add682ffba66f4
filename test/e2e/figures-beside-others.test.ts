/** The agent's figures of twenty units and of the machine, beside what others read of the same seconds: a script that knows only /proc, and node_exporter. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, foreign, makeDaemon, runProgram, until } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';

const windowMs = 30_000;

/** Works a share of the time, holds memory and descriptors; half of it is done by a child. */
const load = `
import os, sys, time
share, megabytes, files = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
if os.fork(): pass
held = bytearray(megabytes * 500000)
for i in range(0, len(held), 4096): held[i] = 1
opened = [open('/dev/null') for _ in range(files // 2)]
while True:
    end = time.process_time() + 0.1 * share
    while time.process_time() < end: pass
    time.sleep(0.1 * (1 - share))
`;

/** Ids of the roots on its command line; prints CPU seconds, resident bytes and descriptors of each with its descendants, and its age. */
const reader = `
import json, os, sys
parents, out = {}, {}
tick = os.sysconf('SC_CLK_TCK')
for pid in filter(str.isdigit, os.listdir('/proc')):
    try: parents[pid] = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[1]
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
    out[root] = [ticks / tick, rss, fds, len(family)]
print(json.dumps(out))`;

type Read = readonly [cpuSeconds: number, residentBytes: number, descriptors: number, processes: number];

const exporter = foreign('prometheus-node-exporter');
let daemon: Daemon;
let node: ChildProcess | undefined;
let nodeUrl = '';
const ids = Array.from({ length: 20 }, (_, i) => `unit-${String(i).padStart(2, '0')}`);

before(async () => {
  const units = Object.fromEntries(
    ids.map((id, i) => [
      id,
      {
        command: ['/usr/bin/python3', '-c', load, String(i % 4 === 0 ? 0.05 + i / 250 : 0), String(4 + i), String(20 + 10 * i)],
        autostart: true,
        on_agent_exit: 'stop',
      },
    ]),
  );
  daemon = await makeDaemon({ config: { api: { metrics: { collection_interval: '1s' } }, processes: { units } } });
  if (exporter !== undefined) {
    const port = await freePort();
    node = spawn(exporter, [`--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
    nodeUrl = `http://127.0.0.1:${port}/metrics`;
    await until('node_exporter', async () => (await fetch(nodeUrl)).ok);
  }
  await daemon.start();
  await until('twenty units', async () => (await running()).size === ids.length);
});
after(async () => {
  await daemon?.dispose();
  if (node !== undefined && node.exitCode === null) {
    node.kill();
    await once(node, 'exit');
  }
});

async function running(): Promise<ReadonlyMap<string, number>> {
  const { json } = await daemon.rest('GET', '/api/v1/processes?page_size=100');
  const { processes } = json as { processes: readonly { id: string; state: string; pid: number }[] };
  return new Map(processes.filter(({ state }) => state === 'READY').map(({ id, pid }) => [id, pid]));
}

async function samples(url: string): Promise<(series: string) => number> {
  const text = await (await fetch(url, { headers: { authorization: `Bearer ${daemon.token()}` } })).text();
  const values = new Map(
    text.split('\n').map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
  return (series) => values.get(series) ?? Number.NaN;
}

async function otherReader(pids: readonly number[]): Promise<readonly Read[]> {
  const { stdout, stderr } = await runProgram(['/usr/bin/python3', '-c', reader, ...pids.map(String)]);
  assert.notEqual(stdout, '', stderr);
  const read = JSON.parse(stdout) as Record<string, Read>;
  return pids.map((pid) => read[String(pid)] ?? [0, 0, 0, 0]);
}

const within = (what: string, value: number, wanted: number, { share = 0.05, least = 0 } = {}): void =>
  assert.ok(Math.abs(value - wanted) <= Math.max(share * wanted, least), `${what}: ${value}, another says ${wanted}`);

test('CPU, memory and descriptors of twenty units, and the machine, are what others say', async (t) => {
  const pids = [...(await running()).values()];
  await sleep(3000);
  const [from, nodeFrom] = [await otherReader(pids), exporter === undefined ? undefined : await samples(nodeUrl)];
  const begun = performance.now();
  /** Each second's figure is of the second before. */
  const cpu = new Map<string, number[]>();
  const machine: number[] = [];
  for (let turn = 1; performance.now() - begun < windowMs; turn++) {
    await sleep(Math.max(0, begun + turn * 1000 - performance.now()));
    const ours = await samples(`${daemon.base}/metrics`);
    for (const id of ids) cpu.set(id, [...(cpu.get(id) ?? []), ours(`sboxagent_process_cpu_usage_ratio{process="${id}",engine=""}`)]);
    machine.push(ours('sboxagent_system_cpu_usage_ratio'));
  }
  const seconds = (performance.now() - begun) / 1000;
  const [to, ours, nodeTo] = [
    await otherReader(pids),
    await samples(`${daemon.base}/metrics`),
    exporter === undefined ? undefined : await samples(nodeUrl),
  ];
  const mean = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0) / values.length;

  for (const [i, id] of ids.entries()) {
    const of = (name: string): number => ours(`sboxagent_process_${name}{process="${id}",engine=""}`);
    const [before, now] = [from[i] ?? [0, 0, 0, 0], to[i] ?? [0, 0, 0, 0]];
    assert.equal(now[3], 2, `${id} is a family of two`);
    within(`${id} memory`, of('resident_memory_bytes'), now[1]);
    within(`${id} descriptors`, of('open_fds'), now[2]);
    // The kernel counts in hundredths of a second.
    within(`${id} CPU`, mean(cpu.get(id) ?? []), (now[0] - before[0]) / seconds, { least: 0.003 });
  }
  const used = ids.map((_, i) => (to[i]?.[0] ?? 0) - (from[i]?.[0] ?? 0)).filter((one) => one > 1);
  assert.ok(used.length >= 4, `some of them work: ${used}`);

  if (nodeFrom === undefined || nodeTo === undefined) return t.diagnostic('there is no node_exporter on this machine');
  if (isLimited()) return t.diagnostic('this container has limits, which node_exporter does not know');
  const memory = (of: (series: string) => number): number => of('node_memory_MemTotal_bytes') - of('node_memory_MemAvailable_bytes');
  within('memory there is', ours('sboxagent_system_memory_total_bytes'), nodeTo('node_memory_MemTotal_bytes'), { share: 0 });
  // What else runs on the machine comes and goes between two readings: they agree while it holds still.
  await until('memory used to be what node_exporter says', async () => {
    const [mine, theirs] = await Promise.all([samples(`${daemon.base}/metrics`), samples(nodeUrl)]);
    const [used, wanted] = [mine('sboxagent_system_memory_used_bytes'), memory(theirs)];
    return Math.abs(used - wanted) <= 0.05 * wanted;
  });
  within('load', ours('sboxagent_system_load1'), nodeTo('node_load1'), { share: 0.15, least: 0.3 });
  const nodeText = await (await fetch(nodeUrl)).text();
  for (const direction of ['receive', 'transmit']) {
    const devices = [...nodeText.matchAll(new RegExp(`^(node_network_${direction}_bytes_total\\{device="(?!lo")[^"]*"\\}) `, 'gm'))].map(
      (match) => match[1] ?? '',
    );
    const sum = devices.reduce((all, series) => all + nodeTo(series), 0);
    within(`network ${direction}`, ours(`sboxagent_system_network_${direction}_bytes_total`), sum, { least: 100_000 });
  }
  const spent = (of: (series: string) => number, modes: readonly string[]): number =>
    [...new Set([...nodeText.matchAll(/^node_cpu_seconds_total\{cpu="(\d+)"/gm)].map((match) => match[1]))].reduce(
      (all, one) => all + modes.reduce((some, mode) => some + of(`node_cpu_seconds_total{cpu="${one}",mode="${mode}"}`), 0),
      0,
    );
  const [all, free] = [
    ['user', 'nice', 'system', 'irq', 'softirq', 'steal', 'idle', 'iowait'],
    ['idle', 'iowait'],
  ].map((modes) => spent(nodeTo, modes) - spent(nodeFrom, modes)) as [number, number];
  within('CPU of the machine', mean(machine), 1 - free / all, { least: 0.05 });
  const root = /^node_filesystem_size_bytes\{([^}]*mountpoint="\/")\}/m.exec(nodeText)?.[1] ?? '';
  const size = nodeTo(`node_filesystem_size_bytes{${root}}`);
  if (ours('sboxagent_system_disk_total_bytes') !== size) return t.diagnostic('the state directory is not on /');
  within('disk used', ours('sboxagent_system_disk_used_bytes'), size - nodeTo(`node_filesystem_free_bytes{${root}}`));
});

function isLimited(): boolean {
  const read = (name: string): string => {
    try {
      return readFileSync(`/sys/fs/cgroup/${name}`, 'utf8');
    } catch {
      return 'max';
    }
  };
  return !read('memory.max').startsWith('max') || !read('cpu.max').startsWith('max');
}
