import { request as httpsRequest } from 'node:https';
import { request as httpRequest } from '../../kernel/node-http.ts';
import type { ProbeAction } from '../../settings/types.ts';
import type { Probe } from './types.ts';

/** Succeeds when the status is in the list. Redirects are not followed: they are an answer; the body is not read. */
export const httpProbe: Probe<Extract<ProbeAction, { kind: 'http' }>> = (action, { signal }) => {
  const { url, method, headers, statuses } = action;
  const { promise, resolve, reject } = Promise.withResolvers<{ ok: boolean; message: string }>();
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  // A connection of its own: a kept-alive one would prove an old listener.
  const request = send(url, { method, headers, signal, agent: false }, (response) => {
    const { statusCode = 0 } = response;
    response.on('error', () => undefined);
    response.destroy();
    resolve({ ok: statuses.some(({ from, to }) => statusCode >= from && statusCode <= to), message: `status ${statusCode}` });
  });
  request.on('error', reject);
  request.end();
  return promise;
};
