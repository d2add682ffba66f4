/** ProcessService: supervised processes. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationMs } from '@bufbuild/protobuf/wkt';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { Process_State, ProcessSchema } from '../../../gen/es/sboxagent/v1/process_pb.js';
import { type ProcessFilter, type ProcessService, StartProcessRequest_WaitFor } from '../../../gen/es/sboxagent/v1/process_service_pb.js';
import { pullFeed } from '../../kernel/feed.ts';
import { createStateFeed } from '../../kernel/state-feed.ts';
import type { ProcessConfigs, ProcessExplanation, ProcessView, StartOptions, Supervisor } from '../../processes/index.ts';
import { callOf, callSignal, endingOf } from '../calls.ts';
import { encodeMessage } from '../codec/binary.ts';
import { explanationMessage } from '../convert/explanation.ts';
import { pageBinding, pageSize, pageToken, readPageToken, withinPage } from '../convert/page.ts';
import { processMessage } from '../convert/process.ts';
import { processConfigMethods } from './process-configs.ts';

export interface ProcessServiceDeps {
  readonly supervisor: Supervisor;
  readonly configs: ProcessConfigs;
  readonly explain: (id: string) => Promise<ProcessExplanation>;
}

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

export function processService({ supervisor, configs, explain }: ProcessServiceDeps): ServiceImpl<typeof ProcessService> {
  const full = async (view: ProcessView): Promise<MessageInitShape<typeof ProcessSchema>> =>
    processMessage(view, view.pid === 0 ? undefined : await supervisor.resources(view.id).catch(() => undefined));

  const feed = createStateFeed<ProcessView>({
    list: () => supervisor.list(),
    onChange: (fn) => supervisor.onChange(({ processes, removedIds }) => fn({ items: processes, removedIds })),
    sizeOf: (view) => encodeMessage(ProcessSchema, processMessage(view, undefined)).length + resourcesBytes,
  });

  return {
    ...processConfigMethods(configs),

    async explainProcess({ id }) {
      const dossier = await explain(id);
      return explanationMessage(dossier, dossier.process.pid === 0 ? undefined : await supervisor.resources(id).catch(() => undefined));
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
      const binding = pageBinding('processes', JSON.stringify([filter?.states ?? [], filter?.engines ?? []]));
      const after = readPageToken(request.pageToken, binding, 'string');
      const kept = supervisor.list().filter((view) => keeps(filter, view) && (after === undefined || view.id > after));
      const page = withinPage(ProcessSchema, await Promise.all(kept.slice(0, pageSize(request.pageSize)).map(full)));
      const nextPageToken = pageToken(binding, page.length < kept.length ? page.at(-1)?.id : undefined);
      return { processes: page, nextPageToken };
    },

    async *watchProcesses({ ids }, context) {
      const signal = callSignal(context);
      for await (const change of pullFeed(feed.open(ids), signal)) {
        yield {
          processes: await Promise.all(change.items.map(full)),
          removedIds: [...change.removedIds],
          snapshot: change.snapshot,
        };
      }
      const ending = endingOf(signal);
      if (ending !== undefined) throw ending;
    },
  };
}
