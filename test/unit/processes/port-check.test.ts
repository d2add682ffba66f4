import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { takenPorts } from '../../../src/processes/port-check.ts';

const listener = (network: 'tcp' | 'udp', port: number, address = '127.0.0.1') => ({
  network,
  address,
  port,
  tag: '',
  kind: 'mixed',
  users: 0,
});

test('a port that this agent holds is named plainly, and the own ones of the unit are left out', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const taken = await takenPorts([listener('tcp', port), listener('udp', port)], new Set());
  assert.deepEqual(
    taken.map(({ message }) => message),
    [`tcp port ${port} on 127.0.0.1 is taken by this agent (pid ${process.pid})`],
  );
  assert.deepEqual(await takenPorts([listener('tcp', port)], new Set([`tcp ${port}`])), []);
});

test('a holder that shares its port is found, and named with its pid', async (t) => {
  const script = `const s = require('node:net').createServer(); s.listen({host: '127.0.0.1', port: 0, reusePort: true}, () => console.log(s.address().port))`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [line] = await once(child.stdout, 'data');
  const port = Number(String(line));
  const [taken] = await takenPorts([listener('tcp', port)], new Set());
  assert.match(taken?.message ?? '', new RegExp(`is taken by node.* \\(pid ${child.pid}\\)$`));
});

test('udp, an address of another machine, and what is free', async (t) => {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  t.after(() => socket.close());
  const { port } = socket.address();
  const taken = await takenPorts([listener('udp', port), listener('tcp', port), listener('tcp', port, '203.0.113.7')], new Set());
  assert.deepEqual(
    taken.map(({ message }) => message),
    [
      `udp port ${port} on 127.0.0.1 is taken by this agent (pid ${process.pid})`,
      `tcp port ${port} on 203.0.113.7 cannot be had: this machine has no such address`,
    ],
  );
});
