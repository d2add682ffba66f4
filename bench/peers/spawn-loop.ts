/** The plainest supervisor: spawns a command on `start`, again whenever it ends, until `stop`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { input, ready } from './peer.ts';

const [command = '', ...args] = input<{ command: readonly string[] }>().command;
let wanted = false;
let child: ChildProcess | undefined;

function start(): void {
  child = spawn(command, args, { stdio: 'ignore' });
  child.once('exit', () => {
    child = undefined;
    if (wanted) start();
    else process.send?.({ stopped: true });
  });
}

function stop(): void {
  wanted = false;
  child?.kill('SIGKILL');
}

process.on('message', (message: { readonly do: 'start' | 'stop' }) => {
  if (message.do === 'stop') return stop();
  wanted = true;
  start();
});
process.once('disconnect', stop);
ready(0);
