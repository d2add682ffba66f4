/** supervisord as it is published, from PyPI, in a directory of its own. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { until } from '../../test/helpers/daemon.ts';
import type { OpenSupervisor, SupervisorOptions } from './types.ts';

const version = '4.3.0';

function configuration({ dir, command, ids }: SupervisorOptions): string {
  const program = (id: string): string =>
    `[program:${id}]
command=${command.join(' ')}
autostart=false
autorestart=true
startsecs=0
stopsignal=KILL
stdout_logfile=NONE
stderr_logfile=NONE
`;
  return `[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=${join(dir, 'pid')}
minfds=1024
[unix_http_server]
file=${join(dir, 'socket')}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
${ids.map(program).join('')}`;
}

/** One call of its XML-RPC. A stop waits for its end: a start that comes before supervisord has seen it is lost. */
function ask(socketPath: string, method: 'startProcess' | 'stopProcess', id: string): Promise<void> {
  const body = `<?xml version="1.0"?><methodCall><methodName>supervisor.${method}</methodName><params>
<param><value><string>${id}</string></value></param><param><value><boolean>${method === 'stopProcess' ? 1 : 0}</boolean></value></param></params></methodCall>`;
  const headers = { 'content-type': 'text/xml', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path: '/RPC2', method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => (text.includes('<fault>') ? reject(new Error(text)) : resolve()));
    });
    call.on('error', reject);
    call.end(body);
  });
}

export const openSupervisord: OpenSupervisor = async (options) => {
  const { dir, defer } = options;
  const packages = join(dir, 'packages');
  execFileSync('python3', ['-m', 'pip', 'install', '-q', '--no-deps', '--target', packages, `supervisor==${version}`, 'setuptools<81'], {
    stdio: 'ignore',
  });
  const file = join(dir, 'supervisord.conf');
  writeFileSync(file, configuration(options));
  const child = spawn('python3', ['-W', 'ignore', '-m', 'supervisor.supervisord', '-c', file], {
    env: { ...process.env, PYTHONPATH: packages },
    stdio: 'ignore',
  });
  defer(() => child.kill('SIGTERM'));
  const socket = join(dir, 'socket');
  await until('supervisord', () => existsSync(socket));
  const each = (method: Parameters<typeof ask>[1]) => async (ids: readonly string[]) =>
    void (await Promise.all(ids.map((id) => ask(socket, method, id))));
  const servers = (): readonly number[] => [child.pid ?? 0];
  return {
    name: `supervisord ${version}`,
    livesMs: 0,
    pids: servers,
    alone: servers,
    servers,
    start: (id) => ask(socket, 'startProcess', id),
    stop: (id) => ask(socket, 'stopProcess', id),
    startAll: each('startProcess'),
    stopAll: each('stopProcess'),
  };
};
