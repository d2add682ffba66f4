/**
 * Writes what follows from the catalogue of reasons: error_reason.proto (known reasons keep their numbers) and docs/errors.md.
 * Run by `npm run generate:reasons`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { httpStatusOf } from '../src/api/errors/codes.ts';
import { type CatalogueEntry, catalogue, type ErrorReason } from '../src/kernel/catalogue.ts';
import { AgentError } from '../src/kernel/errors.ts';

const root = join(import.meta.dirname, '..');
const protoPath = join(root, 'proto/sboxagent/v1/error_reason.proto');

const entries: readonly (readonly [string, CatalogueEntry])[] = Object.entries(catalogue);
const known = new Map([...readFileSync(protoPath, 'utf8').matchAll(/^ {4}([A-Z_]+) = (\d+);$/gm)].map((m) => [m[1], Number(m[2])]));
let last = Math.max(...known.values());

const values = entries.map(([reason, { code, http: status, remedy }]) => {
  const number = known.get(reason) ?? ++last;
  return `    // ${code.toUpperCase()}${status === undefined ? '' : ` (HTTP ${status})`}: ${remedy}\n    ${reason} = ${number};\n`;
});

const proto = `syntax = "proto3";

package sboxagent.v1;

// The reasons in \`google.rpc.ErrorInfo.reason\` (domain \`sboxagent\`), one catalogue for all protocols.
// \`docs/errors.md\` says what to do about each.
message ErrorReason {
  // What went wrong.
  enum Reason {
    // Never sent.
    REASON_UNSPECIFIED = 0;
${values.join('')}  }
}
`;

const rows = entries.map(([reason, { code, remedy }]) => {
  const status = httpStatusOf(new AgentError(reason as ErrorReason, ''));
  return `| \`${reason}\` | ${code.toUpperCase()} | ${status} | ${remedy} |\n`;
});

const docs = `# Errors

Every error carries \`google.rpc.ErrorInfo\` with a reason of this catalogue (domain \`sboxagent\`); its message says what happened and to
which id. REST answers the HTTP status; gRPC, gRPC-Web and Connect the code. Bad input carries \`BadRequest.field_violations\`; where
waiting helps there is \`RetryInfo\` and \`Retry-After\`. The trace id in \`x-trace-id\` finds the call in the agent's log.

| reason | code | HTTP | what to do |
|---|---|---|---|
${rows.join('')}`;

writeFileSync(protoPath, proto);
writeFileSync(join(root, 'docs/errors.md'), docs);
