/** Processes: domain -> proto. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  Process_DesiredState,
  type Process_ExitSchema,
  type Process_ResourcesSchema,
  Process_State,
  type ProcessSchema,
} from '../../../gen/es/sboxagent/v1/process_pb.js';
import type { ExitRecord, ProcessResources, ProcessView } from '../../processes/types.ts';
import { fromMs } from './time.ts';

export function exitMessage(exit: ExitRecord): MessageInitShape<typeof Process_ExitSchema> {
  return {
    ...(exit.code !== undefined && { code: exit.code }),
    signal: exit.signal,
    time: fromMs(exit.timeMs),
    oomKilled: exit.oomKilled,
    duration: durationFromMs(Math.max(0, Math.round(exit.durationMs))),
  };
}

export function resourcesMessage(resources: ProcessResources): MessageInitShape<typeof Process_ResourcesSchema> {
  return {
    cpuUsageRatio: resources.cpuUsageRatio,
    residentMemoryBytes: resources.residentMemoryBytes,
    openFds: resources.openFds,
    threads: resources.threads,
  };
}

export function processMessage(view: ProcessView, resources?: ProcessResources): MessageInitShape<typeof ProcessSchema> {
  return {
    id: view.id,
    engine: view.engine,
    command: view.command as string[],
    configPath: view.configPath,
    configRevision: view.configRevision,
    inline: view.inline,
    desired: Process_DesiredState[view.desired],
    state: Process_State[view.state],
    pid: view.pid,
    ...(view.startTimeMs !== undefined && { startTime: fromMs(view.startTimeMs) }),
    ready: view.state === 'READY',
    restartCount: view.restartCount,
    ...(view.nextStartTimeMs !== undefined && { nextStartTime: fromMs(view.nextStartTimeMs) }),
    reason: view.reason,
    message: view.message,
    ...(view.exit !== undefined && { exit: exitMessage(view.exit) }),
    ...(resources !== undefined && { resources: resourcesMessage(resources) }),
    dependsOn: view.dependsOn as string[],
    etag: view.etag,
  };
}
