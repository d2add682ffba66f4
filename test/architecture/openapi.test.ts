/** The API's document is what the protos, the table of methods and the catalogue of errors say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { methodErrors, notByRest } from '../../proto/openapi/errors.ts';
import { methodTable } from '../../src/api/methods.ts';
import { catalogue, type ErrorReason } from '../../src/kernel/catalogue.ts';
import { committedOpenApi, generatedOpenApi } from '../helpers/openapi.ts';

const { document, reasons } = generatedOpenApi();

test('gen/openapi/openapi.json is as it is generated: run `npm run generate:openapi` and commit it', () => {
  assert.ok(committedOpenApi() === `${JSON.stringify(document, null, 2)}\n`, 'the committed document is an older one');
});

test('every reason of the catalogue is an answer of some operation, or is said to be none of REST', () => {
  const all = Object.keys(catalogue) as ErrorReason[];
  const missing = all.filter((reason) => !reasons.has(reason) && notByRest[reason] === undefined);
  assert.deepEqual(missing, [], 'name it in a row of proto/openapi/errors.ts');
  const both = all.filter((reason) => reasons.has(reason) && notByRest[reason] !== undefined);
  assert.deepEqual(both, []);
});

test('every row of errors is of a method that there is', () => {
  const unknown = Object.keys(methodErrors).filter((name) => methodTable[`sboxagent.v1.${name}`] === undefined);
  assert.deepEqual(unknown, []);
});
