import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInFlight, type Place } from '../../../src/fleet/in-flight.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a place is done when everything before it is stored, whatever is acknowledged first', () => {
  const places: Place[] = [];
  const inFlight = createInFlight({ messages: 10, bytes: 1000 }, (place) => places.push(place));
  for (const revision of [5, 6, 7]) inFlight.sent(revision, 10);
  inFlight.stored(7, 103);
  inFlight.stored(6, 102);
  assert.deepEqual(places, []);
  inFlight.stored(5, 101);
  assert.deepEqual(places, [{ revision: 7, sequence: 103 }]);
});

test('what is in flight is bounded in messages and in bytes', async () => {
  const inFlight = createInFlight({ messages: 2, bytes: 100 }, () => {});
  const admitted: number[] = [];
  const send = async (revision: number, bytes: number): Promise<void> => {
    await inFlight.room(bytes);
    inFlight.sent(revision, bytes);
    admitted.push(revision);
  };
  await send(1, 500);
  const second = send(2, 60);
  await turn();
  assert.deepEqual(admitted, [1], 'something larger than all the room goes alone');
  inFlight.stored(1, 1);
  await second;
  const third = send(3, 50);
  await turn();
  assert.deepEqual(admitted, [1, 2]);
  inFlight.stored(2, 2);
  await third;
  assert.deepEqual(admitted, [1, 2, 3]);
});
