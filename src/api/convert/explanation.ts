/** Why a process stands where it stands: domain -> proto. */
import { create } from '@bufbuild/protobuf';
import { Process_ExitSchema } from '../../../gen/es/sboxagent/v1/process_pb.js';
import { type ProcessExplanation, ProcessExplanationSchema } from '../../../gen/es/sboxagent/v1/process_service_pb.js';
import type * as domain from '../../processes/index.ts';
import { exitMessage, processMessage, resourcesMessage } from './process.ts';
import { fromMs } from './time.ts';

export function explanationMessage(dossier: domain.ProcessExplanation, resources: domain.ProcessResources | undefined): ProcessExplanation {
  const { resourcesAtExit, nextActionTimeMs } = dossier;
  return create(ProcessExplanationSchema, {
    process: processMessage(dossier.process, resources),
    summary: dossier.summary,
    exits: dossier.exits.map((exit) => create(Process_ExitSchema, exitMessage(exit))),
    logLines: [...dossier.logLines],
    configDiff: dossier.configDiff,
    ...(resourcesAtExit !== undefined && { resourcesAtExit: resourcesMessage(resourcesAtExit) }),
    nextAction: dossier.nextAction,
    ...(nextActionTimeMs !== undefined && { nextActionTime: fromMs(nextActionTimeMs) }),
    remedies: [...dossier.remedies],
  });
}
