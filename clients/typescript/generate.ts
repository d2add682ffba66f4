/** Writes the lists of services and messages of the TypeScript client, from what is generated in gen/es. Part of `npm run generate`. */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const here = import.meta.dirname;
const from = '../../../gen/es/sboxagent/v1';
const directory = join(here, 'src', from);
const files = globSync('*_pb.js', { cwd: directory }).sort();

const services = files.flatMap((file) => {
  const [, name] = /^export const (\w+Service) =/m.exec(readFileSync(join(directory, file), 'utf8')) ?? [];
  return name === undefined ? [] : [{ file, name }];
});

const note = '// Written by clients/typescript/generate.ts; do not edit.\n';

writeFileSync(
  join(here, 'src/services.ts'),
  `${note}import type { DescService } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
${services.map(({ file, name }) => `import { ${name} } from '${from}/${file}';\n`).join('')}
/** Every service of the agent; no two of them have a method of the same name. */
export const services: readonly DescService[] = [
${services.map(({ name }) => `  ${name},\n`).join('')}];

/** Every RPC as a method with the request as its argument: \`getProcess({ id: 'edge' })\`, \`for await (const m of watchEvents({}))\`. */
export type AgentMethods = ${services.map(({ name }) => `Client<typeof ${name}>`).join(' &\n  ')};
`,
);

writeFileSync(
  join(here, 'src/messages.ts'),
  `${note}/** Every message and enum of the agent's API, by its name in the protos, with its schema (\`create(EventSchema, …)\`, \`toJson(EventSchema, …)\`). */
${files.map((file) => `export * from '${from}/${basename(file)}';\n`).join('')}`,
);
