/** Configs of engines: domain -> proto. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { ViolationSchema } from '../../../gen/es/sboxagent/v1/config_pb.js';
import {
  type Apply,
  Apply_Phase,
  Apply_Result,
  Apply_Step_Status,
  ApplySchema,
  type ProcessConfig,
  ProcessConfig_Format,
  type ProcessConfigRevision,
  ProcessConfigRevisionSchema,
  ProcessConfigSchema,
} from '../../../gen/es/sboxagent/v1/process_config_pb.js';
import type { ApplyRecord, ConfigFormat, ConfigRevisionView, ProcessConfigView } from '../../processes/index.ts';
import { fromMs } from './time.ts';

const formats: Readonly<Record<ConfigFormat, ProcessConfig_Format>> = { json: ProcessConfig_Format.JSON, yaml: ProcessConfig_Format.YAML };

export function formatOf(format: ProcessConfig_Format): ConfigFormat | undefined {
  if (format === ProcessConfig_Format.JSON) return 'json';
  return format === ProcessConfig_Format.YAML ? 'yaml' : undefined;
}

export function processConfigMessage(view: ProcessConfigView): ProcessConfig {
  return create(ProcessConfigSchema, {
    id: view.id,
    content: view.content,
    format: formats[view.format],
    revision: view.revision,
    etag: view.etag,
    author: view.author,
    reason: view.reason,
    ...(view.timeMs > 0 && { time: fromMs(view.timeMs) }),
    drifted: view.drifted,
    driftDiff: view.driftDiff,
  });
}

export function configRevisionMessage(view: ConfigRevisionView): ProcessConfigRevision {
  return create(ProcessConfigRevisionSchema, {
    revision: view.revision,
    etag: view.etag,
    author: view.author,
    reason: view.reason,
    time: fromMs(view.timeMs),
    result: Apply_Result[view.result],
    diff: view.diff,
  });
}

function stepMessages(record: ApplyRecord): MessageInitShape<typeof ApplySchema>['steps'] {
  return record.steps.map(({ name, status, message, startTimeMs, endTimeMs }) => ({
    name,
    status: Apply_Step_Status[status],
    message,
    startTime: fromMs(startTimeMs),
    ...(endTimeMs !== undefined && { endTime: fromMs(endTimeMs) }),
  }));
}

export function applyMessage(record: ApplyRecord): Apply {
  return create(ApplySchema, {
    id: record.id,
    processId: record.processId,
    phase: Apply_Phase[record.phase],
    result: Apply_Result[record.result],
    fromRevision: record.fromRevision,
    revision: record.revision,
    runningRevision: record.runningRevision,
    steps: stepMessages(record) ?? [],
    engineOutput: [...record.engineOutput],
    violations: record.violations.map((violation) => create(ViolationSchema, { ...violation })),
    diff: record.diff,
    impact: {
      restart: record.impact.restart,
      dropsConnections: record.impact.dropsConnections,
      portsAdded: [...record.impact.portsAdded],
      portsRemoved: [...record.impact.portsRemoved],
    },
    traceId: record.traceId,
  });
}
