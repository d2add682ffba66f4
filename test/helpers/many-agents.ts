/** Many agents of one fleet at one NATS server, each with a link of its own that can be cut, and a writer of numbered events for each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CutLink, makeCutLink } from './cut-link.ts';
import { type Daemon, makeDaemon } from './daemon.ts';

export interface FleetAgent {
  readonly name: string;
  readonly daemon: Daemon;
  readonly link: CutLink;
  /** Events that the agent has acknowledged, numbered from 0. */
  acknowledged(): number;
  /** Publishes batches until `stop`, each until it is acknowledged: under ids that stay the same, so that one that was stored is not stored twice. */
  write(pace: WritePace): void;
  /** Resolves when the batch under way is acknowledged. */
  stopWriting(): Promise<void>;
  /** SIGKILL, and a start anew. One at a time. */
  killAndStart(): Promise<void>;
}

export interface WritePace {
  readonly batch: number;
  readonly everyMs: number;
}

/** Starts so many at once. */
const startedAtOnce = 3;

export async function makeAgents(
  count: number,
  natsUrl: string,
  heartbeat: string,
): Promise<{ agents: FleetAgent[]; dispose(): Promise<void> }> {
  const agents: FleetAgent[] = [];
  const dispose = async (): Promise<void> => {
    for (let at = 0; at < agents.length; at += startedAtOnce) {
      await Promise.all(agents.slice(at, at + startedAtOnce).map(({ daemon }) => daemon.dispose()));
    }
    for (const { link } of agents) await link.dispose();
  };
  const waiting = Array.from({ length: count }, (_, i) => `edge-${i}`);
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const agent = await makeAgent(name, { natsUrl, heartbeat });
      agents.push(agent);
      await agent.daemon.start();
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(startedAtOnce, count) }, work));
  } catch (error) {
    await dispose();
    throw error;
  }
  return { agents, dispose };
}

async function makeAgent(
  name: string,
  { natsUrl, heartbeat }: { readonly natsUrl: string; readonly heartbeat: string },
): Promise<FleetAgent> {
  const link = await makeCutLink(Number(new URL(natsUrl).port));
  const fleet = { servers: [`nats://127.0.0.1:${link.port}`], heartbeat, labels: { half: name.length % 2 === 0 ? 'even' : 'odd' } };
  const daemon = await makeDaemon({ config: { agent: { name }, fleet, events: { retention: { count: 1_000_000 } } } });
  let acknowledged = 0;
  let writing: Promise<void> | undefined;
  let isWriting = false;
  let restarting: Promise<void> = Promise.resolve();

  const publish = async (count: number): Promise<void> => {
    const events = Array.from({ length: count }, (_, i) => ({
      ...{ type: 'test.n', source: 'writer', id: `n${acknowledged + i}`, data: { n: acknowledged + i } },
    }));
    for (;;) {
      try {
        const { status } = await daemon.rest('POST', '/api/v1/events:batch', { events });
        if (status === 200) break;
      } catch {
        // It was killed meanwhile.
      }
      await sleep(200);
    }
    acknowledged += count;
  };
  return {
    ...{ name, daemon, link },
    acknowledged: () => acknowledged,
    write({ batch, everyMs }) {
      isWriting = true;
      writing = (async () => {
        while (isWriting) {
          await publish(batch);
          await sleep(everyMs);
        }
      })();
    },
    async stopWriting() {
      isWriting = false;
      await writing;
    },
    killAndStart() {
      restarting = restarting.then(async () => {
        await daemon.kill('SIGKILL');
        await daemon.start();
      });
      return restarting;
    },
  };
}
