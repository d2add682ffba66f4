/**
 * `sboxagent --json`: the door by which sboxmgr asks without a daemon. One JSON request on stdin, exactly one JSON reply on stdout
 * whatever happens, exit code 0 always: with another one sboxmgr would not read the list of errors. It starts nearly as fast as Node
 * itself: nothing of the server is loaded, and what runs engines only for who asks for it.
 */
import { readFileSync, writeSync } from 'node:fs';
import { type Input, readInput } from './input.ts';
import { failed, messageOf, type Reply, type Request } from './reply.ts';

const maxTraceId = 256;

const commands: Readonly<Record<string, (request: Request) => Reply | Promise<Reply>>> = {
  version,
  validate: async (request) => (await import('./validate.ts')).validate(request),
  check: async (request) => (await import('./validate.ts')).check(request),
  install,
};

function version(): Reply {
  const manifest: { readonly version: string } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  return { success: true, message: `sboxagent ${manifest.version}`, version: manifest.version, api_version: '1.0' };
}

function install({ client_type: client }: Request): Reply {
  const message = "sboxagent never downloads engines: install it with your system's packages, or put the binary on PATH";
  return failed('NOT_SUPPORTED', message, typeof client === 'string' ? { client_type: client } : {});
}

async function answer(input: Input): Promise<{ readonly request: Request; readonly reply: Reply }> {
  const request = parse(input);
  if ('refusal' in request) return { request: {}, reply: failed('INVALID_REQUEST', request.refusal) };
  const { trace_id: trace } = request.value;
  const traced = typeof trace === 'string' && trace !== '' ? { trace_id: trace.slice(0, maxTraceId) } : {};
  return { request: request.value, reply: { ...(await obey(request.value)), ...traced } };
}

function parse(input: Input): { readonly value: Request } | { readonly refusal: string } {
  if (input.kind === 'bad') return { refusal: input.message };
  if (input.text.trim() === '') return { refusal: 'stdin is empty: give one JSON request' };
  let request: unknown;
  try {
    request = JSON.parse(input.text);
  } catch (error) {
    return { refusal: `not JSON: ${messageOf(error)}` };
  }
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    return { refusal: 'the request must be a JSON object' };
  }
  return { value: request as Request };
}

async function obey(request: Request): Promise<Reply> {
  const { command } = request;
  const known = typeof command === 'string' && Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (known === undefined) {
    const shown = typeof command === 'string' ? `unknown command ${command.slice(0, 100)}` : 'no command';
    return failed('INVALID_REQUEST', `${shown}: it is one of ${Object.keys(commands).join(', ')}`);
  }
  try {
    return await known(request);
  } catch (error) {
    return failed('INTERNAL', `a fault of sboxagent: ${messageOf(error)}`);
  }
}

/** Reads the request, replies and ends the program. */
export async function runJsonDoor(): Promise<never> {
  const { request, reply }: { readonly request: Request; readonly reply: Reply } = await readInput()
    .then(answer)
    .catch((error: unknown) => ({ request: {}, reply: failed('INTERNAL', `a fault of sboxagent: ${messageOf(error)}`) }));
  await write(`${JSON.stringify(reply)}\n`);
  // sboxmgr has its reply; the agent is told of it while its program ends.
  if (reply['trace_id'] !== undefined && request['command'] === 'validate') {
    await import('./publish-validation.ts').then(({ publishValidation }) => publishValidation(request, reply)).catch(() => {});
  }
  process.exit(0);
}

async function write(text: string): Promise<void> {
  let rest = Buffer.from(text);
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
  } catch (error) {
    // Who does not wait for the reply is not told it.
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    process.stdout.on('error', () => process.exit(0));
    await new Promise<void>((resolve) => process.stdout.write(rest, () => resolve()));
  }
}
