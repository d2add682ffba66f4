/** A server whose one answer takes 12 s, and a client of it: who asks through a proxy sees whether the proxy lived all that time. */

import { until } from './daemon.ts';
import type { Machine } from './machine.ts';

const lines = 120;
const program = `
const http = require('node:http');
http.createServer((request, response) => {
  let n = 0;
  const timer = setInterval(() => { response.write('line ' + n + '\\n'); if (++n === ${lines}) { clearInterval(timer); response.end(); } }, 100);
}).listen(9000, '127.0.0.1');
`;

/** Begins a download through the proxy at 3128 of the machine; answers how much of it came: 1 for all. */
export async function beginDownload({ run, sh }: Machine, node: string): Promise<() => Promise<number>> {
  await sh(`cat >/run/server.js <<'EOF'\n${program}\nEOF\nsystemd-run --quiet --unit=server ${node} /run/server.js`);
  await until('the server', async () => (await run('curl -s -o /dev/null --max-time 1 http://127.0.0.1:9000/; [ $? = 28 ]')).code === 0);
  const download = sh('curl -s -x http://127.0.0.1:3128 http://127.0.0.1:9000/ | wc -l');
  return async () => Number(await download) / lines;
}

/** Pid of a unit once it is READY. */
export function readyPid({ run }: Machine, unit: string): Promise<string> {
  return until(
    `${unit} to be READY`,
    async () => new RegExp(`^${unit} +READY +(\\d+)`, 'm').exec((await run('sboxagent ps')).stdout)?.[1],
    60_000,
  );
}

/** The agent's configuration with the example's proxy at 3128. */
export const proxyConfig = `
agent: {state_dir: /var/lib/sboxagent}
api: {port: 8080, unix_socket: {path: /run/sboxagent/api.sock, mode: '0660', group: sboxagent}}
processes:
  units:
    proxy:
      command: [sboxagent, example-proxy]
      env: {SBOXAGENT_EXAMPLE_PROXY_PORT: '3128'}
      autostart: true
      on_agent_exit: keep
      probes: {startup: {tcp: {address: '127.0.0.1:3128'}, period: 200ms, failure_threshold: 100}}
`;
