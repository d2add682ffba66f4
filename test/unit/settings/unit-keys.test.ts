import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainUnit } from '../../../src/settings/plain-unit.ts';
import { load } from './scratch.ts';

const text = `
processes:
  units:
    plain: {command: [a]}
    edge:
      engine: xray
      config_path: /c.json
      user: nobody
      group: nogroup
      no_new_privs: true
      capabilities: [CAP_NET_ADMIN]
      umask: 0027
      limits: {nofile: 65536, core: 0, stack: 'unlimited', cpu: '10:20', memory: 512MiB}
      probes:
        startup: {log: {pattern: 'sing-box started'}, period: 200ms, failure_threshold: 75}
        readiness: {proxy: {url: 'http://cp.cloudflare.com/generate_204', status: [204]}, success_threshold: 2}
        liveness: {engine: {}, initial_delay: 1s}
      apply: {probe: {proxy: {url: 'http://h/', via: 'socks5://127.0.0.1:1'}}, allowed_dirs: [/srv], policy: warn, on_file_change: apply, soak: 0s}
`;

test('every key of a unit arrives, with the numbers of Kubernetes where none are given', () => {
  const { edge, plain } = load(text).settings.processes.units;
  const { user, group, noNewPrivs, capabilities, umask, limits, probes, apply } = edge ?? plainUnit;
  assert.deepEqual([user, group, noNewPrivs, capabilities, umask], ['nobody', 'nogroup', true, ['CAP_NET_ADMIN'], 0o27]);
  assert.deepEqual(limits, {
    rlimits: { core: '0:0', cpu: '10:20', nofile: '65536:65536', stack: 'unlimited:unlimited' },
    memoryBytes: 512 << 20,
  });
  const kubernetes = { initialDelayMs: 0, periodMs: 10_000, timeoutMs: 1000, successThreshold: 1, failureThreshold: 3 };
  const proxy = { kind: 'proxy', url: 'http://cp.cloudflare.com/generate_204', via: undefined, statuses: [{ from: 204, to: 204 }] };
  assert.deepEqual(probes, {
    startup: { ...kubernetes, action: { kind: 'log', pattern: 'sing-box started' }, periodMs: 200, failureThreshold: 75 },
    readiness: { ...kubernetes, action: proxy, successThreshold: 2 },
    liveness: { ...kubernetes, action: { kind: 'engine' }, initialDelayMs: 1000 },
  });
  const via = { kind: 'proxy', url: 'http://h/', via: 'socks5://127.0.0.1:1', statuses: [{ from: 200, to: 399 }] };
  assert.deepEqual(apply, {
    readyWithinMs: 15_000,
    probe: { ...kubernetes, action: via, periodMs: 500, timeoutMs: 2000 },
    soakMs: 0,
    allowedDirs: ['/srv'],
    policy: 'warn',
    onFileChange: 'apply',
  });
  assert.deepEqual({ ...plain, ...plainUnit }, plain, 'a unit that asks for nothing is the plain one');
});

test('what is in force, written out, is read as the same', () => {
  const first = load(text);
  const again = load(JSON.stringify(first.document));
  assert.deepEqual(again.settings.processes.units, first.settings.processes.units);
});

test('a capability that the kernel does not know is refused with its line', () => {
  const unit = (name: string) => `processes:\n  units:\n    edge:\n      command: [a]\n      capabilities: [${name}]\n`;
  assert.deepEqual(load(unit('CAP_SYS_PTRACE')).settings.processes.units['edge']?.capabilities, ['CAP_SYS_PTRACE']);
  for (const name of ['CAP_NET_ADMINS', 'CAP_NOPE', 'NET_ADMIN']) {
    assert.throws(() => load(unit(name)), /:5: processes\.units\.edge\.capabilities: .*capability as in CAP_NET_ADMIN/, name);
  }
});
