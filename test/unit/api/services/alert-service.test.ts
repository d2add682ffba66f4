import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { createContextValues, type HandlerContext } from '@connectrpc/connect';
import { Alert_State } from '../../../../gen/es/sboxagent/v1/alert_pb.js';
import {
  AcknowledgeAlertRequestSchema,
  AlertService,
  ListAlertsRequestSchema,
  WatchAlertsRequestSchema,
} from '../../../../gen/es/sboxagent/v1/alert_service_pb.js';
import { compareAlerts } from '../../../../src/alerts/book.ts';
import type { AlertChange, Alerts, AlertView } from '../../../../src/alerts/types.ts';
import { callKey, type RpcMethod } from '../../../../src/api/seam.ts';
import { alertService } from '../../../../src/api/services/alert-service.ts';
import { AgentError } from '../../../../src/kernel/errors.ts';
import { Notifier } from '../../../helpers/api-fakes.ts';
import { testCall } from '../../../helpers/api-server.ts';

function view(n: number, over: Partial<AlertView> = {}): AlertView {
  return {
    id: `01JD${String(n).padStart(22, '0')}`,
    rule: 'memory',
    state: 'FIRING',
    severity: 'ERROR',
    subject: `s${n}`,
    summary: 'x',
    labels: { process: 'edge' },
    startTimeMs: 1000 + Math.floor(n / 2),
    endTimeMs: undefined,
    acknowledged: undefined,
    value: 1.5,
    threshold: 1,
    traceId: '',
    ...over,
  };
}

class FakeAlerts implements Alerts {
  readonly views = new Map<string, AlertView>();
  readonly changes = new Notifier<AlertChange>();
  set(one: AlertView): AlertView {
    this.views.set(one.id, one);
    this.changes.tell({ alerts: [one] });
    return one;
  }
  list(): readonly AlertView[] {
    return [...this.views.values()].sort(compareAlerts);
  }
  async acknowledge(id: string, by: string, comment: string): Promise<AlertView> {
    const known = this.views.get(id);
    if (known === undefined) throw new AgentError('ALERT_NOT_FOUND', `no alert ${id}`);
    return this.set({ ...known, acknowledged: { by, timeMs: 5000, comment } });
  }
  onChange(fn: (change: AlertChange) => void): () => void {
    return this.changes.on(fn);
  }
  health(): ReturnType<Alerts['health']> {
    return { status: 'HEALTHY', message: '', sinceMs: 0 };
  }
}

function context(signal: AbortSignal = new AbortController().signal): HandlerContext {
  const method: RpcMethod = {
    path: '/sboxagent.v1.AlertService/ListAlerts',
    service: AlertService,
    desc: AlertService.method.listAlerts,
    scope: 'read',
    stream: false,
    rateLimited: true,
    judgesItself: false,
    audit: { kind: 'reads' },
  };
  const call = { ...testCall(method), signal };
  return { signal, values: createContextValues().set(callKey, call) } as unknown as HandlerContext;
}

describe('AlertService', () => {
  it('lists page by page, also when alerts end or begin in between', async () => {
    const alerts = new FakeAlerts();
    for (let n = 0; n < 9; n++) alerts.set(view(n));
    alerts.set(view(20, { state: 'RESOLVED', endTimeMs: 9999, rule: 'other' }));
    const service = alertService({ alerts });
    const page = async (init: MessageInitShape<typeof ListAlertsRequestSchema>) => {
      const { alerts: found = [], nextPageToken = '' } = await service.listAlerts(create(ListAlertsRequestSchema, init), context());
      return { ids: found.map(({ subject }) => subject ?? ''), token: nextPageToken };
    };
    const first = await page({ pageSize: 4 });
    assert.deepEqual(first.ids, ['s8', 's7', 's6', 's5']);
    alerts.set(view(5, { state: 'RESOLVED', endTimeMs: 1 }));
    alerts.set(view(30));
    const second = await page({ pageSize: 4, pageToken: first.token });
    assert.deepEqual(second.ids, ['s4', 's3', 's2', 's1']);
    const third = await page({ pageSize: 4, pageToken: second.token });
    assert.deepEqual([third.ids, third.token], [['s0', 's20', 's5'], '']);
    const only = async (filter: object): Promise<string[]> => (await page({ filter })).ids;
    assert.deepEqual(await only({ states: [Alert_State.RESOLVED], rules: ['other'] }), ['s20']);
    assert.deepEqual(await only({ subjects: ['s1', 's2'] }), ['s2', 's1']);
    await assert.rejects(page({ pageToken: first.token, filter: { rules: ['other'] } }), { reason: 'INVALID_REQUEST' });
  });

  it('acknowledges in the name of the caller', async () => {
    const alerts = new FakeAlerts();
    const { id } = alerts.set(view(1));
    const service = alertService({ alerts });
    const acked = await service.acknowledgeAlert(create(AcknowledgeAlertRequestSchema, { id, comment: 'c' }), context());
    assert.deepEqual(
      [acked.acknowledged?.by, acked.acknowledged?.comment, acked.value, acked.labels],
      ['tester', 'c', 1.5, { process: 'edge' }],
    );
    const unknown = Promise.resolve(service.acknowledgeAlert(create(AcknowledgeAlertRequestSchema, { id: 'x' }), context()));
    await assert.rejects(unknown, { reason: 'ALERT_NOT_FOUND' });
  });

  it('watches: what fires at once, then every change, and leaves nothing behind', async () => {
    const alerts = new FakeAlerts();
    alerts.set(view(1));
    alerts.set(view(2, { state: 'RESOLVED', endTimeMs: 1 }));
    const controller = new AbortController();
    const stream = alertService({ alerts })
      .watchAlerts(create(WatchAlertsRequestSchema), context(controller.signal))
      [Symbol.asyncIterator]();
    const next = async (): Promise<unknown> => {
      const { value } = await stream.next();
      return value && [value.snapshot, (value.alerts ?? []).map(({ state, subject }: AlertView) => `${state} ${subject}`)];
    };
    assert.deepEqual(await next(), [true, ['FIRING s1']]);
    alerts.set(view(3));
    alerts.set(view(3, { state: 'RESOLVED', endTimeMs: 1 }));
    assert.deepEqual(await next(), [false, ['FIRING s3']]);
    assert.deepEqual(await next(), [false, ['RESOLVED s3']]);
    const last = stream.next();
    controller.abort(new AgentError('SHUTTING_DOWN', 'stopping'));
    await assert.rejects(last, { reason: 'SHUTTING_DOWN' });
    assert.equal(alerts.changes.size, 0);
  });
});
