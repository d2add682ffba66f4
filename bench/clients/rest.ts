/** GET over HTTP/1.1 with connections that are kept. */
import { Agent, get } from 'node:http';

export interface RestLink {
  /** Answers the body; throws on any other status than 200. */
  get(path: string): Promise<string>;
  close(): void;
}

export function openRest(port: number, options: { readonly connections: number; readonly token?: string }): RestLink {
  const agent = new Agent({ keepAlive: true, maxSockets: options.connections });
  const headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  return {
    get: (path) =>
      new Promise((resolve, reject) => {
        const request = get({ host: '127.0.0.1', port, path, agent, headers }, (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (text: string) => (body += text));
          response.once('error', reject);
          response.once('end', () => (response.statusCode === 200 ? resolve(body) : reject(new Error(`${response.statusCode} ${body}`))));
        });
        request.once('error', reject);
      }),
    close: () => agent.destroy(),
  };
}
