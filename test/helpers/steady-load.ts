/** Calls at a steady rate, whether those before have been answered or not: a stall is then felt by all who come while it lasts. */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface SteadyLoad {
  /** Sends `perSecond` calls for so long. Answers how long each took from its beginning, in milliseconds. Throws where one was not answered by 200. */
  run(perSecond: number, lastsMs: number): Promise<readonly number[]>;
  close(): void;
}

export interface SteadyLoadOptions {
  readonly port: number;
  readonly path: string;
  readonly token: string;
}

export function steadyLoad({ port, path, token }: SteadyLoadOptions): SteadyLoad {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 64 });
  const headers = { authorization: `Bearer ${token}` };
  const call = (began = performance.now()): Promise<number> =>
    new Promise((resolve, reject) => {
      const sent = request({ port, path, headers, agent, host: '127.0.0.1' }, (response) => {
        response.resume().once('end', () => {
          if (response.statusCode === 200) resolve(performance.now() - began);
          else reject(new Error(`${path} answered ${response.statusCode}`));
        });
      });
      // A connection that had been idle for long may be closed by the agent at the moment in which it is used again: who knows HTTP asks anew.
      const failed = (error: NodeJS.ErrnoException): void =>
        sent.reusedSocket && error.code === 'ECONNRESET' ? resolve(call(began)) : reject(error);
      sent.once('error', failed).end();
    });
  return {
    async run(perSecond, lastsMs) {
      const began = performance.now();
      const calls: Promise<number>[] = [];
      for (let n = 0; (n * 1000) / perSecond < lastsMs; n++) {
        const early = began + (n * 1000) / perSecond - performance.now();
        if (early > 0) await sleep(early);
        calls.push(call());
      }
      return Promise.all(calls);
    },
    close: () => agent.destroy(),
  };
}

export function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}
