/** ProcessService: supervised processes. */
import { durationMs } from '@bufbuild/protobuf/wkt';
import type { HandlerContext } from '@connectrpc/connect';
import { type Process, Process_State, ProcessSchema } from '../../../gen/es/sboxagent/v1/process_pb.js';
import {
  type ProcessFilter,
  ProcessFilterSchema,
  type ProcessService,
  StartProcessRequest_WaitFor,
} from '../../../gen/es/sboxagent/v1/process_service_pb.js';
import { pullFeed } from '../../kernel/feed.ts';
import { createStateFeed } from '../../kernel/state-feed.ts';
import type { ProcessResources, ProcessView, StartOptions } from '../../processes/index.ts';
import { callOf, callSignal, endingOf } from '../calls.ts';
import { encodeMessage } from '../codec/binary.ts';
import type { Fields } from '../codec/fields.ts';
import { askedPage } from '../convert/page.ts';
import type { ServiceOf } from '../seam.ts';
import type { ServiceDeps } from './deps.ts';
import { processConfigMethods } from './process-configs.ts';

/** What the figures of a process add to its message, at most. */
const resourcesBytes = 128;

function waitFor(value: StartProcessRequest_WaitFor): StartOptions['waitFor'] {
  if (value === StartProcessRequest_WaitFor.SUBMITTED) return 'SUBMITTED';
  return value === StartProcessRequest_WaitFor.READY ? 'READY' : 'RUNNING';
}

function keeps(filter: ProcessFilter | undefined, view: ProcessView): boolean {
  if (filter === undefined) return true;
  const state = filter.states.length === 0 || filter.states.includes(Process_State[view.state]);
  return state && (filter.engines.length === 0 || filter.engines.includes(view.engine));
}

/** What a call sets going is seen in its trace. */
function traceIdOf(context: HandlerContext): string {
  return callOf(context).span.traceId;
}

type ProcessMessage = Fields<Process> & { readonly id: string };

function processMessage(view: ProcessView, resources: ProcessResources | undefined): ProcessMessage {
  return { ...view, ready: view.state === 'READY', resources };
}

type Deps = Pick<ServiceDeps, 'supervisor' | 'configs' | 'explain'>;

export function processService({ supervisor, configs, explain }: Deps): ServiceOf<typeof ProcessService> {
  const full = async (view: ProcessView): Promise<ProcessMessage> =>
    processMessage(view, view.pid === 0 ? undefined : await supervisor.resources(view.id).catch(() => undefined));

  const feed = createStateFeed<ProcessView>({
    list: () => supervisor.list(),
    onChange: (fn) => supervisor.onChange(({ processes, removedIds }) => fn({ items: processes, removedIds })),
    sizeOf: (view) => encodeMessage(ProcessSchema, processMessage(view, undefined)).length + resourcesBytes,
  });

  return {
    ...processConfigMethods({ configs }),

    async explainProcess({ id }) {
      const dossier = await explain(id);
      return { ...dossier, process: await full(dossier.process) };
    },

    async startProcess(request, context) {
      const { id, command, env, cwd } = request;
      const signal = callSignal(context);
      return full(
        await supervisor.start(id, { command, env, cwd, waitFor: waitFor(request.waitFor), signal, traceId: traceIdOf(context) }),
      );
    },

    async stopProcess({ id, grace }, context) {
      const graceMs = grace === undefined ? undefined : durationMs(grace);
      return full(await supervisor.stop(id, { graceMs, traceId: traceIdOf(context) }));
    },

    restartProcess: async ({ id, force }, context) => full(await supervisor.restart(id, { force, traceId: traceIdOf(context) })),

    reloadProcess: async ({ id, force }) => full(await supervisor.reload(id, { force })),

    getProcess: async ({ id }) => full(supervisor.get(id)),

    async listProcesses(request) {
      const { filter } = request;
      const asked = askedPage(request, { list: 'processes', said: [encodeMessage(ProcessFilterSchema, filter ?? {})], cursor: 'string' });
      const kept = supervisor.list().filter((view) => keeps(filter, view) && (asked.after === undefined || view.id > asked.after));
      const shown = await Promise.all(kept.slice(0, asked.size).map(full));
      const { page, nextPageToken } = asked.cut(shown, { schema: ProcessSchema, cursorOf: ({ id }) => id, total: kept.length });
      return { processes: page, nextPageToken };
    },

    async *watchProcesses({ ids }, context) {
      const signal = callSignal(context);
      for await (const change of pullFeed(feed.open(ids), signal)) {
        const { items, removedIds, snapshot } = change;
        yield { processes: await Promise.all(items.map(full)), removedIds, snapshot };
      }
      const ending = endingOf(signal);
      if (ending !== undefined) throw ending;
    },
  };
}
