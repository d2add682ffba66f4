/** The page at /docs: asks for a token where one is needed, and hands the agent's own document to Swagger UI. */
const form = document.getElementById('token-form');
const field = document.getElementById('token');
const problem = document.getElementById('problem');

/** A stream has no end: so much of it is shown. */
const streamMs = 3000;
const streamBytes = 256 * 1024;

/** Like fetch, but of a stream only its beginning. */
async function fetchBeginning(url, options) {
  const answer = await fetch(url, options);
  // What has an end says how long it is.
  if (answer.headers.has('content-length')) return answer;
  const text = await readBeginning(answer.body.getReader());
  // Under this name it is shown as the text that it is.
  return new Response(text, { status: answer.status, statusText: answer.statusText, headers: { 'content-type': 'text/plain' } });
}

async function readBeginning(reader) {
  const decoder = new TextDecoder();
  let text = '';
  const timer = setTimeout(() => reader.cancel(), streamMs);
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += decoder.decode(part.value, { stream: true });
    if (text.length > streamBytes) await reader.cancel();
  }
  clearTimeout(timer);
  return text;
}

/** The document; undefined where the token is not good for it, which the page then says. */
async function fetchDocument(token) {
  const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch('/openapi.json', { headers });
  const body = await answer.json();
  if (answer.ok) return body;
  problem.textContent = token === '' && answer.status === 401 ? '' : body.message;
  return undefined;
}

/** What is the same for all errors is shown once, among the schemas: an operation tells its reasons. */
function withoutErrorBodies(response) {
  return 'x-error-reasons' in response && !('anyOf' in response.content['application/json'].schema)
    ? { ...response, content: {} }
    : response;
}

/** The document as it is shown: by the agent's name, so that what it says for a shell can be used as it stands. */
function shownForm(spec) {
  const responses = (named) => Object.fromEntries(Object.entries(named).map(([name, one]) => [name, withoutErrorBodies(one)]));
  const operations = (item) =>
    Object.fromEntries(Object.entries(item).map(([method, one]) => [method, { ...one, responses: responses(one.responses) }]));
  const paths = Object.fromEntries(Object.entries(spec.paths).map(([path, item]) => [path, operations(item)]));
  const components = { ...spec.components, responses: responses(spec.components.responses) };
  return { ...spec, paths, components, servers: [{ url: location.origin }] };
}

function show(spec, token) {
  form.hidden = true;
  const ui = globalThis.SwaggerUIBundle({
    spec: shownForm(spec),
    domNode: document.getElementById('reference'),
    validatorUrl: null,
    tryItOutEnabled: true,
    docExpansion: 'list',
    filter: true,
    defaultModelsExpandDepth: 0,
    requestInterceptor: (request) => Object.assign(request, { userFetch: fetchBeginning }),
    onComplete: () => token !== '' && ui.preauthorizeApiKey('bearer', token),
  });
}

async function load(token) {
  try {
    const spec = await fetchDocument(token);
    if (spec === undefined) form.hidden = false;
    else show(spec, token);
  } catch (error) {
    problem.textContent = `The agent does not answer: ${error.message}`;
    form.hidden = false;
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  problem.textContent = '';
  load(field.value.trim());
});

// Where no token is needed, none is asked for.
load('');
