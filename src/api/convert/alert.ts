/** Alerts: domain -> proto. */
import { create } from '@bufbuild/protobuf';
import { type Alert, Alert_State, AlertSchema } from '../../../gen/es/sboxagent/v1/alert_pb.js';
import { Event_Severity } from '../../../gen/es/sboxagent/v1/event_pb.js';
import type { AlertView } from '../../alerts/types.ts';
import { fromMs } from './time.ts';

export function alertMessage(view: AlertView): Alert {
  const { acknowledged } = view;
  return create(AlertSchema, {
    id: view.id,
    rule: view.rule,
    state: Alert_State[view.state],
    severity: Event_Severity[view.severity],
    subject: view.subject,
    summary: view.summary,
    labels: { ...view.labels },
    startTime: fromMs(view.startTimeMs),
    ...(view.endTimeMs !== undefined && { endTime: fromMs(view.endTimeMs) }),
    ...(acknowledged !== undefined && {
      acknowledged: { by: acknowledged.by, time: fromMs(acknowledged.timeMs), comment: acknowledged.comment },
    }),
    value: view.value,
    threshold: view.threshold,
    traceId: view.traceId,
  });
}
