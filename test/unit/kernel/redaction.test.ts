import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedactor, redactText } from '../../../src/kernel/redaction.ts';
import { startCpuTime } from '../../helpers/cpu-time.ts';

const redactor = createRedactor();

test('names: whole, ends, plurals and numbers, in every way of writing', () => {
  const secret = [
    'password',
    'Password',
    'db_password',
    'dbPassword',
    'password2',
    'tokens',
    'authToken',
    'X-Auth-Token',
    'PRIVATE-KEY',
    'privateKey',
    'apikey',
    'Proxy-Authorization',
    'clientSecret',
    'credentials',
    'psk',
    'wifi_psk',
    'access-key',
    'AWS_SECRET_ACCESS_KEY',
    'client-secret-value',
    'DBPassword',
    'mypassword',
    'user_uuid',
    'auth',
    'basic-auth',
    'token_value_old',
    'secret_id',
  ];
  const plain = [
    'passwords_count',
    'tokenizer',
    'token_count',
    'secretary',
    'public_key',
    'key',
    'user',
    'cpsk',
    'authorized',
    '',
    '***',
    'max_tokens',
    'token_file',
    'auth_type',
    'authority',
    'bypass',
    'compass',
    'password_policy',
    'auth_denied_total',
    'author',
  ];
  assert.deepEqual(
    secret.filter((name) => !redactor.isSecretName(name)),
    [],
  );
  assert.deepEqual(plain.filter(redactor.isSecretName), []);
});

test("a list of names of one's own replaces the standard one", () => {
  const own = createRedactor(['pin_code']);
  assert.deepEqual(own.json({ pinCode: 1, password: 'x' }, 'd'), { value: { pinCode: '***', password: 'x' }, paths: ['d.pinCode'] });
});

test('json: whole values go, flags and nothing stay, an untouched value is itself', () => {
  const value = { a: { tokens: ['x', { y: 1 }] }, password: null, secret: '', token: false, private_key: { pem: 'x' } };
  const { value: masked, paths } = redactor.json(value, 'data');
  assert.deepEqual(masked, { a: { tokens: '***' }, password: null, secret: '', token: false, private_key: '***' });
  assert.deepEqual(paths, ['data.a.tokens', 'data.private_key']);
  const clean = { a: [1, { b: 'c' }], url: 'https://example.org/x?page=2' };
  assert.equal(redactor.json(clean, 'data').value, clean);
});

test('json: argument vectors, and the settings of what is named auth', () => {
  const value = { command: ['run', '--token', 'x'], auth: { type: 'basic', password: 'y' }, list: ['--token', 'x'] };
  assert.deepEqual(redactor.json(value, 'data'), {
    value: { command: ['run', '--token', '***'], auth: { type: 'basic', password: '***' }, list: ['--token', 'x'] },
    paths: ['data.command[2]', 'data.auth.password'],
  });
});

const texts: readonly [string, string][] = [
  ['dial socks5://me:pa%20ss@10.0.0.1:1080 failed', 'dial socks5://***@10.0.0.1:1080 failed'],
  ['vless://0af7-uuid@host:443?type=tcp', 'vless://***@host:443?type=tcp'],
  ['GET https://x.org/sub?user=a&token=abc123&n=1', 'GET https://x.org/sub?user=a&token=***&n=1'],
  ['authorization: Bearer abcdef.ghi', 'authorization: Bearer ***'],
  ['{"password":"hun\\"ter2","n":1}', '{"password":"***","n":1}'],
  ['password=hunter2, user=bob', 'password=***, user=bob'],
  ['no: password=hunter2', 'no: password=***'],
  ['msg="login password=hunter2 done"', 'msg="login password=*** done"'],
  ['token: true, secret: x', 'token: true, secret: ***'],
  ["api_key: 'x y'", "api_key: '***'"],
  ['run --token abc --name n', 'run --token *** --name n'],
  ['run --token=abc --name=n -password=x', 'run --token=*** --name=n -password=***'],
  ["run --db-password='a b' x", "run --db-password='***' x"],
  ['got vmess://eyJhZGQiOiJoIn0= and ssr://aGVsbG86d29ybGQ, done', 'got vmess://*** and ssr://***, done'],
  ['ss://YWVzOnB3QGg6ODM4OA#home', 'ss://***#home'],
  ['ss://YWVzOnB3@h:8388#home', 'ss://***@h:8388#home'],
  ['dial ss://examplehost:8388 failed', 'dial ss://examplehost:8388 failed'],
  ['mail me@example.org, 3 tokens left', 'mail me@example.org, 3 tokens left'],
  ['token expired', 'token expired'],
  ['auth: failed for bob', 'auth: failed for bob'],
  ['{"auth":"abc"}', '{"auth":"***"}'],
  ['authorization: token abc123', 'authorization: token ***'],
  ['Cookie: a=1; sid=2', 'Cookie: ***'],
  ["{'uuid': '0af7-11'}", "{'uuid': '***'}"],
  ['GET https://x.org/#access_token=abc', 'GET https://x.org/#access_token=***'],
];

for (const [text, want] of texts) test(`text: ${text}`, () => assert.equal(redactText(text), want));

test('hostile text costs time in proportion to its length', () => {
  const spent = startCpuTime();
  for (const piece of ['a', '://', '://a@', '"', 'a=', '-', 'password="\\', '?a', ' ']) redactText(piece.repeat(200_000 / piece.length));
  const ms = spent();
  assert.ok(ms < 2000, `${ms} ms`);
});
